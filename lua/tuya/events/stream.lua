--- stream.lua: how a channel stands: when it is to connect, what ended it, and the messages that nobody has taken.
-- The idea: every channel fails and comes back in the same way, after a pause that grows; the channel itself knows
-- only how its connection is made and what its messages look like.
-- The danger: programs that lost a cloud together would come back to it together. So a pause is drawn at random, from
-- the client's own source where it was given one.
-- @module tuya.events.stream

local jitter = require("tuya.jitter")

local stream = {}

local FIRST_PAUSE, LONGEST_PAUSE = 1, 60 -- s
local STEADY = 30 -- s that a connection must have held to count as good, unless it has brought something
local QUEUE = 256 -- messages that wait here to be taken
local QUIET = 60 -- s without any message, ever, before we wonder

local methods = {}
local metatable = { __name = "tuya.events.stream", __index = methods }

--- Makes one that is to connect at once.
-- @tparam table context the client's
-- @tparam string via how the channel is called, for the log
-- @tparam table advice by `code`, by error, and for "silent": what helps
-- @treturn stream `state` is "connecting", "open", "waiting" or "closed"
function stream.new(context, via, advice)
   return setmetatable({
      context = context, via = via, advice = advice,
      state = "waiting",
      due = 0, -- when to connect
      failures = 0, connects = 0, received = 0, odd = 0,
      queue = {}, head = 0, tail = 0, -- messages that nobody has taken
   }, metatable)
end

--- Seconds of a clock that is never set.
function methods:now()
   return self.context.monotonic()
end

local function log(self, about, code)
   local write = self.context.log
   if write then write { event = "stream", via = self.via, state = self.state, message = about, code = code } end
end

--- Whether the channel is to connect now.
-- @treturn boolean
function methods:is_due()
   return self.state == "waiting" and self:now() >= self.due
end

--- A connection is being made.
function methods:connecting()
   self.state = "connecting"
end

--- The cloud has accepted us.
function methods:opened()
   self.state, self.opened_at, self.brought = "open", self:now(), false
   self.connects = self.connects + 1
   self.failed, self.about, self.code, self.advised = nil, nil, nil, nil
   log(self)
end

--- The connection is over, or none came about; the next is tried after a pause. What nobody has taken is let go, since
-- it is not acknowledged and comes again; with `keeps`, where it would not, it stays.
-- @tparam string failed as of `events:status`
-- @tparam string about a line for people
-- @param code as of `events:status`
-- @tparam ?string advice nil: by `code` or `failed`, as of `new`
function methods:fail(failed, about, code, advice)
   local good = self.opened_at and (self.brought or self:now() - self.opened_at >= STEADY)
   self.opened_at = nil
   if not self.keeps then self.queue, self.head, self.tail = {}, 0, 0 end
   self.failures = good and 1 or self.failures + 1
   self.failed, self.about, self.code = failed, about, code
   self.advised = advice or self.advice[code] or self.advice[failed]
   self.state = "waiting"
   local most = math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ^ math.min(self.failures - 1, 10))
   self.due = self:now() + most / 2 + jitter.draw(most / 2, self.context)
   log(self, about, failed)
end

--- A message has come.
-- @tparam table found with the carrier's `id`; from here on it is one of the sieve's (see events/read.lua)
function methods:put(found)
   self.received, self.brought = self.received + 1, true
   self.tail = self.tail + 1
   self.queue[self.tail] = found
end

--- Something has come that is no message.
function methods:put_odd()
   self.odd = self.odd + 1
end

--- How many messages may still come: behind that the channel reads no more, and the other side waits.
-- @treturn integer
function methods:room()
   return QUEUE - (self.tail - self.head)
end

--- The oldest message that waits.
-- @treturn ?table nil for none
function methods:take()
   if self.head == self.tail then return nil end
   self.head = self.head + 1
   local found = self.queue[self.head]
   self.queue[self.head] = nil
   if self.keeps then found.is_taken = true end
   return found
end

--- Whether none waits.
-- @treturn boolean
function methods:is_empty()
   return self.head == self.tail
end

--- How long nobody needs to tick for its sake.
-- @treturn ?number seconds
function methods:timeout()
   return self.state == "waiting" and math.max(0, self.due - self:now()) or nil
end

--- How it stands, for people and programs.
-- @treturn table `state` ("connecting", "open", "silent", "waiting", "closed"), `error`, `code`, `message`, `advice`,
-- `retry_in` (s), `connects`, `received`, `odd`
function methods:status()
   local state = self.state
   if state == "open" and self.received == 0 and self:now() - self.opened_at >= QUIET then state = "silent" end
   return {
      state = state,
      error = self.failed, code = self.code, message = self.about,
      advice = self.advice[state] or self.advised,
      retry_in = self:timeout(),
      connects = self.connects, received = self.received, odd = self.odd,
   }
end

--- Ends it.
function methods:close()
   self.state = "closed"
end

return stream

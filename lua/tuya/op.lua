--- op.lua: a call as a coroutine that says what it needs.
-- The idea: an op does no I/O. It yields an effect, a driver carries it out and steps the op with the
-- answer; so the same flow runs blocking, from a tick, or on nginx's cosockets.
--
--    "send", sealed, policy   ->  reply  |  nil, message, { kind=, code=, sent= }
--    "sleep", seconds         ->  true; false, at once, when that would pass the deadline
--    "wait", op               ->  what that op returned
--    "wait", op, true         ->  nothing that counts: the op is run; a driver that can, steps it beside this one
--                                 and answers at once
--    "load", key              ->  text | nil                 or  nil, "busy" | message (see store.lua)
--    "swap", key, old, new, life  ->  true | false           or  nil, "busy" | message; life: seconds, may be nil
--
-- The policy of a "send" has `connect_timeout` and, where one try is bounded, `timeout`, in seconds; and `endpoint`
-- where it goes elsewhere than the transport's own.
-- Its driver keeps in the op itself what it knows of it: a table beside each would cost as much again. One that a tick
-- drives has its `deadline` and how far its call was `sent`; one of several calls begins both anew with each (see
-- flow.lua). `about`: the policy of the call that it is, or makes.
--
-- The danger: a flow that yields through pcall, an iterator or a metamethod dies on Lua 5.1; flows call
-- none of these.
-- @module tuya.op

local op = {}

local unpack = table.unpack or unpack

local KEPT = 64 -- idle threads

-- nginx puts functions of its own into `coroutine`, each of which goes through its scheduler, and keeps Lua's behind an
-- underscore. An op does no I/O, so Lua's will do.
local function plain(name)
   return coroutine["_" .. name] or coroutine[name]
end

local create, resume, yield = plain("create"), plain("resume"), plain("yield")

--- Yields an effect; for flows.
-- @function yield
op.yield = yield

local methods = {}
local metatable = { __name = "tuya.op", __index = methods }

--- Makes an op.
-- @tparam function flow called with the arguments inside a coroutine; may yield effects
-- @param a for the flow; as are the others
-- @param b
-- @param c
-- @treturn op
function op.new(flow, a, b, c)
   return setmetatable({
      a = a, b = b, c = c, flow = flow, done = false, thread = nil, rest = nil,
      about = nil, driver = nil, deadline = nil, sent = nil, -- what a driver puts in has its room now
      stage = nil, place = nil, serial = nil, id = nil, finished = nil,
   }, metatable)
end

-- Three results, as of every call, stand where the arguments were.
local function finish(self, a, b, c, ...)
   self.done, self.a, self.b, self.c = true, a, b, c
   if select("#", ...) > 0 then self.rest = { n = select("#", ...), ... } end
end

-- Closes what a flow has to close (5.4's `<close>`), unless it runs; what that raised.
local function close_flow(self)
   local thread = self.thread
   local state = thread and coroutine.close and coroutine.status(thread)
   if state ~= "suspended" and state ~= "dead" then return nil end
   self.thread = nil
   local ok, raised = coroutine.close(thread)
   return not ok and state == "suspended" and tostring(raised) or nil
end

--- Ends an op that its driver cannot go on with.
-- @param trouble what happened
-- @treturn ?string what was raised by that which had to be closed in it
function methods:abandon(trouble)
   if not self.done then finish(self, nil, "the call was ended by an error: " .. tostring(trouble)) end
   return close_flow(self)
end

local idle = {} -- threads between two flows

-- Runs one flow after the other: a thread for each would cost more than most flows do.
local function serve(self)
   while true do
      finish(self, self.flow(self.a, self.b, self.c))
      self = nil -- luacheck: ignore 311 (what waits holds nothing)
      self = yield(idle)
   end
end

-- In nginx a coroutine lives and dies with the request or timer that made it.
local function put_by(thread)
   if not ngx and #idle < KEPT then idle[#idle + 1] = thread end
end

local function keep(self, ok, effect, a, b, c, d)
   if not ok then
      self:abandon(effect)
      error(effect, 0)
   end
   if effect ~= idle then return effect, a, b, c, d end
   put_by(self.thread)
   self.thread = nil
end

--- Runs the op up to its next effect.
-- @param a the answer to its last effect; three values are enough for all
-- @param b
-- @param c
-- @return the effect and its arguments, four at most; nil when the op is done
-- @raise what the flow raised
function methods:step(a, b, c)
   if self.thread then return keep(self, resume(self.thread, a, b, c)) end
   local thread = idle[#idle] or create(serve)
   self.thread, idle[#idle] = thread, nil
   return keep(self, resume(thread, self))
end

--- What a finished op returned; three values at least.
function methods:returned()
   local rest = self.rest
   if rest then return self.a, self.b, self.c, unpack(rest, 1, rest.n) end
   return self.a, self.b, self.c
end

return op

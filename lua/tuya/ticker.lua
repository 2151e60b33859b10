--- ticker.lua: the driver that a tick drives: many ops at once, and none is waited for.
-- The idea: an op on its way is ready to be stepped, or its effect is under way: a transfer, a pause, or another op
-- that it waits for. A tick takes what has become of them and steps the ops on.
-- The danger: whatever is called back may start, cancel and close; so everything is put in order before it is
-- called, and is looked at again after.
-- @module tuya.ticker

local core = require("tuya.core")
local errors = require("tuya.errors")
local heap = require("tuya.heap")

local ticker = {
   BUDGET = 0.00075, -- seconds that a tick works, where nobody says; the step that it is at is ended
}

local NEAR = 1e-5 -- a moment this close has come: sums of seconds are not exact
local STRANGER = 0.01 -- seconds between looks at an op that somebody else drives

local no_time = "no time left before the timeout"
local timed_out = { kind = "network", code = "timeout", message = no_time, sent = "no" }

local run = core.run

local methods = {}
local metatable = { __name = "tuya.ticker", __index = methods }

--- Makes the ticker of a client.
-- @tparam table host the client's context
-- @treturn ticker
function ticker.new(host)
   local self = setmetatable({
      host = host,
      transport = host.transport,
      now = host.monotonic,
      lane = host.transport:join(),
      ops = {},        -- all of them; each knows its place
      fresh = {},      -- those that the next tick begins
      cancelled = {},  -- those that the next tick tells of
      ready = {}, head = 1, tail = 0, -- those to be stepped
      sending = {},    -- id of a transfer = its op
      timers = heap.new(),
      strangers = {},  -- those that wait for an op which somebody else drives
      beside = {},     -- what is ticked beside the calls: streams of events
      phase = 1,       -- with which of PHASES the next tick begins
      calls = 0,       -- ops that somebody is to be told of
      told = 0,        -- how many of them were told of, ever
      serial = 0,
      errors = nil,    -- what callbacks raised since the last tick
   }, metatable)
   return self
end

--- The ticker of a client, made when it is first asked for.
-- @tparam table host
-- @treturn ?ticker nil and the rule, where the transport can only block
function ticker.of(host)
   if host.ticker then return host.ticker end
   if host.transport.ticks_not then return nil, host.transport.ticks_not end
   for _, name in ipairs { "start", "take", "cancel", "join", "tick", "wait", "timeout", "fds" } do
      if type(host.transport[name]) ~= "function" then
         return nil, ("transport: it has no function %s, and can only block"):format(name)
      end
   end
   host.ticker = ticker.new(host)
   return host.ticker
end

-- --- ops on their way ---

local function traceback(trouble)
   return debug and debug.traceback(tostring(trouble), 2) or tostring(trouble)
end

-- Something of the caller's raised: it is told of, and nothing else comes of it.
local function report(self, trouble)
   self.errors = self.errors or {}
   self.errors[#self.errors + 1] = trouble
   if self.host.log then self.host.log { event = "error", message = trouble } end
end

-- Ends an op, and tells of what was raised by that which had to be closed in it.
local function abandon(self, op, trouble)
   local raised = op:abandon(trouble)
   if raised then report(self, raised) end
end

-- Calls back; what it raises harms nobody. One that yielded would suspend whoever ticks, for ever if he lets go.
local function tell(self, op)
   local finished, detail = op.finished, op.detail
   local ok, trouble
   self.calls, self.told, op.finished = self.calls - 1, self.told + 1, nil
   if detail then ok, trouble = run(traceback, finished, errors.failure(detail))
   else ok, trouble = run(traceback, finished, op:returned()) end
   if not ok then report(self, trouble) end
   if self.host.log then self.host.flush() end
end

local function make_ready(self, op, a, b, c)
   op.stage, op.answer = "ready", { a, b, c }
   self.tail = self.tail + 1
   self.ready[self.tail] = op
end

-- Makes an op one of ours.
local function admit(self, op, timeout)
   local ops = self.ops
   local serial, place = self.serial + 1, #ops + 1
   self.serial, ops[place] = serial, op
   op.driver, op.serial, op.place = self, serial, place
   op.deadline, op.sent = self.now() + timeout, "no"
end

local function forget(self, op)
   local ops = self.ops
   local n, place = #ops, op.place
   local last = ops[n]
   ops[place], last.place = last, place
   ops[n] = nil
   op.stage, op.answer = "done", nil
end

-- The op is done: whoever waits for it is stepped on, whoever asked for it is told.
local function complete(self, op)
   forget(self, op)
   local waiters = op.waiters
   for i = 1, waiters and #waiters or 0 do
      local waiter = waiters[i]
      if waiter.stage == "waiting" and waiter.other == op then make_ready(self, waiter, op:returned()) end
   end
   if op.finished then tell(self, op) end
end

-- --- effects ---

local effects = {}

-- Carries out the effect that a step asked for; those that take no time at once.
local function carry_out(self, op, effect, a, b, c, d)
   if op.stage == "done" then return abandon(self, op, "cancelled") end -- by what the step, or a store, called
   local carry = effects[effect]
   if carry then return carry(self, op, a, b, c, d) end
   if not op.done then error("a function that was started yielded; a task of a scheduler may do that", 0) end
end

local function step(self, op, a, b, c)
   return carry_out(self, op, op:step(a, b, c))
end

-- Of an earlier timer of the same op nothing comes.
local function wake_at(self, op, at)
   op.timer = { op = op }
   self.timers:push(at, op.timer)
end

function effects.send(self, op, sealed, policy)
   local most, left = policy.timeout, op.deadline - self.now()
   if left <= 0 then return step(self, op, nil, no_time, timed_out) end
   if most and most < left then left = most end
   local limits = { timeout = left, connect_timeout = policy.connect_timeout, endpoint = policy.endpoint }
   local id, message, detail = self.transport:start(sealed, limits, self.lane)
   if not id then return step(self, op, nil, message, detail) end
   op.stage, op.id, self.sending[id] = "sending", id, op
end

function effects.sleep(self, op, seconds)
   local at = self.now() + seconds
   if at >= op.deadline then return step(self, op, false) end
   if op.is_woken then return step(self, op, true) end
   op.stage = "sleeping"
   wake_at(self, op, at)
end

-- Whether somebody else is in the middle of an op: a blocking call, here or in another coroutine.
local function is_driven(other)
   return other.driver and (type(other.driver) ~= "thread" or coroutine.status(other.driver) ~= "dead")
end

-- Whether an op is ours, where nobody else drives it.
local function is_ours(self, other)
   if other.driver == self then return true end
   if is_driven(other) then return false end
   admit(self, other, self.host.timeout)
   make_ready(self, other)
   return true
end

function effects.wait(self, op, other, is_beside)
   if not other.done and other.driver and not is_driven(other) then other:abandon("its coroutine is dead") end
   if other.done then return step(self, op, other:returned()) end
   local ours = is_ours(self, other)
   if is_beside then return step(self, op) end
   op.stage, op.other = "waiting", other
   wake_at(self, op, op.deadline)
   if ours then other.waiters = other.waiters or {} end
   local list = ours and other.waiters or self.strangers
   list[#list + 1] = op
end

function effects.load(self, op, key)
   return step(self, op, self.host.store:load(key))
end

function effects.swap(self, op, key, old, new, life)
   return step(self, op, self.host.store:swap(key, old, new, life))
end

-- Steps an op on; afterwards its next effect is under way, or it is done.
local function advance(self, op, a, b, c)
   op.stage, op.answer = "stepping", nil
   local ok, trouble = pcall(step, self, op, a, b, c)
   if not ok then
      op.trouble = trouble
      op.detail = { kind = "error", code = "error", message = tostring(trouble), sent = "maybe" }
      abandon(self, op, trouble)
   end
   if self.host.log then self.host.flush() end
   if op.done and op.stage ~= "done" then complete(self, op) end
end

-- --- what has become of effects ---

local REACHED = { no = 0, maybe = 1, yes = 2 }

local function furthest(a, b)
   return REACHED[a] > REACHED[b] and a or b
end

local function take_reply(self, id, reply, message, detail)
   if not id then return false end
   local op = self.sending[id]
   self.sending[id] = nil
   if not op then return true end
   op.sent = reply and "yes" or furthest(op.sent, detail and detail.sent or "maybe")
   advance(self, op, reply, message, detail)
   return true
end

local function end_timer(self, op)
   if op.stage == "sleeping" then return make_ready(self, op, true) end
   if op.stage == "waiting" then return make_ready(self, op, nil, timed_out) end
end

local function end_timers(self)
   local at, timer = self.timers:first()
   if not at then return end
   local now = self.now() + NEAR
   while at and at <= now do
      self.timers:pop()
      if timer.op.timer == timer then end_timer(self, timer.op) end
      at, timer = self.timers:first()
   end
end

local function look_at_strangers(self)
   local list = self.strangers
   if not list[1] then return end
   self.strangers = {}
   for _, op in ipairs(list) do
      if op.stage == "waiting" and not op.other.done then self.strangers[#self.strangers + 1] = op
      elseif op.stage == "waiting" then make_ready(self, op, op.other:returned()) end
   end
end

local function tell_cancelled(self)
   local list = self.cancelled
   if not list[1] then return end
   self.cancelled = {}
   for _, op in ipairs(list) do tell(self, op) end
end

-- Those that have been added are ready now; what is added meanwhile has to wait for the next tick.
local function begin_fresh(self)
   local list, ready, tail = self.fresh, self.ready, self.tail
   for i = 1, #list do
      local op = list[i]
      list[i] = nil
      if op.stage == "fresh" then
         tail = tail + 1
         op.stage, ready[tail] = "ready", op
      end
   end
   self.tail = tail
end

-- Steps one that is ready.
local function advance_ready(self, op)
   local answer = op.answer
   if not answer then return advance(self, op) end
   advance(self, op, answer[1], answer[2], answer[3])
end

-- Steps what is ready, at least one op; whether there was one.
local function step_ready(self, stop)
   local ready, stepped = self.ready, false
   while self.head <= self.tail do
      local op = ready[self.head]
      ready[self.head] = nil
      self.head = self.head + 1
      if op.stage == "ready" then
         stepped = true
         advance_ready(self, op)
         if self.closed or self.now() >= stop then return true end
      end
   end
   self.head, self.tail = 1, 0
   return stepped
end

-- Takes what replies there are, at least one; whether there was one.
local function take_replies(self, stop)
   local transport, lane, now, took = self.transport, self.lane, self.now, false
   while not self.closed and take_reply(self, transport:take(lane)) do
      took = true
      if now() >= stop then break end
   end
   return took
end

-- Moves transfers on; the time is looked at between two steps of connections.
local function move_transfers(self, _, stop)
   self.transport:tick(math.max(0, stop - self.now()))
   return next(self.sending) ~= nil
end

-- Ticks what stands beside the calls. What a stream's handlers raise is told as that of a call is.
local function tick_beside(self, half)
   if not self.beside[1] then return false end
   for _, one in ipairs(self.beside) do
      if one:tick(half, function(trouble) report(self, trouble) end) then self.told = self.told + 1 end
   end
   return self.beside[1] ~= nil
end

--- Goes through phases, and ends early when half of the time is up; the next round then begins with the phase that was
-- not reached. Only connections may use all of the time: a step of Lua's collector takes a millisecond, as one of a
-- handshake does, and so the two do not come together.
-- @tparam table self with `phase` (1), and the transport whose clock it is
-- @tparam table phases functions, called with self, the moment of half of the time, and that of all; they answer
-- whether there was something to do
-- @tparam number begun
-- @tparam number budget seconds
function ticker.round(self, phases, begun, budget)
   local half, stop = begun + budget / 2, begun + budget
   for _ = 1, #phases do
      local phase = phases[self.phase]
      self.phase = self.phase % #phases + 1
      if phase(self, half, stop) and self.transport:now() >= half or self.closed then return end
   end
   self.phase = 1
end

local PHASES = { step_ready, move_transfers, take_replies, step_ready, tick_beside }

-- One round over everything that can be done without waiting.
local function work(self, budget)
   local begun = self.now()
   tell_cancelled(self)
   if self.closed then return end
   begin_fresh(self)
   look_at_strangers(self)
   end_timers(self)
   ticker.round(self, PHASES, begun, budget)
end

-- --- the face ---

-- What a call that is not made, or not waited for, tells of itself.
local function known_of(op)
   local policy = op.about
   if not policy then return {} end
   return { method = policy.request.method, path = policy.request.path, attempts = policy.attempts }
end

--- Adds an op, which the next tick begins.
-- @tparam op op
-- @tparam number timeout of the whole op, in seconds
-- @tparam function finished called in a tick with what the op returned; where it raised, which `trouble` of the op
-- says then, or was cancelled, with nil, message, detail
-- @treturn ?op the same; or nil, message, detail: too many are in flight
function methods:add(op, timeout, finished)
   if self.calls >= self.host.max_in_flight then
      local detail = known_of(op)
      detail.kind, detail.code, detail.sent = "network", "queue_full", "no"
      detail.message = "the queue is full"
      return errors.failure(detail)
   end
   admit(self, op, timeout)
   op.stage, op.finished = "fresh", finished
   local fresh = self.fresh
   fresh[#fresh + 1] = op
   self.calls = self.calls + 1
   return op
end

-- Takes an op out, wherever it stands.
local function drop(self, op)
   if op.stage == "sending" then
      self.sending[op.id] = nil
      op.sent = furthest(op.sent, self.transport:cancel(op.id) or "maybe")
   end
   forget(self, op)
   abandon(self, op, "cancelled")
end

--- Ends a call before its time, and tells of it in the next tick.
-- @tparam op op one of ours
-- @treturn boolean whether it was still under way
function methods:cancel(op)
   if op.stage == "done" then return false end
   local detail = known_of(op)
   detail.kind, detail.code, detail.message = "cancelled", "cancelled", "cancelled"
   drop(self, op)
   op.detail, detail.sent = detail, op.sent
   self.cancelled[#self.cancelled + 1] = op
   return true
end

--- Ends the pause that an op is in, or comes to next.
-- @tparam op op one of ours; of another nothing comes
function methods:wake(op)
   if op.driver ~= self then return end
   op.is_woken = true
   if op.stage == "sleeping" then make_ready(self, op, true) end
end

--- Ends a call before its time, and tells nobody.
-- @tparam op op one of ours
function methods:drop(op)
   if op.stage == "done" then return end
   drop(self, op)
   self.calls = self.calls - 1
end

-- The descriptors of what stands beside the calls, behind those of a list.
local function fds_beside(self, list)
   for _, one in ipairs(self.beside) do
      for _, entry in ipairs(one:fds()) do list[#list + 1] = entry end
   end
   return list
end

--- What a host with a loop of its own waits for.
-- @treturn table list of `{ fd=, read=, write= }`
function methods:fds()
   return fds_beside(self, self.transport:fds())
end

--- Waits until one of those is ready.
-- @tparam number seconds at most
function methods:wait(seconds)
   local fds = self.beside[1] and self:fds()
   if fds and fds[1] then return core.wait(fds, seconds) end
   self.transport:wait(seconds) -- a clock that stands still may be all that there is
end

--- Ticks something beside the calls: an object with `tick(stop, report)`, which answers whether something was told
-- of, `timeout()` in seconds or nil, `fds()` and `close()`.
-- @tparam table one
function methods:attach(one)
   self.beside[#self.beside + 1] = one
end

--- Ends that.
-- @tparam table one
function methods:detach(one)
   for i, other in ipairs(self.beside) do
      if other == one then table.remove(self.beside, i) end
   end
end

local function is_idle(self)
   return self.calls == 0 and not self.beside[1]
end

--- Whether a tick would find nothing to do.
-- @treturn boolean
function methods:is_at_rest()
   return self.calls == 0 and self.ops[1] == nil and not self.beside[1]
end

-- Waits until there is something to do; whether it had to.
local function wait_for(self, most)
   local left = self:timeout()
   if left == 0 then return false end
   self:wait(left and left < most and left or most)
   return true
end

-- Where nothing is ready the wait comes first; where nothing has come of what was, after it.
local function wait_and_work(self, max_wait, budget)
   local told, may_wait = self.told, max_wait > 0 and not is_idle(self)
   local has_waited = may_wait and wait_for(self, max_wait)
   work(self, budget)
   if has_waited or not may_wait or self.closed or is_idle(self) or self.told > told then return end
   wait_for(self, max_wait)
   work(self, budget)
end

--- Moves everything on.
-- @tparam number max_wait seconds to wait for something to happen, while calls are in flight; 0: not at all
-- @tparam ?number budget seconds after which nothing more is begun; 0.00075
-- @treturn boolean false and what was raised, by a transport that is closed, say
-- @treturn integer calls in flight
-- @treturn ?table what callbacks raised
function methods:tick(max_wait, budget)
   self.is_ticking = true
   local ok, trouble = pcall(wait_and_work, self, max_wait, budget or ticker.BUDGET)
   self.is_ticking = false
   if not ok then return false, trouble end
   local raised = self.errors
   self.errors = nil
   return true, self.calls, raised
end

-- Of two times the lesser; nil and false: never.
local function sooner(a, b)
   if not (a and b) then return a or b or nil end
   return a < b and a or b
end

--- How long nobody needs to tick.
-- @treturn ?number seconds; nil: until something is started
function methods:timeout()
   if self:is_at_rest() then return nil end -- timers of what is over may be left
   if self.fresh[1] or self.cancelled[1] or self.head <= self.tail or self.phase ~= 1 then return 0 end
   local most = sooner(self.transport:timeout(), self.strangers[1] and STRANGER)
   for i = 1, #self.beside do most = sooner(most, self.beside[i]:timeout()) end
   local at = self.timers:first()
   return sooner(most, at and math.max(0, at - self.now()))
end

-- Moves one op on as far as it goes without waiting.
local function move(self, op)
   end_timers(self)
   if op.stage == "sending" then return take_reply(self, self.transport:take(self.lane, op.id)) end
   if op.stage == "waiting" and op.other.driver == self then move(self, op.other) end
   if op.stage == "ready" then advance_ready(self, op) end
end

--- Drives one op to its end for a blocking call that waits for it; the others stay where they are.
-- @tparam op op one of ours
-- @tparam number deadline
function methods:finish(op, deadline)
   while not op.done and self.now() < deadline do
      self.transport:tick()
      move(self, op)
      if not op.done and op.stage ~= "ready" then
         local at = self.timers:first() or deadline
         self.transport:wait(math.max(0, math.min(at, deadline) - self.now()))
      end
   end
end

--- Ends everything.
-- @tparam boolean is_told whether those who asked for calls are told here that they are cancelled
function methods:close(is_told)
   local list = {}
   for _, op in ipairs(self.ops) do list[#list + 1] = op end
   table.sort(list, function(a, b) return a.serial < b.serial end)
   for _, op in ipairs(list) do
      if op.finished then self:cancel(op) else drop(self, op) end
   end
   self.closed = true
   while self.beside[1] do self.beside[1]:close() end
   if is_told then tell_cancelled(self) end
end

return ticker

--- ticker.lua: the driver that a tick drives: many ops at once, and none is waited for.
-- The idea: a job is an op on its way. It is ready to be stepped, or its effect is under way: a transfer, a
-- pause, or another op that it waits for. A tick takes what has become of them and steps the ops on.
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

local unpack = table.unpack or unpack

local no_time = "no time left before the timeout"
local timed_out = { kind = "network", code = "timeout", message = no_time, sent = "no" }

local gsub = string.gsub

local methods = {}
local metatable = { __name = "tuya.ticker", __index = methods }

-- Calls back for the job whose turn it is; made once, since xpcall hands no arguments on in Lua 5.1. A callback that
-- yielded would suspend whoever ticks, for ever if he lets go; gsub calls it, since nothing yields over that.
local function new_call_back(self)
   local function call_back()
      local job = self.telling
      local finished = job.finished
      job.finished = nil
      if job.detail then finished(true, errors.failure(job.detail))
      elseif job.trouble then finished(false, job.trouble)
      else finished(true, job.op:returned()) end
   end
   return function() gsub("x", "x", call_back) end
end

--- Makes the ticker of a client.
-- @tparam table host the client's context
-- @treturn ticker
function ticker.new(host)
   local self = setmetatable({
      host = host,
      transport = host.transport,
      lane = host.transport:join(),
      jobs = {},       -- all of them; each knows its place, and its op knows it
      fresh = {},      -- jobs that the next tick begins
      cancelled = {},  -- those that the next tick tells of
      ready = {}, head = 1, tail = 0, -- jobs to be stepped
      sending = {},    -- id of a transfer = its job
      timers = heap.new(),
      strangers = {},  -- jobs that wait for an op which somebody else drives
      beside = {},     -- what is ticked beside the calls: streams of events
      phase = 1,       -- with which of PHASES the next tick begins
      calls = 0,       -- jobs that somebody is to be told of
      told = 0,        -- how many of them were told of, ever
      serial = 0,
      errors = nil,    -- what callbacks raised since the last tick
   }, metatable)
   self.call_back = new_call_back(self)
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

-- --- jobs ---

local function traceback(trouble)
   return debug and debug.traceback(tostring(trouble), 2) or tostring(trouble)
end

-- Something of the caller's raised: it is told of, and nothing else comes of it.
local function report(self, trouble)
   self.errors = self.errors or {}
   self.errors[#self.errors + 1] = trouble
   if self.host.log then self.host.log { event = "error", message = trouble } end
end

-- Calls back; what it raises harms nobody.
local function tell(self, job)
   self.calls, self.told, self.telling = self.calls - 1, self.told + 1, job
   local ok, trouble = xpcall(self.call_back, traceback)
   if not ok then report(self, trouble) end
end

local function make_ready(self, job, ...)
   job.stage, job.answer = "ready", { n = select("#", ...), ... }
   self.tail = self.tail + 1
   self.ready[self.tail] = job
end

local function new_job(self, op, timeout)
   self.serial = self.serial + 1
   local job = {
      op = op, serial = self.serial,
      turn = 0, -- counts its effects, so that the timer of an earlier one is known
      waiters = {}, place = #self.jobs + 1,
      stage = nil, answer = nil, id = nil, about = nil, finished = nil, -- what comes in time has its room now
   }
   op.deadline, op.sent = self.transport:now() + timeout, "no"
   self.jobs[job.place], op.job = job, job
   return job
end

local function forget(self, job)
   local jobs = self.jobs
   local last = jobs[#jobs]
   jobs[job.place], last.place = last, job.place
   jobs[#jobs], job.op.job = nil, nil
   job.stage, job.answer = "done", nil
end

-- The op is done: whoever waits for it is stepped on, whoever asked for it is told.
local function complete(self, job)
   forget(self, job)
   for _, waiter in ipairs(job.waiters) do
      if waiter.stage == "waiting" and waiter.other == job.op then make_ready(self, waiter, job.op:returned()) end
   end
   if job.finished then tell(self, job) end
end

-- --- effects ---

local effects = {}

-- Ends an op, and tells of what was raised by that which had to be closed in it.
local function abandon(self, job, trouble)
   local raised = job.op:abandon(trouble)
   if raised then report(self, raised) end
end

-- Carries out the effect that a step asked for; those that take no time at once.
local function carry_out(self, job, effect, ...)
   if job.stage == "done" then return abandon(self, job, "cancelled") end -- by what the step, or a store, called
   local run = effects[effect]
   if run then return run(self, job, ...) end
   if not job.op.done then error("a function that was started yielded; a task of a scheduler may do that", 0) end
end

local function step(self, job, ...)
   job.turn = job.turn + 1
   return carry_out(self, job, job.op:step(...))
end

local function wake_at(self, job, at)
   self.timers:push(at, { job = job, turn = job.turn })
end

function effects.send(self, job, sealed, policy)
   local left = job.op.deadline - self.transport:now()
   if left <= 0 then return step(self, job, nil, no_time, timed_out) end
   local limits = {
      timeout = math.min(left, policy.timeout or left),
      connect_timeout = policy.connect_timeout,
      endpoint = policy.endpoint,
   }
   local id, message, detail = self.transport:start(sealed, limits, self.lane)
   if not id then return step(self, job, nil, message, detail) end
   job.stage, job.id, self.sending[id] = "sending", id, job
end

function effects.sleep(self, job, seconds)
   local at = self.transport:now() + seconds
   if at >= job.op.deadline then return step(self, job, false) end
   if job.is_woken then return step(self, job, true) end
   job.stage = "sleeping"
   wake_at(self, job, at)
end

-- Whether somebody else is in the middle of an op: a blocking call, here or in another coroutine.
local function is_driven(other)
   return other.driver and (type(other.driver) ~= "thread" or coroutine.status(other.driver) ~= "dead")
end

-- The job of an op that somebody waits for; nil for one that somebody else drives.
local function job_of(self, other)
   local job = other.job
   if job or is_driven(other) then return job end
   job = new_job(self, other, self.host.timeout)
   make_ready(self, job)
   return job
end

function effects.wait(self, job, other, is_beside)
   if not other.done and other.driver and not is_driven(other) then other:abandon("its coroutine is dead") end
   if other.done then return step(self, job, other:returned()) end
   local driven = job_of(self, other)
   if is_beside then return step(self, job) end
   job.stage, job.other = "waiting", other
   wake_at(self, job, job.op.deadline)
   local list = driven and driven.waiters or self.strangers
   list[#list + 1] = job
end

function effects.load(self, job, key)
   return step(self, job, self.host.store:load(key))
end

function effects.swap(self, job, key, old, new, life)
   return step(self, job, self.host.store:swap(key, old, new, life))
end

-- Steps a job on; afterwards its next effect is under way, or it is done.
local function advance(self, job, ...)
   local ok, trouble = pcall(step, self, job, ...)
   if not ok then
      job.trouble = trouble
      abandon(self, job, trouble)
   end
   self.host.flush()
   if job.op.done and job.stage ~= "done" then complete(self, job) end
end

-- --- what has become of effects ---

local REACHED = { no = 0, maybe = 1, yes = 2 }

local function furthest(a, b)
   return REACHED[a] > REACHED[b] and a or b
end

local function take_reply(self, id, reply, message, detail)
   if not id then return false end
   local job = self.sending[id]
   self.sending[id] = nil
   if not job then return true end
   job.op.sent = furthest(job.op.sent, reply and "yes" or detail and detail.sent or "maybe")
   advance(self, job, reply, message, detail)
   return true
end

local function end_timer(self, job)
   if job.stage == "sleeping" then return make_ready(self, job, true) end
   if job.stage == "waiting" then return make_ready(self, job, nil, timed_out) end
end

local function end_timers(self)
   local at, timer = self.timers:first()
   if not at then return end
   local now = self.transport:now() + NEAR
   while at and at <= now do
      self.timers:pop()
      if timer.turn == timer.job.turn then end_timer(self, timer.job) end
      at, timer = self.timers:first()
   end
end

local function look_at_strangers(self)
   local list = self.strangers
   if not list[1] then return end
   self.strangers = {}
   for _, job in ipairs(list) do
      if job.stage == "waiting" and not job.other.done then self.strangers[#self.strangers + 1] = job
      elseif job.stage == "waiting" then make_ready(self, job, job.other:returned()) end
   end
end

local function tell_cancelled(self)
   local list = self.cancelled
   if not list[1] then return end
   self.cancelled = {}
   for _, job in ipairs(list) do tell(self, job) end
end

local function begin_fresh(self)
   local list = self.fresh
   if not list[1] then return end
   for i = 1, #list do
      if list[i].stage == "fresh" then make_ready(self, list[i]) end
      list[i] = nil
   end
end

-- Steps what is ready, at least one job; whether there was one.
local function step_ready(self, stop)
   local stepped = false
   while self.head <= self.tail do
      local job = self.ready[self.head]
      self.ready[self.head] = nil
      self.head = self.head + 1
      if job.stage == "ready" then
         local answer = job.answer
         job.answer, stepped = nil, true
         advance(self, job, unpack(answer, 1, answer.n))
         if self.closed or self.transport:now() >= stop then return true end
      end
   end
   self.head, self.tail = 1, 0
   return stepped
end

-- Takes what replies there are, at least one; whether there was one.
local function take_replies(self, stop)
   local took = false
   while not self.closed and take_reply(self, self.transport:take(self.lane)) do
      took = true
      if self.transport:now() >= stop then break end
   end
   return took
end

-- Moves transfers on; the time is looked at between two steps of connections.
local function move_transfers(self, _, stop)
   self.transport:tick(math.max(0, stop - self.transport:now()))
   return next(self.sending) ~= nil
end

-- Ticks what stands beside the calls. What a stream's handlers raise is told as that of a call is.
local function tick_beside(self, half)
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
   local begun = self.transport:now()
   tell_cancelled(self)
   if self.closed then return end
   begin_fresh(self)
   look_at_strangers(self)
   end_timers(self)
   ticker.round(self, PHASES, begun, budget)
end

-- --- the face ---

local function nothing_known()
   return {}
end

--- Adds an op, which the next tick begins.
-- @tparam op op
-- @tparam number timeout of the whole op, in seconds
-- @tparam ?function about gives a table of what is known of the call, for when it is cancelled
-- @tparam function finished called in a tick: true and what the op returned, or false and what was raised
-- @treturn ?table the job; or nil, message, detail: too many are in flight
function methods:add(op, timeout, about, finished)
   about = about or nothing_known
   if self.calls >= self.host.max_in_flight then
      local detail = about()
      detail.kind, detail.code, detail.sent = "network", "queue_full", "no"
      detail.message = "the queue is full"
      return errors.failure(detail)
   end
   local job = new_job(self, op, timeout)
   job.stage, job.about, job.finished = "fresh", about, finished
   self.fresh[#self.fresh + 1] = job
   self.calls = self.calls + 1
   return job
end

-- Takes a job out, wherever it stands; how far its call got.
local function drop(self, job)
   if job.stage == "sending" then
      self.sending[job.id] = nil
      job.op.sent = furthest(job.op.sent, self.transport:cancel(job.id) or "maybe")
   end
   forget(self, job)
   return job.op.sent
end

--- Ends a call before its time, and tells of it in the next tick.
-- @tparam table job
-- @treturn boolean whether it was still under way
function methods:cancel(job)
   if job.stage == "done" then return false end
   local detail = job.about()
   detail.kind, detail.code, detail.message = "cancelled", "cancelled", "cancelled"
   detail.sent = drop(self, job)
   abandon(self, job, "cancelled")
   job.detail = detail
   self.cancelled[#self.cancelled + 1] = job
   return true
end

--- Ends the pause that an op is in, or comes to next.
-- @tparam op op one of ours; of another nothing comes
function methods:wake(op)
   local job = op.job
   if not job then return end
   job.is_woken = true
   if job.stage == "sleeping" then make_ready(self, job, true) end
end

--- Ends a call before its time, and tells nobody.
-- @tparam table job
function methods:drop(job)
   if job.stage == "done" then return end
   drop(self, job)
   abandon(self, job, "cancelled")
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
   return self.calls == 0 and self.jobs[1] == nil and not self.beside[1]
end

local function wait_for(self, most)
   local left = math.min(most, self:timeout() or most)
   if left > 0 then self:wait(left) end
end

-- Where nothing is ready the wait comes first; where nothing has come of what was, after it.
local function wait_and_work(self, max_wait, budget)
   local told, may_wait = self.told, max_wait > 0 and not is_idle(self)
   local was_first = may_wait and self:timeout() ~= 0
   if was_first then wait_for(self, max_wait) end
   work(self, budget)
   if was_first or not may_wait or self.closed or is_idle(self) or self.told > told then return end
   wait_for(self, max_wait)
   work(self, budget)
end

--- Moves everything on.
-- @tparam number max_wait seconds to wait for something to happen, while calls are in flight; 0: not at all
-- @tparam ?number budget seconds after which nothing more is begun; 0.00075
-- @treturn integer calls in flight
-- @treturn ?table what callbacks raised
function methods:tick(max_wait, budget)
   self.is_ticking = true
   local ok, trouble = pcall(wait_and_work, self, max_wait, budget or ticker.BUDGET)
   self.is_ticking = false
   if not ok then error(trouble, 0) end
   local raised = self.errors
   self.errors = nil
   return self.calls, raised
end

--- How long nobody needs to tick.
-- @treturn ?number seconds; nil: until something is started
function methods:timeout()
   if self.fresh[1] or self.cancelled[1] or self.head <= self.tail or self.phase ~= 1 then return 0 end
   local most = self.transport:timeout()
   if self.strangers[1] then most = math.min(most or STRANGER, STRANGER) end
   for _, one in ipairs(self.beside) do most = math.min(most or math.huge, one:timeout() or math.huge) end
   if most == math.huge then most = nil end
   local at = self.timers:first()
   if not at then return most end
   return math.max(0, math.min(most or math.huge, at - self.transport:now()))
end

-- Moves one job on as far as it goes without waiting.
local function move(self, job)
   if job.stage == "sending" then return take_reply(self, self.transport:take(self.lane, job.id)) end
   if job.stage == "waiting" and job.other.job then move(self, job.other.job) end
   end_timers(self)
   if job.stage ~= "ready" then return end
   local answer = job.answer
   advance(self, job, unpack(answer, 1, answer.n))
end

--- Drives one op to its end for a blocking call that waits for it; the others stay where they are.
-- @tparam op op one of ours
-- @tparam number deadline
function methods:finish(op, deadline)
   local job = op.job
   while not op.done and self.transport:now() < deadline do
      self.transport:tick()
      move(self, job)
      if not op.done and job.stage ~= "ready" then
         local at = self.timers:first() or deadline
         self.transport:wait(math.max(0, math.min(at, deadline) - self.transport:now()))
      end
   end
end

--- Ends everything.
-- @tparam boolean is_told whether those who asked for calls are told here that they are cancelled
function methods:close(is_told)
   local list = {}
   for _, job in ipairs(self.jobs) do list[#list + 1] = job end
   table.sort(list, function(a, b) return a.serial < b.serial end)
   for _, job in ipairs(list) do
      if job.finished then self:cancel(job) else drop(self, job) end
   end
   self.closed = true
   while self.beside[1] do self.beside[1]:close() end
   if is_told then tell_cancelled(self) end
end

return ticker

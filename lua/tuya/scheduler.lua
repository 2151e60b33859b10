--- scheduler.lua: rules as straight-line code.
-- The idea: a task is a coroutine. A client's call inside one suspends that task, not the program: it is handed to
-- the client's ticker, and its end makes the task ready again. Outside of tasks calls block as ever.
-- The danger: a coroutine that the program makes inside a task belongs to nobody here. A call in it raises, since
-- its yield would go to a stranger. On Lua 5.1 (not LuaJIT) nothing can yield through pcall, a metamethod or an
-- iterator: a call in there raises, before anything is sent.
-- @module tuya.scheduler

local client = require("tuya.client")
local core = require("tuya.core")
local drive = require("tuya.drive")
local heap = require("tuya.heap")
local ticker = require("tuya.ticker")

local scheduler = {}

local unpack = table.unpack or unpack

local NEAR = 1e-5 -- a moment this close has come: sums of seconds are not exact

local CALL, SLEEP, GATHER = {}, {}, {} -- what a task asks for when it yields

local methods, task_methods = {}, {}
local metatable = { __name = "tuya.scheduler", __index = methods }
local task_metatable = { __name = "tuya.task", __index = task_methods }

-- What opens a scheduler or a task: ops hold tokens, and a dump shows a function as that.
local private = {}

local function conceal(state, class)
   return setmetatable({
      open = function(key)
         return key == private and state or nil
      end,
   }, class)
end

-- The state behind a scheduler; raises two levels up.
local function open(self, name)
   if getmetatable(self) == metatable then return self.open(private) end
   error(("tuya.scheduler:%s: self: call it with a colon, scheduler:%s()"):format(name, name), 3)
end

local function misuse(name, rule)
   error(("tuya.scheduler:%s: %s"):format(name, rule), 3)
end

-- --- who carries out calls ---

local current -- the task that runs now, of whichever scheduler

local function in_task(host, op, timeout)
   return coroutine.yield(CALL, host, op, timeout)
end

local STRANGE = "a coroutine that is not the task's own: its yield would go to a stranger"

local function in_stranger()
   return false, STRANGE
end

local function is_own()
   return coroutine.running() == current.thread
end

local function pick()
   return current and (is_own() and in_task or in_stranger) or nil
end

local is_offered = false

--- Makes a scheduler.
-- @tparam client own client whose clock and transport it goes by; tasks may use other clients besides
-- @treturn scheduler
-- @raise when it is no client, or one whose transport can only block
-- @usage local scheduler = require("tuya.scheduler").new(client)
function scheduler.new(own)
   local its, rule = client.ticker_of(own)
   if not its then error("tuya.scheduler.new: client: " .. rule:gsub("^self: .*", "one of tuya.client expected"), 2) end
   if not is_offered then drive.offer(pick) end
   is_offered = true
   return conceal({
      client = own, -- held: or it could be collected, and its transport closed
      transport = its.transport,
      log = its.host.log,
      flush = its.host.flush,
      tickers = { its }, -- the first is the client's own; others while calls are in flight
      phase = 1, -- with which of PHASES the next tick begins
      ran = false, -- whether a task ran in this tick
      ready = {}, head = 1, tail = 0,
      timers = heap.new(),
      tasks = 0,
      errors = nil, -- of tasks, since the last tick
   }, metatable)
end

-- --- tasks ---

local function make_ready(self, task, ...)
   task.op, task.answer = nil, { n = select("#", ...), ... }
   task.turn = task.turn + 1
   self.tail = self.tail + 1
   self.ready[self.tail] = task
end

local function wake_at(self, task, at)
   self.timers:push(at, { task = task, turn = task.turn })
end

local function report(self, trouble)
   self.errors = self.errors or {}
   self.errors[#self.errors + 1] = trouble
   if not self.log then return end
   self.log { event = "error", message = trouble }
   self.flush()
end

-- A gathering task goes on when the last of those that it waits for is over.
local function leave(self, task, status)
   local parent = task.parent
   self.tasks = self.tasks - 1
   task.status, task.thread, task.op, task.answer, task.parent = status, nil, nil, nil, nil
   if not parent then return end
   parent.missing = parent.missing - 1
   if parent.missing == 0 and parent.status == "running" then make_ready(self, parent) end
end

local function new_task(self, fn, ...)
   local function run(...) return fn(...) end -- 5.1 makes coroutines of Lua's functions only
   local task = { thread = coroutine.create(run), scheduler = self, status = "running", turn = 0 }
   self.tasks = self.tasks + 1
   make_ready(self, task, ...)
   return task
end

-- Closes what a task that is over has to close (5.4's `<close>`), unless it runs; calls in there block.
local function close_thread(self, thread)
   local state = coroutine.close and coroutine.status(thread)
   if state ~= "suspended" and state ~= "dead" then return end
   local outer = current
   current = nil
   local ok, raised = coroutine.close(thread)
   current = outer
   if not ok and state == "suspended" then report(self, tostring(raised)) end
end

local function cancel(self, task)
   local thread, op, children = task.thread, task.op, task.children
   if op then op.driver:drop(op) end
   leave(self, task, "cancelled")
   close_thread(self, thread)
   for _, child in ipairs(children or {}) do
      if child.status == "running" then cancel(self, child) end
   end
end

--- Ends a task before its time: a call that it waits for is given up, and it is not told. A task that cancels itself
-- runs on to its next pause.
-- @treturn boolean false when it was over already
function task_methods:cancel()
   local task = getmetatable(self) == task_metatable and self.open(private)
   if not task then error("tuya.task:cancel: self: call it with a colon, task:cancel()", 2) end
   if task.status ~= "running" then return false end
   cancel(task.scheduler, task)
   return true
end

--- What has become of a task.
-- @treturn string "running", "done", "failed" or "cancelled"
-- @return what its function returned, or the message with its traceback
function task_methods:status()
   local task = getmetatable(self) == task_metatable and self.open(private)
   if not task then error("tuya.task:status: self: call it with a colon, task:status()", 2) end
   if task.status == "failed" then return task.status, task.trouble end
   if task.status == "done" then return task.status, unpack(task.results, 1, task.results.n) end
   return task.status
end

-- --- what tasks ask for ---

local asked = {}

asked[CALL] = function(self, task, host, op, timeout)
   local its, rule = ticker.of(host)
   if not its then return make_ready(self, task, false, rule) end
   local added, message, detail = its:add(op, timeout, function(...)
      if task.status ~= "running" then return end
      if op.trouble ~= nil then return make_ready(self, task, false, op.trouble) end
      make_ready(self, task, true, ...)
   end)
   if not added then return make_ready(self, task, true, nil, message, detail) end
   task.op = op
   for _, known in ipairs(self.tickers) do
      if known == its then return end
   end
   self.tickers[#self.tickers + 1] = its
end

asked[SLEEP] = function(self, task, at)
   wake_at(self, task, at)
end

asked[GATHER] = function(self, task, children)
   task.children, task.missing = children, #children
   if #children == 0 then return make_ready(self, task) end
   for _, child in ipairs(children) do child.parent = task end
end

local function traceback(thread, trouble)
   local ok, text = pcall(tostring, trouble)
   if not ok then text = "an error whose text could not be made: " .. text end
   return debug and debug.traceback(thread, text) or text
end

-- What came of running a task: it asks for something, or is over.
local function settle(self, task, thread, ok, what, ...)
   if not task.thread then return close_thread(self, thread) end -- it has cancelled itself
   if not ok then
      task.trouble = traceback(thread, what)
      if not task.is_gathered then report(self, task.trouble) end
      leave(self, task, "failed")
      return close_thread(self, thread)
   end
   if coroutine.status(thread) == "dead" then
      task.results = { n = select("#", what, ...), what, ... }
      return leave(self, task, "done")
   end
   if asked[what] then return asked[what](self, task, ...) end
   return make_ready(self, task) -- a yield of the program's own: the others have their turn
end

local function ended(...)
   current = nil
   return ...
end

local function resume(self, task)
   local answer, thread = task.answer, task.thread
   current, task.answer = task, nil
   settle(self, task, thread, ended(coroutine.resume(thread, unpack(answer, 1, answer.n))))
end

-- --- ticking ---

local function end_timers(self)
   local at, timer = self.timers:first()
   if not at then return end
   local now = self.transport:now() + NEAR
   while at and at <= now do
      self.timers:pop()
      local task = timer.task
      if task.status == "running" and task.turn == timer.turn then make_ready(self, task, true) end
      at, timer = self.timers:first()
   end
end

-- Ticks every client in use, and forgets those, but the first, that have nothing more in flight; whether one had.
local function tick_clients(self, _, stop)
   local used, ticked = {}, false
   for i, its in ipairs(self.tickers) do
      local ok, in_flight, raised = true, 0, nil
      ticked = ticked or not its:is_at_rest()
      if not its.closed then ok, in_flight, raised = its:tick(0, math.max(0, stop - self.transport:now())) end
      if not ok then error(in_flight, 0) end
      for _, trouble in ipairs(raised or {}) do
         self.errors = self.errors or {}
         self.errors[#self.errors + 1] = trouble
      end
      if i == 1 or in_flight > 0 or its.beside[1] then used[#used + 1] = its end
   end
   self.tickers = used
   return ticked
end

-- Runs the tasks that are ready, at least one; those that become so meanwhile have to wait for the next tick.
local function run_ready(self, _, stop)
   end_timers(self)
   local last = self.tail
   while self.head <= last do
      local task = self.ready[self.head]
      self.ready[self.head] = nil
      self.head = self.head + 1
      if task.status == "running" then
         resume(self, task)
         self.ran = true
         if self.transport:now() >= stop then break end
      end
   end
   if self.head > self.tail then self.head, self.tail = 1, 0 end
   return self.ran
end

local PHASES = { tick_clients, run_ready }

-- One round over everything that can be done without waiting; whether a task ran.
local function work(self, budget)
   self.ran = false
   ticker.round(self, PHASES, self.transport:now(), budget)
   return self.ran
end

-- How long nothing will happen.
local function timeout(self)
   if self.head <= self.tail then return 0 end
   local most = math.huge
   local at = self.timers:first()
   if at then most = math.max(0, at - self.transport:now()) end
   for _, its in ipairs(self.tickers) do
      if not its.closed then most = math.min(most, its:timeout() or math.huge) end
   end
   return most
end

-- Waits on one transport, or on all that are in use.
local function wait(self, seconds)
   if #self.tickers == 1 then return self.tickers[1]:wait(seconds) end
   local fds = {}
   for _, its in ipairs(self.tickers) do
      for _, entry in ipairs(its.closed and {} or its:fds()) do fds[#fds + 1] = entry end
   end
   if fds[1] then return core.wait(fds, seconds) end
   self.transport:wait(seconds)
end

local function is_busy(self)
   if self.tasks > 0 then return true end
   for _, its in ipairs(self.tickers) do
      if its.calls > 0 or its.beside[1] then return true end
   end
   return false
end

local function wait_and_work(self, max_wait, budget)
   if work(self, budget) or max_wait <= 0 or not is_busy(self) then return end
   local most = math.min(max_wait, timeout(self))
   if most > 0 then wait(self, most) end
   work(self, budget)
end

-- The rule that a tick here and now would break.
local function not_now(self)
   if current then return "called in a task: whoever runs the task ticks" end
   if self.is_ticking then return "called from within a tick" end
   for _, its in ipairs(self.tickers) do
      if its.is_ticking then return "called from within a tick" end
      if drive.pick(its.host) then return "called where calls do not block" end
   end
end

-- Ticks; the rule that is broken, which only a closed transport or a fork can break by now.
local function tick(self, max_wait, budget)
   self.is_ticking = true
   local ok, trouble = pcall(wait_and_work, self, max_wait, budget)
   self.is_ticking = false
   return not ok and tostring(trouble) or nil
end

local function take_errors(self)
   local raised = self.errors
   self.errors = nil
   return raised
end

local function is_seconds(value)
   return type(value) == "number" and value >= 0
end

--- Moves everything on: tasks, and the calls of their clients.
-- @tparam[opt=0] number max_wait seconds to wait for something to happen; 0: it never waits
-- @tparam[opt=0.00075] number time_budget seconds after which nothing more is begun; what is left over waits for the
-- next tick
-- @treturn integer how many tasks are left
-- @treturn ?table messages, with tracebacks, of the tasks that failed; they go to the client's log as well
-- @raise in a task and from within a tick, at the caller's line
function methods:tick(max_wait, time_budget)
   local state = open(self, "tick")
   max_wait, time_budget = max_wait or 0, time_budget or ticker.BUDGET
   if not is_seconds(max_wait) then misuse("tick", "max_wait: seconds expected, 0 or more") end
   if not is_seconds(time_budget) then misuse("tick", "time_budget: seconds expected, 0 or more") end
   local rule = not_now(state) or tick(state, max_wait, time_budget)
   if rule then misuse("tick", rule) end
   return state.tasks, take_errors(state)
end

local LONG = 3600 -- seconds; a wait that ends sooner is begun again

-- Ticks until is_over(), waiting no longer than to a moment; the rule that is broken.
local function run_until(self, is_over, moment)
   while not is_over() do
      local most = moment and math.max(0, moment - self.transport:now()) or LONG
      if not is_busy(self) then self.transport:wait(most) end
      local rule = tick(self, most, ticker.BUDGET)
      if rule then return rule end
   end
end

local function reached(self, moment)
   return function()
      return self.transport:now() + NEAR >= moment
   end
end

local function idle(self)
   return function()
      return self.tasks == 0
   end
end

--- Runs until no task is left, or for some seconds.
-- @tparam ?number seconds nil: until no task is left
-- @treturn ?boolean true; nil when tasks failed
-- @treturn ?string message of the first, with its traceback
-- @treturn ?table messages of all
-- @raise in a task and from within a tick, at the caller's line
function methods:run(seconds)
   local state = open(self, "run")
   if seconds ~= nil and not is_seconds(seconds) then misuse("run", "seconds: 0 or more expected") end
   local moment = seconds and state.transport:now() + seconds
   local rule = not_now(state) or run_until(state, moment and reached(state, moment) or idle(state), moment)
   if rule then misuse("run", rule) end
   local raised = take_errors(state)
   if raised then return nil, raised[1], raised end
   return true
end

--- How long nobody needs to tick.
-- @treturn ?number seconds; nil: until a task is spawned or a call started
function methods:timeout()
   local most = timeout(open(self, "timeout"))
   return most < math.huge and most or nil
end

--- What a host with a loop of its own waits for, up to `timeout()`, before it ticks.
-- @treturn table list of `{ fd = integer, read = boolean, write = boolean }`
function methods:fds()
   local list = {}
   for _, its in ipairs(open(self, "fds").tickers) do
      for _, entry in ipairs(its:fds()) do list[#list + 1] = entry end
   end
   return list
end

--- Begins a task, which the next tick runs.
-- @tparam function fn
-- @param ... for the function
-- @treturn task with `cancel()` and `status()`
function methods:spawn(fn, ...)
   local state = open(self, "spawn")
   if type(fn) ~= "function" then misuse("spawn", "fn: a function expected, got " .. type(fn)) end
   return conceal(new_task(state, fn, ...), task_metatable)
end

-- Whether a task calls; raises three levels up in a coroutine that is not the task's own.
local function is_in_task(self, name)
   if not current then return false end
   if not is_own() then error(("tuya.scheduler:%s: %s"):format(name, STRANGE), 3) end
   if current.scheduler ~= self then
      error(("tuya.scheduler:%s: in a task of another scheduler"):format(name), 3)
   end
   return true
end

--- Waits: suspends the task; outside of one, runs the tasks for so long.
-- @tparam number seconds
function methods:sleep(seconds)
   local state = open(self, "sleep")
   if not is_seconds(seconds) then misuse("sleep", "seconds: 0 or more expected") end
   local at = state.transport:now() + seconds
   if is_in_task(state, "sleep") then
      coroutine.yield(SLEEP, at)
      return
   end
   local rule = not_now(state) or run_until(state, reached(state, at), at)
   if rule then misuse("sleep", rule) end
end

local function beat(self, seconds, fn)
   local at = self.transport:now()
   while true do
      local now = self.transport:now()
      at = at + math.max(1, math.ceil((now - at) / seconds)) * seconds
      coroutine.yield(SLEEP, at)
      fn()
   end
end

--- Begins a task that calls a function again and again, first after `seconds`. Beats that pass while the function
-- still runs are left out. What it raises ends the task.
-- @tparam number seconds
-- @tparam function fn
-- @treturn task
function methods:every(seconds, fn)
   local state = open(self, "every")
   if not is_seconds(seconds) or seconds == 0 then misuse("every", "seconds: more than 0 expected") end
   if type(fn) ~= "function" then misuse("every", "fn: a function expected, got " .. type(fn)) end
   return conceal(new_task(state, beat, state, seconds, fn), task_metatable)
end

local function spawn_all(self, functions)
   local children = {}
   for i, fn in ipairs(functions) do
      children[i] = new_task(self, fn)
      children[i].is_gathered = true
   end
   return children
end

local function are_over(children)
   return function()
      for _, child in ipairs(children) do
         if child.status == "running" then return false end
      end
      return true
   end
end

-- What children returned, in their order; or nil and the trouble of the first that failed.
local function harvest(children)
   local answers = {}
   for i, child in ipairs(children) do
      if child.trouble then return nil, child.trouble end
      answers[i] = child.results
   end
   return answers
end

--- Runs functions side by side, each in a task of its own, until all are over.
-- @tparam table functions list
-- @treturn table list, in the same order, of tables with what each returned: `{ result, message, detail }`
-- @raise what the first of them raised that did, once all are over
-- @usage local answers = scheduler:gather { function() return plug:status() end, function() return lamp:status() end }
function methods:gather(functions)
   local state = open(self, "gather")
   if type(functions) ~= "table" then misuse("gather", "functions: a list expected, got " .. type(functions)) end
   for i, fn in ipairs(functions) do
      if type(fn) ~= "function" then misuse("gather", ("functions: %d is no function"):format(i)) end
   end
   local inside = is_in_task(state, "gather")
   local rule = not inside and not_now(state)
   if rule then misuse("gather", rule) end
   local children = spawn_all(state, functions)
   if inside then coroutine.yield(GATHER, children) else rule = run_until(state, are_over(children)) end
   if rule then misuse("gather", rule) end
   local answers, trouble = harvest(children)
   if not answers then error(trouble, 0) end
   return answers
end

return scheduler

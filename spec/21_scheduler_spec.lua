-- Rules as straight-line code: tasks that sleep and call, on the simulated cloud and a clock that stands still.
local cloud = require("spec.support.cloud")
local scheduler = require("tuya.scheduler")
local tuya = require("tuya")
local count = cloud.count

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET
local YIELDS_ACROSS_PCALL = not (_VERSION == "Lua 5.1" and not rawget(_G, "jit"))

-- A client whose cloud takes some seconds to answer, and a scheduler over it.
local function new(changes, delay)
   local made = cloud.new(changes, function(_, answer)
      local reply = answer()
      reply.delay = delay or 0.05
      return reply
   end)
   made.tasks = scheduler.new(made.client)
   return made
end

local function near(expected, actual)
   assert.is_true(math.abs(expected - actual) < 1e-3, ("%s expected, got %s"):format(expected, actual))
end

describe("a task", function()
   it("is suspended by a client's call, and the others go on", function()
      local made = new()
      local order = {}
      local function read(name)
         order[#order + 1] = name .. " asks"
         local result = assert(made.client:get(DEVICE))
         order[#order + 1] = name .. " has " .. result.id
      end
      made.tasks:spawn(read, "first")
      made.tasks:spawn(read, "second")
      assert.equal(0, #order)
      assert.is_true(made.tasks:run())
      local has = " has " .. cloud.SOCKET
      assert.same({ "first asks", "second asks", "first" .. has, "second" .. has }, order)
      assert.equal(1, count(made, "token"))
   end)

   it("calls by every method of client and device", function()
      local made = new()
      local task = made.tasks:spawn(function()
         local plug = made.client:device(cloud.SOCKET)
         assert(plug:send { switch = true })
         assert(made.client:put(DEVICE, { name = "x" }))
         local _, message, detail = made.client:request { method = "GET", path = "/v1.0/devices/unknown" }
         return assert(plug:status()).switch, message, detail.code
      end)
      assert.is_true(made.tasks:run())
      local status, switch, message, code = task:status()
      assert.equal("done", status)
      assert.is_true(switch)
      assert.matches("permission deny", message, 1, true)
      assert.equal(1106, code)
   end)

   it("sleeps", function()
      local made = new()
      local started, woken = made.transport:now(), {}
      for i, seconds in ipairs { 3, 1, 2, 0 } do
         made.tasks:spawn(function()
            made.tasks:sleep(seconds)
            woken[#woken + 1] = i
         end)
      end
      made.tasks:run()
      assert.same({ 4, 2, 3, 1 }, woken)
      near(3, made.transport:now() - started)
   end)

   it("may give the others their turn", function()
      local made = new()
      local order = {}
      for i = 1, 2 do
         made.tasks:spawn(function()
            for j = 1, 2 do
               order[#order + 1] = i .. "." .. j
               coroutine.yield()
            end
         end)
      end
      made.tasks:run()
      assert.same({ "1.1", "2.1", "1.2", "2.2" }, order)
   end)

   it("ends alone when it raises, and the message has its traceback", function()
      local events = {}
      local made = new { log = function(event) if event.event == "error" then events[#events + 1] = event end end }
      local function faulty()
         made.client:get(DEVICE)
         error("no such luck")
      end
      local task = made.tasks:spawn(faulty)
      local other = made.tasks:spawn(function() return made.client:get(DEVICE) end)
      local ok, message, all = made.tasks:run()
      assert.is_nil(ok)
      assert.equal(1, #all)
      assert.matches("21_scheduler_spec.lua:%d+: no such luck\nstack traceback:.*21_scheduler_spec", message)
      assert.equal(message, events[1].message)
      assert.same({ "failed", message }, { task:status() })
      assert.equal("done", (other:status()))
      made.tasks:spawn(error, { "a table" })
      local left, raised = made.tasks:tick()
      assert.equal(0, left)
      assert.matches("^table: ", raised[1])
   end)

   it("ends alone when it raises what no text can be made of", function()
      local made = new()
      local task = made.tasks:spawn(function()
         error(setmetatable({}, { __tostring = function() error("no text", 0) end }))
      end)
      local other = made.tasks:spawn(function() made.tasks:sleep(1) end)
      local _, message = made.tasks:run()
      assert.matches("no text\nstack traceback:", message, 1, true)
      assert.equal("failed", (task:status()))
      assert.equal("done", (other:status()))
   end)

   it("raises where a call's mistake is made", function()
      local made = new()
      local line
      local task = made.tasks:spawn(function()
         line = debug.getinfo(1, "l").currentline + 1
         made.client:get("x")
      end)
      made.tasks:run()
      assert.matches("21_scheduler_spec.lua:" .. line .. ": tuya.client:get: path", select(2, task:status()), 1, true)
   end)

   it("may call in pcall where the Lua allows it, and otherwise hears so before anything is sent", function()
      local made = new()
      local ok, result
      made.tasks:spawn(function() ok, result = pcall(made.client.get, made.client, DEVICE) end)
      assert.is_true(made.tasks:run())
      assert.equal(YIELDS_ACROSS_PCALL, ok)
      if ok then assert.equal(cloud.SOCKET, result.id)
      else
         assert.matches("yield across", result)
         assert.equal(0, #made.transport.requests)
      end
   end)

   it("raises for a call in a coroutine that is not its own", function()
      local made = new()
      local messages = {}
      made.tasks:spawn(function()
         for i, call in ipairs {
            function() made.client:get(DEVICE) end,
            function() made.client:device(cloud.SOCKET):status() end,
            function() made.tasks:sleep(1) end,
            function() made.tasks:gather {} end,
         } do
            messages[i] = select(2, coroutine.resume(coroutine.create(call)))
         end
      end)
      assert.is_true(made.tasks:run())
      assert.equal(4, #messages)
      for _, message in ipairs(messages) do
         assert.matches("a coroutine that is not the task's own: its yield would go to a stranger", message, 1, true)
      end
      assert.equal(0, #made.transport.requests)
   end)

   it("may not tick, nor run", function()
      local made = new()
      local other = scheduler.new(made.client)
      for _, call in ipairs {
         function() made.tasks:tick() end, function() made.tasks:run() end, function() made.client:tick() end,
         function() other:tick() end, function() other:sleep(1) end,
      } do
         local task = made.tasks:spawn(call)
         made.tasks:run()
         assert.matches("task", select(2, task:status()), 1, true)
      end
   end)

   it("may start calls, whose functions run outside of it", function()
      local made = new()
      local inner
      made.tasks:spawn(function()
         made.client:start({ method = "GET", path = DEVICE }, function()
            inner = made.client:get(DEVICE).id -- blocks: no task runs here
         end)
      end)
      made.tasks:run(1)
      assert.equal(cloud.SOCKET, inner)
   end)

   it("may use several clients", function()
      local made = new()
      local other = tuya.client {
         access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT .. ":1",
         transport = made.transport, clock = made.transport:clock(),
      }
      local task = made.tasks:spawn(function()
         return assert(other:get(DEVICE)).id, assert(made.client:get(DEVICE)).id
      end)
      assert.is_true(made.tasks:run())
      assert.same({ "done", cloud.SOCKET, cloud.SOCKET }, { task:status() })
   end)

   it("hears that its client was closed", function()
      local made = new()
      local task = made.tasks:spawn(function() return made.client:get(DEVICE) end)
      made.tasks:tick()
      made.client:close()
      made.tasks:tick()
      local status, result, message, detail = task:status()
      assert.equal("done", status)
      assert.is_nil(result)
      assert.matches("cancelled", message, 1, true)
      assert.equal("cancelled", detail.kind)
   end)

   it("leaves calls outside of tasks blocking", function()
      local made = new()
      made.tasks:spawn(function() return made.client:get(DEVICE) end)
      made.tasks:tick()
      assert.equal(cloud.SOCKET, made.client:get(DEVICE).id)
      assert.is_true(made.tasks:run())
   end)
end)

describe("task:cancel", function()
   it("ends a task wherever it stands, and gives its call up", function()
      local made = new(nil, 1)
      local went_on = false
      local function wait_long(what)
         if what == "call" then made.client:get(DEVICE) else made.tasks:sleep(5) end
         went_on = true
      end
      for _, what in ipairs { "call", "sleep" } do
         for ticks = 0, 3 do
            local task = made.tasks:spawn(wait_long, what)
            for _ = 1, ticks do made.tasks:tick(0.7) end
            assert.is_true(task:cancel())
            assert.is_false(task:cancel())
            assert.equal("cancelled", task:status())
            assert.equal(0, made.tasks:tick())
         end
      end
      made.tasks:run(10)
      assert.is_false(went_on)
   end)

   it("lets a task that cancels itself run to its next pause", function()
      local made = new()
      local steps, task = 0, nil
      task = made.tasks:spawn(function()
         task:cancel()
         steps = 1
         made.client:get(DEVICE)
         steps = 2
      end)
      assert.is_true(made.tasks:run())
      assert.equal(1, steps)
      assert.equal(0, #made.transport.requests)
      assert.equal("cancelled", task:status())
   end)

   it("is called on a task", function()
      local task = new().tasks:spawn(print)
      assert.error_matches(function() task.cancel() end, "call it with a colon", 1, true)
      assert.error_matches(function() task.cancel({}) end, "call it with a colon", 1, true)
   end)
end)

-- Runs a function while a variable is to be closed; nil where the Lua has none (below 5.4).
local while_open = (loadstring or load)([[ -- luacheck: ignore 113
   local guard, body = ...
   local held <close> = guard
   return body()]])

local function guard_of(fn)
   return setmetatable({}, { __close = fn })
end

describe("what a task has to close", function()
   it("is closed when it raises, and when it is cancelled", function()
      if not while_open then return pending("this Lua has no <close>") end
      local made = new()
      local closed = {}
      local raising = made.tasks:spawn(while_open, guard_of(function() closed[#closed + 1] = "raising" end), function()
         made.tasks:sleep(1)
         error("mine")
      end)
      local guard = guard_of(function() closed[#closed + 1] = "cancelled" end)
      local cancelled = made.tasks:spawn(while_open, guard, function() made.tasks:sleep(100) end)
      local _, message = made.tasks:run(2)
      assert.matches("21_scheduler_spec.lua:%d+: mine\nstack traceback:", message)
      assert.equal("failed", (raising:status()))
      assert.same({ "raising" }, closed)
      cancelled:cancel()
      assert.same({ "raising", "cancelled" }, closed)
   end)

   it("may call, whoever cancels the task, and what it raises is told", function()
      if not while_open then return pending("this Lua has no <close>") end
      local made = new()
      local switched
      local one = made.tasks:spawn(while_open, guard_of(function()
         switched = made.client:device(cloud.SOCKET):send { switch = false }
         error("and then mine")
      end), function() made.tasks:sleep(100) end)
      made.tasks:spawn(function()
         made.tasks:sleep(1)
         one:cancel()
      end)
      local _, message, messages = made.tasks:run(2)
      assert.is_true(switched)
      assert.equal(1, #messages)
      assert.matches("21_scheduler_spec.lua:%d+: and then mine", message)
      assert.equal("cancelled", (one:status()))
   end)
end)

describe("scheduler:every", function()
   it("keeps its beat, and leaves out those that it cannot keep", function()
      local made = new()
      local started, beats = made.transport:now(), {}
      local task = made.tasks:every(10, function()
         beats[#beats + 1] = math.floor(made.transport:now() - started + 0.5)
         if #beats == 2 then made.tasks:sleep(25) end
      end)
      made.tasks:run(70)
      assert.same({ 10, 20, 50, 60, 70 }, beats)
      assert.is_true(task:cancel())
      made.tasks:run(30)
      assert.equal(5, #beats)
   end)

   it("ends when its function raises", function()
      local made = new()
      local task = made.tasks:every(1, function() error("x") end)
      local ok, message = made.tasks:run()
      assert.is_nil(ok)
      assert.matches("x\nstack traceback", message)
      assert.equal("failed", (task:status()))
   end)
end)

describe("scheduler:gather", function()
   local function three(made)
      local function read(id, seconds)
         return function()
            made.tasks:sleep(seconds)
            return made.client:get("/v1.0/devices/" .. id)
         end
      end
      return { read(cloud.SOCKET, 3), read("unknown", 1), read(cloud.SOCKET, 2) }
   end

   local function check(made, answers, started)
      assert.equal(cloud.SOCKET, answers[1][1].id)
      assert.is_nil(answers[2][1])
      assert.equal(1106, answers[2][3].code)
      assert.equal(cloud.SOCKET, answers[3][1].id)
      assert.is_true(made.transport:now() - started < 3.2)
   end

   it("runs side by side and keeps the order, in a task and outside", function()
      local made = new()
      local started = made.transport:now()
      check(made, made.tasks:gather(three(made)), started)
      started = made.transport:now()
      local task = made.tasks:spawn(function() return made.tasks:gather(three(made)) end)
      assert.is_true(made.tasks:run())
      check(made, select(2, task:status()), started)
      assert.same({}, made.tasks:gather {})
   end)

   it("raises what one of them raised, once all are over", function()
      local made = new()
      local over = 0
      local function work()
         made.tasks:sleep(1)
         over = over + 1
      end
      local ok, message = pcall(made.tasks.gather, made.tasks, { work, function() error("mine") end, work })
      assert.is_false(ok)
      assert.matches("mine\nstack traceback", message)
      assert.equal(2, over)
      assert.is_true(made.tasks:run())
   end)

   it("is cancelled with all that it runs", function()
      local made = new(nil, 1)
      local over = 0
      local function work()
         made.client:get(DEVICE)
         over = over + 1
      end
      local task = made.tasks:spawn(function() made.tasks:gather { work, work } end)
      for _ = 1, 3 do made.tasks:tick(0.1) end
      task:cancel()
      assert.equal(0, made.tasks:tick())
      made.tasks:run(10)
      assert.equal(0, over)
   end)
end)

describe("a scheduler", function()
   it("raises at the caller's line", function()
      local made = new()
      local tasks = made.tasks
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() tasks:spawn(1) end)
      assert.matches("21_scheduler_spec.lua:" .. line .. ": tuya.scheduler:spawn: fn: a function", message, 1, true)
      for call, rule in pairs {
         [function() tasks:sleep() end] = "sleep: seconds: 0 or more expected",
         [function() tasks:sleep(-1) end] = "sleep: seconds: 0 or more expected",
         [function() tasks:every(0, print) end] = "every: seconds: more than 0 expected",
         [function() tasks:every(1) end] = "every: fn: a function expected",
         [function() tasks:gather(print) end] = "gather: functions: a list expected",
         [function() tasks:gather { 1 } end] = "gather: functions: 1 is no function",
         [function() tasks:tick(-1) end] = "tick: max_wait: seconds expected",
         [function() tasks:tick(0, {}) end] = "tick: time_budget: seconds expected",
         [function() tasks:run("x") end] = "run: seconds: 0 or more expected",
         [function() tasks.tick() end] = "call it with a colon, scheduler:tick()",
         [function() scheduler.new() end] = "tuya.scheduler.new: client: one of tuya.client expected",
         [function() scheduler.new {} end] = "tuya.scheduler.new: client: ",
      } do
         local ok, raised = pcall(call)
         assert.is_false(ok)
         assert.matches("21_scheduler_spec.lua:%d+: ", raised)
         assert.matches(rule, raised, 1, true)
      end
   end)

   it("says how long it has nothing to do", function()
      local made = new()
      assert.is_nil(made.tasks:timeout())
      made.tasks:spawn(function() made.tasks:sleep(5) end)
      assert.equal(0, made.tasks:timeout())
      made.tasks:tick()
      near(5, made.tasks:timeout())
      assert.same({}, made.tasks:fds())
   end)

   it("runs tasks while the program sleeps", function()
      local made = new()
      local beats = 0
      made.tasks:every(1, function() beats = beats + 1 end)
      made.tasks:sleep(10)
      assert.equal(10, beats)
   end)

   it("spreads ready tasks over ticks when its time is up", function()
      local made = new()
      local ran = 0
      for _ = 1, 10 do
         made.tasks:spawn(function()
            made.transport:sleep(0.01) -- as if it had worked for so long
            ran = ran + 1
         end)
      end
      assert.equal(5, made.tasks:tick(0, 0.045))
      assert.equal(4, made.tasks:tick(0, 0))
      assert.equal(6, ran)
   end)

   it("is collected with its tasks where nobody holds it", function()
      local made = new()
      local weak = setmetatable({}, { __mode = "k" })
      do
         local tasks = scheduler.new(made.client)
         weak[tasks] = true
         tasks:every(1, function() return tasks end)
         tasks:tick()
      end
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(weak))
   end)
end)

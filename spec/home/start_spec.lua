-- Devices, lists and homes inside a function that is started: its calls are steps of one op, which a tick moves on.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")

local function new(intercept)
   return cloud.new(nil, function(request, answer)
      local reply, code, sent
      if intercept then reply, code, sent = intercept(request, answer) else reply = answer() end
      if reply then reply.delay = reply.delay or 0.05 end
      return reply, code, sent
   end, house)
end

-- Starts a function and ticks to its end: what it was told, and how many ticks that took.
local function start(made, fn)
   local told, ticks = nil, 0
   assert(made.client:start(fn, function(...)
      assert.is_nil(told)
      told = { ... }
   end))
   assert.equal(0, #made.transport.requests)
   while not told do
      ticks = ticks + 1
      assert.is_true(ticks < 10000)
      local _, raised = made.client:tick(1)
      assert.is_nil(raised)
   end
   return told, ticks
end

describe("a function that is started", function()
   it("pages, finds, reads many, sends typed values with fall back, and confirms, as lines that block do", function()
      local function rule(client)
         local pager, count = client:devices { api = "v2.0", page_size = 5 }, 0
         while pager:next() do count = count + 1 end
         local lamp = assert(client:find("Shelf lamp"))
         local statuses = assert(client:statuses())
         assert(client:device("fan"):send { fan_level = 7 })
         assert(client:device("coffee"):send({ relay_status = "power_on" }, { check = false }))
         assert(client:device("radiator"):send({ temp_set = 21.5 }, { confirm = 5 }))
         assert(client:homes()[1]:run("Good morning"))
         return count, lamp.id, statuses.radiator.temp_set
      end
      local made, blocking = new(), new()
      local told, ticks = start(made, function() return rule(made.client) end)
      assert.same({ 16, "shelf", 20 }, told)
      assert.same({ rule(blocking.client) }, told)
      assert.same(cloud.sent(blocking), cloud.sent(made))
      assert.is_true(ticks > 20, ticks)
      assert.equal(215, made.simulator:device("radiator").values.temp_set)
   end)

   it("does not hold up others while it waits for a confirmation", function()
      local made = new(function(request, answer)
         if not request.target:find("/status", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":true,"result":[]}' }
      end)
      local detail
      made.client:start(function()
         return made.client:device("coffee"):send({ switch_1 = true }, { confirm = 3 })
      end, function(_, _, its) detail = its end)
      local others = 0
      for _ = 1, 20 do
         made.client:start({ method = "GET", path = "/v1.0/devices/coffee" }, function() others = others + 1 end)
         made.client:tick(0.05)
         made.transport:sleep(0.05)
      end
      assert.is_nil(detail)
      assert.is_true(others > 5, others)
      while not detail do made.client:tick(1) end
      assert.equal("unconfirmed", detail.kind)
   end)

   it("gives each of its calls a timeout of its own", function()
      local made = new(function(_, answer)
         local reply = answer()
         reply.delay = 6
         return reply
      end)
      local told = start(made, function()
         for _ = 1, 5 do assert(made.client:get("/v1.0/devices/coffee")) end
         local _, _, detail = made.client:get("/v1.0/devices/coffee", nil, { timeout = 5 })
         return made.client:get("/v1.0/devices/coffee").id, detail.code
      end)
      assert.same({ "coffee", "timeout" }, told)
   end)

   it("that raises is told as an error, a broken rule with the line of the program", function()
      local made = new()
      local told = start(made, function() made.client:device("radiator"):send { temp_set = 99 } end)
      assert.is_nil(told[1])
      assert.matches("start_spec.lua:%d+: tuya.device:send: temp_set: a number from 5 to 35", told[2])
      assert.equal("error", told[3].kind)
      told = start(new(), function() error("mine", 0) end)
      assert.equal("mine", told[2])
   end)

   it("is cancelled with the call that it is at, and nothing follows", function()
      local made = new()
      local detail
      local handle = made.client:start(function()
         for _ = 1, 10 do assert(made.client:get("/v1.0/devices/coffee")) end
         error("never")
      end, function(_, _, its) detail = its end)
      while #made.transport.requests < 4 do made.client:tick(1) end
      assert.is_true(handle:cancel())
      made.client:tick()
      assert.equal("cancelled", detail.kind)
      assert.equal("/v1.0/devices/coffee", detail.path)
      made.transport:sleep(10)
      made.client:tick(1)
      assert.equal(4, #made.transport.requests)
   end)

   it("that cancels itself makes no call any more, and the others lose none", function()
      for _, cancels in ipairs { "at its beginning", "behind a call" } do
         local made = new()
         local client, details, others, handle = made.client, {}, 0, nil
         handle = client:start(function()
            if cancels == "behind a call" then assert(client:get("/v1.0/devices/door")) end
            assert.is_true(handle:cancel())
            client:post("/v1.0/devices/coffee/commands", {})
            error("never")
         end, function(_, _, detail) details[#details + 1] = detail end)
         for _ = 1, 3 do
            client:start({ method = "GET", path = "/v1.0/devices/coffee" }, function(result)
               assert(result)
               others = others + 1
            end)
         end
         for _ = 1, 10 do client:tick(1) end
         assert.equal(0, (client:tick()))
         assert.equal(1, #details)
         assert.equal("cancelled", details[1].kind)
         assert.equal(3, others)
         for _, request in ipairs(made.transport.requests) do assert.not_equal("POST", request.method) end
      end
   end)

   it("closes what it has to close when it raises, and when it is cancelled", function()
      local run = (loadstring or load)([[ -- luacheck: ignore 113
         local guard, body = ...
         local held <close> = guard
         return body()]])
      if not run then return pending("this Lua has no <close>") end
      local made = new()
      local closed = 0
      local guard = setmetatable({}, { __close = function() closed = closed + 1 end })
      start(made, function() return run(guard, function() error("mine") end) end)
      assert.equal(1, closed)
      local handle = made.client:start(function()
         return run(guard, function()
            assert(made.client:get("/v1.0/devices/coffee"))
            error("never")
         end)
      end, function() end)
      made.client:tick()
      handle:cancel()
      assert.equal(2, closed)
   end)

   it("says how far the call that it is at was sent, and not an earlier one", function()
      local made = new(function(request, answer)
         if request.target:find("/door", 1, true) then return nil, "connect", "no" end
         return answer()
      end)
      local detail
      local handle = made.client:start(function()
         assert(made.client:get("/v1.0/devices/coffee"))
         return made.client:post("/v1.0/devices/door/commands", {})
      end, function(_, _, its) detail = its end)
      while #made.transport.requests < 3 do made.client:tick(1) end
      made.client:tick(0)
      handle:cancel()
      made.client:tick()
      assert.equal("no", detail.sent)
   end)

   it("may return at once, or nothing at all", function()
      assert.same({}, start(new(), function() end))
   end)

   it("may not yield itself, call another client, or tick", function()
      local told = start(new(), function() return coroutine.yield() end)
      assert.matches("a function that was started yielded", told[2], 1, true)
      local made, other = new(), new()
      told = start(made, function() return other.client:get("/v1.0/devices/coffee") end)
      assert.matches("tuya.client:get: a call of another client", told[2], 1, true)
      told = start(made, function() return made.client:tick() end)
      assert.matches("called from within a tick", told[2], 1, true)
   end)

   it("is no task's stranger: tasks and started functions run beside each other", function()
      local made = new()
      local tasks = require("tuya.scheduler").new(made.client)
      local switched, warmth
      made.client:start(function() return made.client:device("coffee"):status() end, function(values)
         switched = values.switch_1
      end)
      tasks:spawn(function() warmth = made.client:device("radiator"):status().temp_set end)
      assert(tasks:run())
      for _ = 1, 100 do made.client:tick(1) end
      assert.same({ false, 20 }, { switched, warmth })
   end)
end)

-- client:home: read once, kept by events, read again after a gap.
local child = require("spec.support.child")
local mirror = require("tuya.mirror")
local pushing = require("spec.support.pushing")
local tuya = require("tuya")

if not pcall(require, "tuya.websocket") then
   pending("tuya.websocket is not built: libwslay is not there")
   return
end

local SOCKET, LAMP, DOOR = pushing.SOCKET, "vdevo161563811262430", "vdevo161563811262432"

-- A mirror without a cloud: of a stream, and of what reads the state of all devices.
local function alone(stream, statuses)
   local context = { monotonic = function() return 0 end, clock = function() return 1.7e12 end, offset = 0 }
   local ticker = {
      attach = function(self, one) self.one = one end,
      tick = function(self)
         self.one:tick()
         return true, 0
      end,
   }
   local _, home = mirror.new({}, context, ticker, {
      events = function() return stream end,
      statuses = function(_, on_done) return on_done(statuses()) or true end,
   })
   return home
end

describe("the mirror of a home, read again,", function()
   it("keeps what events told meanwhile, but for what is older than the reading", function()
      local connects, now, handler, answer = 1, 1.7e12, nil, nil
      local stream = { on = function(_, given) handler = given[1] end,
         status = function() return { state = "open", connects = connects, refused = 0 } end }
      local context = { monotonic = function() return 0 end, clock = function() return now end, offset = 0 }
      local ticker = {
         attach = function(self, one) self.one = one end,
         tick = function(self)
            self.one:tick()
            return true, 0
         end,
         wake = function() end,
      }
      local is_held = false
      local _, home = mirror.new({}, context, ticker, {
         events = function() return stream end,
         statuses = function(_, on_done)
            answer = on_done
            if not is_held then on_done({ plug = { switch = false, level = 1 } }) end
            return true
         end,
      })
      local function tell(changes, time)
         handler { kind = "status", device = "plug", changes = changes, time = time }
      end
      connects, is_held, now = 2, true, now + 1000
      home:tick() -- begins to read
      tell({ switch = true }, now + 1)
      tell({ level = 2 }, now - 1) -- of the gap
      handler { kind = "status", device = "lamp", changes = { switch = true }, time = now + 1 } -- bound just now
      answer({ plug = { switch = false, level = 3, other = 4 } })
      assert.same({ switch = true, level = 3, other = 4 }, home:device("plug"))
      assert.same({ switch = true }, home:device("lamp"))
      assert.is_true(home:status().fresh)
   end)

   it("no longer has a device that left in the gap", function()
      local connects, home_now = 1, { plug = { switch = true }, lamp = { switch = false } }
      local stream = { on = function() end,
         status = function() return { state = "open", connects = connects, refused = 0 } end }
      local home = alone(stream, function() return home_now end)
      connects, home_now = 2, { lamp = { switch = false } }
      assert.is_true(home:tick())
      assert.is_nil(home:device("plug"))
      assert.same({ switch = false }, home:device("lamp"))
      assert.same({ { device = "plug", reread = true } }, home:changes())
   end)
end)

-- Over a stream that the spec plays, on a clock that it sets; the state of all devices is `home_now`.
describe("the mirror of a home", function()
   local t, status, handler, home_now, readings, home

   before_each(function()
      t, status, readings = 1000, { state = "open", connects = 1, refused = 0 }, 0
      home_now = { plug = { switch = false } }
      local stream = { on = function(_, given) handler = given[1] end, status = function()
         return { state = status.state, connects = status.connects, refused = status.refused }
      end }
      local context = { monotonic = function() return t end, clock = function() return 1.7e12 end, offset = 0 }
      local ticker = { attach = function(self, one) self.one = one end, wake = function() end }
      function ticker.tick(self)
         self.one:tick()
         return true, 0
      end
      home = select(2, mirror.new({}, context, ticker, {
         events = function() return stream end,
         statuses = function(_, on_done)
            readings = readings + 1
            on_done(home_now)
            return true
         end,
      }))
   end)

   it("is not fresh once a message was refused, and is read again: ever more rarely", function()
      home:tick()
      assert.is_true(home:status().fresh)
      status.refused, home_now = 1, { plug = { switch = true } }
      assert.is_false(home:status().fresh)
      home:tick()
      assert.same({ 2, true, true }, { readings, home:status().fresh, home:device("plug").switch })
      assert.equal(1, home:status().gaps)
      local before, hours = readings, 24
      for _ = 1, hours * 360 do -- ten seconds each, with a message that is refused
         status.refused, t = status.refused + 1, t + 10
         home:tick()
      end
      assert.is_true(readings - before >= hours - 1 and readings - before <= hours + 6, readings - before)
   end)

   it("is read ever more rarely from a cloud that refuses, until it answers", function()
      local good = home_now
      home_now, status.connects = nil, 2
      for _ = 1, 3600 do
         t = t + 1
         home:tick()
      end
      assert.is_true(readings > 12 and readings < 40, readings)
      assert.is_false(home:status().fresh)
      home_now = good
      for _ = 1, 300 do
         t = t + 1
         home:tick()
      end
      assert.is_true(home:status().fresh)
      home_now, status.connects = nil, 3
      local before = readings
      for _ = 1, 8 do -- after that a failure is the first again
         home:tick()
         t = t + 1
      end
      assert.is_true(readings - before >= 2, readings - before)
   end)

   it("is read again when a device was bound, whose state no event has told", function()
      home_now = { plug = { switch = false }, lamp = { switch = true } }
      handler { kind = "bound", device = "lamp", changes = {}, time = 1.7e12 }
      assert.is_false(home:status().fresh)
      home:tick()
      assert.same({ 2, 0 }, { readings, home:status().gaps })
      assert.same({ switch = true }, home:device("lamp"))
      assert.is_true(home:status().fresh)
      home:tick()
      assert.equal(2, readings)
   end)
end)

describe("the mirror of a home, whose changes nobody asks for,", function()
   it("keeps a thousand of them, and counts the others", function()
      local tell
      local stream = { status = function() return { state = "open", connects = 1, refused = 0 } end }
      function stream.on(_, given) tell = given[1] end
      local home = alone(stream, function() return { plug = { power = 0 } } end)
      for i = 1, 1005 do
         tell { device = "plug", kind = "status", changes = { power = i }, times = {}, time = 1.7e12 + i }
      end
      local list, missed = home:changes()
      assert.same({ 1000, 5 }, { #list, missed })
      assert.equal(1005, home:device("plug").power)
      assert.same({ 0, 0 }, { #home:changes(), (select(2, home:changes())) })
   end)
end)

describe("the mirror of a home", function()
   local made, scheduler

   -- Runs a function as a task, with the cloud beside it; what the task failed of fails the spec.
   local function task(fn)
      local its = scheduler:spawn(fn)
      local stop = os.time() + 20
      while its:status() == "running" and os.time() < stop do
         scheduler:tick(0.002)
         made.listener:tick(0.001)
      end
      local status, trouble = its:status()
      assert.equal("done", status, trouble)
   end

   local function calls()
      local n = 0
      for _, entry in ipairs(made.sim:log()) do
         if not entry.path:find("^/ws/") and not entry.path:find("^/v1.0/token") then n = n + 1 end
      end
      return n
   end

   before_each(function()
      made = pushing.new()
      scheduler = require("tuya.scheduler").new(made.client)
   end)

   after_each(function()
      made:close()
   end)

   it("is read once, and kept at no calls", function()
      task(function()
         local home = assert(made.client:home())
         assert.is_true(home:status().fresh)
         assert.is_false(home:device(SOCKET).switch)
         assert.is_nil(home:device("no such"))
         assert.same({}, home:changes())
         local before = calls()
         local socket = home:device(SOCKET)
         made.sim:set(SOCKET, "switch", true)
         made.sim:set("vdevo161563811262431", "temp_set", 225)
         made.sim:set_online(LAMP, false)
         assert.equal("yes", home:wait(function(h)
            return h:device(LAMP).online == false and "yes"
         end, 10))
         assert.is_true(socket.switch)
         assert.equal(22.5, home:device("vdevo161563811262431").temp_set)
         assert.same({
            { device = SOCKET, code = "switch", value = true, before = false },
            { device = "vdevo161563811262431", code = "temp_set", value = 22.5, before = 21.5 },
            { device = LAMP, code = "online", value = false },
         }, home:changes())
         assert.same({}, home:changes())
         local ids = {}
         for id in home:devices() do ids[id] = true end
         assert.is_true(ids[SOCKET] and ids[LAMP] and ids[DOOR])
         assert.equal(before, calls())
         assert.equal(1, home:status().readings)
         home:close()
      end)
   end)

   it("is not fresh behind a gap, and reads again what was lost in it", function()
      task(function()
         local home = assert(made.client:home())
         made.sim:messages { rule = false } -- what happens now is lost
         made.listener:cut()
         made.sim:set(SOCKET, "switch", true)
         repeat scheduler:sleep(0.01) until home:status().state ~= "open"
         assert.is_false(home:status().fresh)
         assert.is_false(home:device(SOCKET).switch)
         assert.is_true(home:wait(function(h) return h:device(SOCKET).switch end, 10))
         assert.is_true(home:status().fresh)
         assert.same({ 2, 2 }, { home:status().readings, home:status().connects })
         assert.same({ { device = SOCKET, code = "switch", value = true, before = false, reread = true } },
            home:changes())
         home:close()
      end)
   end)

   -- Ticks the client alone, beside the cloud, until the condition holds.
   local function ticked(condition)
      assert.is_true(made:until_so(condition))
   end

   local function opened()
      local home
      task(function() home = assert(made.client:home()) end)
      return home
   end

   it("reads again in the ticks of its client, with nobody asking it, and says so", function()
      made:close()
      made = pushing.new { budget = {} }
      scheduler = require("tuya.scheduler").new(made.client)
      local home = opened()
      local function used()
         local n
         task(function() n = made.client:usage().month.used end)
         return n
      end
      local before, counted = calls(), used()
      made.sim:messages { rule = false }
      made.listener:cut()
      made.sim:set(SOCKET, "switch", true)
      ticked(function() return home:status().state ~= "open" end)
      assert.is_false(home:status().fresh)
      ticked(function() return home:status().fresh end)
      assert.same({ 1, 2 }, { home:status().gaps, home:status().readings })
      assert.is_true(home:device(SOCKET).switch)
      assert.same({ { device = SOCKET, code = "switch", value = true, before = false, reread = true } }, home:changes())
      local function told()
         local list = {}
         for _, entry in ipairs(made.log) do
            if entry.event == "mirror" then list[#list + 1] = entry.state .. " " .. tostring(entry.changes) end
         end
         return list
      end
      ticked(function() return #told() == 2 end) -- the log is handed out between two steps, or in the next tick
      assert.same({ "gap nil", "read 1" }, told())
      assert.equal(calls() - before, used() - counted)
      assert.is_true(calls() > before)
   end)

   it("waits no longer than it may, and not at all for what holds", function()
      task(function()
         local home = assert(made.client:home())
         assert.is_nil(home:wait(function() return false end, 0.05))
         assert.equal(7, home:wait(function() return 7 end))
         home:close()
         assert.is_nil(home:wait(function() return false end))
         assert.equal("closed", home:status().state)
         assert.is_false(home:status().fresh)
      end)
   end)

   it("keeps those devices that are named", function()
      task(function()
         local home = assert(made.client:home { devices = { SOCKET } })
         made.sim:set(LAMP, "switch_led", false)
         made.sim:set(SOCKET, "switch", true)
         assert.is_true(home:wait(function(h) return h:device(SOCKET).switch end, 10))
         assert.is_nil(home:device(LAMP))
         home:close()
      end)
   end)

   it("tells when the state cannot be read, and raises for the program's mistakes", function()
      task(function()
         made.sim:fault("GET /v1.0/**: code=28841004") -- the stream opens
         local home, message, detail = made.client:home()
         assert.is_nil(home)
         assert.is_string(message)
         assert.equal(28841004, detail.code)
      end)
      for _, given in ipairs { { via = "pigeon" }, { device = SOCKET }, { devices = SOCKET } } do
         assert.has_error(function() made.client:home(given) end)
      end
   end)

   it("works in a program that blocks, beside a cloud of its own #once", function()
      local words = { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet" }
      local environment = ("TUYA_ACCESS_ID=%s TUYA_ACCESS_SECRET=%s"):format(pushing.ID, pushing.SECRET)
      local cloud = child.start(child.command(words), environment)
      local client = tuya.client { access_id = pushing.ID, access_secret = pushing.SECRET,
         endpoint = "http://127.0.0.1:" .. cloud.line }
      local home = assert(client:home())
      assert.is_false(home:device(SOCKET).switch)
      assert(client:device(SOCKET):send { switch = true })
      assert.is_true(home:wait(function(h) return h:device(SOCKET).switch end, 10))
      assert.is_true(home:tick(0))
      assert.equal(1, home:status().readings)
      client:close()
      cloud:stop()
   end)
end)

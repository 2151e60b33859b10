-- The rules of examples/rules that events drive: what they do, and that they make no calls but their commands.
local pushing = require("spec.support.pushing")

if not pcall(require, "tuya.websocket") then
   pending("tuya.websocket is not built: libwslay is not there")
   return
end

local HOME = { devices = {
   { id = "sensor", name = "Hall", product = "motion_sensor" },
   { id = "lamp", name = "Hall lamp", product = "white_lamp" },
   { id = "door", name = "Front door", product = "door_sensor" },
   { id = "washer", name = "Washing machine", product = "socket" },
} }
local SOON = 1 -- s; what happens at once must happen sooner, on a busy machine too

describe("rules by events #once", function()
   local made, scheduler, home

   -- Runs until the condition holds, with the cloud beside it; false when it does not in time.
   local function until_so(condition)
      local stop = os.time() + 20
      while not condition() do
         if os.time() > stop then return false end
         scheduler:tick(0.002)
         made.listener:tick(0.001)
      end
      return true
   end

   local function pause(seconds)
      local over = false
      scheduler:spawn(function()
         scheduler:sleep(seconds)
         over = true
      end)
      assert.is_true(until_so(function() return over end))
   end

   before_each(function()
      made = pushing.new(nil, nil, HOME)
      scheduler = require("tuya.scheduler").new(made.client)
      scheduler:spawn(function() home = assert(made.client:home()) end)
      assert(until_so(function() return home end))
   end)

   after_each(function()
      made:close()
      home = nil
   end)

   -- Sets a data point, and waits until the mirror shows it.
   local function set(id, code, value)
      made.sim:set(id, code, value)
      local seen = made.sim:device(id).values[code]
      if code == "cur_power" then seen = seen / 10 end
      assert.is_true(until_so(function() return home:device(id)[code] == seen end))
   end

   local function calls()
      local list = {}
      for _, entry in ipairs(made.sim:log()) do
         if not entry.path:find("^/ws/") and not entry.path:find("^/v1.0/token") then
            list[#list + 1] = entry.method .. " " .. entry.path
         end
      end
      return list
   end

   local function lit()
      return made.sim:device("lamp").values.switch_led
   end

   it("light a lamp on motion, and put it out when there was none for a while", function()
      made.sim:set("lamp", "switch_led", false)
      local rule = require("examples.rules.light_on_motion")
      rule(scheduler, made.client, home, { sensor = "sensor", lamp = "lamp" }, SOON)
      local before = #calls()
      for _ = 1, 2 do
         set("sensor", "pir", "pir")
         assert.is_true(until_so(lit))
         set("sensor", "pir", "none")
         pause(0.05)
         set("sensor", "pir", "pir") -- again, before it is out
         pause(SOON * 1.2)
         assert.is_true(lit())
         set("sensor", "pir", "none")
         assert.is_true(until_so(function() return not lit() end))
      end
      local since = table.concat(calls(), "\n", before + 1)
      local commands = select(2, since:gsub("POST /v1.0/devices/lamp/commands", ""))
      assert.equal(4, commands)
      assert.is_nil(since:find("/status", 1, true))
      assert.equal(1, home:status().readings)
   end)

   it("tell of a door that stands open, once", function()
      local told = {}
      local rule = require("examples.rules.door_left_open")
      rule(scheduler, home, "door", function(text) table.insert(told, text) end, SOON)
      local before = #calls()
      set("door", "doorcontact_state", true)
      pause(0.05)
      set("door", "doorcontact_state", false)
      pause(SOON * 1.2)
      assert.same({}, told)
      set("door", "doorcontact_state", true)
      assert.is_true(until_so(function() return told[1] end))
      set("door", "doorcontact_state", false)
      pause(SOON * 1.2)
      assert.same({ "the door stands open" }, told)
      assert.equal(before, #calls())
   end)

   it("tell when the washing is done, and not in a pause", function()
      local told = {}
      local rule = require("examples.rules.washing_done")
      rule(scheduler, home, "washer", function(text) table.insert(told, text) end, SOON)
      local before = #calls()
      for _, watts in ipairs { 400, 20, 10, 2000, 30, 0 } do
         set("washer", "cur_power", watts * 10)
         pause(0.05)
         assert.same({}, told)
      end
      assert.is_true(until_so(function() return told[1] end))
      pause(SOON * 1.2)
      assert.same({ "the washing is done" }, told)
      assert.equal(before, #calls())
   end)
end)

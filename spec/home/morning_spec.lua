-- The example of a morning is run, in the simulated house.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- Runs a text as a program that has these globals besides.
local function run(text, name, globals)
   local environment = setmetatable(globals, { __index = _G })
   if setfenv then -- luacheck: ignore 113
      local chunk = assert(loadstring(text, "@" .. name)) -- luacheck: ignore 113
      return setfenv(chunk, environment)() -- luacheck: ignore 113
   end
   return assert(load(text, "@" .. name, "t", environment))()
end

local function printer()
   local printed = {}
   return printed, function(...)
      local words = {}
      for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
      printed[#printed + 1] = table.concat(words, " ")
   end
end

describe("examples/morning.lua", function()
   it("opens the curtains, warms the room and says what did not work", function()
      local made = cloud.new(nil, nil, house)
      local printed, print = printer()
      local tuya = setmetatable({ client = function() return made.client end }, { __index = require("tuya") })
      run(read("examples/morning.lua"), "examples/morning.lua", {
         print = print,
         require = function(name) return name == "tuya" and tuya or require(name) end,
      })
      made.transport:sleep(30)
      local curtain = made.simulator:device("curtain").values
      assert.equal(100, curtain.percent_state)
      assert.equal(215, made.simulator:device("radiator").values.temp_set)
      assert.is_true(made.simulator:device("coffee").values.switch_1)
      assert.same({ "Front door is closed", "Garden socket is offline" }, printed)
   end)
end)

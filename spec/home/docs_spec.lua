-- What docs/data-points.md, devices.md and homes.md show is run, in the simulated house; and so is the example.
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

-- The Lua blocks of a page as one program, each line where it stands in the page.
local function program_of(page)
   local lines, inside = {}, false
   for line in (page .. "\n"):gmatch("(.-)\n") do
      if line == "```lua" then inside = true
      elseif line == "```" then inside = false end
      lines[#lines + 1] = inside and line ~= "```lua" and line or ""
   end
   return table.concat(lines, "\n")
end

local function printer()
   local printed = {}
   return printed, function(...)
      local words = {}
      for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
      printed[#printed + 1] = table.concat(words, " ")
   end
end

describe("what is shown in", function()
   for page, calls in pairs { ["data-points"] = 8, devices = 12, homes = 30 } do
      it("docs/" .. page .. ".md runs", function()
         local made = cloud.new(nil, nil, house)
         local path = "docs/" .. page .. ".md"
         local _, print = printer()
         run(program_of(read(path)), path, { client = made.client, print = print })
         assert.is_true(#made.transport.requests > calls, #made.transport.requests)
      end)
   end
end)

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

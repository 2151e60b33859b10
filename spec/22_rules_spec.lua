-- The rules of examples/rules, on the simulated home and a clock that stands still.
local day = require("spec.support.day")

local IDS = day.IDS

-- The commands to one device: a list of { at, code=value }.
local function commands(log, id)
   local list = {}
   for _, line in ipairs(log) do
      local at, device, what = line:match("^(%S+) (%S+) (.*)$")
      if device == id then list[#list + 1] = { tonumber(at), what } end
   end
   return list
end

describe("a day of rules", function()
   local log, calls, least, greatest = day.run(1)

   it("is the same every time", function()
      local morning, n = day.run(1, 6 * 3600)
      local again, m = day.run(1, 6 * 3600)
      assert.same(morning, again)
      assert.equal(n, m)
      for i, line in ipairs(morning) do assert.equal(line, log[i]) end
      assert.is_false(table.concat(morning) == table.concat((day.run(2, 6 * 3600))))
   end)

   it("asks the cloud now and then, and commands it seldom", function()
      assert.is_true(calls > 4000 and calls < 6000, calls .. " calls")
      assert.is_true(#log > 30 and #log < 200, #log .. " commands")
   end)

   it("lights the lamp with motion, and never twice alike", function()
      local list = commands(log, IDS.lamp)
      assert.is_true(#list > 20)
      for i = 2, #list do
         assert.is_false(list[i][2] == list[i - 1][2])
         local lasted = list[i][1] - list[i - 1][1]
         if list[i][2] == "switch_led=false" then assert.is_true(lasted >= 299) end
      end
   end)

   it("keeps the room around 21 degrees, and does not flutter", function()
      assert.is_true(least >= 203 and greatest <= 217, least .. " to " .. greatest)
      local list = commands(log, IDS.heater)
      assert.is_true(#list > 10)
      for i = 2, #list do assert.is_true(list[i][1] - list[i - 1][1] >= 900) end
   end)

   it("plays the evening, and leaves the night dark", function()
      local list = commands(log, IDS.garden)
      assert.is_true(#list >= 4)
      for i, one in ipairs(list) do
         assert.equal(i % 2 == 1 and "switch=true" or "switch=false", one[2])
         assert.is_true(one[1] >= 18.5 * 3600)
         if i % 2 == 1 then assert.is_true(one[1] < 23 * 3600) end
      end
   end)

   it("takes rules of under 40 lines", function()
      for _, name in ipairs { "motion_light", "thermostat", "vacation" } do
         local n = 0
         for _ in io.lines("examples/rules/" .. name .. ".lua") do n = n + 1 end
         assert.is_true(n < 40, name)
      end
   end)
end)

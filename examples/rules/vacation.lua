-- vacation.lua: a house that looks lived in. Each evening its lights go on and off, never twice alike.
--    require("examples.rules.vacation")(scheduler, client, { { id, "switch_led" }, { id, "switch" } }, clock, draw)
-- clock() gives ms since 1970 in the house's own time; draw(n) a whole number from 1 to n, by default math.random.
local DAY, EVENING, NIGHT = 86400, 18.5 * 3600, 23 * 3600 -- seconds

return function(scheduler, client, lights, clock, draw)
   draw = draw or math.random

   local function until_time(of_day)
      scheduler:sleep((of_day - clock() / 1000) % DAY)
   end

   -- One light: on for a while, off for a while, until the night.
   local function play(light)
      local device, code = client:device(light[1]), light[2]
      while true do
         until_time(EVENING + draw(1800))
         while clock() / 1000 % DAY < NIGHT do
            device:send { [code] = true }
            scheduler:sleep(600 + draw(3600))
            device:send { [code] = false }
            scheduler:sleep(300 + draw(1800))
         end
      end
   end

   return scheduler:spawn(function()
      local functions = {}
      for i, light in ipairs(lights) do functions[i] = function() play(light) end end
      scheduler:gather(functions)
   end)
end

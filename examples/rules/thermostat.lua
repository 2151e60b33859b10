-- thermostat.lua: a heater on a socket, kept around a temperature with hysteresis.
--    require("examples.rules.thermostat")(scheduler, client, { sensor = id, heater = id }, 21)
-- Between the two bounds nothing is switched, or the heater would flutter. When the room cannot be read for ten
-- minutes the heater goes off: nobody knows how warm it is.
local LOOK, BAND, BLIND = 60, 0.5, 600 -- seconds, degrees, seconds

return function(scheduler, client, ids, target)
   local sensor, heater = client:device(ids.sensor), client:device(ids.heater)
   local is_on, blind_for = nil, 0

   local function heat(on)
      if is_on ~= on and heater:send { switch = on } then is_on = on end
   end

   return scheduler:every(LOOK, function()
      local status = sensor:status()
      if not status then
         blind_for = blind_for + LOOK
         if blind_for >= BLIND then heat(false) end
         return
      end
      blind_for = 0
      local degrees = status.temp_current
      if degrees <= target - BAND then heat(true)
      elseif degrees >= target + BAND then heat(false) end
   end)
end

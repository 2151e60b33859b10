-- motion_light.lua: a lamp that motion lights, and that goes out when there was none for five minutes.
--    require("examples.rules.motion_light")(scheduler, client, { sensor = id, lamp = id })
-- A look costs a call. A project with few of them looks less often, or listens to the cloud's messages instead.
local LOOK, HOLD = 30, 300 -- seconds

return function(scheduler, client, ids)
   local sensor, lamp = client:device(ids.sensor), client:device(ids.lamp)
   local is_lit, quiet_since = nil, nil -- not known yet

   local function light(on)
      if is_lit ~= on and lamp:send { switch_led = on } then is_lit = on end
   end

   return scheduler:every(LOOK, function()
      local status = sensor:status()
      if not status then return end -- the cloud is away: the next look will tell
      quiet_since = status.pir == "pir" and 0 or (quiet_since or HOLD) + LOOK
      light(quiet_since < HOLD)
   end)
end

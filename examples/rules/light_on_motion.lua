-- light_on_motion.lua: a lamp that motion lights, and that goes out when there was none for a while. By events: no call
-- is made but the commands.
--    require("examples.rules.light_on_motion")(scheduler, client, home, { sensor = id, lamp = id })
-- home: client:home(). seconds: how long the lamp stays on after the last motion; 300.
return function(scheduler, client, home, ids, seconds)
   local lamp = client:device(ids.lamp)

   local function pir_is(state)
      return function(h) return h:device(ids.sensor).pir == state end
   end

   return scheduler:spawn(function()
      while home:wait(pir_is("pir")) do
         lamp:send { switch_led = true }
         repeat home:wait(pir_is("none")) until not home:wait(pir_is("pir"), seconds or 300)
         lamp:send { switch_led = false }
      end
   end)
end

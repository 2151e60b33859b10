-- washing_done.lua: tells when the washing machine behind a metering socket is done: it drew power, and has drawn
-- hardly any for a while, so that a pause between two runs of the drum is no end. By events, at no calls.
--    require("examples.rules.washing_done")(scheduler, home, socket, tell)
-- home: client:home(); tell: a function; seconds: how long it must be quiet; 180.
local RUNNING, QUIET = 20, 5 -- W

return function(scheduler, home, socket, tell, seconds)
   local function power(h) return h:device(socket).cur_power or 0 end
   local function is_running(h) return power(h) >= RUNNING end
   local function is_quiet(h) return power(h) < QUIET end

   return scheduler:spawn(function()
      while home:wait(is_running) do
         repeat home:wait(is_quiet) until not home:wait(is_running, seconds or 180)
         tell("the washing is done")
      end
   end)
end

-- door_left_open.lua: tells of a door that has stood open for too long, once for each time. By events, at no calls.
--    require("examples.rules.door_left_open")(scheduler, home, door, tell)
-- home: client:home(); tell: a function; seconds: how long is too long; 300.
return function(scheduler, home, door, tell, seconds)
   local function is_open(h) return h:device(door).doorcontact_state == true end
   local function is_shut(h) return not is_open(h) end

   return scheduler:spawn(function()
      while home:wait(is_open) do
         if not home:wait(is_shut, seconds or 300) then
            tell("the door stands open")
            home:wait(is_shut)
         end
      end
   end)
end

-- rules.lua: what every project of the engine does. Change it while the engine runs: the next second has it.
local engine = ...
local plug = engine.client:device("vdevo161563811262429")

engine.every(0.1, function()
   local status, message = plug:status()
   engine.say(status and "the socket is " .. (status.switch and "on" or "off") or message)
end)

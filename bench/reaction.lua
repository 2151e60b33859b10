-- reaction.lua: how long a rule takes:  reaction.lua COUNT
-- Prints the median, least and greatest milliseconds from the change of a device in the simulated cloud, pushed over a
-- WebSocket on loopback, through a rule that answers it, to the command accepted by that cloud.

local core = require("tuya.core")
local measure = require("bench.measure")
local pushing = require("spec.support.pushing")

local LAMP = "vdevo161563811262430"
local made = pushing.new()
local stream = made.client:events { via = "pulsar" }
stream:on { device = pushing.SOCKET, code = "switch", function(event)
   made.client:start({ method = "POST", path = "/v1.0/devices/" .. LAMP .. "/commands",
      body = { commands = { { code = "switch_led", value = event.changes.switch } } } }, function() end)
end }

local accepted
made.sim._on_change = function(device) accepted = device.id == LAMP and core.monotonic() end
assert(made:until_so(function() return stream:status().state == "open" end))

local taken = {}
for i = 1, tonumber(arg[1]) do
   for _ = 1, 3 do made.listener:tick(0.002) end -- nothing is under way
   accepted = false
   local start = core.monotonic()
   made.sim:set(pushing.SOCKET, "switch", i % 2 == 0)
   while not accepted do -- one process plays both sides, so neither may sleep
      made.listener:tick(0)
      made.client:tick(0)
   end
   taken[i] = (accepted - start) * 1000
end
table.remove(taken, 1) -- the first gets a token
print(("%.3f %.3f %.3f"):format(measure.spread(taken)))
made:close()

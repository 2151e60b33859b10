-- morning.lua: a rule for the morning, in as few calls as it takes. Runs in the simulated house:
--    TUYA_ACCESS_ID=a TUYA_ACCESS_SECRET=b tuya simulate examples/house.json --port 8080 --forever &
--    TUYA_ACCESS_ID=a TUYA_ACCESS_SECRET=b TUYA_ENDPOINT=http://127.0.0.1:8080 lua examples/morning.lua
local tuya = require("tuya")

local client = tuya.client {}

-- The state of every device: one call, and at first one more for each product, which says what its values mean.
local statuses = assert(client:statuses())
print("Front door is " .. (statuses.door.doorcontact_state and "open" or "closed"))

-- One call for what the scene does: coffee, and the curtain.
assert(client:space("1001"):run("Good morning"))

-- A temperature as people write it, and proof that it arrived.
local radiator = assert(client:find("Radiator"))
assert(radiator:send({ temp_set = 21.5 }, { confirm = 5 }))

for device in client:devices() do
   if not device.online then print(device.name .. " is offline") end
end

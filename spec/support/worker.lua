-- worker.lua: a program; makes calls with a store in a file and notes each: worker.lua ENDPOINT STORE NOTES CALLS
-- LOGIN; the last, which may be left out, is the client's option as JSON.
-- Every second call is a command. What became of a call is a line in NOTES: "ok", or why not. It may be killed at any
-- moment; whoever starts it again counts the lines.
local json = require("tuya.json")
local socket = require("socket")
local tuya = require("tuya")

local endpoint, store, path, calls = arg[1], arg[2], arg[3], tonumber(arg[4])

local SOCKET = "vdevo161563811262429"
local DEVICE = "/v1.0/devices/" .. SOCKET

local client = tuya.client {
   endpoint = endpoint, store = store, proxy = "", budget = {}, login = arg[5] and assert(json.decode(arg[5])),
}
local notes = assert(io.open(path, "a"))

for i = 1, calls do
   local result, message
   if i % 2 == 0 then result, message = client:get(DEVICE)
   else result, message = client:device(SOCKET):send { switch = i % 4 == 1 } end
   notes:write(result and "ok" or message, "\n")
   notes:flush()
   socket.sleep(math.random() * 0.03)
end
notes:close()

-- switch_socket.lua: the founding case. Get a token, switch a socket on, read it back; each step shown as it happens.
--
-- Runs against the simulated cloud (`make demo`) or, with your own credentials, against Tuya's:
--    TUYA_ACCESS_ID=... TUYA_ACCESS_SECRET=... TUYA_ENDPOINT=https://openapi.tuyaeu.com lua switch_socket.lua DEVICE_ID
local tuya = require("tuya")
local new_transport = require("tuya.transport.curl").new

local access_id = assert(os.getenv("TUYA_ACCESS_ID"), "TUYA_ACCESS_ID is not set")
local key = tuya.key(assert(os.getenv("TUYA_ACCESS_SECRET"), "TUYA_ACCESS_SECRET is not set"))
local endpoint = assert(os.getenv("TUYA_ENDPOINT"), "TUYA_ENDPOINT is not set")
local device = "/v1.0/devices/" .. (arg[1] or "vdevo161563811262429")

local SECRETS = { sign = true, access_token = true }

local function mask(text)
   return text:sub(1, 4) .. "..." .. " (" .. #text .. " characters)"
end

local function show(title, text)
   print("  " .. title)
   for line in (text .. "\n"):gmatch("(.-)\n") do print("    | " .. line) end
end

local function show_headers(headers)
   local lines = {}
   for name, value in pairs(headers) do
      lines[#lines + 1] = name .. ": " .. (SECRETS[name] and mask(value) or value)
   end
   table.sort(lines)
   show("3. sealed: these headers, with that body, and nothing can be changed any more", table.concat(lines, "\n"))
end

local transport = new_transport { endpoint = endpoint, ca_file = os.getenv("TUYA_CA_FILE") }

-- Build, sign, send: the three steps, printed.
local function call(title, token, spec)
   print(title)
   local request = tuya.request(spec)
   show("1. request", request.method .. " " .. spec.path .. (request.body and "\n" .. request.body or ""))
   local sealed = tuya.sign(request, { access_id = access_id, key = key, access_token = token })
   show("2. canonical string, what is signed", sealed:canonical())
   show_headers(sealed:headers())
   local reply = assert(transport:send(sealed))
   local envelope = assert(tuya.json.decode(reply.body))
   local masked = reply.body:gsub('("%w+_token":")(%w%w%w%w)%w*', "%1%2...")
   show("reply: HTTP " .. reply.status, masked)
   print()
   return assert(envelope.success, envelope.msg) and envelope.result
end

local token = call("Get a token", nil, { method = "GET", path = "/v1.0/token?grant_type=1" }).access_token

call("Switch the socket on", token, {
   method = "POST",
   path = device .. "/commands",
   body = { commands = { { code = "countdown_1", value = 0 }, { code = "switch", value = true } } },
})

local status = call("Read it back", token, { method = "GET", path = device .. "/status" })
for _, point in ipairs(status) do
   if point.code == "switch" then print("The socket is " .. (point.value and "ON" or "OFF")) end
end

-- The same, left to a client.
local client = tuya.client {
   access_id = access_id, key = key, endpoint = endpoint, ca_file = os.getenv("TUYA_CA_FILE"),
}
local plug = client:device(arg[1] or "vdevo161563811262429")
assert(plug:send { countdown_1 = 0, switch = true })
assert(assert(plug:status()).switch)
client:close()

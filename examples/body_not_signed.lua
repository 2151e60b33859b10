-- body_not_signed.lua: how people get stuck at 1004. The call of switch_socket.lua, made the way the much copied
-- sample makes it: the signature is computed without the body, and then a body is sent.
--
-- It takes another HTTP client (LuaSocket's) to do that: the transports of lua-tuya send what was sealed, whole.
local http = require("socket.http")
local ltn12 = require("ltn12")
local tuya = require("tuya")

local access_id, secret = os.getenv("TUYA_ACCESS_ID"), os.getenv("TUYA_ACCESS_SECRET")
local endpoint = os.getenv("TUYA_ENDPOINT")
local path = "/v1.0/devices/" .. (arg[1] or "vdevo161563811262429") .. "/commands"

local client = tuya.client { access_id = access_id, access_secret = secret, endpoint = endpoint }
local token = assert(client:get("/v1.0/token", { grant_type = 1 })).access_token
client:close()

-- the sample's signer has an optional argument `body = {}`, and its caller does not pass the body
local sealed = tuya.sign({ method = "POST", path = path, body = "{}" },
   { access_id = access_id, key = tuya.key(secret), access_token = token })

local body = '{"commands":[{"code":"countdown_1","value":0},{"code":"switch","value":true}]}'
local headers = sealed:headers()
headers["Content-Length"] = tostring(#body)

local answer = {}
http.request {
   method = "POST",
   url = endpoint .. path,
   headers = headers,
   source = ltn12.source.string(body),
   sink = ltn12.sink.table(answer),
}

print("The same call the broken way: the body is sent, and not signed")
print("  signed body | {}")
print("  sent body   | " .. body)
local envelope = assert(tuya.json.decode(table.concat(answer)))
assert(envelope.code == 1004, "expected 1004, sign invalid")
print(('  reply       | {"code":%d,"msg":"%s"}'):format(envelope.code, envelope.msg))
print("That is all that Tuya says. The simulated cloud says why, as `tuya diagnose` does for any request:")
print((envelope.diagnosis.text:gsub("[^\n]+", "  %0")))
print("With lua-tuya it cannot happen: what is signed is what is sent.")

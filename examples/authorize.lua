-- authorize.lua: an owner lets your project use their devices (OAuth code grant); nobody tells you a password.
--
-- Against the simulated cloud:
--    TUYA_ACCESS_ID=my-project TUYA_ACCESS_SECRET=my-secret \
--       tuya simulate --port 8080 --callback-url http://localhost:9000/back --forever
--    TUYA_ACCESS_ID=my-project TUYA_ACCESS_SECRET=my-secret TUYA_ENDPOINT=http://127.0.0.1:8080 \
--       lua authorize.lua http://localhost:9000/back
-- Against Tuya's: a key for app authorization, the callback URL of the console, TUYA_REGION instead of TUYA_ENDPOINT.
-- The second time it asks for nothing: the token is in the store.
local core = require("tuya.core")
local tuya = require("tuya")

local callback_url = assert(arg[1], "the callback URL is missing")
local store = tuya.store.new("file:" .. (arg[2] or "authorize.tokens"))

local function client_of(login)
   return tuya.client { store = store, login = login }
end

local owner = client_of { account = "owner" }
local uid, message, detail = owner:uid()
if not uid and detail.code ~= "authorize" then error(message) end
if not uid then
   local state = core.nonce() -- who comes back with another one was not sent by us
   print("Open this page, and paste the address that it leads to:")
   print(tuya.client():authorization_url { redirect_uri = callback_url, state = state })
   io.stdout:flush()
   local address = assert(io.read("*l"), "no address")
   assert(address:match("[?&]state=(%w+)") == state, "this is no answer to our page")
   owner = client_of { account = "owner", code = address:match("[?&]code=(%w+)") }
   uid = assert(owner:uid())
end
for device in owner:devices { uid = uid } do print(device.id, device.online and "online" or "offline", device.name) end

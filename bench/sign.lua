-- sign.lua: what one signature costs from Lua, one way a run:  sign.lua given|own|whole|luaossl COUNT
-- Prints the CPU nanoseconds of one and the signature. given: t and nonce given, request and signer made once.
-- own: our clock and nonce, a new signer table each time. whole: own, and the request with its JSON made anew
-- each time, which is what the Node connector's function does. luaossl: the same bytes by luaossl's digest and
-- hmac, hex by a table of all bytes.

local way, count = arg[1], tonumber(arg[2])
local WARM_UP = 1000

local function input(name)
   return (assert(os.getenv("BENCH_" .. name), name))
end

local id, secret, token, nonce = input("ID"), input("SECRET"), input("TOKEN"), input("NONCE")
local path, body, t = input("PATH"), input("BODY"), tonumber(input("T"))

local ways = {}

local function signature_of(sealed)
   return sealed:headers().sign
end

function ways.given()
   local tuya = require("tuya")
   local request = tuya.request { method = "POST", path = path, body = body }
   local signer = { access_id = id, key = tuya.key(secret), access_token = token, t = t, nonce = nonce }
   return function()
      return tuya.sign(request, signer)
   end, signature_of
end

function ways.own()
   local tuya = require("tuya")
   local request = tuya.request { method = "POST", path = path, body = body }
   local key = tuya.key(secret)
   return function()
      return tuya.sign(request, { access_id = id, key = key, access_token = token })
   end, signature_of
end

function ways.whole()
   local tuya = require("tuya")
   local key, given = tuya.key(secret), require("cjson").decode(body)
   return function()
      local request = tuya.request { method = "POST", path = path, body = given }
      return tuya.sign(request, { access_id = id, key = key, access_token = token })
   end, signature_of
end

function ways.luaossl()
   local digest, hmac = require("openssl.digest"), require("openssl.hmac")
   local lower, upper = {}, {}
   for byte = 0, 255 do
      lower[string.char(byte)] = ("%02x"):format(byte)
      upper[string.char(byte)] = ("%02X"):format(byte)
   end
   local moment = input("T")
   return function()
      local hash = digest.new("sha256"):final(body):gsub(".", lower)
      local canonical = "POST\n" .. hash .. "\n\n" .. path
      local mac = hmac.new(secret, "sha256"):final(id .. token .. moment .. nonce .. canonical)
      return (mac:gsub(".", upper))
   end, tostring
end

local sign, show = ways[way]()
for _ = 1, WARM_UP do sign() end
local start = os.clock()
for _ = 1, count do sign() end
print(("%.1f %s"):format((os.clock() - start) * 1e9 / count, show(sign())))

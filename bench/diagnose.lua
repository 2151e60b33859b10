-- diagnose.lua: what a diagnosis costs:  diagnose.lua single|pair|three|nothing COUNT
-- Prints the CPU milliseconds of one and its verdict. single: a body that was not signed; pair: that and a token that
-- was not; three: and a method in lower case; nothing: a sign that no known mistake explains, so that all is tried.

local core = require("tuya.core")
local tuya = require("tuya")

local way, count = arg[1], tonumber(arg[2])

local function input(name)
   return (assert(os.getenv("BENCH_" .. name), name))
end

local id, token, t, body, path = input("ID"), input("TOKEN"), input("T"), input("BODY"), input("PATH")

local function text(head, method)
   return head .. method .. "\n" .. core.sha256("") .. "\n\n" .. path
end

local texts = {
   single = text(id .. token .. t, "POST"),
   pair = text(id .. t, "POST"),
   three = text(id .. t, "post"),
   nothing = "nothing",
}

local captured = {
   method = "POST", target = path, body = body,
   headers = {
      client_id = id, access_token = token, t = t, sign_method = "HMAC-SHA256",
      sign = core.key(input("SECRET")):mac(texts[way]),
   },
}
local known = { secret = input("SECRET"), access_token = token, access_id = id, server_time = tonumber(t) }

local report = tuya.diagnose(captured, known)
local start = os.clock()
for _ = 1, count do tuya.diagnose(captured, known) end
print(("%.2f %s %d"):format((os.clock() - start) * 1e3 / count, report.verdict, #report.mistakes))

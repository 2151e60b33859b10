-- capture.lua: what must hold for every text that somebody pastes. spec/fuzz/lua.c calls it.
local capture = require("tuya.diagnose.capture")
local diagnose = require("tuya.diagnose")

local SECRET = "4c1d7e90b2aa4f63958e07d1c6ab32ff"

local function require_pairs(headers)
   for _, header in ipairs(headers) do
      assert(type(header[1]) == "string" and type(header[2]) == "string" and #header == 2)
      assert(not (header[1] .. header[2]):find("[\r\n]"), "a header holds a line end")
   end
end

local function require_request(request)
   assert(type(request.method) == "string" and request.method ~= "")
   assert(type(request.target) == "string")
   assert(type(request.body) == "string")
   assert(request.host == nil or type(request.host) == "string")
   require_pairs(request.headers)
end

-- Without its sign, so that no search is made: that is slow, and not what is looked at here.
local function without_sign(request)
   local headers = {}
   for _, header in ipairs(request.headers) do
      if header[1]:lower() ~= "sign" then headers[#headers + 1] = header end
   end
   return { method = request.method, target = request.target, headers = headers, body = request.body }
end

return function(text)
   local request, message = capture.parse(text)
   if not request then
      assert(type(message) == "string" and not message:find("[\r\n]"), "no message of one line")
      return
   end
   require_request(request)
   local report = assert(diagnose.run(without_sign(request), { secret = SECRET, server_time = 1763816415477 }))
   assert(report.verdict == "wrong")
   assert(not report.text:find(SECRET, 1, true), "the report holds the secret")
end

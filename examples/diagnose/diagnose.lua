-- diagnose.lua: says which mistake made the signature of a request, from a file with the request as it was sent:
--    diagnose.lua body_not_signed.http secret.txt
-- The file is a raw HTTP request or a curl command; the secret stands in a file of its own, never in an argument.
local tuya = require("tuya")

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

local request, secret = read(assert(arg[1], "which file?")), read(assert(arg[2], "which file holds the secret?"))
print(assert(tuya.diagnose(request, { secret = secret:match("^%s*(.-)%s*$") })))

-- What the specs of diagnose share.
local bytes = require("tuya.bytes")

local support = {}

function support.read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- The slugs of a report's list, as a set and as a sorted text.
function support.slugs(list)
   local set, names = {}, {}
   for _, finding in ipairs(list) do
      set[finding.slug] = true
      names[#names + 1] = finding.slug
   end
   table.sort(names, bytes.before)
   return set, table.concat(names, " ")
end

-- Every Lua that the specs run on takes its share of the long series, and all five together the whole.
local SHARES = { ["Lua 5.1"] = 1, ["Lua 5.2"] = 2, ["Lua 5.3"] = 3, ["Lua 5.4"] = 4 }
function support.is_ours(number)
   local share = rawget(_G, "jit") and 5 or SHARES[_VERSION]
   return number % 5 == share % 5
end

-- Base64 by bits, for what is not worth a library here.
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
function support.base64(text)
   local out = {}
   for i = 1, #text, 3 do
      local a, b, c = text:byte(i, i + 2)
      local number = a * 65536 + (b or 0) * 256 + (c or 0)
      for k, there in ipairs { true, true, b ~= nil, c ~= nil } do
         local six = math.floor(number / 64 ^ (4 - k)) % 64
         out[#out + 1] = there and ALPHABET:sub(six + 1, six + 1) or "="
      end
   end
   return table.concat(out)
end

return support

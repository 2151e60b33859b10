--- points/text.lua: what strings of data points must be, base64 and UTF-8.
-- @module tuya.points.text

local text = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function digit(value)
   return ALPHABET:sub(value + 1, value + 1)
end

local function group(a, b, c)
   local bits = a * 65536 + (b or 0) * 256 + (c or 0)
   local four = {}
   for i = 4, 1, -1 do
      four[i] = digit(bits % 64)
      bits = (bits - bits % 64) / 64
   end
   if not b then four[3] = "=" end
   if not c then four[4] = "=" end
   return table.concat(four)
end

--- Bytes as base64.
-- @tparam string given
-- @treturn string
function text.base64(given)
   local groups = {}
   for at = 1, #given, 3 do groups[#groups + 1] = group(given:byte(at, at + 2)) end
   return table.concat(groups)
end

-- What may stand before the padding, so that no bit is lost: the last digit's low bits are zero.
local ENDS = { ["="] = "[AEIMQUYcgkosw048]=$", ["=="] = "[AQgw]==$" }

--- Whether a text is base64, padded, with no bit that decoding would lose.
-- @tparam string given
-- @treturn boolean
function text.is_base64(given)
   local body, padding = given:match("^([A-Za-z0-9+/]*)(=?=?)$")
   if not body or #given % 4 ~= 0 then return false end
   return padding == "" or given:find(ENDS[padding]) ~= nil
end

--- The longest beginning of at most so many bytes that ends between two UTF-8 characters.
-- @tparam string given
-- @tparam number most
-- @treturn string
function text.cut(given, most)
   if #given <= most then return given end
   while most > 0 and (given:byte(most + 1) or 0) >= 0x80 and given:byte(most + 1) < 0xC0 do most = most - 1 end
   return given:sub(1, most)
end

return text

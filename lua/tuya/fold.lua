--- fold.lua: names compared whatever their case, in the alphabets that have cases.
-- The idea: Unicode's simple case folding, one character for one, by ranges: in Latin (accented, and as Vietnamese has
-- it), Greek, Cyrillic, Armenian and full-width Latin, either the capitals stand some way before their small letters,
-- or each stands just before its own.
-- The danger: two names that differ may fold to one; a lookup tells that as ambiguous. What is no UTF-8 stays as it is,
-- an accent as a character of its own stays one, and "SS" is not "ß".
-- @module tuya.fold

local SHIFTED = { -- first and last capital, and how far on its small letter is
   { 0x41, 0x5A, 32 }, { 0xC0, 0xD6, 32 }, { 0xD8, 0xDE, 32 }, { 0x386, 0x386, 38 }, { 0x388, 0x38A, 37 },
   { 0x38C, 0x38C, 64 }, { 0x38E, 0x38F, 63 }, { 0x391, 0x3A1, 32 }, { 0x3A3, 0x3AB, 32 }, { 0x400, 0x40F, 80 },
   { 0x410, 0x42F, 32 }, { 0x4C0, 0x4C0, 15 }, { 0x531, 0x556, 48 }, { 0xFF21, 0xFF3A, 32 },
}

local PAIRED = { -- first capital and last small letter: the small letter stands next to its capital
   { 0x100, 0x12F }, { 0x132, 0x137 }, { 0x139, 0x148 }, { 0x14A, 0x177 }, { 0x179, 0x17E }, { 0x1A0, 0x1A5 },
   { 0x1AF, 0x1B0 }, { 0x1CD, 0x1DC }, { 0x1DE, 0x1EF }, { 0x1F8, 0x21F }, { 0x222, 0x233 }, { 0x460, 0x481 },
   { 0x48A, 0x4BF }, { 0x4C1, 0x4CE }, { 0x4D0, 0x52F }, { 0x1E00, 0x1E95 }, { 0x1EA0, 0x1EFF },
}

local ALONE = { [0x178] = 0xFF, [0x17F] = 0x73, [0x3C2] = 0x3C3, [0x1E9E] = 0xDF }

-- The number of the small letter of a character's.
local function small(code)
   if ALONE[code] then return ALONE[code] end
   for _, range in ipairs(SHIFTED) do
      if code >= range[1] and code <= range[2] then return code + range[3] end
   end
   for _, range in ipairs(PAIRED) do
      if code >= range[1] and code <= range[2] then return code + ((code - range[1]) % 2 == 0 and 1 or 0) end
   end
   return code
end

local function decode(character)
   local a, b, c = character:byte(1, 3)
   if #character == 2 then return (a - 0xC0) * 64 + b - 0x80 end
   return ((a - 0xE0) * 64 + b - 0x80) * 64 + c - 0x80
end

local function encode(code)
   if code < 0x80 then return string.char(code) end
   if code < 0x800 then return string.char(0xC0 + (code - code % 64) / 64, 0x80 + code % 64) end
   local high = (code - code % 64) / 64
   return string.char(0xE0 + (high - high % 64) / 64, 0x80 + high % 64, 0x80 + code % 64)
end

local function fold_character(character)
   return encode(small(decode(character)))
end

local ASCII = {}
for code = 0x41, 0x5A do ASCII[string.char(code)] = string.char(code + 32) end

--- A name with the small letters of its capitals, in any locale.
-- @tparam string text
-- @treturn string
local function fold(text)
   local folded = text:gsub("[A-Z]", ASCII)
   if not folded:find("[\195-\239]") then return folded end
   folded = folded:gsub("[\195-\223][\128-\191]", fold_character)
   return (folded:gsub("[\225-\239][\128-\191][\128-\191]", fold_character))
end

return fold

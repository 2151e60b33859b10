--- json.lua: the seam to a JSON library; lua-cjson by default.
-- The idea: a body is encoded to bytes once, and every integer in it is written exactly or refused. Fractions have
-- 14 digits with Debian's library, 16 with OpenResty's.
-- The danger: Debian's lua-cjson writes 14 digits, cannot write an empty list and reads every number as a float;
-- OpenResty's keeps integers; and both learn the locale's decimal point when they are made. Both are driven through
-- `cjson.new()`, since a setting on the shared module would change it for the whole program.
-- @module tuya.json

local core = require("tuya.core")

local json = {}

local MAX_DEPTH = 1000 -- cjson's own bound; reached first by a table that holds itself

--- JSON null, for bodies. In replies null is nil.
json.null = setmetatable({}, {
   __name = "tuya.json.null",
   __tostring = function()
      return "null"
   end,
})

local array_metatable = { __name = "tuya.json.array" }

--- Marks a table as a list, so that it is written `[]` even when it is empty.
-- @tparam[opt] table list
-- @treturn table the same table
function json.array(list)
   if list ~= nil and type(list) ~= "table" then error("tuya.json.array: a table expected, got " .. type(list), 2) end
   return setmetatable(list or {}, array_metatable)
end

local function is_integral(n)
   return n % 1 == 0 and n - n == 0
end

local load = require -- a host may take it away once everything is loaded

-- The library, set up apart from everybody else's use of it.
local function new_codec(point)
   local cjson = load("cjson").new()
   pcall(cjson.encode_number_precision, 16) -- refused by Debian's, which stops at 14
   pcall(cjson.decode_invalid_numbers, false)
   return { cjson = cjson, point = point }
end

local codec

-- Made at the first use, and anew when the host has changed the locale: cjson keeps the decimal point it was born with.
local function library()
   local point = core.decimal_point()
   if not codec or codec.point ~= point then codec = new_codec(point) end
   return codec.cjson
end

-- Whether the library writes an integral number as the digits that it has.
local function is_exact(n)
   if n > -1e14 and n < 1e14 then return true end
   local text = library().encode({ n }):sub(2, -2)
   return text:find("^%-?%d+$") ~= nil and tonumber(text) == n
end

-- What stands for an empty list: the library's own word for it, or a string that no value holds by chance.
local function empty_array(state)
   local word = library().empty_array
   if word then return word end
   state.placeholder = state.placeholder or "empty array " .. core.nonce()
   return state.placeholder
end

local prepare

-- A copy of the table with replaced values, or the table itself when nothing is to be replaced.
local function prepare_table(value, state, depth)
   if depth > MAX_DEPTH then error("nested deeper than 1000, or holds itself", 0) end
   local copy
   for k, v in next, value do
      local replaced = prepare(v, state, depth + 1)
      if replaced ~= v then
         if not copy then
            copy = {}
            for k2, v2 in next, value do copy[k2] = v2 end
         end
         copy[k] = replaced
      end
   end
   return copy or value
end

function prepare(value, state, depth)
   local kind = type(value)
   if kind == "number" and is_integral(value) and not is_exact(value) then
      error(("the JSON library cannot write %s exactly; give it as a string, or another library as json")
         :format(("%.0f"):format(value)), 0)
   end
   if kind ~= "table" then return value end
   if value == json.null then return library().null end
   local metatable = getmetatable(value)
   if metatable and next(value) == nil then
      if metatable == array_metatable then return empty_array(state) end
      -- a proxy of a frozen table, say: it would be sent as if nothing were in it
      if type(metatable) == "table" and metatable.__index then error("a table whose fields a metatable lends", 0) end
   end
   return prepare_table(value, state, depth)
end

-- For what the library may not write as it is.
local function encode_prepared(value)
   local state = {}
   local text = library().encode(prepare(value, state, 1))
   if not state.placeholder then return text end
   return (text:gsub('"' .. state.placeholder .. '"', "[]"))
end

-- What is wrong, without the place in this file where it was found.
local function plain(trouble)
   return (tostring(trouble):gsub("^[^\n]-:%d+: ", ""))
end

--- Encodes a value.
-- @param value tables, strings, numbers, booleans, `json.null`
-- @treturn ?string text; nil and the rule when the value cannot be written exactly
function json.encode(value)
   local ok, text
   if core.is_plain(value) then ok, text = pcall(library().encode, value)
   else ok, text = pcall(encode_prepared, value) end
   if ok then return text end
   return nil, plain(text)
end

-- Raises for what is not JSON.
local function decode(text)
   return core.restore(library().decode(text))
end

--- Decodes a text. Integers come back as integers where Lua has them, null as nil.
-- @tparam string text
-- @return the value; nil and a message when the text is not JSON
function json.decode(text)
   local ok, value = pcall(decode, text)
   if ok then return value end
   return nil, plain(value)
end

--- What a client works with by default: encoding answers nil and the rule, decoding raises, as a codec may.
json.codec = { encode = json.encode, decode = decode }

--- Decodes a text as the library does: numbers and nulls are its own. For where strings alone are wanted, at a third of
-- the cost.
-- @tparam string text
-- @return the value; nil where the text is not JSON
function json.parse(text)
   local ok, value = pcall(library().decode, text)
   return ok and value or nil
end

return json

--- json.lua: the seam to a JSON library; lua-cjson by default.
-- The idea: a body is encoded to bytes once, and every number in it is written exactly or refused.
-- The danger: Debian's lua-cjson writes 14 digits, cannot write an empty list and reads every number as
-- a float; OpenResty's keeps integers. Both are driven through `cjson.new()`, since a setting on the
-- shared module would change it for the whole program.
-- @module tuya.json

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
   return setmetatable(list or {}, array_metatable)
end

local function is_integral(n)
   return n % 1 == 0 and n - n == 0
end

-- The library, set up apart from everybody else's use of it; made at the first use.
local function new_library()
   local library = require("cjson").new()
   pcall(library.encode_number_precision, 16) -- refused by Debian's, which stops at 14
   pcall(library.decode_invalid_numbers, false)
   return library
end

local codec

local function library()
   if not codec then
      codec = { cjson = new_library() }
      -- what stands for an empty list until the text is there, where the library has no word for it
      codec.empty = codec.cjson.empty_array
   end
   return codec
end

-- The digits of an integral number as the library writes them, or nil where it would change them.
local function is_exact(n)
   if n > -1e14 and n < 1e14 then return true end
   local text = library().cjson.encode({ n }):sub(2, -2)
   return text:find("^%-?%d+$") ~= nil and tonumber(text) == n
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
   if value == json.null then return library().cjson.null end
   if getmetatable(value) == array_metatable and next(value) == nil then
      state.empties = state.empties + 1
      return state.empty
   end
   return prepare_table(value, state, depth)
end

-- A stand-in string that no value can hold by chance.
local function placeholder()
   return "empty array " .. require("tuya.core").nonce()
end

local function encode(value)
   local state = { empties = 0, empty = library().empty or placeholder() }
   local text = library().cjson.encode(prepare(value, state, 1))
   if state.empties == 0 or library().empty then return text end
   return (text:gsub('"' .. state.empty .. '"', "[]"))
end

--- Encodes a value.
-- @param value tables, strings, numbers, booleans, `json.null`
-- @treturn ?string text; nil and the rule when the value cannot be written exactly
function json.encode(value)
   local ok, text = pcall(encode, value)
   if ok then return text end
   return nil, text
end

local to_integer = math.tointeger -- 5.3 and later: the others have no integers

local function restore(value, null)
   if value == null then return nil end
   if type(value) == "number" then
      return to_integer and value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53 and to_integer(value) or value
   end
   if type(value) == "table" then
      for k, v in next, value do value[k] = restore(v, null) end
   end
   return value
end

--- Decodes a text. Integers come back as integers where Lua has them, null as nil.
-- @tparam string text
-- @return the value; nil and a message when the text is not JSON
function json.decode(text)
   local ok, value = pcall(library().cjson.decode, text)
   if ok then return restore(value, library().cjson.null) end
   return nil, value
end

return json

--- values.lua: may this data point take this value?
-- The idea: one checker for each of Tuya's types, each giving the value as it is kept, or the code of its
-- refusal.
-- The danger: Lua has one number type too few or too many, depending on its version; an Integer is kept as
-- an integer wherever there are integers.
-- @module tuya.simulator.values

local json = require("tuya.json")

local values = {}

local to_integer = math.tointeger -- luacheck: ignore 143

local WRONG_TYPE, UNSUPPORTED = 1104, 2008

local EXACT = 1e14 -- below it every JSON library writes an integer exactly

--- The number as an integer; nil if it has a fraction or is too large.
local function whole(number)
   if not (number > -EXACT and number < EXACT) or number % 1 ~= 0 then
      return nil
   end
   return to_integer and to_integer(number) or number
end

local function within(number, limits)
   return number >= (limits.min or -math.huge) and number <= (limits.max or math.huge)
end

local function listed(value, list)
   for _, one in ipairs(list or {}) do
      if one == value then
         return true
      end
   end
   return false
end

local function text(value, limits)
   if type(value) ~= "string" then
      return nil, WRONG_TYPE
   end
   if #value > (limits.maxlen or math.huge) then
      return nil, UNSUPPORTED
   end
   return value
end

--- Are the fields that the specification describes (h, s, v of a colour) within their limits?
local function fields_within(fields, limits)
   for name, limit in pairs(limits) do
      local value = fields[name]
      if type(limit) == "table" and type(value) == "number" and not within(value, limit) then
         return false
      end
   end
   return true
end

local check = {}

function check.Boolean(value)
   if type(value) ~= "boolean" then
      return nil, WRONG_TYPE
   end
   return value
end

function check.Integer(value, limits)
   local number = type(value) == "number" and whole(value)
   if not number then
      return nil, WRONG_TYPE
   end
   if not within(number, limits) then
      return nil, UNSUPPORTED
   end
   return number
end

function check.Enum(value, limits)
   if type(value) ~= "string" then
      return nil, WRONG_TYPE
   end
   if not listed(value, limits.range) then
      return nil, UNSUPPORTED
   end
   return value
end

check.String = text
check.Raw = text

--- Comes as an object or as its JSON text, and is kept as the text.
function check.Json(value, limits)
   local fields = value
   if type(value) == "string" then
      fields = json.decode(value)
   end
   if type(fields) ~= "table" then
      return nil, WRONG_TYPE
   end
   if not fields_within(fields, limits) then
      return nil, UNSUPPORTED
   end
   return type(value) == "string" and value or json.encode(value)
end

--- One bit for each label.
function check.Bitmap(value, limits)
   return check.Integer(value, { min = 0, max = 2 ^ #(limits.label or {}) - 1 })
end

--- What a data point has before anyone has set it.
local initial = {
   Boolean = function()
      return false
   end,
   Integer = function(limits)
      return math.max(limits.min or 0, math.min(0, limits.max or 0))
   end,
   Enum = function(limits)
      return limits.range[1]
   end,
   String = function()
      return ""
   end,
   Raw = function()
      return ""
   end,
   Json = function()
      return "{}"
   end,
   Bitmap = function()
      return 0
   end,
}

--- Is there such a type?
function values.is_type(name)
   return check[name] ~= nil
end

--- The value as the data point keeps it, or nil and the code of the refusal.
-- @tparam table point with its type and values
-- @param value
function values.accept(point, value)
   return check[point.type](value, point.values)
end

function values.initial(point)
   return initial[point.type](point.values)
end

return values

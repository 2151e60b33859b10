--- points/specification.lua: what the cloud says about a product's data points, read into one form.
-- The idea: three generations write the same differently (`values` as JSON text or as an object, functions and status,
-- the thing model as JSON text in JSON); whatever came, a list of points with Tuya's type names comes of it.
-- The danger: some products describe themselves in broken JSON. Such a data point has no type, and passes unchecked.
-- @module tuya.points.specification

local colour = require("tuya.points.colour")
local json = require("tuya.json")

local specification = {}

local TYPES = {
   boolean = "Boolean", bool = "Boolean", integer = "Integer", value = "Integer", enum = "Enum", string = "String",
   json = "Json", raw = "Raw", bitmap = "Bitmap", fault = "Bitmap",
}

local INT = 2 ^ 31
local BITS = 30 -- of a Bitmap that says nothing about itself

-- `values` as a table; nil when it is neither an object nor the text of one.
local function values_of(given)
   if type(given) == "string" then given = json.decode(given) end
   return type(given) == "table" and given or nil
end

-- Fills in the bounds of an Integer; false when they make no sense.
local function bound(point, values)
   local scale, step = tonumber(values.scale) or 0, tonumber(values.step) or 1
   point.min, point.max = tonumber(values.min) or -INT, tonumber(values.max) or INT - 1
   point.scale, point.unit = scale, type(values.unit) == "string" and values.unit or ""
   point.step = step >= 1 and step or 1
   return point.min <= point.max and scale >= 0 and scale % 1 == 0
end

local function strings(list)
   local found = {}
   for _, one in ipairs(type(list) == "table" and list or {}) do
      if type(one) == "string" then found[#found + 1] = one end
   end
   return found
end

local rules = {}

function rules.Boolean()
   return true
end

rules.Integer = bound

function rules.Enum(point, values)
   point.range, point.names = strings(values.range), {}
   for _, name in ipairs(point.range) do point.names[name] = true end
   return point.range[1] ~= nil
end

function rules.String(point, values)
   local most = tonumber(values.maxlen)
   point.maxlen = most and most > 0 and most or math.huge
   return true
end

rules.Raw = rules.String

function rules.Bitmap(point, values)
   point.label = strings(values.label)
   point.bits = point.label[1] and #point.label or math.min(tonumber(values.maxlen) or BITS, BITS)
   return true
end

function rules.Json(point, values)
   point.fields = {}
   for name, limits in next, values do
      local field = { code = name, type = "Integer" }
      if type(limits) == "table" and limits.min and limits.max and bound(field, limits) then
         point.fields[name] = field
      end
   end
   point.is_colour = colour.is(point.code, point.fields)
   if point.is_colour and not next(point.fields) then point.fields = colour.usual_fields(point.code) end
   return true
end

-- A point of its code, type name and values; without a type where they say nothing usable.
local function new_point(code, name, values)
   local point = { code = code, writable = false }
   local kind = TYPES[tostring(name):lower()]
   values = values_of(values)
   if kind and values and rules[kind](point, values) then point.type = kind end
   return point
end

local function add(made, point)
   if not made.by_code[point.code] then made[#made + 1] = point end
   made.by_code[point.code] = point
end

local function read_list(made, list, writable)
   for _, given in ipairs(type(list) == "table" and list or {}) do
      if type(given) == "table" and type(given.code) == "string" then
         local point = new_point(given.code, given.type, given.values)
         local known = made.by_code[point.code]
         point.writable = writable or known ~= nil and known.writable
         point.name = given.name or known and known.name
         point.id = given.dp_id or given.dpId or known and known.id
         add(made, point)
      end
   end
end

local function read_model(made, text)
   local model = values_of(text) or {}
   for _, service in ipairs(type(model.services) == "table" and model.services or {}) do
      for _, given in ipairs(type(service.properties) == "table" and service.properties or {}) do
         local spec = type(given.typeSpec) == "table" and given.typeSpec or {}
         local point = new_point(given.code, spec.type, spec)
         point.writable = tostring(given.accessMode):find("w", 1, true) ~= nil
         point.name, point.id = given.name, given.abilityId
         if type(point.code) == "string" then add(made, point) end
      end
   end
end

--- Reads a specification.
-- @tparam table result of `.../specifications`, `.../functions` or `.../model`
-- @treturn ?table a list of points, `{ code=, type=, writable=, name=, id= }` each with what its type is bound by, and
-- `by_code`, `category`; nil when the cloud gave none that is usable
function specification.read(result)
   if type(result) ~= "table" then return nil end
   local made = { by_code = {}, category = result.category }
   read_list(made, result.functions, true)
   read_list(made, result.status, false)
   read_model(made, result.model)
   return made[1] and made or nil
end

return specification

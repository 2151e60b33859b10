--- points.lua: data points with types, as a program writes them and as the cloud carries them.
-- The idea: a specification says what a data point may be; `encode` makes of a Lua value what is sent, or says which
-- rule it breaks and which legal value is the nearest, and `decode` makes the Lua value of what was read. There and
-- back is the same value, over the whole legal range.
-- The danger: a rule that the cloud does not have would refuse what works. Where a specification says nothing usable
-- about a data point, its values pass as they are.
--
--    type      in Lua                                        sent
--    Boolean   true, false                                   the same
--    Integer   21.5 where scale is 1                         215
--    Enum      a string of the range                         the same
--    String    a string of at most maxlen bytes              the same
--    Json      a table; a colour also "#ff8000", "rgb(255, 128, 0)"   JSON text; a colour is { h=, s=, v= }
--    Raw       base64 text                                   the same
--    Bitmap    a list of names, { "ov_cr" }                  a number, one bit each
-- @module tuya.points

local bytes = require("tuya.bytes")
local colour = require("tuya.points.colour")
local decimal = require("tuya.decimal")
local json = require("tuya.json")
local options = require("tuya.options")
local text = require("tuya.points.text")

local points = {}

local to_integer = math.tointeger -- luacheck: ignore 143

local function number_text(number)
   return decimal.text("%.10g", number)
end

local function shown_scalar(value)
   if value ~= value then return "not a number" end
   if type(value) == "number" then return decimal.text("%.14g", value) end
   if type(value) ~= "string" then return tostring(value) end
   local cut = #value > 40 and text.cut(value, 37) .. "..." or value
   return '"' .. cut:gsub("[%z\1-\31\127]", "?") .. '"'
end

-- A value as a program would write it, tables down to some depth.
local function written(value, depth)
   if type(value) == "number" then return number_text(value) end
   if type(value) ~= "table" then return shown_scalar(value) end
   if value == json.null then return "null" end
   if depth == 0 then return "a table" end
   local parts = {}
   if value[1] ~= nil or next(value) == nil then
      for i, one in ipairs(value) do parts[i] = written(one, depth - 1) end
   else
      for i, name in ipairs(bytes.names(value) or {}) do parts[i] = name .. " = " .. written(value[name], depth - 1) end
   end
   return parts[1] and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

-- A value as it stands in a message: short, on one line.
local function shown(value)
   if type(value) ~= "table" then return shown_scalar(value) end
   local all = written(value, 1)
   return #all > 60 and text.cut(all, 57) .. "..." or all
end

-- {{{ Integer

-- The place of a number among the legal ones: the nearest legal wire value.
local function nearest_wire(point, wire)
   local last = point.min + math.floor((point.max - point.min) / point.step) * point.step
   if wire ~= wire or wire <= point.min then return point.min end
   if wire >= last then return last end
   return point.min + math.floor((wire - point.min) / point.step + 0.5) * point.step
end

local function integer_rule(point)
   local factor = 10 ^ point.scale
   local unit = point.unit ~= "" and " " .. point.unit or ""
   local rule = ("a number from %s to %s%s expected"):format(
      number_text(point.min / factor), number_text(point.max / factor), unit)
   if point.step == 1 and point.scale == 0 then return rule:gsub("a number", "a whole number") .. "" end
   return rule .. ", in steps of " .. number_text(point.step / factor)
end

-- Apart by no more than arithmetic with fractions is, in a program: never by a step.
local function is_close(a, b)
   return math.abs(a - b) <= math.max(1e-9, 1e-13 * math.abs(b))
end

local function to_program(point, wire)
   return point.scale == 0 and wire or wire / 10 ^ point.scale
end

local function whole(number)
   return to_integer and to_integer(number) or number
end

local function encode_integer(point, value)
   local number = tonumber(value)
   local wire = number and number * 10 ^ point.scale
   local nearest = wire and whole(nearest_wire(point, wire))
   if type(value) == "number" and is_close(wire, nearest) then return nearest end
   return nil, integer_rule(point), nearest and to_program(point, nearest)
end

local function decode_integer(point, wire)
   return tonumber(wire) and to_program(point, tonumber(wire)) or wire
end

-- }}}

-- {{{ Boolean, Enum, String, Raw

local TEXTS = { ["true"] = true, ["false"] = false } -- of logs

local function decode_boolean(_, wire)
   if type(wire) == "string" and TEXTS[wire] ~= nil then return TEXTS[wire] end
   return wire
end

local WORDS = { ["true"] = true, on = true, ["1"] = true, yes = true }
local OPPOSITES = { ["false"] = true, off = true, ["0"] = true, no = true }

local function encode_boolean(_, value)
   if type(value) == "boolean" then return value end
   local word, nearest = tostring(value):lower(), nil
   if WORDS[word] then nearest = true elseif OPPOSITES[word] then nearest = false end
   return nil, "true or false expected", nearest
end

local function encode_enum(point, value)
   if type(value) == "string" and point.names[value] then return value end
   local word = tostring(value)
   local nearest = point.names[word] and word or point.names[word:lower()] and word:lower()
      or options.nearest(word, point.names)
   return nil, "one of " .. table.concat(point.range, ", ") .. " expected", nearest
end

local function encode_string(point, value)
   if type(value) == "string" and #value <= point.maxlen then return value end
   local nearest = (type(value) == "string" or type(value) == "number") and text.cut(tostring(value), point.maxlen)
   if point.maxlen == math.huge then return nil, "a string expected", nearest or nil end
   return nil, ("a string of at most %d bytes expected"):format(point.maxlen), nearest or nil
end

local function encode_raw(point, value)
   local is_string = type(value) == "string"
   if is_string and #value <= point.maxlen and text.is_base64(value) then return value end
   local most = point.maxlen == math.huge and "" or (" of at most %d characters"):format(point.maxlen)
   local rule = "base64 text" .. most .. " expected"
   if not is_string then return nil, rule end
   local nearest = text.is_base64(value) and value or text.base64(value)
   return nil, rule, #nearest <= point.maxlen and nearest or nearest:sub(1, point.maxlen - point.maxlen % 4)
end

-- }}}

-- {{{ Bitmap

local function label_of(point, bit)
   return point.label[bit + 1] or "bit " .. bit
end

local function bit_of(point, name)
   for bit = 0, point.bits - 1 do
      if label_of(point, bit) == name then return bit end
   end
end

local function bitmap_rule(point)
   local names, known = {}, {}
   for bit = 0, point.bits - 1 do
      names[bit + 1] = label_of(point, bit)
      known[names[bit + 1]] = true
   end
   return "a list of these names expected: " .. table.concat(names, ", "), known
end

-- The legal list that is nearest to a wrong one: its names that are right, and the near ones of the others.
local function nearest_bitmap(value, known)
   local list, seen = json.array({}), {}
   for _, name in ipairs(type(value) == "table" and value or { value }) do
      local near = known[name] and name or options.nearest(tostring(name), known)
      if near and not seen[near] then
         seen[near] = true
         list[#list + 1] = near
      end
   end
   return list
end

local function encode_bitmap(point, value)
   local wire, seen, count = 0, {}, 0
   local list = type(value) == "table" and value or { false }
   for _ in next, list do count = count + 1 end
   for i = 1, count do
      local bit = list[i] and bit_of(point, list[i])
      if not bit or seen[bit] then
         local rule, known = bitmap_rule(point)
         return nil, rule .. ", each once", nearest_bitmap(value, known)
      end
      seen[bit] = true
      wire = wire + 2 ^ bit
   end
   return whole(wire)
end

local function decode_bitmap(point, wire)
   local left, bit = tonumber(wire), 0
   if not left or left < 0 or left % 1 ~= 0 then return wire end
   local names = json.array({})
   while left > 0 do
      if left % 2 == 1 then names[#names + 1] = label_of(point, bit) end
      left, bit = (left - left % 2) / 2, bit + 1
   end
   return names
end

-- }}}

-- {{{ Json

-- Checks the fields that the specification bounds: a table of what is sent, or nil, rule and nearest.
local function encode_fields(point, value)
   local wire, nearest, broken = {}, {}, nil
   for name, content in next, value do wire[name], nearest[name] = content, content end
   for _, name in ipairs(bytes.names(point.fields)) do
      local field, rule, near = point.fields[name]
      if value[name] ~= nil or point.is_colour then
         wire[name], rule, near = encode_integer(field, value[name])
         if rule then nearest[name] = near or to_program(field, whole(nearest_wire(field, 0))) end
      end
      broken = broken or rule and name .. ": " .. rule
   end
   if broken then return nil, broken, nearest end
   return wire
end

-- A colour has its three fields and no other.
local function other_field(point, value)
   for name in next, value do
      if not point.fields[name] then return options.unknown("field", name, point.fields) end
   end
end

local COLOUR_RULE = 'a colour expected: { h=, s=, v= }, "#rrggbb" or "rgb(r, g, b)"'

local function encode_colour(point, value)
   local made = value
   if type(value) == "string" then made = colour.parse(value, point.fields) or json.decode(value) end
   if type(made) ~= "table" then return nil, COLOUR_RULE, colour.nearest(value, point.fields) end
   local unknown = other_field(point, made)
   if unknown then return nil, unknown end
   local wire, why, nearest = encode_fields(point, made)
   if not wire then return nil, why, nearest end
   return colour.text(wire)
end

local function encode_json(point, value)
   if point.is_colour then return encode_colour(point, value) end
   local made = value
   if type(value) == "string" then made = json.decode(value) end
   if type(made) ~= "table" then return nil, "a table or its JSON text expected" end
   if next(point.fields) then
      local wire, rule, nearest = encode_fields(point, made)
      if not wire then return nil, rule, nearest end
      return json.encode(wire)
   end
   if type(value) == "string" then return value end
   return json.encode(made)
end

local function decode_json(point, wire)
   local made = wire
   if type(wire) == "string" then made = json.decode(wire) end
   if type(made) ~= "table" then return wire end
   for name, field in next, point.fields do
      if made[name] ~= nil then made[name] = decode_integer(field, made[name]) end
   end
   return made
end

-- }}}

local function same(_, wire)
   return wire
end

local encoders = {
   Boolean = encode_boolean, Integer = encode_integer, Enum = encode_enum, String = encode_string,
   Raw = encode_raw, Bitmap = encode_bitmap, Json = encode_json,
}

local decoders = { Boolean = decode_boolean, Integer = decode_integer, Bitmap = decode_bitmap, Json = decode_json }

-- The codes that a wrong one may stand for, or all of them where none is near.
local function candidates(specification, code)
   local near, all = {}, {}
   for _, point in ipairs(specification) do
      all[#all + 1] = point.code
      local likely = options.nearest(tostring(code), { [point.code] = true })
      if likely or point.code:find(tostring(code), 1, true) then near[#near + 1] = point.code end
   end
   if near[1] then return "did you mean " .. table.concat(near, ", ") .. "?" end
   return "it has " .. table.concat(all, ", ")
end

--- The rule that a code breaks which a specification lacks, with the near ones.
-- @tparam table specification
-- @tparam string code
-- @treturn string
function points.unknown(specification, code)
   return ("%s: no such data point; %s"):format(options.shown(code), candidates(specification, code))
end

local EXPECTED = "specification: made by tuya.points.specification expected"

local function is_specification(value)
   return type(value) == "table" and type(value.by_code) == "table"
end

-- A value of a point of the specification, as the cloud writes it.
local function encode(point, code, value)
   local make = encoders[point.type]
   if not make then return value end
   local wire, rule, nearest = make(point, value)
   if wire ~= nil then return wire end
   local near = nearest ~= nil and "; the nearest legal value is " .. points.text(nearest) or ""
   return nil, ("%s: %s, got %s%s"):format(code, rule, shown(value), near), nearest
end

--- Makes of a Lua value what is sent.
-- @tparam table specification made by `tuya.points.specification`
-- @tparam string code
-- @param value
-- @return what is sent; nil where the value breaks a rule
-- @treturn ?string the rule, with the code and the nearest legal value
-- @return the nearest legal value, where there is one
function points.encode(specification, code, value)
   if not is_specification(specification) then error("tuya.points.encode: " .. EXPECTED, 2) end
   local point = specification.by_code[code]
   if not point then return nil, points.unknown(specification, code) end
   if not point.writable then return nil, code .. ": this data point only reports" end
   return encode(point, code, value)
end

--- Makes of a Lua value what the cloud would report, for data points that only report as well.
-- @tparam table specification
-- @tparam string code
-- @param value
-- @return as of `encode`
function points.encode_reported(specification, code, value)
   if not is_specification(specification) then error("tuya.points.encode_reported: " .. EXPECTED, 2) end
   local point = specification.by_code[code]
   if not point then return nil, points.unknown(specification, code) end
   return encode(point, code, value)
end

--- Makes the Lua value of what was read. What has not the form that the specification says stays as it is.
-- @tparam table specification
-- @tparam string code
-- @param wire
-- @return the value
function points.decode(specification, code, wire)
   if not is_specification(specification) then error("tuya.points.decode: " .. EXPECTED, 2) end
   local point = specification.by_code[code]
   local decode = point and decoders[point.type] or same
   return decode(point, wire)
end

--- A value as a program would write it, for messages.
-- @param value
-- @treturn string
function points.text(value)
   return written(value, 8)
end

return points

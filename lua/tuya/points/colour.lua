--- points/colour.lua: colours as people write them, and as Tuya's lamps take them.
-- The idea: a lamp takes hue, saturation and value, each in a range of its own: 0 to 360, and 0 to 255 or to 1000.
-- @module tuya.points.colour

local colour = {}

local to_integer = math.tointeger -- luacheck: ignore 143

local function rounded(number)
   local whole = math.floor(number + 0.5)
   return to_integer and to_integer(whole) or whole
end

-- Hue in degrees, saturation and value from 0 to 1; r, g, b from 0 to 255.
local function hsv(r, g, b)
   local most, least = math.max(r, g, b), math.min(r, g, b)
   local range = most - least
   if range == 0 then return 0, 0, most / 255 end
   local hue
   if most == r then hue = (g - b) / range % 6
   elseif most == g then hue = (b - r) / range + 2
   else hue = (r - g) / range + 4 end
   return hue * 60, range / most, most / 255
end

local function of_rgb(r, g, b, fields)
   local h, s, v = hsv(r, g, b)
   local function put(part, field)
      return rounded(field.min + part * (field.max - field.min)) / 10 ^ field.scale
   end
   return { h = put(h / 360, fields.h), s = put(s, fields.s), v = put(v, fields.v) }
end

-- The three parts of "#rrggbb" or "rgb(r, g, b)"; nil: neither.
local function rgb_of(text)
   local r, g, b = text:match("^#(%x%x)(%x%x)(%x%x)$")
   if r then return tonumber(r, 16), tonumber(g, 16), tonumber(b, 16) end
   r, g, b = text:match("^rgb%(%s*(%d+)%s*,%s*(%d+)%s*,%s*(%d+)%s*%)$")
   return tonumber(r), tonumber(g), tonumber(b)
end

--- The colour of "#rrggbb" or "rgb(r, g, b)".
-- @tparam string text
-- @tparam table fields h, s and v of the specification
-- @treturn ?table `{ h=, s=, v= }`; nil when it is neither
function colour.parse(text, fields)
   local r, g, b = rgb_of(text)
   if r and math.max(r, g, b) <= 255 then return of_rgb(r, g, b, fields) end
end

--- The colour that a wrong text may mean: parts over 255 are 255.
-- @param value
-- @tparam table fields
-- @treturn ?table
function colour.nearest(value, fields)
   if type(value) ~= "string" then return nil end
   local r, g, b = rgb_of(value)
   if not r then r, g, b = rgb_of("#" .. value) end
   return r and of_rgb(math.min(r, 255), math.min(g, 255), math.min(b, 255), fields)
end

--- The JSON text of a colour, always in this order.
-- @tparam table wire
-- @treturn string
function colour.text(wire)
   return ('{"h":%d,"s":%d,"v":%d}'):format(wire.h, wire.s, wire.v)
end

-- Where a specification says nothing: 0 to 1000 for the second generation of lamps, 0 to 255 for the first.
local function usual(code)
   local most = code:find("_v2$") and 1000 or 255
   return { h = 360, s = most, v = most }
end

--- Whether a Json data point is a colour: by its fields, or by its code.
-- @tparam string code
-- @tparam table fields of the specification
-- @treturn boolean
function colour.is(code, fields)
   local count = 0
   for _ in next, fields do count = count + 1 end
   if count == 0 then return code:find("^colour_data") ~= nil end
   return count == 3 and fields.h ~= nil and fields.s ~= nil and fields.v ~= nil
end

--- The fields of a colour, where the specification leaves them out.
-- @tparam string code
-- @treturn table
function colour.usual_fields(code)
   local fields = {}
   for name, most in next, usual(code) do
      fields[name] = { code = name, type = "Integer", unit = "", min = 0, max = most, step = 1, scale = 0 }
   end
   return fields
end

return colour

--- decimal.lua: numbers as text, with a point.
-- The idea: a host may have set a locale that writes a decimal comma; the cloud, and whoever reads a message, must not
-- depend on that.
-- @module tuya.decimal

local decimal = {}

--- A number as text.
-- @tparam string format one conversion, as of `string.format`
-- @tparam number number
-- @treturn string
function decimal.text(format, number)
   return (format:format(number):gsub(",", "."))
end

return decimal

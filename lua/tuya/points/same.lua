--- points/same.lua: whether two values of data points are the same, tables by what they hold.
-- @module tuya.points.same

--- Compares two values.
-- @param a
-- @param b
-- @treturn boolean
local function same(a, b)
   if type(a) ~= "table" or type(b) ~= "table" then return a == b end
   for name, value in next, a do
      if not same(value, b[name]) then return false end
   end
   for name in next, b do
      if a[name] == nil then return false end
   end
   return true
end

return same

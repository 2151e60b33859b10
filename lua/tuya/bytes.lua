--- bytes.lua: the order of strings by their bytes.
-- The idea: `<` on strings follows the locale of the host; what is signed and what is compared with it must not.
-- @module tuya.bytes

local bytes = {}

--- Whether a stands before b, byte by byte.
-- @tparam string a
-- @tparam string b
-- @treturn boolean
function bytes.before(a, b)
   for i = 1, math.min(#a, #b) do
      local x, y = a:byte(i), b:byte(i)
      if x ~= y then return x < y end
   end
   return #a < #b
end

--- The names in a table, in byte order.
-- @tparam table map
-- @treturn ?table nil and the rule when a name is no string
function bytes.names(map)
   local names = {}
   for name in next, map do
      if type(name) ~= "string" then return nil, ("a name must be a string, got %s"):format(type(name)) end
      names[#names + 1] = name
   end
   table.sort(names, bytes.before)
   return names
end

return bytes

--- edge.lua: where a public method meets its caller.
-- The idea: inside, every function that makes calls answers `true` and what the world did, or `false` and the rule that
-- the program broke; here the second is raised, at the caller's line.
-- @module tuya.edge

local edge = {}

--- Makes a public method.
-- @tparam string name as a message begins: the class, a colon, the method
-- @tparam function run answers true, result, message, info; or false, rule
-- @treturn function answers result, message, info
function edge.of(name, run)
   local class, method = name:match("^(.*):(.*)$")
   local colon = ("%s: self: call it with a colon, %s:%s()"):format(name, class:match("%w+$"), method)
   return function(self, ...)
      local metatable = type(self) == "table" and getmetatable(self)
      if not metatable or metatable.__name ~= class then error(colon, 2) end
      local ok, result, message, info = run(self, ...)
      if not ok then error(name .. ": " .. tostring(result), 2) end
      return result, message, info
   end
end

return edge

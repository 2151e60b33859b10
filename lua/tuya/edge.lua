--- edge.lua: where a public method meets its caller.
-- The idea: inside, every function that makes calls answers `true` and what the world did, or `false` and the rule that
-- the program broke; here the second is raised, at the caller's line.
-- @module tuya.edge

local edge = {}

--- Makes a public method.
-- @tparam string name as a message begins
-- @tparam function run answers true, result, message, info; or false, rule
-- @treturn function answers result, message, info
function edge.of(name, run)
   return function(...)
      local ok, result, message, info = run(...)
      if not ok then error(name .. ": " .. tostring(result), 2) end
      return result, message, info
   end
end

return edge

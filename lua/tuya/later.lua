--- later.lua: a module that is loaded when it is first used.
-- The idea: most programs use a part of the library, and reading the rest was most of what their start took. What
-- stands here for a module is an empty table; the first thing that is asked of it loads the module and fills it.
-- The danger: by then a program may be short of descriptors and open no file. So nothing that tells of failures or
-- goes on after them is loaded so.
-- @module tuya.later

local load = require -- a host may take it away once everything is loaded

--- Stands for a module.
-- @tparam string name
-- @treturn table
local function later(name)
   return setmetatable({}, {
      __index = function(self, field)
         local module = load(name)
         for key, value in next, module do self[key] = value end
         setmetatable(self, nil)
         return self[field]
      end,
   })
end

return later

--- space.lua: what all calls about a home share, its rooms and members as its scenes.
-- The idea: an object of a home carries the client and the home's id; a call about it is a path below the home's.
-- @module tuya.space

local space = {}

local SEGMENT = "^[A-Za-z0-9%-%._~]+$"

--- Whether a value may be an id, a part of a path.
-- @param value
-- @treturn boolean
function space.is_id(value)
   if type(value) == "number" then return value % 1 == 0 and value >= 0 and value < 2 ^ 53 end
   return type(value) == "string" and value:find(SEGMENT) ~= nil
end

--- An id as it stands in a path.
-- @tparam string|number value
-- @treturn string
function space.id_text(value)
   return type(value) == "number" and ("%.0f"):format(value) or value
end

--- The id of a device, or of its id; nil: it is neither.
-- @param one
-- @treturn ?string
function space.device_id(one)
   local id = type(one) == "table" and one.id or one
   return type(id) == "string" and id:find(SEGMENT) and id or nil
end

--- A class: called with a table, it makes an object of it.
-- @tparam string name
-- @tparam table methods
-- @treturn table
function space.class(name, methods)
   return setmetatable({
      __name = name,
      __index = methods,
      __tostring = function(self) return name .. ": " .. tostring(self.name or self.id) end,
   }, {
      __call = function(class, given)
         return setmetatable(given, class)
      end,
   })
end

--- What belongs to a home.
-- @tparam table self an object of the home
-- @tparam table given
-- @treturn table given
function space.part(self, given)
   given.client, given.inner, given.home_id = self.client, self.inner, self.home_id
   return given
end

--- What only says that it worked.
function space.done()
   return true
end

--- Makes a call about a home.
-- @tparam table self an object of it
-- @tparam string method
-- @tparam string path below the home's
-- @tparam ?function read makes something of the result, nil where it has not its form; nil: it only says that it worked
-- @tparam ?table body
-- @return true, what `read` made; or what failed
function space.ask(self, method, path, read, body)
   local spec = { method = method, path = "/v1.0/homes/" .. self.home_id .. path, body = body }
   return self.inner.read(self.client, spec, read or space.done)
end

--- The list in a result, under a name or as it is; success without a result is an empty one.
-- @param result
-- @tparam string name
-- @treturn ?table
function space.list_of(result, name)
   if type(result) ~= "table" then return result == true and {} or nil end
   return type(result[name]) == "table" and result[name] or result
end

--- Makes objects of a list.
-- @tparam table self
-- @tparam table list
-- @tparam function make called with self and a member
-- @treturn table
function space.objects(self, list, make)
   local made = {}
   for _, given in ipairs(list) do
      if type(given) == "table" then made[#made + 1] = make(self, given) end
   end
   return made
end

--- The rule that a name breaks.
-- @param name
-- @treturn ?string
function space.bad_name(name)
   if type(name) ~= "string" or name == "" then return "name: a string that is not empty expected" end
end

return space

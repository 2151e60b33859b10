--- device.lua: one device of the home.
-- The idea: data points by name; what they are sent as is settled here, once.
-- @module tuya.device

local device = {}

local methods = {}
local metatable = {
   __name = "tuya.device",
   __index = methods,
   __tostring = function(self)
      return "tuya.device: " .. self.id
   end,
}

-- An id becomes part of a path.
local function is_id(id)
   return type(id) == "string" and id:find("^[%w%-%._~]+$") ~= nil
end

--- Makes a device: `client:device(id)` without the raise.
-- @tparam client client
-- @tparam string id
-- @treturn ?device nil and the rule that is broken
function device.new(client, id)
   if not is_id(id) then return nil, "id: letters, digits, '-', '.', '_' and '~' expected" end
   return setmetatable({ client = client, id = id }, metatable)
end

local function command(code, value)
   if type(code) ~= "string" or code == "" then return nil, "a code must be a string" end
   if value == nil then return nil, ("%q has no value"):format(code) end
   return { code = code, value = value }
end

-- { switch = true } in byte order of the codes, so that the same table always makes the same body.
local function from_map(values)
   local codes, commands = {}, {}
   for code in pairs(values) do
      if type(code) ~= "string" then return nil, "a code must be a string" end
      codes[#codes + 1] = code
   end
   table.sort(codes)
   for i, code in ipairs(codes) do commands[i] = command(code, values[code]) end
   return commands
end

local function from_list(list)
   local commands = {}
   for i, given in ipairs(list) do
      if type(given) ~= "table" then return nil, "a list of { code=, value= }, or a table code = value" end
      local made, rule = command(given.code, given.value)
      if not made then return nil, rule end
      commands[i] = made
   end
   return commands
end

local function commands_of(values)
   if type(values) ~= "table" then return nil, "a table code = value expected, got " .. type(values) end
   local commands, rule
   if values[1] ~= nil then commands, rule = from_list(values) else commands, rule = from_map(values) end
   if commands and not commands[1] then return nil, "no command given" end
   return commands, rule
end

--- Sends commands, all in one call.
-- @tparam table values code = value, or a list of `{ code=, value= }` where their order matters
-- @return true; or nil, message, detail
-- @usage assert(client:device(id):send { switch = true, countdown_1 = 0 })
function methods:send(values)
   local commands, rule = commands_of(values)
   if not commands then error("tuya.device:send: " .. rule, 2) end
   return self.client:post("/v1.0/devices/" .. self.id .. "/commands", { commands = commands })
end

local function by_code(list)
   local values = {}
   for _, item in ipairs(list) do values[item.code] = item.value end
   return values
end

--- Reads the state of all data points.
-- @treturn ?table code = value; or nil, message, detail
function methods:status()
   local list, message, info = self.client:get("/v1.0/devices/" .. self.id .. "/status")
   if not list then return nil, message, info end
   return by_code(list), nil, info
end

return device

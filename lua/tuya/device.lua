--- device.lua: one device of the home.
-- The idea: data points by name; what they are sent as is settled here, once.
-- @module tuya.device

local bytes = require("tuya.bytes")
local errors = require("tuya.errors")

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
   return type(id) == "string" and id:find("^[A-Za-z0-9%-%._~]+$") ~= nil and id:find("[^.]") ~= nil
end

--- Makes a device: `client:device(id)` without the raise.
-- @tparam client client
-- @tparam string id
-- @tparam function execute makes a call of the client: true and its results, or false and the rule
-- @treturn ?device nil and the rule that is broken
function device.new(client, id, execute)
   if not is_id(id) then return nil, "id: letters, digits, '-', '.', '_' and '~' expected" end
   return setmetatable({ client = client, id = id, execute = execute }, metatable)
end

local function command(code, value)
   if type(code) ~= "string" or code == "" then return nil, "a code must be a string" end
   if value == nil then return nil, ("%q has no value"):format(code) end
   return { code = code, value = value }
end

-- { switch = true } in byte order of the codes, so that the same table always makes the same body.
local function from_map(values)
   local codes = bytes.names(values)
   if not codes then return nil, "a code must be a string" end
   local commands = {}
   for i, code in ipairs(codes) do
      local made, rule = command(code, values[code])
      if not made then return nil, rule end
      commands[i] = made
   end
   return commands
end

local function from_list(list)
   local commands, count = {}, 0
   for _ in next, list do count = count + 1 end
   if count ~= #list then return nil, "a list with names or holes; give { code=, value= } each, or code = value" end
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
   if next(values) == nil then return nil, "no command given" end
   if values[1] ~= nil then return from_list(values) end
   return from_map(values)
end

--- Sends commands, all in one call.
-- @tparam table values code = value, or a list of `{ code=, value= }` where their order matters
-- @return true; or nil, message, detail
-- @usage assert(client:device(id):send { switch = true, countdown_1 = 0 })
function methods:send(values)
   local ok, result, message, info = false, nil, nil, nil
   local commands, rule = commands_of(values)
   if commands then
      local path = "/v1.0/devices/" .. self.id .. "/commands"
      ok, result, message, info = self.execute(self.client, {
         method = "POST", path = path, body = { commands = commands },
      })
   end
   if not ok then error("tuya.device:send: " .. tostring(rule or result), 2) end
   return result, message, info
end

-- code = value, or nil when that is not what came.
local function by_code(list)
   if type(list) ~= "table" then return nil end
   local values = {}
   for _, item in ipairs(list) do
      if type(item) ~= "table" or type(item.code) ~= "string" then return nil end
      values[item.code] = item.value
   end
   return values
end

--- Reads the state of all data points.
-- @treturn ?table code = value; or nil, message, detail
function methods:status()
   local path = "/v1.0/devices/" .. self.id .. "/status"
   local ok, list, message, info = self.execute(self.client, { method = "GET", path = path })
   if not ok then error("tuya.device:status: " .. tostring(list), 2) end
   if list == nil then return nil, message, info end
   local values = by_code(list)
   if values then return values, nil, info end
   return errors.failure {
      kind = "http", code = info.status, status = info.status, tid = info.tid, sent = "yes", attempts = 1,
      method = "GET", path = path, message = "the answer is no list of data points",
   }
end

return device

--- device.lua: one device of the home.
-- The idea: data points by name, with types; how each generation of the API says that is settled below here, once.
-- The danger: several of these make more than one call, one after the other, and between two of them others run where
-- a call does not block (in a scheduler's task, in a started function, in nginx).
-- @module tuya.device

local bytes = require("tuya.bytes")
local commands = require("tuya.commands")
local edge = require("tuya.edge")
local generations = require("tuya.generations")
local history = require("tuya.history")
local options = require("tuya.options")
local specifications = require("tuya.specifications")

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
-- @tparam table inner what the client lets its modules do
-- @treturn ?device nil and the rule that is broken
function device.new(client, id, inner)
   if not is_id(id) then return nil, "id: letters, digits, '-', '.', '_' and '~' expected" end
   return setmetatable({ client = client, id = id, inner = inner }, metatable)
end

local FIELDS = { "name", "category", "product_id", "product_name", "online", "uid" }

-- Takes over what a list or `info` tells, and learns the product.
local function fill(self, given)
   for _, name in ipairs(FIELDS) do
      if given[name] ~= nil then self[name] = given[name] end
   end
   self.home_id = given.owner_id or given.bind_space_id or self.home_id -- as v1.0, or v2.0, names it
   local ok, known = self.inner.known(self.client)
   if ok then known:learn_product(self.id, self.product_id) end
   return self
end

--- A device as a list of the cloud tells it.
-- @tparam client client
-- @tparam table given of any generation
-- @tparam table inner
-- @treturn ?device nil when it is none
function device.read(client, given, inner)
   local read = generations.read_device(given)
   local made = read and device.new(client, read.id, inner)
   return made and fill(made, read)
end

--- Asks what the device is.
-- @function info
-- @treturn ?table `id, name, category, product_id, product_name, online, local_key, ...`, named as v1.0 names them
-- whichever generation answered, its moments in seconds; or nil, message, detail. The device's own fields (`name`,
-- `category`, `product_id`, `product_name`, `online`) are filled with it
methods.info = edge.of("tuya.device:info", function(self)
   local ok, info, message, detail = generations.call(self.inner, self.client, "info", self.id)
   if ok and info then fill(self, info) end
   return ok, info, message, detail
end)

--- What its data points may be, asked for once per product.
-- @function specification
-- @treturn ?table a list of `{ code=, type=, writable=, name=, ... }` with `by_code`, as `tuya.points` takes it;
-- `false` where the cloud has none that is usable; nil, message, detail for a failure
methods.specification = edge.of("tuya.device:specification", function(self)
   return specifications.of(self.inner, self.client, self.id)
end)

--- The data points that it can be told, of its specification.
-- @function functions
-- @treturn ?table a list of `{ code=, type=, ... }`; or nil, message, detail
methods.functions = edge.of("tuya.device:functions", function(self)
   local ok, specification, message, detail = specifications.of(self.inner, self.client, self.id)
   if not ok or specification == nil then return ok, specification, message, detail end
   local list = {}
   for _, point in ipairs(specification or {}) do
      if point.writable then list[#list + 1] = point end
   end
   return true, list
end)

local READ = options.known { raw = "boolean" }

-- Values as a program writes them: true, values, nil, info; or what failed.
local function decoded(self, given, of, ok, values, message, info)
   if not ok or values == nil or given.raw then return ok, values, message, info end
   local specification, why, detail
   ok, specification, why, detail = of(self.inner, self.client, self.id)
   if not ok or specification == nil then return ok, specification, why, detail end
   return true, specifications.decode(specification, values), nil, info
end

-- The state as the cloud writes it: by the standard instruction set; of a product that has none by the thing model.
local function state_of(self)
   local ok, values, message, info = generations.call(self.inner, self.client, "status", self.id)
   if not ok or values == nil or next(values) ~= nil then return ok, values, message, info end
   local done, specification, why, detail = specifications.of(self.inner, self.client, self.id)
   if not done or specification == nil then return done, specification, why, detail end
   if not specification or not specification.is_model then return true, values, nil, info end
   return generations.by("v2.0", self.inner, self.client, "status", self.id)
end

--- Reads the state of all data points; of a product without a standard instruction set by the thing model.
-- @function status
-- @tparam[opt] table options `raw = true`: as the cloud writes them, without a look at the specification
-- @treturn ?table code = value; or nil, message, detail
methods.status = edge.of("tuya.device:status", function(self, given)
   given = given or {}
   local rule = options.broken(given, READ)
   if rule then return false, rule end
   return decoded(self, given, specifications.of, state_of(self))
end)

local SEND = options.known {
   check = "boolean", confirm = "number", timeout = "number", connect_timeout = "number", retries = "number",
   idempotent = "boolean",
}

-- What sends commands works with, or nil and the rule that an option breaks.
local function new_job(self, given)
   local rule
   given, rule = options.plain(given or {}, SEND)
   if not given then return nil, rule end
   if given.confirm and not (given.confirm > 0 and given.confirm < math.huge) then
      return nil, "confirm: seconds, more than 0"
   end
   local job = { inner = self.inner, client = self.client, id = self.id, check = given.check, confirm = given.confirm }
   job.options = {}
   for name, value in next, given do
      if name ~= "check" and name ~= "confirm" then job.options[name] = value end
   end
   return job
end

local function sender(send)
   return function(self, values, given)
      local job, rule = new_job(self, given)
      if not job then return false, rule end
      return send(job, values)
   end
end

local send = sender(commands.send)

--- Sends commands, all in one call where one way takes them all.
-- @function send
-- @tparam table values code = value, or a list of `{ code=, value= }` where their order matters
-- @tparam[opt] table options `check = false` sends the values as they are; `confirm` (seconds) waits until the status
-- shows them; `timeout`, `connect_timeout`, `retries`, `idempotent` of the call
-- @return true; or nil, message, detail. With `confirm`, `detail.kind` is "unconfirmed" where values did not arrive,
-- and `detail.missing` lists `{ code=, sent=, seen= }`
-- @raise a value that its data point may not have: the code, the rule and the nearest legal value
-- @usage assert(client:device(id):send({ switch = true, temp_set = 21.5 }, { confirm = 5 }))
methods.send = edge.of("tuya.device:send", send)

--- Sends one command.
-- @function set
-- @tparam string code
-- @param value
-- @tparam[opt] table options of `send`
-- @return as of `send`
methods.set = edge.of("tuya.device:set", function(self, code, value, given)
   return send(self, { { code = code, value = value } }, given)
end)

-- The first switch that the specification has, when none was named.
local function switch_of(self, code)
   if code ~= nil then return true, code end
   local ok, specification, message, info = specifications.of(self.inner, self.client, self.id)
   if not ok or specification == nil then return ok, specification, message, info end
   for _, point in ipairs(specification or {}) do
      if point.type == "Boolean" and point.writable then return true, point.code end
   end
   return false, "code: the device has no switch in its specification; name a data point"
end

-- The rule that a code breaks which is no switch, with those that there are.
local function no_switch(code, values)
   local switches = {}
   for name, value in next, values do
      if type(value) == "boolean" then switches[#switches + 1] = name end
   end
   table.sort(switches, bytes.before)
   local offered = switches[1] and "; it has " .. table.concat(switches, ", ") or ""
   return ("%s: no switch of this device%s"):format(options.shown(code), offered)
end

--- Turns a switch over: reads it and sends the opposite.
-- @function toggle
-- @tparam[opt] string code nil: the first Boolean of the specification that can be written
-- @tparam[opt] table options of `send`
-- @return as of `send`
methods.toggle = edge.of("tuya.device:toggle", function(self, code, given)
   local ok, values, message, info = state_of(self)
   if not ok or values == nil then return ok, values, message, info end
   local found
   ok, found, message, info = switch_of(self, code)
   if not ok or found == nil then return ok, found, message, info end
   if type(values[found]) ~= "boolean" then return false, no_switch(found, values) end
   return send(self, { { code = found, value = not values[found] } }, given)
end)

local PROPERTIES = options.known { raw = "boolean", codes = "table" }

--- Reads data points from the thing model, with those that the standard instruction set lacks.
-- @function properties
-- @tparam[opt] table options `codes`: a list, nil for all; `raw = true`: as the cloud writes them
-- @treturn ?table code = value; or nil, message, detail
methods.properties = edge.of("tuya.device:properties", function(self, given)
   given = given or {}
   local rule = options.broken(given, PROPERTIES) or options.wrong_codes(given.codes)
   if rule then return false, rule end
   local query = given.codes and { codes = given.codes }
   return decoded(self, given, specifications.model,
      generations.by("v2.0", self.inner, self.client, "status", self.id, query))
end)

--- Sets data points through the thing model.
-- @function set_properties
-- @tparam table values code = value
-- @tparam[opt] table options of `send`
-- @return as of `send`
methods.set_properties = edge.of("tuya.device:set_properties", sender(commands.send_properties))

--- What the device reported, event by event, newest first.
-- @function logs
-- @tparam[opt] table options `codes` (a list), `from` and `to` (ms; the last day), `types` (a list of Tuya's numbers;
-- 7, reports), `size` (of a page; 100), `raw = true`: values as the cloud writes them, as text
-- @treturn pager of `{ code=, value=, time= (ms), type= }`, values as `status` gives them
methods.logs = edge.of("tuya.device:logs", history.logs)

--- What the cloud adds up for a device: counted per hour, day or month. Tuya enables that per product.
-- @function statistics
-- @tparam[opt] table options `code`; `per` ("hours", "days", "weeks", "months", "total"; "days"), `from` and `to`
-- ("20240131", per hour "2024013109"), `sum` ("sum", "avg", ...). Without options: what is counted at all
-- @treturn ?table day or hour = number as text; without options a list of `{ code=, stat_type= }`; or nil, message,
-- detail
methods.statistics = edge.of("tuya.device:statistics", history.statistics)

--- The devices behind a gateway.
-- @function sub_devices
-- @treturn ?table list of devices; or nil, message, detail
methods.sub_devices = edge.of("tuya.device:sub_devices", function(self)
   local ok, list, message, info = generations.call(self.inner, self.client, "sub_devices", self.id)
   if not ok or list == nil then return ok, list, message, info end
   local found = {}
   for _, given in ipairs(type(list) == "table" and list or {}) do
      found[#found + 1] = device.read(self.client, given, self.inner)
   end
   return true, found, nil, info
end)

--- Gives the device another name.
-- @function rename
-- @tparam string name
-- @return true; or nil, message, detail
methods.rename = edge.of("tuya.device:rename", function(self, name)
   if type(name) ~= "string" or name == "" then return false, "name: a string that is not empty expected" end
   local ok, done, message, info = generations.call(self.inner, self.client, "rename", self.id, name)
   if ok and done then self.name = name end
   return ok, done, message, info
end)

--- Forgets what this client has learnt of the device's product: its specification, its thing model and which way its
-- data points are sent. After a firmware update, say. Nothing is sent.
-- @function reset_local
-- @return true
methods.reset_local = edge.of("tuya.device:reset_local", function(self)
   local ok, known = self.inner.known(self.client)
   if ok then known:forget(self.id) end
   return ok, ok or known
end)

return device

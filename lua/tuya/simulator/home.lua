--- home.lua: the devices of a simulated home and the data points that they have.
-- The idea: a home is plain data, a table or a JSON file of the same form, checked whole before it is used.
-- The danger: a misspelt member that is passed over in silence; unknown members are refused by name.
-- @module tuya.simulator.home

local accounts = require("tuya.simulator.accounts")
local members = require("tuya.simulator.members")
local products = require("tuya.simulator.products")
local values = require("tuya.simulator.values")

local home = {}

local check_members = members.check

local MADE = 1700000000 -- seconds; when devices were made that do not say so

local HOME = {
   uid = "string", home_id = "string", data_centre = "string", devices = "table!", name = "string", username = "string",
   geo_name = "string", lat = "number", lon = "number", rooms = "table", scenes = "table", automations = "table",
   account = "table",
}

local ROOM = { id = "string!", name = "string!", devices = "table" }

local SCENE = {
   id = "string!", name = "string!", actions = "table!", enabled = "boolean", conditions = "table",
}

local DEVICE = {
   id = "string!", name = "string!", product = "string", gateway = "string", reacts = "boolean", asset_id = "string",
   category = "string!", product_id = "string!", product_name = "string",
   online = "boolean", in_project = "boolean", data_points = "table!", uuid = "string", local_key = "string",
   ip = "string", icon = "string", model = "string", time_zone = "string", lat = "string", lon = "string",
   active_time = "number", create_time = "number", update_time = "number", sub = "boolean",
}

local POINT = {
   dp_id = "number!", code = "string!", type = "string!", name = "string", description = "string",
   values = "table", writable = "boolean", standard = "boolean", value = "any",
}

local VALUES = {
   unit = "string", min = "number", max = "number", scale = "number", step = "number", range = "table",
   maxlen = "number", label = "table",
}

--- The description with what its product says, where it names one; nil and a message where there is none such.
local function with_product(given, where)
   if given.product == nil then
      return given
   end
   local product = products.find(given.product)
   if not product then
      return nil, where .. ": no product '" .. tostring(given.product) .. "'"
   end
   local whole = {}
   for name, value in pairs(product) do
      whole[name] = value
   end
   for name, value in pairs(given) do
      whole[name] = value
   end
   return whole
end

local function default(value, otherwise)
   if value == nil then
      return otherwise
   end
   return value
end

local function new_point(given, where)
   local point = {
      dp_id = given.dp_id,
      code = given.code,
      type = given.type,
      name = default(given.name, given.code),
      description = default(given.description, ""),
      values = default(given.values, {}),
      writable = default(given.writable, false),
      standard = default(given.standard, true),
      time = MADE * 1000,
   }
   if not values.is_type(point.type) then
      return nil, where .. ": '" .. point.type .. "' is not a type of data point"
   end
   if point.type ~= "Json" then
      local ok, message = check_members(point.values, VALUES, where .. ", values")
      if not ok then
         return nil, message
      end
   end
   if point.type == "Enum" and type((point.values.range or {})[1]) ~= "string" then
      return nil, where .. ": an Enum needs a range"
   end
   point.value = values.accept(point, default(given.value, values.initial(point)))
   if point.value == nil then
      return nil, where .. ": its value is not one that it may have"
   end
   return point
end

local function add_points(device, list, where)
   for i, given in ipairs(list) do
      local here = where .. ", data point " .. tostring(type(given) == "table" and given.code or i)
      if type(given) ~= "table" then
         return nil, here .. ": must be a table"
      end
      local ok, message = check_members(given, POINT, here)
      if not ok then
         return nil, message
      end
      if device.by_code[given.code] then
         return nil, here .. ": is there twice"
      end
      local point
      point, message = new_point(given, here)
      if not point then
         return nil, message
      end
      device.points[i] = point
      device.by_code[point.code] = point
   end
   return true
end

local function new_device(given)
   return {
      id = given.id,
      name = given.name,
      category = given.category,
      product_id = given.product_id,
      product_name = default(given.product_name, given.name),
      online = default(given.online, true),
      in_project = default(given.in_project, true),
      uuid = default(given.uuid, given.id:sub(-16)),
      local_key = default(given.local_key, "0123456789abcdef"),
      ip = default(given.ip, ""),
      icon = default(given.icon, ""),
      model = default(given.model, ""),
      time_zone = default(given.time_zone, "+00:00"),
      lat = default(given.lat, ""),
      lon = default(given.lon, ""),
      sub = default(given.sub, given.gateway ~= nil),
      gateway = given.gateway,
      asset_id = given.asset_id,
      reacts = default(given.reacts, false),
      active_time = default(given.active_time, MADE),
      create_time = default(given.create_time, MADE),
      update_time = default(given.update_time, MADE),
      points = {},
      by_code = {},
   }
end

--- Puts a device into a home, at the end; nil and a message when its description is not right.
function home.add(made, given)
   local where = "device " .. tostring(type(given) == "table" and given.id or #made.devices + 1)
   if type(given) ~= "table" then
      return nil, where .. ": must be a table"
   end
   local ok, message
   given, message = with_product(given, where)
   if not given then
      return nil, message
   end
   ok, message = check_members(given, DEVICE, where)
   if not ok then
      return nil, message
   end
   if made.by_id[given.id] then
      return nil, where .. ": is there twice"
   end
   local device = new_device(given)
   ok, message = add_points(device, given.data_points, where)
   if not ok then
      return nil, message
   end
   made.devices[#made.devices + 1] = device
   made.by_id[device.id] = device
   made.gone[device.id] = nil
   return device
end

local function add_devices(made, list)
   for _, given in ipairs(list) do
      local device, message = home.add(made, given)
      if not device then
         return nil, message
      end
   end
   return true
end

--- A list of rooms, scenes or automations, checked; nil and a message.
local function checked_list(list, known, where)
   for i, one in ipairs(list or {}) do
      local ok, message = check_members(one, known, where .. " " .. i)
      if not ok then
         return nil, message
      end
   end
   return list or {}
end

--- What is in a home besides devices; nil and a message when it is not right.
local function add_spaces(made, given)
   for name, known in pairs({ rooms = ROOM, scenes = SCENE, automations = SCENE }) do
      local list, message = checked_list(given[name], known, name)
      if not list then
         return nil, message
      end
      made[name] = {}
      for i, one in ipairs(list) do
         made[name][i] = {}
         for member, value in pairs(one) do
            made[name][i][member] = value
         end
      end
   end
   return true
end

--- Makes a home of its description; nil and a message when that is not right.
function home.new(given)
   local ok, message = check_members(given, HOME, "home")
   if not ok then
      return nil, message
   end
   local made = {
      uid = default(given.uid, "bay1563811262429Simu"),
      home_id = default(given.home_id, "1001"),
      data_centre = given.data_centre,
      name = default(given.name, "Home"),
      username = given.username or (given.account or {}).username,
      geo_name = default(given.geo_name, ""),
      lat = default(given.lat, 0),
      lon = default(given.lon, 0),
      devices = {},
      by_id = {},
      gone = {}, -- by the id of a device that was removed: the id of the one before it, or ""
   }
   made.account, message = accounts.new(given.account)
   if message then
      return nil, message
   end
   ok, message = add_devices(made, given.devices)
   if ok then
      ok, message = add_spaces(made, given)
   end
   if not ok then
      return nil, message
   end
   return made
end

--- Reads the description from a JSON file; nil and a message when there is none or it is not right.
function home.read(path)
   return members.read(path, home.new)
end

--- Takes a device out of the home.
function home.remove(made, device)
   made.by_id[device.id] = nil
   for i, one in ipairs(made.devices) do
      if one == device then
         made.gone[device.id] = i > 1 and made.devices[i - 1].id or ""
         table.remove(made.devices, i)
         return
      end
   end
end

return home

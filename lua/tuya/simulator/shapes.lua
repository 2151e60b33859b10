--- shapes.lua: devices and data points as each generation of the API writes them.
-- The idea: one function for each shape; nothing here decides anything.
-- The danger: the generations differ in small things (seconds or milliseconds, snake_case or camelCase, the
-- standard instruction set or every data point), and a client that meets the wrong one here learns it wrong.
-- @module tuya.simulator.shapes

local json = require("tuya.json")

local shapes = {}

--- The names of the types in the thing model.
local THING_TYPES = {
   Boolean = "bool",
   Integer = "value",
   Enum = "enum",
   String = "string",
   Json = "string",
   Raw = "raw",
   Bitmap = "bitmap",
}

--- A new array: each member of the list that `wanted` lets pass, as `shape` writes it.
function shapes.each(list, shape, wanted)
   local array = {}
   for _, member in ipairs(list) do
      if not wanted or wanted(member) then
         array[#array + 1] = shape(member)
      end
   end
   return json.array(array)
end

--- Belongs to the standard instruction set?
function shapes.is_standard(point)
   return point.standard
end

--- Can be sent to a device, by the standard instruction set?
function shapes.is_function(point)
   return point.standard and point.writable
end

function shapes.status_point(point)
   return { code = point.code, value = point.value }
end

--- v1.0 and iot-03: codes and values of the standard instruction set.
function shapes.status(device)
   return shapes.each(device.points, shapes.status_point, shapes.is_standard)
end

--- One device of a batch of statuses.
function shapes.status_of(device)
   return { id = device.id, status = shapes.status(device) }
end

--- iot-03: a device without its status. Moments are seconds.
function shapes.device(device, home)
   return {
      active_time = device.active_time,
      asset_id = device.asset_id,
      biz_type = 18,
      category = device.category,
      create_time = device.create_time,
      icon = device.icon,
      id = device.id,
      ip = device.ip,
      lat = device.lat,
      local_key = device.local_key,
      lon = device.lon,
      model = device.model,
      name = device.name,
      online = device.online,
      owner_id = home.home_id,
      product_id = device.product_id,
      product_name = device.product_name,
      sub = device.sub,
      time_zone = device.time_zone,
      uid = home.uid,
      update_time = device.update_time,
      uuid = device.uuid,
   }
end

--- v1.0: a device with its status.
function shapes.device_with_status(device, home)
   local shown = shapes.device(device, home)
   shown.status = shapes.status(device)
   return shown
end

--- v2.0: a device in camelCase, without its status.
function shapes.thing(device, home)
   return {
      activeTime = device.active_time,
      bindSpaceId = home.home_id,
      category = device.category,
      createTime = device.create_time,
      customName = device.name,
      icon = device.icon,
      id = device.id,
      ip = device.ip,
      isOnline = device.online,
      lat = device.lat,
      localKey = device.local_key,
      lon = device.lon,
      model = device.model,
      name = device.product_name,
      productId = device.product_id,
      productName = device.product_name,
      sub = device.sub,
      timeZone = device.time_zone,
      updateTime = device.update_time,
      uuid = device.uuid,
   }
end

--- `values` is JSON text everywhere in v1.x.
local function values_text(point)
   return json.encode(point.values)
end

local function function_point(point)
   return {
      code = point.code,
      desc = point.description,
      name = point.name,
      type = point.type,
      values = values_text(point),
   }
end

local function specified(point)
   return { code = point.code, type = point.type, values = values_text(point) }
end

local function specified_with_id(point)
   local shown = specified(point)
   shown.dp_id = point.dp_id
   return shown
end

function shapes.functions(device)
   return {
      category = device.category,
      functions = shapes.each(device.points, function_point, shapes.is_function),
   }
end

local function specification(device, shape)
   return {
      category = device.category,
      functions = shapes.each(device.points, shape, shapes.is_function),
      status = shapes.each(device.points, shape, shapes.is_standard),
   }
end

function shapes.specification(device)
   return specification(device, specified)
end

--- v1.1 adds the data points' numbers.
function shapes.specification_with_ids(device)
   return specification(device, specified_with_id)
end

local function type_spec(point)
   local spec = { type = THING_TYPES[point.type] }
   if point.type ~= "Json" then
      for name, value in pairs(point.values) do
         spec[name] = value
      end
   end
   return spec
end

local function property(point)
   return {
      abilityId = point.dp_id,
      accessMode = point.writable and "rw" or "ro",
      code = point.code,
      description = point.description,
      name = point.name,
      typeSpec = type_spec(point),
   }
end

--- The thing model is JSON text in JSON; it shows every data point.
function shapes.model(device)
   local service = {
      actions = json.array({}),
      code = "",
      description = "",
      events = json.array({}),
      name = "",
      properties = shapes.each(device.points, property),
   }
   local model = { modelId = device.product_id, services = json.array({ service }) }
   return { model = json.encode(model) }
end

--- A data point in the shadow; the moment is milliseconds.
function shapes.shadow_point(point)
   return {
      code = point.code,
      custom_name = "",
      dp_id = point.dp_id,
      time = point.time,
      type = THING_TYPES[point.type],
      value = point.value,
   }
end

return shapes

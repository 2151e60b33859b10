--- infrared.lua: calls about infrared hubs: remotes, their keys, and codes that are learnt.
-- The idea: a remote is a device behind the hub. A hub that learns hears, a few seconds later, somebody press the key
-- of a remote in front of it: each time another code.
-- The danger: nobody knows whether infrared arrives; what is sent changes what the cloud thinks of a device, no more.
-- @module tuya.simulator.infrared

local homes = require("tuya.simulator.home")
local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")
local values = require("tuya.simulator.values")

local infrared = {}

local HEARD_AFTER = 3000 -- ms from when it begins to learn

local function body_of(call)
   local body = json.decode(call.body)
   return type(body) == "table" and body or nil
end

local function remote_of(call)
   local remote = call.find_device(call.captures.remote)
   return remote and remote.gateway == call.device.id and remote or nil
end

local AIR = { power = "switch", mode = "mode", temp = "temp", wind = "fan" }

--- A remote of the library, or one of learnt codes.
local function shape_remote(device)
   local own = device.codes ~= nil
   return { remote_id = device.id, remote_name = device.name, category_id = device.remote_category or "5",
      brand_id = own and "0" or "97", brand_name = device.brand_name or "Simulated",
      remote_index = own and "0" or "1001" }
end

function infrared.remotes(call)
   local list = {}
   for _, device in ipairs(call.devices()) do
      if device.gateway == call.device.id then
         list[#list + 1] = device
      end
   end
   return shapes.each(list, shape_remote)
end

local KEYS = { "power", "temp_up", "temp_down", "mode", "fan" }

function infrared.remote_keys(call)
   local remote = remote_of(call)
   if not remote then
      return nil, 2016
   end
   local list = {}
   for i, name in ipairs(not remote.codes and KEYS or {}) do
      list[i] = { key = name, key_id = i, key_name = name, standard_key = true }
   end
   for i, one in ipairs(remote.codes or {}) do
      list[i] = { key = one.key, key_id = one.id, key_name = one.key_name, standard_key = false }
   end
   return { category_id = 5, brand_id = 97, remote_index = 1001, single_air = false, key_list = json.array(list) }
end

--- The change that an air conditioner's word and value make; nil: it has no such.
local function air_change(remote, word, value)
   local point = remote.by_code[AIR[word] or ""]
   if not point then
      return nil
   end
   if word == "power" then
      value = value == 1 or value == "1" or value == true
   elseif point.type == "Enum" then
      value = tostring(value)
   else
      value = tonumber(value)
   end
   local accepted = values.accept(point, value)
   return accepted ~= nil and { point = point, value = accepted } or nil
end

local function air(call, given)
   local remote = remote_of(call)
   if not remote then
      return nil, 2016
   end
   local changes = {}
   for word, value in pairs(given) do
      local one = air_change(remote, word, value)
      if not one then
         return nil, 2008
      end
      changes[#changes + 1] = one
   end
   call.apply(remote, changes)
   return true
end

function infrared.air_command(call)
   local body = body_of(call)
   if not body or type(body.code) ~= "string" or body.value == nil then
      return nil, 1109
   end
   return air(call, { [body.code] = body.value })
end

function infrared.air_scene(call)
   local body = body_of(call)
   if not body or next(body) == nil then
      return nil, 1109
   end
   return air(call, body)
end

function infrared.air_status(call)
   local remote = remote_of(call)
   if not remote or remote.codes then
      return nil, 2016
   end
   return {
      remote_id = remote.id, power = remote.by_code.switch.value and "1" or "0", mode = remote.by_code.mode.value,
      temp = tostring(remote.by_code.temp.value), fan = remote.by_code.fan.value,
   }
end

--- A key pressed: power turns over, the others change nothing that the cloud knows.
function infrared.press(call)
   local remote, body = remote_of(call), body_of(call)
   if not remote or not body or type(body.key) ~= "string" then
      return nil, remote and 1109 or 2016
   end
   if body.key == "power" and remote.by_code.switch then
      local point = remote.by_code.switch
      call.apply(remote, { { point = point, value = not point.value } })
   end
   return true
end

--- A remote gets another name.
function infrared.rename(call)
   local remote, body = remote_of(call), body_of(call)
   if not remote or not body or type(body.remote_name) ~= "string" then
      return nil, remote and 1109 or 2016
   end
   remote.name = body.remote_name
   return true
end

function infrared.delete(call)
   local remote = remote_of(call)
   if not remote then
      return nil, 2016
   end
   homes.remove(call.home_of(remote), remote)
   return true
end

-- {{{ Learning

--- The hub begins to listen, or stops.
function infrared.learning_state(call)
   if call.query.state ~= "true" and call.query.state ~= "false" then
      return nil, 1109
   end
   call.device.learning = call.query.state == "true" and call.now or nil
   return true
end

--- What was heard since a moment: a code, once the hub has listened long enough.
function infrared.heard(call)
   local hub, since = call.device, tonumber(call.query.learning_time)
   if not since then
      return nil, 1100
   end
   if not hub.learning or hub.learning > since or call.now - hub.learning < HEARD_AFTER then
      return { success = false }
   end
   if hub.heard_at ~= hub.learning then
      hub.heard_at, hub.heard = hub.learning, (hub.heard or 0) + 1
   end
   return { success = true, code = ("26002602%04x2606"):format(hub.heard) }
end

--- The codes of a body, each with an id; nil where they are none.
local function read_codes(hub, body)
   local list = {}
   for i, one in ipairs(body and type(body.codes) == "table" and body.codes or {}) do
      if type(one) ~= "table" or type(one.key) ~= "string" or type(one.code) ~= "string" then
         return nil
      end
      hub.last_code = (hub.last_code or 1000) + 1
      list[i] = { id = hub.last_code, key = one.key, key_name = one.key_name or one.key, code = one.code }
   end
   return list[1] and list
end

--- A remote of the hub, under a number of its own.
local function add_remote(call, body, kind, category, product)
   local hub = call.device
   hub.last_remote = (hub.last_remote or 0) + 1
   return homes.add(call.home, {
      id = hub.id .. kind .. hub.last_remote, name = body.remote_name or "Remote", category = category,
      product_id = product, gateway = hub.id, data_points = {},
   })
end

--- A remote of codes that were learnt.
function infrared.save(call)
   local body = body_of(call)
   local codes = read_codes(call.device, body)
   if not codes then
      return nil, 1109
   end
   local remote = add_remote(call, body, "diy", "infrared_diy", "simirdiy00000001")
   remote.codes, remote.brand_name = codes, body.brand_name
   remote.remote_category = tostring(body.category_id or 999)
   return remote.id
end

--- Codes saved with a remote, in place of those of the same keys.
function infrared.update(call)
   local remote = remote_of(call)
   local codes = read_codes(call.device, body_of(call))
   if not remote or not codes then
      return nil, remote and 1109 or 2016
   end
   remote.codes = remote.codes or {}
   for _, one in ipairs(codes) do
      for i = #remote.codes, 1, -1 do
         if remote.codes[i].key == one.key then
            table.remove(remote.codes, i)
         end
      end
      table.insert(remote.codes, one)
   end
   return remote.id
end

function infrared.learnt(call)
   local remote = remote_of(call)
   if not remote then
      return nil, 2016
   end
   return shapes.each(remote.codes or {}, function(one)
      return { id = one.id, key = one.key, key_name = one.key_name, code = one.code }
   end)
end

--- A code is sent; the hub remembers the last one, for tests.
function infrared.send(call)
   local remote, body = remote_of(call), body_of(call)
   if not remote or not body or type(body.code) ~= "string" or body.code == "" then
      return nil, remote and 1109 or 2016
   end
   call.device.sent_code = body.code
   return true
end

function infrared.forget(call)
   for _, remote in ipairs(call.devices()) do
      for i, one in ipairs(remote.gateway == call.device.id and remote.codes or {}) do
         if tostring(one.id) == call.captures.code then
            table.remove(remote.codes, i)
            return true
         end
      end
   end
   return nil, 1109
end

-- }}}

local CATEGORIES = { { "1", "Set-top box" }, { "2", "TV" }, { "5", "Air conditioner" }, { "8", "Fan" } }

function infrared.categories()
   return shapes.each(CATEGORIES, function(one)
      return { category_id = one[1], category_name = one[2] }
   end)
end

function infrared.brands()
   return json.array({ { brand_id = "97", brand_name = "Simulated" } })
end

function infrared.indexes()
   return json.array({ { remote_index = 1001 } })
end

--- A remote of the library, with its keys.
function infrared.add(call)
   local body = body_of(call)
   if not body or type(body.category_id) ~= "number" or type(body.remote_index) ~= "number" then
      return nil, 1109
   end
   local remote = add_remote(call, body, "lib", "infrared_tv", "simirtv000000001")
   remote.brand_name, remote.remote_category = body.brand_name, ("%.0f"):format(body.category_id)
   return remote.id
end

return infrared

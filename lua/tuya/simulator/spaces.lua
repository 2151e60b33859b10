--- spaces.lua: calls about homes, rooms, members, scenes, automations and users.
-- The idea: they stand in the home as plain data, as a home file writes them.
-- The danger: the fields of scenes and automations follow Tuya's pages, and few recorded answers confirm them.
-- @module tuya.simulator.spaces

local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")
local values = require("tuya.simulator.values")

local spaces = {}

local function body_of(call)
   local body = json.decode(call.body)
   return type(body) == "table" and body or nil
end

--- The home that the path names; nil: none of this project's.
local function home_of(call)
   local wanted = call.captures.home or call.query.space_id
   for _, home in ipairs(call.project.homes) do
      if home.home_id == wanted then
         return home
      end
   end
   return nil
end

--- A call about the home in its path; 1106 where the project has no such home.
local function in_home(run)
   return function(call)
      local home = home_of(call)
      if not home then
         return nil, 1106
      end
      return run(call, home)
   end
end

local function find(list, id)
   for i, one in ipairs(list) do
      if tostring(one.id) == id then
         return one, i
      end
   end
   return nil
end

--- A call about one of a list of the home: the one whose id the path names; 1109 where there is none.
local function about(list_name, run)
   return in_home(function(call, home)
      local one, at = find(home[list_name], call.captures.one)
      if not one then
         return nil, 1109
      end
      return run(call, home, one, at)
   end)
end

local function shape_home(home)
   return { home_id = tonumber(home.home_id) or home.home_id, name = home.name, geo_name = home.geo_name,
      lat = home.lat, lon = home.lon, role = "OWNER" }
end

--- The homes of the user in the path.
function spaces.homes(call)
   return shapes.each(call.project.homes, shape_home, function(home)
      return home.uid == call.captures.uid
   end)
end

spaces.home = in_home(function(_, home)
   return shape_home(home)
end)

local function shown(home, device)
   return shapes.device_with_status(device, home)
end

spaces.devices = in_home(function(_, home)
   return shapes.each(home.devices, function(device)
      return shown(home, device)
   end, function(device)
      return device.in_project
   end)
end)

spaces.rooms = in_home(function(_, home)
   local rooms = shapes.each(home.rooms, function(room)
      return { room_id = room.id, name = room.name }
   end)
   return { home_id = home.home_id, name = home.name, geo_name = home.geo_name, lat = home.lat, lon = home.lon,
      rooms = rooms }
end)

spaces.room_devices = about("rooms", function(_, home, room)
   local list = {}
   for _, id in ipairs(room.devices or {}) do
      list[#list + 1] = home.by_id[id]
   end
   return shapes.each(list, function(device)
      return shown(home, device)
   end)
end)

--- A new id in a home, higher than every other.
local function next_id(home)
   home.last_id = (home.last_id or 5000) + 1
   return tostring(home.last_id)
end

spaces.add_room = in_home(function(call, home)
   local body = body_of(call)
   if not body or type(body.name) ~= "string" then
      return nil, 1109
   end
   local room = { id = next_id(home), name = body.name, devices = {} }
   home.rooms[#home.rooms + 1] = room
   return { room_id = room.id, name = room.name }
end)

function spaces.users(call)
   return {
      has_more = false, total = #call.project.homes,
      list = shapes.each(call.project.homes, function(home)
         return { uid = home.uid, username = home.username or home.uid, create_time = 1700000000 }
      end),
   }
end

-- {{{ Scenes and automations

local function shape_scene(scene)
   return { scene_id = scene.id, name = scene.name, background = "", enabled = true, status = "1",
      actions = json.array(scene.actions) }
end

local function shape_automation(one)
   return { automation_id = one.id, name = one.name, enabled = one.enabled ~= false, actions = json.array(one.actions) }
end

local function shape_rule(kind)
   return function(one)
      return { id = one.id, name = one.name, type = kind, running_mode = "local", status = one.enabled == false
         and "disable" or "enable" }
   end
end

spaces.scenes = in_home(function(_, home)
   return shapes.each(home.scenes, shape_scene)
end)

spaces.automations = in_home(function(_, home)
   return shapes.each(home.automations, shape_automation)
end)

--- v2.0: scenes or automations of a space, in pages that are numbered.
spaces.rules = in_home(function(call, home)
   local kind = call.query.type or "scene"
   local list = kind == "automation" and home.automations or home.scenes
   local size, number = tonumber(call.query.page_size) or 20, tonumber(call.query.page_no) or 1
   local page = {}
   for i = (number - 1) * size + 1, math.min(number * size, #list) do
      page[#page + 1] = list[i]
   end
   return { list = shapes.each(page, shape_rule(kind)), has_more = number * size < #list, total = #list }
end)

--- The changes that an action makes: true and a list of { device, changes }; or nil and the code of the refusal.
local function planned(home, actions)
   local plan = {}
   for i, action in ipairs(actions or {}) do
      local device = home.by_id[action.entity_id or ""]
      if not device or type(action.executor_property) ~= "table" then
         return nil, 1109
      end
      local changes = {}
      for code, value in pairs(action.executor_property) do
         local point = device.by_code[code]
         local accepted = point and point.writable and values.accept(point, value)
         if accepted == nil or accepted == false and type(value) ~= "boolean" or not point then
            return nil, 2008
         end
         changes[#changes + 1] = { point = point, value = accepted }
      end
      plan[i] = { device = device, changes = changes }
   end
   return plan
end

local function creator(list_name, id_name)
   return in_home(function(call, home)
      local body = body_of(call)
      if not body or type(body.name) ~= "string" or type(body.actions) ~= "table" or not body.actions[1] then
         return nil, 1109
      end
      local plan, code = planned(home, body.actions)
      if not plan then
         return nil, code
      end
      local one = { id = next_id(home), name = body.name, actions = body.actions, conditions = body.conditions }
      table.insert(home[list_name], one)
      return id_name and { [id_name] = one.id } or one.id
   end)
end

spaces.create_scene = creator("scenes", "scene_id")
spaces.create_automation = creator("automations", "automation_id")

local function remover(list_name)
   return about(list_name, function(_, home, _, at)
      table.remove(home[list_name], at)
      return true
   end)
end

spaces.delete_scene, spaces.delete_automation = remover("scenes"), remover("automations")

--- Carries a scene's actions out, on the devices that are online.
local function trigger(call, home, one)
   local plan, code = planned(home, one.actions)
   if not plan then
      return nil, code
   end
   for _, step in ipairs(plan) do
      if step.device.online then
         call.apply(step.device, step.changes)
      end
   end
   return true
end

spaces.trigger_scene = about("scenes", trigger)

--- v2.0: a scene by its id alone.
function spaces.trigger_rule(call)
   for _, home in ipairs(call.project.homes) do
      local one = find(home.scenes, call.captures.one)
      if one then
         return trigger(call, home, one)
      end
   end
   return nil, 1109
end

local function enabler(enabled)
   return about("automations", function(_, _, one)
      one.enabled = enabled
      return true
   end)
end

spaces.enable, spaces.disable = enabler(true), enabler(false)

-- }}}

return spaces

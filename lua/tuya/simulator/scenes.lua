--- scenes.lua: v1.0's calls about scenes and automations.
-- The idea: they stand in the home as plain data, as a home file and v1.0 write them; v2.0 shows the same ones
-- (rules.lua).
-- The danger: their fields follow Tuya's pages, and few recorded answers confirm them.
-- @module tuya.simulator.scenes

local about = require("tuya.simulator.about")
local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")
local values = require("tuya.simulator.values")

local scenes = {}

local function shape_scene(scene)
   return { scene_id = scene.id, name = scene.name, background = "", enabled = true, status = "1",
      actions = json.array(scene.actions) }
end

local function shape_automation(one)
   return { automation_id = one.id, name = one.name, enabled = one.enabled ~= false,
      actions = json.array(one.actions), conditions = json.array(one.conditions or {}),
      match_type = one.match_type or 1 }
end

scenes.scenes = about.home(function(_, home)
   return shapes.each(home.scenes, shape_scene)
end)

scenes.automations = about.home(function(_, home)
   return shapes.each(home.automations, shape_automation)
end)

--- The changes that an action makes: true and a list of { device, changes }; or nil and the code of the refusal.
function scenes.planned(home, actions)
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

--- What a body says of a scene or an automation: its members, or nil and the code of the refusal.
local function described(call, home)
   local body = about.body(call)
   if not body or type(body.name) ~= "string" or type(body.actions) ~= "table" or not body.actions[1] then
      return nil, 1109
   end
   local plan, code = scenes.planned(home, body.actions)
   if not plan then
      return nil, code
   end
   return { name = body.name, actions = body.actions, conditions = body.conditions, match_type = body.match_type }
end

local function creator(list_name, id_name)
   return about.home(function(call, home)
      local one, code = described(call, home)
      if not one then
         return nil, code
      end
      one.id = about.next_id(home)
      table.insert(home[list_name], one)
      return { [id_name] = one.id }
   end)
end

local function editor(list_name)
   return about.one(list_name, function(call, home, one)
      local changed, code = described(call, home)
      if not changed then
         return nil, code
      end
      return about.change(one, changed)
   end)
end

scenes.create_scene = creator("scenes", "scene_id")
scenes.create_automation = creator("automations", "automation_id")
scenes.edit_scene, scenes.edit_automation = editor("scenes"), editor("automations")
scenes.delete_scene, scenes.delete_automation = about.remover("scenes"), about.remover("automations")

scenes.automation = about.one("automations", function(_, _, one)
   return shape_automation(one)
end)

--- Carries a scene's actions out, on the devices that are online.
function scenes.trigger(call, home, one)
   local plan, code = scenes.planned(home, one.actions)
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

scenes.trigger_scene = about.one("scenes", scenes.trigger)

--- What an automation waits for from outside has come: one that is enabled acts.
scenes.trigger_automation = about.one("automations", function(call, home, one)
   if one.enabled == false then
      return nil, 1109
   end
   return scenes.trigger(call, home, one)
end)

local function enabler(enabled)
   return about.one("automations", function(_, _, one)
      one.enabled = enabled
      return true
   end)
end

scenes.enable, scenes.disable = enabler(true), enabler(false)

return scenes

--- scenes.lua: calls about scenes and automations, of both generations.
-- The idea: they stand in the home as plain data, as a home file writes them; both generations show the same ones.
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

local function shape_rule(kind)
   return function(one)
      return { id = one.id, name = one.name, type = kind, running_mode = "local", status = one.enabled == false
         and "disable" or "enable" }
   end
end

scenes.scenes = about.home(function(_, home)
   return shapes.each(home.scenes, shape_scene)
end)

scenes.automations = about.home(function(_, home)
   return shapes.each(home.automations, shape_automation)
end)

--- v2.0: scenes or automations of a space, in pages that are numbered.
scenes.rules = about.home(function(call, home)
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

--- What a body says of a scene or an automation: its members, or nil and the code of the refusal.
local function described(call, home)
   local body = about.body(call)
   if not body or type(body.name) ~= "string" or type(body.actions) ~= "table" or not body.actions[1] then
      return nil, 1109
   end
   local plan, code = planned(home, body.actions)
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
      for name, value in pairs(changed) do
         one[name] = value
      end
      return true
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

scenes.trigger_scene = about.one("scenes", trigger)

--- What an automation waits for from outside has come: one that is enabled acts.
scenes.trigger_automation = about.one("automations", function(call, home, one)
   if one.enabled == false then
      return nil, 1109
   end
   return trigger(call, home, one)
end)

--- v2.0: the home, the scene or automation of an id, its kind and its place; nil: there is none.
local function rule_of(project, id)
   for _, home in ipairs(project.homes) do
      for kind, list in pairs({ scene = home.scenes, automation = home.automations }) do
         local one, at = about.find(list, id)
         if one then
            return home, one, kind, at
         end
      end
   end
   return nil
end

function scenes.trigger_rule(call)
   local home, one, kind = rule_of(call.project, call.captures.one)
   if kind ~= "scene" then
      return nil, 1109
   end
   return trigger(call, home, one)
end

function scenes.rule(call)
   local _, one, kind = rule_of(call.project, call.captures.one)
   if not one then
      return nil, 1109
   end
   local shown = shape_rule(kind)(one)
   shown.actions, shown.conditions = json.array(one.actions), json.array(one.conditions or {})
   shown.decision_expr = one.match_type == 2 and "and" or "or"
   return shown
end

--- Each of a comma-separated list of ids, all of which must be there.
local function each_rule(call, ids, act)
   local list = {}
   for id in (type(ids) == "string" and ids or ""):gmatch("[^,]+") do
      if not rule_of(call.project, id) then
         return nil, 1109
      end
      list[#list + 1] = id
   end
   for _, id in ipairs(list) do
      act(rule_of(call.project, id))
   end
   if not list[1] then
      return nil, 1100
   end
   return true
end

scenes.delete_rules = about.home(function(call)
   return each_rule(call, call.query.ids, function(home, _, kind, at)
      table.remove(kind == "scene" and home.scenes or home.automations, at)
   end)
end)

function scenes.rules_state(call)
   local body = about.body(call)
   if not body or type(body.is_enable) ~= "boolean" then
      return nil, 1109
   end
   return each_rule(call, body.ids, function(_, one)
      one.enabled = body.is_enable
   end)
end

local function enabler(enabled)
   return about.one("automations", function(_, _, one)
      one.enabled = enabled
      return true
   end)
end

scenes.enable, scenes.disable = enabler(true), enabler(false)

return scenes

--- rules.lua: v2.0's calls about scenes and automations, which it calls linkage rules.
-- The idea: they stand in the home as v1.0 writes them (scenes.lua); here they are written and read as v2.0 does.
-- The danger: what a rule is made of is published, but not what the cloud answers to one that was made; here its id.
-- @module tuya.simulator.rules

local about = require("tuya.simulator.about")
local json = require("tuya.json")
local scenes = require("tuya.simulator.scenes")
local shapes = require("tuya.simulator.shapes")

local rules = {}

local LISTS = { scene = "scenes", automation = "automations" }

-- {{{ As v2.0 writes them

--- One for each data point.
local function shown_actions(actions)
   local list = json.array({})
   for _, action in ipairs(actions) do
      for code, value in pairs(action.executor_property) do
         list[#list + 1] = { entity_id = action.entity_id, action_executor = "device_issue",
            executor_property = { function_code = code, function_value = value } }
      end
   end
   return list
end

local function shown_condition(one)
   local display = one.display
   if one.entity_type == 6 then
      local expr = { time = display.time, loops = display.loops, date = display.date }
      expr.time_zone_id = display.timezone_id
      return { entity_id = one.entity_id, entity_type = "timer", code = one.order_num, expr = expr }
   end
   local expr = { status_code = display.code, comparator = display.operator, status_value = display.value }
   return { entity_id = one.entity_id, entity_type = "device_report", code = one.order_num, expr = expr }
end

--- The actions of a body as they stand in the home; nil where they are none that are known here.
local function read_actions(list)
   local made = {}
   for i, action in ipairs(type(list) == "table" and list or {}) do
      local property = type(action) == "table" and action.executor_property
      if type(property) ~= "table" or action.action_executor ~= "device_issue" or property.function_value == nil
         or type(property.function_code) ~= "string" then
         return nil
      end
      made[i] = { entity_id = action.entity_id, action_executor = "dpIssue",
         executor_property = { [property.function_code] = property.function_value } }
   end
   return made[1] and made
end

local COMPARATORS = { ["=="] = true, [">"] = true, ["<"] = true }

local function read_condition(one)
   local expr = type(one) == "table" and one.expr
   if type(expr) ~= "table" or type(one.code) ~= "number" or type(one.entity_id) ~= "string" then
      return nil
   end
   if one.entity_type == "timer" and type(expr.time) == "string" then
      return { entity_id = one.entity_id, entity_type = 6, order_num = one.code,
         display = { time = expr.time, loops = expr.loops, date = expr.date, timezone_id = expr.time_zone_id } }
   end
   if one.entity_type == "device_report" and COMPARATORS[expr.comparator] and expr.status_value ~= nil then
      return { entity_id = one.entity_id, entity_type = 1, order_num = one.code,
         display = { code = expr.status_code, operator = expr.comparator, value = expr.status_value } }
   end
   return nil
end

--- The conditions of a body as they stand in the home; nil where one is wrong, or two have one code.
local function read_conditions(list)
   local made, taken = {}, {}
   for i, one in ipairs(list) do
      made[i] = read_condition(one)
      if not made[i] or taken[one.code] then
         return nil
      end
      taken[one.code] = true
   end
   return made
end

--- What a body says of a rule: its members, or nil and the code of the refusal.
local function described(body, home)
   local made = { name = body.name }
   if body.name ~= nil and type(body.name) ~= "string" then
      return nil, 1109
   end
   if body.actions ~= nil then
      made.actions = read_actions(body.actions)
      local plan, code = nil, 1109
      if made.actions then
         plan, code = scenes.planned(home, made.actions)
      end
      if not plan then
         return nil, code
      end
   end
   if body.conditions ~= nil then
      made.conditions = type(body.conditions) == "table" and read_conditions(body.conditions) or nil
      if not made.conditions then
         return nil, 1109
      end
   end
   if body.decision_expr ~= nil then
      made.match_type = body.decision_expr == "and" and 2 or body.decision_expr == "or" and 1 or 3
   end
   return made
end

-- }}}

local function shape_rule(kind)
   return function(one)
      return { id = one.id, name = one.name, type = kind, running_mode = "local", status = one.enabled == false
         and "disable" or "enable" }
   end
end

--- Scenes or automations of a space, in pages that are numbered.
rules.list = about.home(function(call, home)
   local kind = call.query.type or "scene"
   local list = home[LISTS[kind] or "scenes"]
   return about.page(list, call.query, shape_rule(kind))
end)

--- The home, the scene or automation of an id, its kind and its place; nil: there is none.
local function rule_of(project, id)
   for _, home in ipairs(project.homes) do
      for kind, name in pairs(LISTS) do
         local one, at = about.find(home[name], id)
         if one then
            return home, one, kind, at
         end
      end
   end
   return nil
end

--- The body of a call and the home whose space it names; nil and the code of the refusal.
local function body_and_home(call)
   local body = about.body(call)
   if not body or type(body.space_id) ~= "string" then
      return nil, 1109
   end
   local home, code = about.home_of(call.project, body.space_id)
   if not home then
      return nil, code
   end
   return body, home
end

function rules.create(call)
   local body, home = body_and_home(call)
   if not body then
      return nil, home
   end
   local is_whole = type(body.name) == "string" and LISTS[body.type] and body.actions ~= nil
      and type(body.decision_expr) == "string" and (body.type == "scene" or body.conditions ~= nil)
   if not is_whole then
      return nil, 1109
   end
   local one, code = described(body, home)
   if not one then
      return nil, code
   end
   one.id = about.next_id(home)
   table.insert(home[LISTS[body.type]], one)
   return one.id
end

function rules.edit(call)
   local body, home = body_and_home(call)
   if not body then
      return nil, home
   end
   local _, one = rule_of(call.project, call.captures.one)
   if not one then
      return nil, 1109
   end
   local changed, code = described(body, home)
   if not changed then
      return nil, code
   end
   return about.change(one, changed)
end

function rules.trigger(call)
   local home, one, kind = rule_of(call.project, call.captures.one)
   if kind ~= "scene" then
      return nil, 1109
   end
   return scenes.trigger(call, home, one)
end

function rules.one(call)
   local _, one, kind = rule_of(call.project, call.captures.one)
   if not one then
      return nil, 1109
   end
   local shown = shape_rule(kind)(one)
   shown.actions, shown.conditions = shown_actions(one.actions), shapes.each(one.conditions or {}, shown_condition)
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

rules.delete = about.home(function(call)
   return each_rule(call, call.query.ids, function(home, _, kind, at)
      table.remove(home[LISTS[kind]], at)
   end)
end)

function rules.state(call)
   local body = about.body(call)
   if not body or type(body.is_enable) ~= "boolean" then
      return nil, 1109
   end
   return each_rule(call, body.ids, function(_, one)
      one.enabled = body.is_enable
   end)
end

return rules

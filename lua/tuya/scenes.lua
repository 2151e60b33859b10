--- scenes.lua: scenes that are run by a tap, and automations that run by conditions.
-- The idea: actions and conditions name devices and values as programs write them, and are checked by the
-- specifications when they are made, as `send` checks them.
-- The danger: two generations list and run the same scenes; v1.0 alone makes and edits them here. An object remembers
-- which one it came by.
-- @module tuya.scenes

local bytes = require("tuya.bytes")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local fold = require("tuya.fold")
local generations = require("tuya.generations")
local options = require("tuya.options")
local pager = require("tuya.pager")
local points = require("tuya.points")
local space = require("tuya.space")
local specifications = require("tuya.specifications")

local scenes = {}

local ask, done, is_id, id_text, part = space.ask, space.done, space.is_id, space.id_text, space.part

local space_methods, scene_methods, automation_methods = {}, {}, {}
local new_scene = space.class("tuya.scene", scene_methods)
local new_automation = space.class("tuya.automation", automation_methods)

local RULES = "/v2.0/cloud/scene/rule" -- of v2.0

-- {{{ Actions and conditions

-- A value as a device takes it: true and it, or what is wrong. `encode` is of tuya.points.
local function wire_of(self, id, code, value, encode)
   local ok, standard, message, info = specifications.of(self.inner, self.client, id)
   if not ok or standard == nil then return ok, standard, message, info end
   if not standard then return true, value end
   local wire, rule = encode(standard, code, value)
   if wire == nil then return false, rule end
   return true, wire
end

local function properties(self, id, given)
   local made = {}
   for _, code in ipairs(bytes.names(given)) do
      local ok, wire, message, info = wire_of(self, id, code, given[code], points.encode)
      if not ok or wire == nil then return ok, wire, message, info end
      made[code] = wire
   end
   return true, made
end

local ACTION = options.known { device = "string|table", values = "table" }

local function broken_action(one)
   local rule = options.broken(one, ACTION)
   if rule then return rule end
   if not space.device_id(one.device) then return "device: a device or its id expected" end
   if type(one.values) ~= "table" or next(one.values) == nil or not bytes.names(one.values) then
      return "values: a table code = value expected"
   end
end

local function action(self, one)
   local rule = broken_action(one)
   if rule then return false, rule end
   local id = space.device_id(one.device)
   local ok, wire, message, info = properties(self, id, one.values)
   if not ok or wire == nil then return ok, wire, message, info end
   return true, { entity_id = id, action_executor = "dpIssue", executor_property = wire }
end

local OPERATORS = { ["=="] = true, ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }
local CONDITION = options.known {
   device = "string|table", code = "string", is = "string", value = "boolean|number|string|table",
}
local TIMER = options.known { time = "string", loops = "string", date = "string", zone = "string" }

local function timer(one, number)
   local rule = options.broken(one, TIMER)
   if rule then return false, rule end
   if not one.time:find("^[012]%d:[0-5]%d$") then return false, 'time: "07:30" expected' end
   local loops = one.loops or "1111111"
   if not loops:find("^[01][01][01][01][01][01][01]$") then
      return false, 'loops: seven digits 0 or 1 expected, Sunday first'
   end
   return true, {
      entity_id = "timer", entity_type = 6, order_num = number,
      display = { time = one.time, loops = loops, date = one.date, timezone_id = one.zone },
   }
end

-- The number-th condition, as the cloud takes it.
local function condition(self, one, number)
   if type(one) == "table" and one.time then return timer(one, number) end
   local rule = options.broken(one, CONDITION)
   if rule then return false, rule end
   local id = space.device_id(one.device)
   if not id then return false, "device: a device or its id expected" end
   if one.is and not OPERATORS[one.is] then return false, 'is: "==", "<", ">", "<=" or ">=" expected' end
   if not one.code or one.value == nil then return false, "code and value expected" end
   local ok, wire, message, info = wire_of(self, id, one.code, one.value, points.encode_reported)
   if not ok or wire == nil then return ok, wire, message, info end
   return true, {
      entity_id = id, entity_type = 1, order_num = number,
      display = { code = one.code, operator = one.is or "==", value = wire },
   }
end

-- What the cloud writes itself goes as it is.
local function is_raw(one)
   return type(one) == "table" and one.entity_id ~= nil
end

-- A list as the cloud takes it, each made by `make`: true and it, or what is wrong, named. There are actions always.
local function converted(self, list, name, make)
   if type(list) ~= "table" or (make == action and not list[1]) then return false, name .. ": a list expected" end
   local made = {}
   for i, one in ipairs(list) do
      local ok, wire, message, info = true, one, nil, nil
      if not is_raw(one) then ok, wire, message, info = make(self, one, i) end
      if not ok then return false, ("%s[%d]: %s"):format(name, i, tostring(wire)) end
      if wire == nil then return true, nil, message, info end
      made[i] = wire
   end
   return true, made
end

-- }}}

-- {{{ Lists

local function read_scene(self, given)
   local id = given.scene_id or given.id
   return new_scene(part(self, { id = id_text(id), name = given.name, actions = given.actions }))
end

local function read_automation(self, given)
   local enabled = given.enabled
   if enabled == nil and given.status ~= nil then enabled = given.status == "enable" end
   local id = given.automation_id or given.id
   return new_automation(part(self, {
      id = id_text(id), name = given.name, enabled = enabled, actions = given.actions, conditions = given.conditions,
      match_type = given.match_type,
   }))
end

-- All pages of v2.0's rules of a kind.
local function rules(self, kind, make)
   local its = pager.new(function(number)
      local ok, page, message, info = self.inner.read(self.client, {
         method = "GET", path = RULES,
         query = { space_id = self.home_id, type = kind, page_no = number or 1, page_size = 50 },
      }, function(result) return type(result) == "table" and type(result.list) == "table" and result or nil end)
      if not ok or page == nil then return ok, page, message, info end
      return true, page.list, page.has_more and (number or 1) + 1 or nil
   end, function(one) return one.id end)
   local list, message, info = its:all()
   if not list then return true, nil, message, info end
   return true, space.objects(self, list, make)
end

-- Scenes or automations, by the generation that answers.
local function listed(self, kind, path, make)
   local ok, known = self.inner.known(self.client)
   if not ok then return false, known end
   local order = known:order(kind, function(generation) return generation ~= "iot-03" end)
   local fine, list, message, info, generation = generations.try(known, kind, order, function(one)
      if one == "v2.0" then return rules(self, kind, make) end
      return ask(self, "GET", path, function(result)
         local found = space.list_of(result, "list")
         return found and space.objects(self, found, make)
      end)
   end)
   for _, one in ipairs(fine and list or {}) do one.generation = generation end
   return fine, list, message, info
end

local function scenes_of(self)
   return listed(self, "scene", "/scenes", read_scene)
end

local function automations_of(self)
   return listed(self, "automation", "/automations", read_automation)
end

-- }}}

-- {{{ What can be done to one

local NOT_HERE = "made and edited by v1.0 only, and this one was listed by v2.0"

-- Deletes by the way that it came.
local function delete(path)
   return function(self)
      if self.generation ~= "v2.0" then return ask(self, "DELETE", path .. self.id) end
      return self.inner.read(self.client, {
         method = "DELETE", path = RULES, query = { ids = self.id, space_id = self.home_id },
      }, done)
   end
end

local function run(self)
   if self.generation ~= "v2.0" then return ask(self, "POST", "/scenes/" .. self.id .. "/trigger") end
   return self.inner.read(self.client, { method = "POST", path = RULES .. "/" .. self.id .. "/actions/trigger" }, done)
end

--- Runs the scene: all that it does, in one call.
-- @function run
-- @return true; or nil, message, detail
scene_methods.run = edge.of("tuya.scene:run", run)

--- Deletes the scene.
-- @function delete
-- @return true; or nil, message, detail
scene_methods.delete = edge.of("tuya.scene:delete", delete("/scenes/"))

-- Sends what was changed, and takes it over.
local function edit(self, path, body)
   local ok, result, message, info = ask(self, "PUT", path .. self.id, nil, body)
   if ok and result then
      for name in next, body do
         if name ~= "background" then self[name] = body[name] end
      end
   end
   return ok, result, message, info
end

local SCENE = options.known { name = "string", actions = "table" }

--- Changes the scene.
-- @function edit
-- @tparam table changes `name`, `actions` (as of `create_scene`); what is left out stays as it is
-- @return true; or nil, message, detail
scene_methods.edit = edge.of("tuya.scene:edit", function(self, changes)
   local rule = options.broken(changes, SCENE) or next(changes) == nil and "changes: none given"
      or self.generation == "v2.0" and NOT_HERE
   if rule then return false, rule end
   local ok, actions, message, info = converted(self, changes.actions or self.actions, "actions", action)
   if not ok or actions == nil then return ok, actions, message, info end
   return edit(self, "/scenes/", { name = changes.name or self.name, background = "", actions = actions })
end)

local function switch(verb, enabled)
   return function(self)
      local ok, result, message, info
      if self.generation == "v2.0" then
         ok, result, message, info = self.inner.read(self.client, {
            method = "PUT", path = RULES .. "/state", query = { space_id = self.home_id },
            body = { ids = self.id, is_enable = enabled },
         }, done)
      else
         ok, result, message, info = ask(self, "PUT", "/automations/" .. self.id .. "/actions/" .. verb)
      end
      if ok and result then self.enabled = enabled end
      return ok, result, message, info
   end
end

--- Enables the automation.
-- @function enable
-- @return true; or nil, message, detail
automation_methods.enable = edge.of("tuya.automation:enable", switch("enable", true))

--- Disables the automation.
-- @function disable
-- @return true; or nil, message, detail
automation_methods.disable = edge.of("tuya.automation:disable", switch("disable", false))

--- Deletes the automation.
-- @function delete
-- @return true; or nil, message, detail
automation_methods.delete = edge.of("tuya.automation:delete", delete("/automations/"))

--- Tells the cloud that a condition from outside has come, on which the automation waits.
-- @function trigger
-- @tparam[opt] table conditions as Tuya's page of it describes; it goes as it is
-- @return true; or nil, message, detail
automation_methods.trigger = edge.of("tuya.automation:trigger", function(self, conditions)
   if conditions ~= nil and type(conditions) ~= "table" then return false, "conditions: a table expected" end
   return ask(self, "POST", "/automations/" .. self.id .. "/conditions/trigger", nil, conditions)
end)

local AUTOMATION = options.known {
   name = "string", conditions = "table", actions = "table", match = "string", background = "string",
   match_type = "number", preconditions = "table", condition_rule = "string",
}

local MATCHES = { any = 1, all = 2 }

-- What was given of an automation as the cloud takes it: true and a table, or what is wrong.
local function written(self, given)
   local rule = options.broken(given, AUTOMATION)
   if given.match and not MATCHES[given.match] then rule = rule or 'match: "any" or "all" expected' end
   if rule then return false, rule end
   local body = {}
   for name, value in next, given do body[name] = value end
   body.match, body.match_type = nil, given.match and MATCHES[given.match] or given.match_type
   for name, make in next, { actions = action, conditions = condition } do
      if given[name] then
         local ok, list, message, info = converted(self, given[name], name, make)
         if not ok or list == nil then return ok, list, message, info end
         body[name] = list
      end
   end
   return true, body
end

--- Changes the automation.
-- @function edit
-- @tparam table changes as of `create_automation`; what is left out stays as it is
-- @return true; or nil, message, detail
automation_methods.edit = edge.of("tuya.automation:edit", function(self, changes)
   if type(changes) ~= "table" or next(changes) == nil then return false, "changes: a table with some expected" end
   if self.generation == "v2.0" then return false, NOT_HERE end
   local ok, body, message, info = written(self, changes)
   if not ok or body == nil then return ok, body, message, info end
   for _, name in ipairs { "name", "actions", "conditions", "match_type" } do
      if body[name] == nil then body[name] = self[name] end
   end
   return edit(self, "/automations/", body)
end)

-- }}}

-- {{{ Of a home

local function names_of(list)
   local names = {}
   for i, one in ipairs(list) do names[i] = tostring(one.name) end
   return names[1] and table.concat(names, ", ") or "none"
end

-- The one scene of that name, or nil, message, detail.
local function only_scene(list, name)
   local found = {}
   for _, one in ipairs(list) do
      if type(one.name) == "string" and fold(one.name) == fold(name) then found[#found + 1] = one end
   end
   if #found == 1 then return found[1] end
   local what = found[1] and ("%d scenes are named %q"):format(#found, name)
      or ("no scene is named %q; there are: %s"):format(name, names_of(list))
   return errors.failure {
      kind = "lookup", code = found[1] and "ambiguous" or "absent", message = what, sent = "yes",
      candidates = found[1] and found or list,
   }
end

--- The scenes of the home that are run by a tap.
-- @function scenes
-- @treturn ?table list of scenes with `id`, `name`, `run()`, `edit(changes)`, `delete()`; or nil, message, detail
space_methods.scenes = edge.of("tuya.space:scenes", scenes_of)

--- The automations of the home.
-- @function automations
-- @treturn ?table list of automations with `id`, `name`, `enabled`, `enable()`, `disable()`, `edit(changes)`,
-- `trigger()`, `delete()`; or nil, message, detail
space_methods.automations = edge.of("tuya.space:automations", automations_of)

--- Runs the scene of a name. Case does not matter.
-- @function run
-- @tparam string name
-- @return true; or nil, message, detail
space_methods.run = edge.of("tuya.space:run", function(self, name)
   local rule = space.bad_name(name)
   if rule then return false, rule end
   local ok, list, message, info = scenes_of(self)
   if not ok or list == nil then return ok, list, message, info end
   local scene
   scene, message, info = only_scene(list, name)
   if not scene then return true, nil, message, info end
   return run(scene)
end)

--- Makes a scene: what any number of devices do at one tap, and in one call.
-- @function create_scene
-- @tparam string name
-- @tparam table actions list of `{ device = device or id, values = { code = value } }`, checked as `send` checks; or
-- as the cloud writes them, with `entity_id`
-- @treturn ?scene; or nil, message, detail
space_methods.create_scene = edge.of("tuya.space:create_scene", function(self, name, actions)
   local rule = space.bad_name(name)
   if rule then return false, rule end
   local ok, made, message, info = converted(self, actions, "actions", action)
   if not ok or made == nil then return ok, made, message, info end
   return ask(self, "POST", "/scenes", function(result)
      local id = type(result) == "table" and result.scene_id or result
      return is_id(id) and read_scene(self, { scene_id = id, name = name, actions = made }) or nil
   end, { name = name, background = "", actions = made })
end)

--- Makes an automation: what devices do when conditions hold.
-- @function create_automation
-- @tparam table given `name`; `actions` as of `create_scene`; `conditions`, a list of
-- `{ device =, code =, is = "==" or "<" ..., value = }` and `{ time = "07:30", loops = "0111110" }` (Sunday first);
-- `match` ("any", or "all" of them). What has an `entity_id` goes as it is, as do Tuya's own members beside these
-- @treturn ?automation; or nil, message, detail
space_methods.create_automation = edge.of("tuya.space:create_automation", function(self, given)
   if type(given) ~= "table" or type(given.name) ~= "string" then
      return false, "given: a table with a name expected"
   end
   local ok, body, message, info = written(self, given)
   if not ok or body == nil then return ok, body, message, info end
   body.match_type = body.match_type or MATCHES.any
   return ask(self, "POST", "/automations", function(result)
      local id = type(result) == "table" and result.automation_id or result
      if not is_id(id) then return nil end
      return read_automation(self, {
         automation_id = id, name = body.name, enabled = true, actions = body.actions,
         conditions = body.conditions, match_type = body.match_type,
      })
   end, body)
end)

-- }}}

--- The classes, for those who document them.
scenes.CLASSES = { space = space_methods, scene = scene_methods, automation = automation_methods }

return scenes

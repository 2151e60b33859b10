--- scenes.lua: scenes that are run by a tap, and automations that run by conditions.
-- The idea: actions and conditions name devices and values as programs write them, and are checked by the
-- specifications when they are made, as `send` checks them (scenes/terms.lua).
-- The danger: two generations list, run, make and edit the same scenes, and write them differently. An object remembers
-- which one it came by; what makes one is sent by the next generation only where it was refused, never in doubt.
-- @module tuya.scenes

local edge = require("tuya.edge")
local errors = require("tuya.errors")
local fold = require("tuya.fold")
local generations = require("tuya.generations")
local json = require("tuya.json")
local options = require("tuya.options")
local pager = require("tuya.pager")
local space = require("tuya.space")
local terms = require("tuya.scenes.terms")

local scenes = {}

local ask, done, is_id, id_text, part = space.ask, space.done, space.is_id, space.id_text, space.part

local space_methods, scene_methods, automation_methods = {}, {}, {}
local new_scene = space.class("tuya.scene", scene_methods)
local new_automation = space.class("tuya.automation", automation_methods)

local PATHS = { scene = "/scenes", automation = "/automations" } -- of v1.0, below a home's
local RULES = "/v2.0/cloud/scene/rule" -- of v2.0

-- {{{ Lists

-- What v1.0 wants whole when one of it changes.
local WHOLE = { "name", "actions", "conditions", "match_type", "background", "preconditions", "condition_rule" }

local function read_one(self, given, id)
   local made = { id = id_text(id), generation = given.generation or "v1.0" }
   for _, name in ipairs(WHOLE) do made[name] = given[name] end
   return part(self, made)
end

local function read_scene(self, given)
   return new_scene(read_one(self, given, given.scene_id or given.id))
end

local function read_automation(self, given)
   local made = read_one(self, given, given.automation_id or given.id)
   made.enabled = given.enabled
   if made.enabled == nil and given.status ~= nil then made.enabled = given.status == "enable" end
   return new_automation(made)
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
   local ok, list, message, info = pager.collect(its)
   if not ok or list == nil then return ok, list, message, info end
   return true, space.objects(self, list, make)
end

local function has_scenes(generation)
   return generation ~= "iot-03"
end

-- Scenes or automations, by the generation that answers.
local function listed(self, kind, make)
   local ok, known = self.inner.known(self.client)
   if not ok then return false, known end
   local order = known:order(kind, has_scenes)
   local fine, list, message, info, generation = generations.try(known, kind, order, function(one)
      if one == "v2.0" then return rules(self, kind, make) end
      return ask(self, "GET", PATHS[kind], function(result)
         local found = space.list_of(result, "list")
         return found and space.objects(self, found, make)
      end)
   end)
   for _, one in ipairs(fine and list or {}) do one.generation = generation end
   return fine, list, message, info
end

local function scenes_of(self)
   return listed(self, "scene", read_scene)
end

local function automations_of(self)
   return listed(self, "automation", read_automation)
end

-- }}}

-- {{{ Made and edited

-- The id in what the cloud answers to one that was made; v2.0's answer is not published.
local function id_in(result, kind)
   local id = result
   if type(result) == "table" then id = result[kind .. "_id"] or result.rule_id or result.id end
   return is_id(id) and id or nil
end

-- What a generation is asked for to make one.
local function making(self, kind, generation, body)
   if generation == "v1.0" then
      if kind == "automation" then body.match_type = body.match_type or 1 else body.background = "" end
      return { method = "POST", path = "/v1.0/homes/" .. self.home_id .. PATHS[kind], body = body }
   end
   body.space_id, body.type, body.decision_expr = self.home_id, kind, body.decision_expr or "or"
   return { method = "POST", path = RULES, body = body }
end

-- Makes a scene or an automation: true and what its object is made of; or what failed.
local function make(self, kind, given)
   local ok, said, message, info = terms.read(self, given)
   if not ok or said == nil then return ok, said, message, info end
   if not said.actions then return false, "actions: a list expected" end
   local known
   ok, known = self.inner.known(self.client)
   if not ok then return false, known end
   local order, rule = terms.order(known:order(kind, has_scenes), said)
   if not order then return false, rule end
   return generations.try(known, kind, order, function(generation)
      local body = terms.write(generation, said)
      return self.inner.read(self.client, making(self, kind, generation, body), function(result)
         body.id, body.enabled, body.generation = id_in(result, kind), true, generation
         return body.id and body
      end)
   end)
end

-- All of one, with its changes; an empty list stays a list.
local function whole(self, body)
   for _, name in ipairs(WHOLE) do
      local value = body[name]
      if value == nil then value = self[name] end
      body[name] = type(value) == "table" and next(value) == nil and json.array() or value
   end
   return body
end

-- Changes one: true, true, and it has what was changed; or what failed.
local function edit(self, kind, changes)
   local ok, said, message, info = terms.read(self, changes)
   if not ok or said == nil then return ok, said, message, info end
   local able, rule = terms.order({ self.generation }, said)
   if not able then return false, rule end
   local body = terms.write(self.generation, said)
   local result
   if self.generation == "v1.0" then
      ok, result, message, info = ask(self, "PUT", PATHS[kind] .. "/" .. self.id, nil, whole(self, body))
   else
      body.space_id = self.home_id
      ok, result, message, info = self.inner.read(self.client,
         { method = "PUT", path = RULES .. "/" .. self.id, body = body }, done)
   end
   for _, name in ipairs(ok and result and WHOLE or {}) do
      if body[name] ~= nil then self[name] = body[name] end
   end
   return ok, result, message, info
end

-- }}}

-- {{{ What can be done to one

-- Deletes by the way that it came.
local function delete(kind)
   return function(self)
      if self.generation == "v1.0" then return ask(self, "DELETE", PATHS[kind] .. "/" .. self.id) end
      return self.inner.read(self.client, {
         method = "DELETE", path = RULES, query = { ids = self.id, space_id = self.home_id },
      }, done)
   end
end

local function run(self)
   if self.generation == "v1.0" then return ask(self, "POST", "/scenes/" .. self.id .. "/trigger") end
   return self.inner.read(self.client, { method = "POST", path = RULES .. "/" .. self.id .. "/actions/trigger" }, done)
end

--- Runs the scene: all that it does, in one call.
-- @function run
-- @return true; or nil, message, detail
scene_methods.run = edge.of("tuya.scene:run", run)

--- Deletes the scene.
-- @function delete
-- @return true; or nil, message, detail
scene_methods.delete = edge.of("tuya.scene:delete", delete("scene"))

local SCENE = options.known { name = "string", actions = "table" }

--- Changes the scene.
-- @function edit
-- @tparam table changes `name`, `actions` (as of `create_scene`); what is left out stays as it is
-- @return true; or nil, message, detail
scene_methods.edit = edge.of("tuya.scene:edit", function(self, changes)
   local rule = options.broken(changes, SCENE) or next(changes) == nil and "changes: none given"
   if rule then return false, rule end
   return edit(self, "scene", changes)
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
automation_methods.delete = edge.of("tuya.automation:delete", delete("automation"))

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
   match_type = "number", preconditions = "table", condition_rule = "string", decision_expr = "string",
   effective_time = "table",
}

--- Changes the automation.
-- @function edit
-- @tparam table changes as of `create_automation`; what is left out stays as it is
-- @return true; or nil, message, detail
automation_methods.edit = edge.of("tuya.automation:edit", function(self, changes)
   if type(changes) ~= "table" or next(changes) == nil then return false, "changes: a table with some expected" end
   local rule = options.broken(changes, AUTOMATION)
   if rule then return false, rule end
   return edit(self, "automation", changes)
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
   local ok, made, message, info = make(self, "scene", { name = name, actions = actions })
   if not ok or made == nil then return ok, made, message, info end
   return true, read_scene(self, made), nil, info
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
   local rule = options.broken(given, AUTOMATION)
   if rule then return false, rule end
   local ok, made, message, info = make(self, "automation", given)
   if not ok or made == nil then return ok, made, message, info end
   return true, read_automation(self, made), nil, info
end)

-- }}}

--- The classes, for those who document them.
scenes.CLASSES = { space = space_methods, scene = scene_methods, automation = automation_methods }

return scenes

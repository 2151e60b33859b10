--- homes.lua: the homes of a project's users, with their rooms, scenes and automations.
-- The idea: objects all the way: a user's homes, a home's rooms and scenes, each with what can be done to it.
-- The danger: a scene holds values as the cloud takes them, so its actions are checked by the specifications when it
-- is made, as `send` checks them.
-- @module tuya.homes

local bytes = require("tuya.bytes")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local generations = require("tuya.generations")
local options = require("tuya.options")
local pager = require("tuya.pager")
local points = require("tuya.points")
local specifications = require("tuya.specifications")

local homes = {}

local SEGMENT = "^[A-Za-z0-9%-%._~]+$"

local function is_id(value)
   return (type(value) == "string" or type(value) == "number") and tostring(value):find(SEGMENT) ~= nil
end

-- An id as it stands in a path.
local function id_text(value)
   return type(value) == "number" and ("%.0f"):format(value) or value
end

-- A class: its methods and what makes an object of it.
local function new_class(name, methods)
   return setmetatable({
      __name = name,
      __index = methods,
      __tostring = function(self) return name .. ": " .. tostring(self.name or self.id) end,
   }, {
      __call = function(class, given)
         return setmetatable(given, class)
      end,
   })
end

local space_methods, room_methods, scene_methods, automation_methods = {}, {}, {}, {}
local new_space = new_class("tuya.space", space_methods)
local new_room = new_class("tuya.room", room_methods)
local new_scene = new_class("tuya.scene", scene_methods)
local new_automation = new_class("tuya.automation", automation_methods)

-- Makes a call about a home: true, what `read` makes of it; or what failed.
local function ask(self, method, path, read, query, body)
   local spec = { method = method, path = "/v1.0/homes/" .. self.home_id .. path, query = query, body = body }
   return self.inner.read(self.client, spec, read)
end

local function done()
   return true
end

local function list_of(result, name)
   if type(result) ~= "table" then return result == true and {} or nil end
   return type(result[name]) == "table" and result[name] or result
end

local function objects(self, list, make)
   local made = {}
   for i, given in ipairs(list) do made[i] = make(self, given) end
   return made
end

-- What belongs to a home.
local function part(self, given)
   given.client, given.inner, given.home_id = self.client, self.inner, self.home_id
   return given
end

--- The devices in the room.
-- @function devices
-- @treturn pager of devices
room_methods.devices = edge.of("tuya.room:devices", function(self)
   return true, self.client:devices { home = self.home_id, room = self.id }
end)

local function read_room(self, given)
   return new_room(part(self, { id = id_text(given.room_id), name = given.name }))
end

local function rooms_of(self)
   return ask(self, "GET", "/rooms", function(result)
      local list = list_of(result, "rooms")
      return list and objects(self, list, read_room)
   end)
end

--- The devices of the home.
-- @function devices
-- @treturn pager of devices
space_methods.devices = edge.of("tuya.space:devices", function(self)
   return true, self.client:devices { home = self.home_id }
end)

--- The rooms of the home.
-- @function rooms
-- @treturn ?table list of rooms with `id`, `name`, `devices()`; or nil, message, detail
space_methods.rooms = edge.of("tuya.space:rooms", rooms_of)

--- Adds a room.
-- @function add_room
-- @tparam string name
-- @treturn ?room; or nil, message, detail
space_methods.add_room = edge.of("tuya.space:add_room", function(self, name)
   if type(name) ~= "string" or name == "" then return false, "name: a string that is not empty expected" end
   return ask(self, "POST", "/room", function(result)
      local id = type(result) == "table" and result.room_id or result
      return is_id(id) and new_room(part(self, { id = id_text(id), name = name })) or nil
   end, nil, { name = name })
end)

local function read_scene(self, given)
   local id = given.scene_id or given.id
   return new_scene(part(self, { id = id_text(id), name = given.name, actions = given.actions }))
end

local function read_automation(self, given)
   local enabled = given.enabled
   if enabled == nil and given.status ~= nil then enabled = given.status == "enable" end
   local id = given.automation_id or given.id
   local made = { id = id_text(id), name = given.name, enabled = enabled, actions = given.actions }
   return new_automation(part(self, made))
end

-- All pages of v2.0's rules of a kind.
local function rules(self, kind, make)
   local its = pager.new(function(number)
      local ok, page, message, info = self.inner.read(self.client, {
         method = "GET", path = "/v2.0/cloud/scene/rule",
         query = { space_id = self.home_id, type = kind, page_no = number or 1, page_size = 50 },
      }, function(result) return type(result) == "table" and type(result.list) == "table" and result or nil end)
      if not ok or page == nil then return ok, page, message, info end
      return true, page.list, page.has_more and (number or 1) + 1 or nil
   end)
   local list, message, info = its:all()
   if not list then return true, nil, message, info end
   return true, objects(self, list, make)
end

-- Scenes or automations, by the generation that answers.
local function listed(self, kind, path, make)
   local ok, known = self.inner.known(self.client)
   if not ok then return false, known end
   local order = known:order(kind, function(generation) return generation ~= "iot-03" end)
   local made, list, message, info, generation = generations.try(known, kind, order, function(one)
      if one == "v2.0" then return rules(self, kind, make) end
      return ask(self, "GET", path, function(result)
         local found = list_of(result, "list")
         return found and objects(self, found, make)
      end)
   end)
   for _, one in ipairs(made and list or {}) do one.generation = generation end
   return made, list, message, info
end

local function scenes_of(self)
   return listed(self, "scene", "/scenes", read_scene)
end

--- The scenes of the home that are run by a tap.
-- @function scenes
-- @treturn ?table list of scenes with `id`, `name`, `run()`, `delete()`; or nil, message, detail
space_methods.scenes = edge.of("tuya.space:scenes", scenes_of)

--- The automations of the home.
-- @function automations
-- @treturn ?table list of automations with `id`, `name`, `enabled`, `enable()`, `disable()`, `delete()`; or nil,
-- message, detail
space_methods.automations = edge.of("tuya.space:automations", function(self)
   return listed(self, "automation", "/automations", read_automation)
end)

local function run(self)
   if self.generation == "v2.0" then
      return self.inner.read(self.client, {
         method = "POST", path = "/v2.0/cloud/scene/rule/" .. self.id .. "/actions/trigger",
      }, done)
   end
   return ask(self, "POST", "/scenes/" .. self.id .. "/trigger", done)
end

--- Runs the scene: all that it does, in one call.
-- @function run
-- @return true; or nil, message, detail
scene_methods.run = edge.of("tuya.scene:run", run)

--- Deletes the scene.
-- @function delete
-- @return true; or nil, message, detail
scene_methods.delete = edge.of("tuya.scene:delete", function(self)
   return ask(self, "DELETE", "/scenes/" .. self.id, done)
end)

local function switch(verb, enabled)
   return function(self)
      local ok, result, message, info = ask(self, "PUT", "/automations/" .. self.id .. "/actions/" .. verb, done)
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
automation_methods.delete = edge.of("tuya.automation:delete", function(self)
   return ask(self, "DELETE", "/automations/" .. self.id, done)
end)

local function names_of(list)
   local names = {}
   for i, one in ipairs(list) do names[i] = tostring(one.name) end
   return names[1] and table.concat(names, ", ") or "none"
end

-- The one scene of that name, or nil, message, detail.
local function only_scene(list, name)
   local found = {}
   for _, one in ipairs(list) do
      if type(one.name) == "string" and one.name:lower() == name:lower() then found[#found + 1] = one end
   end
   if #found == 1 then return found[1] end
   local what = found[1] and ("%d scenes are named %q"):format(#found, name)
      or ("no scene is named %q; there are: %s"):format(name, names_of(list))
   return errors.failure {
      kind = "lookup", code = found[1] and "ambiguous" or "absent", message = what, candidates = list, sent = "yes",
   }
end

--- Runs the scene of a name. Case does not matter.
-- @function run
-- @tparam string name
-- @return true; or nil, message, detail
space_methods.run = edge.of("tuya.space:run", function(self, name)
   if type(name) ~= "string" or name == "" then return false, "name: a string that is not empty expected" end
   local ok, list, message, info = scenes_of(self)
   if not ok or list == nil then return ok, list, message, info end
   local scene
   scene, message, info = only_scene(list, name)
   if not scene then return true, nil, message, info end
   return run(scene)
end)

-- What a device is to do, as the cloud takes it: true and properties, or what is wrong.
local function properties(self, id, given)
   local ok, standard, message, info = specifications.of(self.inner, self.client, id)
   if not ok or standard == nil then return ok, standard, message, info end
   local made = {}
   for code, value in next, given do
      local wire, rule = value, nil
      if standard then wire, rule = points.encode(standard, code, value) end
      if wire == nil then return false, rule end
      made[code] = wire
   end
   return true, made
end

local ACTION = options.known { device = "string|table", values = "table" }

local function broken_action(one)
   local rule = options.broken(one, ACTION)
   if rule then return rule end
   local id = type(one.device) == "table" and one.device.id or one.device
   if type(id) ~= "string" or not id:find(SEGMENT) then return "device: a device or its id expected" end
   if type(one.values) ~= "table" or next(one.values) == nil or not bytes.names(one.values) then
      return "values: a table code = value expected"
   end
end

local function actions_of(self, list)
   local made = {}
   for i, one in ipairs(list) do
      local rule = broken_action(one)
      if rule then return false, ("actions[%d]: %s"):format(i, rule) end
      local id = type(one.device) == "table" and one.device.id or one.device
      local ok, wire, message, info = properties(self, id, one.values)
      if not ok then return false, ("actions[%d]: %s"):format(i, tostring(wire)) end
      if wire == nil then return true, nil, message, info end
      made[i] = { entity_id = id, action_executor = "dpIssue", executor_property = wire }
   end
   return true, made
end

--- Makes a scene: what any number of devices do at one tap, and in one call.
-- @function create_scene
-- @tparam string name
-- @tparam table actions list of `{ device = device or id, values = { code = value } }`, checked as `send` checks
-- @treturn ?scene; or nil, message, detail
space_methods.create_scene = edge.of("tuya.space:create_scene", function(self, name, actions)
   if type(name) ~= "string" or name == "" then return false, "name: a string that is not empty expected" end
   if type(actions) ~= "table" or not actions[1] then return false, "actions: a list expected" end
   local ok, made, message, info = actions_of(self, actions)
   if not ok or made == nil then return ok, made, message, info end
   return ask(self, "POST", "/scenes", function(result)
      local id = type(result) == "table" and result.scene_id or result
      if not is_id(id) then return nil end
      return new_scene(part(self, { id = id_text(id), name = name, actions = made, generation = "v1.0" }))
   end, nil, { name = name, background = "", actions = made })
end)

--- Makes an automation of what Tuya's page of it describes; it goes as it is.
-- @function create_automation
-- @tparam table body `name`, `conditions`, `actions`, `match_type`, ...
-- @treturn ?automation; or nil, message, detail
space_methods.create_automation = edge.of("tuya.space:create_automation", function(self, body)
   if type(body) ~= "table" or type(body.name) ~= "string" then return false, "body: a table with a name expected" end
   return ask(self, "POST", "/automations", function(result)
      local id = type(result) == "table" and result.automation_id or result
      return is_id(id) and read_automation(self, { automation_id = id, name = body.name, enabled = true }) or nil
   end, nil, body)
end)

local function read_home(client, inner, given)
   local id = given.home_id or given.id
   return new_space {
      client = client, inner = inner, id = id_text(id), home_id = id_text(id), name = given.name,
      geo_name = given.geo_name, lat = given.lat, lon = given.lon, role = given.role,
   }
end

-- The user who is logged in; else the one whose devices the project sees: that of the first device.
local function first_user(inner, client)
   if inner.logs_in(client) then return client:uid() end
   local one, message, info = client:devices():next()
   if one and one.uid then return one.uid end
   if message then return nil, message, info end
   return errors.failure {
      kind = "lookup", code = "absent", sent = "yes", candidates = {},
      message = "no user is known: the project lists no device that tells its user's id; name it, client:homes(uid)",
   }
end

local function homes_of(inner, client, uid)
   local message, info
   if uid == nil then uid, message, info = first_user(inner, client) end
   if uid == nil then return true, nil, message, info end
   if type(uid) ~= "string" or not uid:find(SEGMENT) then return false, "uid: an id expected" end
   return inner.read(client, { method = "GET", path = "/v1.0/users/" .. uid .. "/homes" }, function(result)
      local list, made = list_of(result, "homes"), {}
      for i, given in ipairs(list or {}) do made[i] = read_home(client, inner, given) end
      return list and made
   end)
end

-- The homes that devices say they are in.
local function homes_of_devices(inner, client, list)
   local made, seen = {}, {}
   for _, one in ipairs(list) do
      local id = one.home_id
      if is_id(id) and not seen[id] then
         seen[id] = true
         made[#made + 1] = read_home(client, inner, { id = id })
      end
   end
   return made
end

-- The ids of the devices in all rooms of a name: true and a set, or what failed.
local function room_ids(inner, client, text, list)
   local ids = {}
   for _, home in ipairs(homes_of_devices(inner, client, list)) do
      local ok, rooms, message, info = rooms_of(home)
      if not ok or rooms == nil then return ok, rooms, message, info end
      for _, room in ipairs(rooms) do
         if type(room.name) == "string" and room.name:lower() == text:lower() then
            local devices
            devices, message, info = room:devices():all()
            if not devices then return true, nil, message, info end
            for _, one in ipairs(devices) do ids[one.id] = true end
         end
      end
   end
   return true, ids
end

--- Adds the methods to those of a client.
-- @tparam table methods
-- @tparam table inner what the client lets its modules do
function homes.mix(methods, inner)
   inner.room = function(client, text, list)
      return room_ids(inner, client, text, list)
   end

   --- The homes of a user.
   -- @function homes
   -- @tparam[opt] string uid nil: of the user who is logged in, else of the one whose device the project lists first
   -- @treturn ?table list of spaces with `id`, `name`, `devices()`, `rooms()`, `scenes()`, `automations()`,
   -- `run(name)`, `create_scene()`, ...; or nil, message, detail
   methods.homes = edge.of("tuya.client:homes", function(self, uid)
      return homes_of(inner, self, uid)
   end)

   --- A home by its id, a space in Tuya's newer word. Nothing is sent. (`client:home()` is the state of all devices.)
   -- @function space
   -- @tparam string|integer id
   -- @treturn space
   methods.space = edge.of("tuya.client:space", function(self, id)
      if not is_id(id) then return false, "id: an id expected" end
      return true, read_home(self, inner, { id = id })
   end)

   --- The users of an app.
   -- @function users
   -- @tparam string schema the app's
   -- @treturn pager of users as the cloud writes them: `uid`, `username`, ...
   methods.users = edge.of("tuya.client:users", function(self, schema)
      if type(schema) ~= "string" or not schema:find(SEGMENT) then return false, "schema: an id expected" end
      return true, pager.new(function(number)
         local ok, page, message, info = inner.read(self, {
            method = "GET", path = "/v1.0/apps/" .. schema .. "/users",
            query = { page_no = number or 1, page_size = 100 },
         }, function(result) return type(result) == "table" and type(result.list) == "table" and result or nil end)
         if not ok or page == nil then return ok, page, message, info end
         return true, page.list, page.has_more and (number or 1) + 1 or nil
      end, function(user) return user.uid end)
   end)
end

--- The classes, for those who document them.
homes.CLASSES = {
   space = space_methods, room = room_methods, scene = scene_methods, automation = automation_methods,
}

return homes

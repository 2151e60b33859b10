--- homes.lua: the homes of a project's users, with their rooms and members.
-- The idea: objects all the way: a user's homes, a home's rooms, members and scenes, each with what can be done to it.
-- The danger: what is deleted here is gone from the app as well; nothing asks twice.
-- @module tuya.homes

local core = require("tuya.core")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local fold = require("tuya.fold")
local options = require("tuya.options")
local pager = require("tuya.pager")
local scenes = require("tuya.scenes")
local space = require("tuya.space")

local homes = {}

local ask, is_id, id_text, part = space.ask, space.is_id, space.id_text, space.part

local space_methods, room_methods, member_methods = {}, {}, {}
local new_space = space.class("tuya.space", space_methods)
local new_room = space.class("tuya.room", room_methods)
local new_member = space.class("tuya.member", member_methods)

-- {{{ Rooms

--- The devices in the room.
-- @function devices
-- @treturn pager of devices
room_methods.devices = edge.of("tuya.room:devices", function(self)
   return self.inner.devices(self.client, { home = self.home_id, room = self.id })
end)

-- The ids of a device, of an id, or of a list of these; nil and the rule.
local function ids_of(given)
   if type(given) ~= "table" or given.id then given = { given } end
   local ids = {}
   for i, one in ipairs(given) do
      ids[i] = space.device_id(one)
      if not ids[i] then return nil, ("devices: no device or id at %d"):format(i) end
   end
   if not ids[1] then return nil, "devices: none given" end
   return ids
end

local function arranger(method)
   return function(self, devices)
      local ids, rule = ids_of(devices)
      if not ids then return false, rule end
      return ask(self, method, "/rooms/" .. self.id .. "/devices", nil, { device_ids = ids })
   end
end

--- Puts devices into the room.
-- @function add
-- @tparam device|string|table devices one, its id, or a list of them
-- @return true; or nil, message, detail
room_methods.add = edge.of("tuya.room:add", arranger("POST"))

--- Takes devices out of the room; they stay in the home.
-- @function remove
-- @tparam device|string|table devices one, its id, or a list of them
-- @return true; or nil, message, detail
room_methods.remove = edge.of("tuya.room:remove", arranger("DELETE"))

--- Gives the room another name.
-- @function rename
-- @tparam string name
-- @return true; or nil, message, detail
room_methods.rename = edge.of("tuya.room:rename", function(self, name)
   local rule = space.bad_name(name)
   if rule then return false, rule end
   local ok, done, message, info = ask(self, "PUT", "/rooms/" .. self.id, nil, { name = name })
   if ok and done then self.name = name end
   return ok, done, message, info
end)

--- Deletes the room; its devices stay in the home.
-- @function delete
-- @return true; or nil, message, detail
room_methods.delete = edge.of("tuya.room:delete", function(self)
   return ask(self, "DELETE", "/rooms/" .. self.id)
end)

local function read_room(self, given)
   return new_room(part(self, { id = id_text(given.room_id), name = given.name }))
end

local function rooms_of(self)
   return ask(self, "GET", "/rooms", function(result)
      local list = space.list_of(result, "rooms")
      return list and space.objects(self, list, read_room)
   end)
end

--- The rooms of the home.
-- @function rooms
-- @treturn ?table list of rooms with `id`, `name`, `devices()`, `add(devices)`, ...; or nil, message, detail
space_methods.rooms = edge.of("tuya.space:rooms", rooms_of)

--- Adds a room.
-- @function add_room
-- @tparam string name
-- @treturn ?room; or nil, message, detail
space_methods.add_room = edge.of("tuya.space:add_room", function(self, name)
   local rule = space.bad_name(name)
   if rule then return false, rule end
   return ask(self, "POST", "/room", function(result)
      local id = type(result) == "table" and result.room_id or result
      return is_id(id) and read_room(self, { room_id = id, name = name }) or nil
   end, { name = name })
end)

-- }}}

-- {{{ Members

local function read_member(self, given)
   return new_member(part(self, {
      id = given.uid, name = given.name, account = given.member_account, country_code = given.country_code,
      admin = given.admin, owner = given.owner,
   }))
end

--- The members of the home.
-- @function members
-- @treturn ?table list of members with `id` (the uid), `name`, `account`, `country_code`, `admin`, `owner`,
-- `set_admin(admin)`, `remove()`; or nil, message, detail
space_methods.members = edge.of("tuya.space:members", function(self)
   return ask(self, "GET", "/members", function(result)
      local list = space.list_of(result, "members")
      return list and space.objects(self, list, read_member)
   end)
end)

local MEMBER = options.known {
   schema = "string", account = "string", country_code = "string|number", name = "string", admin = "boolean",
}

--- Adds a member: a user of the app, who is known by an account.
-- @function add_member
-- @tparam table given `schema` (the app's), `account` (a telephone number or an address), `country_code` (49, "49"),
-- `name`, and `admin` (false)
-- @return true; or nil, message, detail
space_methods.add_member = edge.of("tuya.space:add_member", function(self, given)
   local rule = options.broken(given, MEMBER)
   for _, name in ipairs { "schema", "account", "country_code", "name" } do
      rule = rule or (given[name] == nil or given[name] == "") and name .. ": missing" or nil
   end
   if rule then return false, rule end
   return ask(self, "POST", "/members", nil, {
      app_schema = given.schema,
      member = {
         country_code = id_text(given.country_code), member_account = given.account, name = given.name,
         admin = given.admin == true,
      },
   })
end)

--- Makes an administrator of the member, or a common member.
-- @function set_admin
-- @tparam boolean admin
-- @return true; or nil, message, detail
member_methods.set_admin = edge.of("tuya.member:set_admin", function(self, admin)
   if type(admin) ~= "boolean" then return false, "admin: true or false expected" end
   local ok, done, message, info = ask(self, "PUT", "/members/" .. self.id, nil, { admin = admin })
   if ok and done then self.admin = admin end
   return ok, done, message, info
end)

--- Takes the member out of the home.
-- @function remove
-- @return true; or nil, message, detail
member_methods.remove = edge.of("tuya.member:remove", function(self)
   return ask(self, "DELETE", "/members/" .. self.id)
end)

-- }}}

-- {{{ The home itself

local FIELDS = { "name", "geo_name", "lat", "lon" }

local function fill(self, given)
   for _, name in ipairs(FIELDS) do
      if given[name] ~= nil then self[name] = given[name] end
   end
   self.role = given.role or self.role
   return self
end

local function read_home(client, inner, given)
   local id = given.home_id or given.id
   return fill(new_space { client = client, inner = inner, id = id_text(id), home_id = id_text(id) }, given)
end

--- Asks what the home is.
-- @function info
-- @treturn ?table as the cloud writes it: `name`, `geo_name`, `lat`, `lon`, ...; the home's own fields are filled with
-- it; or nil, message, detail
space_methods.info = edge.of("tuya.space:info", function(self)
   local ok, info, message, detail = ask(self, "GET", "", function(result)
      return type(result) == "table" and result or nil
   end)
   if ok and info then fill(self, info) end
   return ok, info, message, detail
end)

local PLACE = options.known { name = "string", geo_name = "string", lat = "number", lon = "number" }

--- Changes the home's name and place.
-- @function edit
-- @tparam table changes `name`, `geo_name`, `lat`, `lon` (degrees); what is left out stays as it is, as far as this
-- object knows it
-- @return true; or nil, message, detail
space_methods.edit = edge.of("tuya.space:edit", function(self, changes)
   local rule = options.broken(changes, PLACE) or next(changes) == nil and "changes: none given"
      or changes.name == "" and "name: empty"
   if rule then return false, rule end
   local body = {}
   for _, name in ipairs(FIELDS) do
      body[name] = changes[name]
      if body[name] == nil then body[name] = self[name] end
   end
   local ok, done, message, info = ask(self, "PUT", "", nil, body)
   if ok and done then fill(self, changes) end
   return ok, done, message, info
end)

--- Deletes the home.
-- @function delete
-- @return true; or nil, message, detail
space_methods.delete = edge.of("tuya.space:delete", function(self)
   return ask(self, "DELETE", "")
end)

--- The devices of the home.
-- @function devices
-- @treturn pager of devices
space_methods.devices = edge.of("tuya.space:devices", function(self)
   return self.inner.devices(self.client, { home = self.home_id })
end)

for name, method in next, scenes.CLASSES.space do space_methods[name] = method end

-- }}}

-- {{{ Users and their homes

-- The user who is logged in; else the one whose devices the project sees: that of the first device. true and the uid,
-- or what failed.
local function first_user(inner, client)
   if inner.logs_in(client) then return inner.uid(client) end
   local ok, its = inner.devices(client)
   if not ok then return false, its end
   local one, message, info
   ok, one, message, info = pager.following(its)
   if not ok or message then return ok, one, message, info end
   if one and one.uid then return true, one.uid end
   return true, errors.failure {
      kind = "lookup", code = "absent", sent = "yes", candidates = {},
      message = "no user is known: the project lists no device that tells its user's id; name it",
   }
end

-- The uid that is meant: true and it, or what failed.
local function user_of(inner, client, uid)
   if uid == nil then return first_user(inner, client) end
   if type(uid) ~= "string" or not is_id(uid) then return false, "uid: an id expected" end
   return true, uid
end

local function homes_of(inner, client, given)
   local ok, uid, message, info = user_of(inner, client, given)
   if not ok or uid == nil then return ok, uid, message, info end
   return inner.read(client, { method = "GET", path = "/v1.0/users/" .. uid .. "/homes" }, function(result)
      local list, made = space.list_of(result, "homes"), {}
      for i, one in ipairs(list or {}) do made[i] = read_home(client, inner, one) end
      return list and made
   end)
end

local HOME = options.known {
   uid = "string", geo_name = "string", lat = "number", lon = "number", rooms = "table",
}

local function create_home(inner, client, name, given)
   given = given or {}
   local rule = space.bad_name(name) or options.broken(given, HOME)
   for i, room in ipairs(not rule and given.rooms or {}) do
      rule = rule or type(room) ~= "string" and ("rooms[%d]: a name expected"):format(i) or nil
   end
   if rule then return false, rule end
   local ok, uid, message, info = user_of(inner, client, given.uid)
   if not ok or uid == nil then return ok, uid, message, info end
   local home = { name = name, geo_name = given.geo_name, lat = given.lat, lon = given.lon }
   return inner.read(client, {
      method = "POST", path = "/v1.0/home/create-home", body = { uid = uid, home = home, rooms = given.rooms },
   }, function(result)
      local id = type(result) == "table" and result.home_id or result
      if not is_id(id) then return nil end
      home.home_id = id
      return read_home(client, inner, home)
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

--- The ids of the devices in all rooms of a name.
-- @tparam table inner what the client lets its modules do
-- @tparam client client
-- @tparam string text the name
-- @tparam table list devices, whose homes are looked through
-- @return true and a set, or what failed
function homes.room_ids(inner, client, text, list)
   local ids = {}
   for _, home in ipairs(homes_of_devices(inner, client, list)) do
      local ok, rooms, message, info = rooms_of(home)
      if not ok or rooms == nil then return ok, rooms, message, info end
      for _, room in ipairs(rooms) do
         if type(room.name) == "string" and fold(room.name) == fold(text) then
            local its, devices
            ok, its = inner.devices(client, { home = home.id, room = room.id })
            if not ok then return false, its end
            ok, devices, message, info = pager.collect(its)
            if not ok or devices == nil then return ok, devices, message, info end
            for _, one in ipairs(devices) do ids[one.id] = true end
         end
      end
   end
   return true, ids
end

-- The pager over an app's users.
local function users_of(inner, client, schema)
   return pager.new(function(number)
      local ok, page, message, info = inner.read(client, {
         method = "GET", path = "/v1.0/apps/" .. schema .. "/users",
         query = { page_no = number or 1, page_size = 100 },
      }, function(result) return type(result) == "table" and type(result.list) == "table" and result or nil end)
      if not ok or page == nil then return ok, page, message, info end
      return true, page.list, page.has_more and (number or 1) + 1 or nil
   end, function(user) return user.uid end)
end

local USER = options.known {
   username = "string", password = "string", country_code = "string|number", nick_name = "string",
   time_zone_id = "string", username_type = "number",
}

-- What an app's user is made of: a body, whose password is its MD5 [published]; or nil and the rule.
local function user_body(given)
   local rule = options.broken(given, USER)
   for _, name in ipairs { "username", "password", "country_code" } do
      rule = rule or (given[name] == nil or given[name] == "") and name .. ": missing" or nil
   end
   if rule then return nil, rule end
   local name = given.username
   return {
      username = name, password = core.md5(given.password), country_code = id_text(given.country_code),
      nick_name = given.nick_name, time_zone_id = given.time_zone_id,
      username_type = given.username_type or name:find("@", 1, true) and 2 or name:find("^%+?%d+$") and 1 or 3,
   }
end

-- }}}

--- Adds the methods to those of a client.
-- @tparam table methods
-- @tparam table inner what the client lets its modules do
function homes.mix(methods, inner)
   --- The homes of a user.
   -- @function homes
   -- @tparam[opt] string uid nil: of the user who is logged in, else of the one whose device the project lists first
   -- @treturn ?table list of spaces with `id`, `name`, `devices()`, `rooms()`, `scenes()`, `automations()`,
   -- `run(name)`, `create_scene()`, ...; or nil, message, detail
   methods.homes = edge.of("tuya.client:homes", function(self, uid)
      return homes_of(inner, self, uid)
   end)

   --- Makes a home.
   -- @function create_home
   -- @tparam string name
   -- @tparam[opt] table options `uid` (nil: as of `homes`), `geo_name`, `lat`, `lon` (degrees), `rooms` (a list of
   -- names)
   -- @treturn ?space; or nil, message, detail
   methods.create_home = edge.of("tuya.client:create_home", function(self, name, given)
      return create_home(inner, self, name, given)
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
      if type(schema) ~= "string" or not is_id(schema) then return false, "schema: an id expected" end
      return true, users_of(inner, self, schema)
   end)

   --- Makes a user of an app of one's own. For a user that is there it sets password and names anew.
   -- @function create_user
   -- @tparam string schema the app's
   -- @tparam table given `username`, `password` (sent as its MD5), `country_code` (49, "49"); `nick_name`,
   -- `time_zone_id`, `username_type` (1: a telephone number, 2: an address, 3: another; nil: what it looks like)
   -- @treturn ?string uid; or nil, message, detail
   methods.create_user = edge.of("tuya.client:create_user", function(self, schema, given)
      if type(schema) ~= "string" or not is_id(schema) then return false, "schema: an id expected" end
      local body, rule = user_body(given)
      if not body then return false, rule end
      return inner.read(self, { method = "POST", path = "/v1.0/apps/" .. schema .. "/user", body = body },
         function(result)
            local uid = type(result) == "table" and result.uid
            return is_id(uid) and uid or nil
         end)
   end)

   --- What a user is.
   -- @function user
   -- @tparam string uid
   -- @treturn ?table as the cloud writes it: `uid`, `username`, ...; or nil, message, detail
   methods.user = edge.of("tuya.client:user", function(self, uid)
      if type(uid) ~= "string" or not is_id(uid) then return false, "uid: an id expected" end
      return inner.read(self, { method = "GET", path = "/v1.0/users/" .. uid .. "/infos" }, function(result)
         return type(result) == "table" and result or nil
      end)
   end)
end

--- The classes, for those who document them.
homes.CLASSES = {
   space = space_methods, room = room_methods, member = member_methods, scene = scenes.CLASSES.scene,
   automation = scenes.CLASSES.automation,
}

return homes

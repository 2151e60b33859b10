--- spaces.lua: calls about homes, rooms, members and users.
-- The idea: they stand in the home as plain data, as a home file writes them.
-- The danger: a home that is made by a call is one more of its user's; its devices and those of the others are told
-- apart by the home alone.
-- @module tuya.simulator.spaces

local about = require("tuya.simulator.about")
local homes = require("tuya.simulator.home")
local shapes = require("tuya.simulator.shapes")

local spaces = {}

-- {{{ Homes

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

spaces.home = about.home(function(_, home)
   return shape_home(home)
end)

local function shown(home, device)
   return shapes.device_with_status(device, home)
end

spaces.devices = about.home(function(_, home)
   return shapes.each(home.devices, function(device)
      return shown(home, device)
   end, function(device)
      return device.in_project
   end)
end)

local function add_room(home, name)
   local room = { id = about.next_id(home), name = name, devices = {} }
   home.rooms[#home.rooms + 1] = room
   return room
end

--- A further home of a user, with rooms of these names.
function spaces.create_home(call)
   local body = about.body(call)
   local given = body and body.home
   local uid = body and body.uid
   if type(given) ~= "table" or type(given.name) ~= "string" then
      return nil, 1109
   end
   local last, is_known = 1000, (call.project.users or {})[uid or ""] ~= nil
   for _, home in ipairs(call.project.homes) do
      last = math.max(last, tonumber(home.home_id) or 0)
      is_known = is_known or home.uid == uid
   end
   if not is_known then
      return nil, 1106
   end
   local made, message = homes.new({ uid = uid, home_id = ("%.0f"):format(last + 1), name = given.name,
      geo_name = given.geo_name, lat = given.lat, lon = given.lon, devices = {} })
   if not made then
      return nil, message and 1109
   end
   for _, name in ipairs(type(body.rooms) == "table" and body.rooms or {}) do
      add_room(made, name)
   end
   table.insert(call.project.homes, made)
   return tonumber(made.home_id)
end

spaces.edit_home = about.home(function(call, home)
   local body = about.body(call)
   if not body or type(body.name) ~= "string" then
      return nil, 1109
   end
   home.name, home.geo_name = body.name, body.geo_name or home.geo_name
   home.lat, home.lon = body.lat or home.lat, body.lon or home.lon
   return true
end)

spaces.delete_home = about.home(function(call, home)
   for i, one in ipairs(call.project.homes) do
      if one == home then
         table.remove(call.project.homes, i)
         return true
      end
   end
end)

-- }}}

-- {{{ Rooms

spaces.rooms = about.home(function(_, home)
   local rooms = shapes.each(home.rooms, function(room)
      return { room_id = room.id, name = room.name }
   end)
   return { home_id = home.home_id, name = home.name, geo_name = home.geo_name, lat = home.lat, lon = home.lon,
      rooms = rooms }
end)

spaces.add_room = about.home(function(call, home)
   local body = about.body(call)
   if not body or type(body.name) ~= "string" then
      return nil, 1109
   end
   local room = add_room(home, body.name)
   return { room_id = room.id, name = room.name }
end)

spaces.rename_room = about.one("rooms", function(call, _, room)
   local body = about.body(call)
   if not body or type(body.name) ~= "string" then
      return nil, 1109
   end
   room.name = body.name
   return true
end)

spaces.delete_room = about.remover("rooms")

spaces.room_devices = about.one("rooms", function(_, home, room)
   local list = {}
   for _, id in ipairs(room.devices or {}) do
      list[#list + 1] = home.by_id[id]
   end
   return shapes.each(list, function(device)
      return shown(home, device)
   end)
end)

--- Takes devices out of a room.
local function take_out(room, ids)
   local gone, left = {}, {}
   for _, id in ipairs(ids) do
      gone[id] = true
   end
   for _, id in ipairs(room.devices or {}) do
      if not gone[id] then
         left[#left + 1] = id
      end
   end
   room.devices = left
end

--- A call with ids of devices of the home, for one of its rooms.
local function with_devices(run)
   return about.one("rooms", function(call, home, room)
      local body = about.body(call)
      local ids = body and body.device_ids
      if type(ids) ~= "table" or not ids[1] then
         return nil, 1109
      end
      for _, id in ipairs(ids) do
         if not home.by_id[id] then
            return nil, 1106
         end
      end
      run(home, room, ids)
      return true
   end)
end

--- A device is in one room: it leaves the one that it was in.
local function put_in(home, room, ids)
   for _, other in ipairs(home.rooms) do
      take_out(other, ids)
   end
   for _, id in ipairs(ids) do
      table.insert(room.devices, id)
   end
end

spaces.add_to_room = with_devices(put_in)

spaces.fill_room = with_devices(function(home, room, ids)
   room.devices = {}
   put_in(home, room, ids)
end)

spaces.remove_from_room = with_devices(function(_, room, ids)
   take_out(room, ids)
end)

-- }}}

-- {{{ Members and users

--- The members of a home: its user first, who owns it. Kept by their uid, as `id`.
local function members_of(home)
   if not home.members then
      home.members = { { id = home.uid, name = home.username or home.uid, admin = true, owner = true,
         member_account = home.username or "", country_code = "49" } }
   end
   return home.members
end

spaces.members = about.home(function(_, home)
   return shapes.each(members_of(home), function(one)
      return { uid = one.id, name = one.name, admin = one.admin, owner = one.owner, avatar = "",
         member_account = one.member_account, country_code = one.country_code }
   end)
end)

spaces.add_member = about.home(function(call, home)
   local body = about.body(call)
   local given = body and body.member
   if type(given) ~= "table" or type(given.member_account) ~= "string" or type(given.country_code) ~= "string"
      or type(given.name) ~= "string" or type(given.admin) ~= "boolean" or type(body.app_schema) ~= "string" then
      return nil, 1109
   end
   table.insert(members_of(home), {
      id = "uid" .. about.next_id(home), name = given.name, admin = given.admin, owner = false,
      member_account = given.country_code .. "-" .. given.member_account, country_code = given.country_code,
   })
   return true
end)

--- A call about a member who is not the owner.
local function about_member(run)
   return about.home(function(call, home)
      local member, at = about.find(members_of(home), call.captures.one)
      if not member or member.owner then
         return nil, 1109
      end
      return run(call, home, member, at)
   end)
end

spaces.edit_member = about_member(function(call, _, member)
   local body = about.body(call)
   if not body or type(body.admin) ~= "boolean" then
      return nil, 1109
   end
   member.admin = body.admin
   return true
end)

spaces.remove_member = about_member(function(_, home, _, at)
   table.remove(home.members, at)
   return true
end)

local function shape_user(home)
   return { uid = home.uid, username = home.username or home.uid, country_code = home.country_code or "49",
      create_time = 1700000000 }
end

--- A user of an app, who has no home yet; one of the same name is set anew.
function spaces.add_user(call)
   local body, project = about.body(call), call.project
   for _, name in ipairs({ "username", "password", "country_code" }) do
      if not body or type(body[name]) ~= "string" or body[name] == "" then
         return nil, 1109
      end
   end
   if not body.password:find("^%x+$") or #body.password ~= 32 or type(body.username_type) ~= "number" then
      return nil, 1109
   end
   local uid = "bay" .. body.country_code .. body.username:gsub("[^%w]", "")
   project.users = project.users or {}
   project.users[uid] = { uid = uid, username = body.username, country_code = body.country_code, devices = {} }
   return { uid = uid }
end

--- The users, each once, in pages that are numbered.
function spaces.users(call)
   local users, seen, made = {}, {}, {}
   for _, home in ipairs(call.project.homes) do
      if not seen[home.uid] then
         seen[home.uid] = true
         users[#users + 1] = home
      end
   end
   for uid, user in pairs(call.project.users or {}) do
      made[#made + 1] = not seen[uid] and user or nil
   end
   table.sort(made, function(a, b)
      return a.uid < b.uid
   end)
   for _, user in ipairs(made) do
      users[#users + 1] = user
   end
   return about.page(users, call.query, shape_user)
end

function spaces.user(call)
   return shape_user(call.home)
end

-- }}}

return spaces

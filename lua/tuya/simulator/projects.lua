--- projects.lua: who may call, and whose devices they see.
-- The idea: users have devices, projects are linked to users; two projects that share a user share the very
-- devices. A user lives in one data centre, a project has enabled some.
-- The danger: a secret kept where a dump shows it; a project holds a key, and what diagnoses holds the secret
-- where nobody can look.
-- @module tuya.simulator.projects

local core = require("tuya.core")
local explain = require("tuya.simulator.explain")
local home = require("tuya.simulator.home")
local members = require("tuya.simulator.members")
local regions = require("tuya.regions")
local sessions = require("tuya.simulator.sessions")
local tokens = require("tuya.simulator.tokens")

local projects = {}

local FILE = { projects = "table!", users = "table" }

local PROJECT = {
   access_id = "string!", access_secret = "string!", algorithm = "string", bundle_id = "string",
   data_centres = "table", users = "table", accept_token = "string", callback_url = "string", schemas = "table",
}

local CREDENTIAL_MAX = 128 -- bytes

--- The rule that a project's members break; nil: none.
function projects.broken(given)
   for _, name in ipairs({ "access_id", "access_secret" }) do
      if (given[name] or "") == "" then
         return name .. ": missing"
      end
      if #given[name] > CREDENTIAL_MAX then
         return name .. ": longer than 128 bytes"
      end
   end
   if given.algorithm and given.algorithm ~= "v1" and given.algorithm ~= "v2" then
      return 'algorithm: "v1" or "v2" expected'
   end
   for _, name in ipairs(given.data_centres or {}) do
      local known, rule = regions.endpoint(name)
      if not known then
         return (rule:gsub("^region", "data_centres"))
      end
   end
   return nil
end

--- Makes the homes of all users; nil and what is wrong with one.
local function new_homes(users)
   local list, by_uid, owner = {}, {}, {}
   for i, given in ipairs(users) do
      local made, message = home.new(given)
      if not made then
         return nil, "user " .. i .. ": " .. message
      end
      if by_uid[made.uid] then
         return nil, "user " .. made.uid .. ": is there twice"
      end
      for id in pairs(made.by_id) do
         if owner[id] then
            return nil, "device " .. id .. ": is there twice"
         end
         owner[id] = made
      end
      list[i], by_uid[made.uid] = made, made
   end
   return list, by_uid
end

--- The homes that a project sees: those of its users who live in this data centre.
local function visible(homes, by_uid, users, data_centre)
   local list = {}
   for _, uid in ipairs(users or {}) do
      if not by_uid[uid] then
         return nil, "no user '" .. tostring(uid) .. "'"
      end
   end
   local linked = users and {} or by_uid
   for _, uid in ipairs(users or {}) do
      linked[uid] = by_uid[uid]
   end
   for _, one in ipairs(homes) do
      if linked[one.uid] and (not data_centre or (one.data_centre or data_centre) == data_centre) then
         list[#list + 1] = one
      end
   end
   return list
end

local function is_enabled(given, data_centre)
   for _, name in ipairs(data_centre and given.data_centres or {}) do
      if name == data_centre then
         return true
      end
   end
   return not (data_centre and given.data_centres)
end

--- The apps that are linked to a project: those that it names, or those of the accounts that it sees.
local function schemas_of(given, homes)
   local linked = {}
   for _, schema in ipairs(given.schemas or {}) do
      linked[schema] = true
   end
   for _, one in ipairs(given.schemas and {} or homes) do
      if one.account and one.account.schema then
         linked[one.account.schema] = true
      end
   end
   return linked
end

--- The accounts, taken out of the homes: a state holds no password's digest.
local function take_accounts(homes)
   local list = {}
   for _, one in ipairs(homes) do
      if one.account then
         list[#list + 1] = { uid = one.uid, account = one.account }
         one.account = nil
      end
   end
   return list
end

local function new_project(given, homes, how)
   local project = {
      access_id = given.access_id,
      key = core.key(given.access_secret),
      algorithm = given.algorithm or "v2",
      bundle_id = given.bundle_id,
      callback_url = given.callback_url,
      schemas = schemas_of(given, homes),
      homes = homes,
      sessions = sessions.new(how),
      enabled = is_enabled(given, how.data_centre),
      tokens = tokens.new(how.draw, how.token_ttl, homes[1] and homes[1].uid or "", how.one_token),
   }
   project.diagnosed = explain.new(given.access_secret, project)
   if given.accept_token then
      project.tokens:adopt(given.accept_token, how.now)
   end
   return project
end

--- Makes projects and the homes of their users.
-- @tparam table given `{ projects = { {...}, ... }, users = { home, ... } }`; docs/simulator.md has the form
-- @tparam table how `draw`, `token_ttl` (s), `one_token`, `data_centre`, `now` (ms)
-- @treturn[1] table `{ list =, by_id =, homes = }`
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function projects.new(given, how)
   local ok, message = members.check(given, FILE, "projects")
   if not ok then
      return nil, message
   end
   local homes, by_uid = new_homes(given.users or { (require("tuya.simulator.small_home")) })
   if not homes then
      return nil, by_uid
   end
   local made = { list = {}, by_id = {}, homes = homes }
   for i, one in ipairs(given.projects) do
      local where = "project " .. i
      local rule = select(2, members.check(one, PROJECT, where))
      if rule then
         return nil, rule
      end
      rule = projects.broken(one) or made.by_id[one.access_id] and "access_id: is there twice"
      local seen, unknown = visible(homes, by_uid, one.users, how.data_centre)
      if rule or unknown then
         return nil, where .. ": " .. (rule or unknown)
      end
      made.list[i] = new_project(one, seen, how)
      made.by_id[one.access_id] = made.list[i]
   end
   if not made.list[1] then
      return nil, "projects: there is none"
   end
   made.accounts = take_accounts(homes)
   return made
end

--- Makes the one project of a simulator's own options, with its home.
function projects.of_one(given, how)
   local own, message
   if type(given.home) == "string" then
      own, message = home.read(given.home)
   else
      own, message = home.new(given.home or require("tuya.simulator.small_home"))
   end
   if not own then
      return nil, message
   end
   local homes = visible({ own }, { [own.uid] = own }, nil, how.data_centre)
   local project = new_project(given, homes, how)
   local accounts = take_accounts({ own })
   return { list = { project }, by_id = { [project.access_id] = project }, homes = { own }, accounts = accounts }
end

--- Reads them from a JSON file; nil and a message when there is none or it is not right.
function projects.read(path, how)
   return members.read(path, function(given)
      return projects.new(given, how)
   end)
end

--- What of them outlives the process: plain data, for `restore`.
function projects.saved(made)
   local saved = { homes = {}, tokens = {}, sessions = {}, made = {} } -- made: homes that calls have made, by project
   local known = {}
   for _, one in ipairs(made.homes) do
      saved.homes[one.uid], known[one] = one, true
   end
   for _, project in ipairs(made.list) do
      saved.tokens[project.access_id] = project.tokens:saved()
      saved.sessions[project.access_id] = project.sessions:saved()
      saved.made[project.access_id] = {}
      for _, one in ipairs(project.homes) do
         if not known[one] then
            table.insert(saved.made[project.access_id], one)
         end
      end
   end
   return saved
end

--- Puts back what `saved` gave. Users and projects that it does not know stay as they are.
function projects.restore(made, saved)
   for _, one in ipairs(made.homes) do
      local before = saved.homes[one.uid]
      for name in pairs(before and one or {}) do
         one[name] = nil
      end
      for name, value in pairs(before or {}) do
         one[name] = value
      end
   end
   for _, project in ipairs(made.list) do
      local before = saved.tokens[project.access_id]
      if before then
         project.tokens:restore(before)
      end
      local logged_in = (saved.sessions or {})[project.access_id]
      if logged_in then
         project.sessions:restore(logged_in)
      end
      for _, one in ipairs(saved.made and saved.made[project.access_id] or {}) do
         table.insert(project.homes, one)
      end
   end
end

return projects

--- accounts.lua: who logs in: app accounts, users of an industry project, and owners on the page where they authorize.
-- The idea: an account stands with its user; a password comes as the digest that the cloud wants, and is compared so.
-- The danger: to be kinder than the cloud. A plain password, a country as a name and a schema that is not linked are
-- refused, each with the code that was seen for it; what was not seen is in docs/simulator.md.
-- @module tuya.simulator.accounts

local core = require("tuya.core")
local json = require("tuya.json")
local members = require("tuya.simulator.members")

local accounts = {}

local ACCOUNT = { username = "string!", password = "string!", country_code = "string", schema = "string" }

--- The account of a user as it is kept; nil where there is none; nil and what is wrong with it.
function accounts.new(given)
   if given == nil then
      return nil
   end
   local ok, message = members.check(given, ACCOUNT, "account")
   if not ok then
      return nil, message
   end
   if (given.country_code == nil) ~= (given.schema == nil) then
      return nil, "account: an app account has country_code and schema, a user of an industry project neither"
   end
   return {
      username = given.username, country_code = given.country_code, schema = given.schema,
      digest = given.schema and core.md5(given.password) or core.sha256(given.password),
   }
end

local function find(list, username, is_app)
   for _, one in ipairs(list) do
      if one.account.username == username and (one.account.schema ~= nil) == is_app then
         return one
      end
   end
   return nil
end

local function text_of(value)
   local is_number = type(value) == "number"
   return is_number and ("%.0f"):format(value) or value
end

local function is_linked(call, uid)
   for _, one in ipairs(call.project.homes) do
      if one.uid == uid then
         return true
      end
   end
   return false
end

--- Logs in: the user's id, or nil, the code of the refusal and what was wrong, for the console.
local function check(call, is_app, length)
   local body = json.decode(call.body)
   if type(body) ~= "table" or type(body.username) ~= "string" or type(body.password) ~= "string" then
      return nil, 1109, "a table with username and password expected"
   end
   if is_app and not call.schemas[body.schema] then
      return nil, 2017, "the schema of no app that is linked to the project"
   end
   local one = find(call.accounts, body.username, is_app)
   if one and is_app and text_of(body.country_code) ~= one.account.country_code then
      return nil, 2402, "another country than the account's"
   end
   if not one or body.password ~= one.account.digest then
      local is_digest = body.password:find("^[0-9a-f]+$") and #body.password == length
      return nil, 2401, is_digest and "username or password" or "the password is no digest in lower-case hex"
   end
   if not is_linked(call, one.uid) then
      return nil, 2406, "the account is not linked to the project, or in another data centre"
   end
   return one.uid
end

local function opened(call, uid, kind)
   local answer = call.project.sessions:open(uid, kind, call.now)
   answer.platform_url = call.platform_url
   return answer
end

--- `POST .../actions/authorized-login`: an app account.
function accounts.log_in(call)
   local uid, code, why = check(call, true, 32)
   if not uid then
      return nil, code, why
   end
   return opened(call, uid, "account")
end

--- `POST /v1.0/iot-03/users/login`: a user of an industry project.
function accounts.log_in_user(call)
   local uid, code, why = check(call, false, 64)
   if not uid then
      return nil, code, why
   end
   local answer = opened(call, uid, "user")
   answer.expire, answer.expire_time = answer.expire_time, nil
   return answer
end

--- `POST /v1.0/iot-03/users/token/{refresh_token}`.
function accounts.refresh_user(call)
   local pair = call.project.sessions:swap(call.captures.refresh_token, true, call.now)
   if not pair then
      return nil, 1010
   end
   return pair
end

-- {{{ The page where an owner authorizes

local function escaped(text)
   return (text:gsub("[^%w%-._~]", function(byte)
      return ("%%%02X"):format(byte:byte())
   end))
end

local function page(status, text)
   return { status = status, headers = { ["Content-Type"] = "text/plain" }, body = text .. "\n" }
end

--- Whose code the page gives: the one of this name, or the first of the project.
local function owner(made, project, username)
   for _, one in ipairs(made.accounts) do
      for _, home in ipairs(project.homes) do
         if home.uid == one.uid and (username == nil or one.account.username == username) then
            return one.uid
         end
      end
   end
   return nil
end

--- Answers `GET /login?client_id=&redirect_uri=&state=`: a redirect with a code. `username` says who authorizes; here
-- nobody is asked for a password.
-- @tparam table made projects and accounts
-- @tparam table query by name
-- @tparam number now
-- @treturn table reply
function accounts.authorize(made, query, now)
   local project = made.by_id[query.client_id or ""]
   if not project then
      return page(400, "client_id: no such project")
   end
   if not project.callback_url or query.redirect_uri ~= project.callback_url then
      return page(400, "redirect_uri: not the callback URL that is configured in the project")
   end
   local uid = owner(made, project, query.username)
   if not uid then
      return page(400, "username: no such account is linked to the project")
   end
   local target = project.callback_url .. (project.callback_url:find("?", 1, true) and "&" or "?")
      .. "code=" .. project.sessions:authorize(uid, now)
   if query.state then
      target = target .. "&state=" .. escaped(query.state)
   end
   local reply = page(302, "authorized")
   reply.headers.Location = target
   return reply
end

-- }}}

return accounts

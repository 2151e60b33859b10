--- login.lua: the tokens of people: of an app account, of a user of an industry project, of an owner who authorizes.
-- The idea: each is a grant as the project's own is (grant.lua): renewed by its refresh token, and got anew by what it
-- began with, where that works twice: a password does, an authorization code does not.
-- The danger: passwords, codes and refresh tokens are secrets; they are in no message, log or store, but for the
-- refresh token in the record, and of a password only the digest is kept. And an account that is refused again and
-- again gets locked: a refused log-in is not repeated for a minute.
-- @module tuya.login

local clock = require("tuya.clock")
local core = require("tuya.core")
local grant = require("tuya.grant")
local options = require("tuya.options")
local regions = require("tuya.regions")

local login = {}

local LOGIN = options.known {
   username = "string",
   password = "string",
   country_code = "string|number",
   schema = "string",
   account = "string",
   code = "string",
   refresh_token = "string",
}

local HOLD = 60 -- seconds for which a log-in that was refused is not tried again
local MAX_TEXT = 256 -- bytes

-- The cloud's words for a refresh token, or a code, that is used up: no second try will help.
local USED_UP = { [1010] = true, [1011] = true, [1012] = true, [1107] = true, [1400] = true }

-- Refusals that pass by themselves.
local PASSING = {
   [500] = true, [1013] = true, [1110] = true, [1111] = true, [1112] = true, [1113] = true, [1199] = true,
}

local function failure(code, message, cause)
   return {
      kind = "login", code = code, message = message, sent = "no",
      method = cause and cause.method, path = cause and cause.path, cause = cause and cause.code,
   }
end

-- The token, where its account is at a host that may be gone to.
local function settle(context, fresh)
   local named = fresh.platform_url
   if not named then return fresh end
   local place, rule = regions.move(context.endpoint, named)
   if not place then
      local message = ("the cloud sends this account to %s, which %s"):format(named:sub(1, 128), rule)
      return nil, failure("platform_url", message)
   end
   if place ~= context.endpoint then
      fresh.endpoint = place
      if context.log then context.log { event = "moved", endpoint = place } end
   end
   return fresh
end

-- A token by the refresh token of the record. Without one, and where that is used up, nil, nil and the refusal: it is
-- not asked for a second time. It may be used up by a refresh of our own whose answer was lost: `lost` remembers that.
local function refresh(self, context, terms, record)
   if not record or not record.refresh then return nil end
   if self.dead == record.refresh then return nil, nil, self.dead_by end
   local fresh, detail, was_lost = grant.refresh(context, terms, self.refresh, record.refresh, record.endpoint)
   if was_lost then self.lost = record.refresh end
   if fresh then
      fresh.uid, fresh.origin = fresh.uid or record.uid, record.origin
      return fresh
   end
   if detail.kind ~= "api" or not USED_UP[detail.code] then return nil, detail end
   self.dead, self.dead_by = record.refresh, detail
   return nil, nil, detail
end

-- --- by password ---

local by_password = {}

-- The body of a log-in. Its password is a digest, and as good as the password.
local function body_of(self)
   local body = {}
   for name, value in pairs(self.body) do body[name] = value end
   body.password = self.digest
   return body
end

local function log_in(self, context, terms)
   if not self.digest then
      return nil, failure("password", "nobody is logged in, and no password is given to log in with")
   end
   if self.refusal and context.monotonic() < self.again_at then return nil, self.refusal end
   local spec = { method = "POST", path = self.path, body = body_of(self) }
   local fresh, detail = grant.fetch(context, terms, "login", spec)
   self.refusal = not fresh and detail.kind == "api" and not PASSING[detail.code] and detail or nil
   self.again_at = context.monotonic() + HOLD
   if not fresh then return nil, detail end
   return settle(context, fresh)
end

-- A flow, as of `grant.project`.
function by_password:obtain(context, terms, record)
   local fresh, detail = refresh(self, context, terms, record)
   if fresh or detail then return fresh, detail end
   return log_in(self, context, terms)
end

-- --- by what its owner has authorized ---

local by_owner = {}

-- Whether there is a code that was not used yet, and the record does not go back to.
function by_owner:is_unused(record)
   if record and record.origin == self.origin then self.is_used = true end
   return not self.is_used
end

local function exchange(self, context, terms)
   if self.code then
      return grant.fetch(context, terms, "code",
         { method = "GET", path = "/v1.0/token", query = { grant_type = 2, code = self.code } })
   end
   return grant.refresh(context, terms, self.refresh, self.refresh_token)
end

-- Uses the code: a token; or nil and what is known of the failure, nil for that too where the code is used up.
local function use(self, context, terms)
   local fresh, detail = exchange(self, context, terms)
   if fresh then
      self.is_used, fresh.origin = true, self.origin
      return settle(context, fresh)
   end
   if detail.kind ~= "api" or not USED_UP[detail.code] then return nil, detail end
   self.is_used = true
   return nil, nil, detail
end

local function is_good(context, terms, record)
   return record ~= nil and record.access ~= terms.refused and clock.now(context) < record.renew_at
end

local function ask_owner(self, cause)
   local why = cause and ": " .. tostring(cause.message) or ""
   if cause and self.lost and self.lost == self.dead then why = why .. " (the answer to a refresh was lost)" end
   return failure("authorize", "the owner has to authorize again" .. why, cause)
end

-- A flow, as of `grant.project`; gives the record back where that will do.
function by_owner:obtain(context, terms, record)
   local fresh, detail, used_up
   if self:is_unused(record) then
      fresh, detail, used_up = use(self, context, terms)
      if fresh or detail then return fresh, detail end
      if is_good(context, terms, record) then return record end
   end
   local refused
   fresh, detail, refused = refresh(self, context, terms, record)
   if fresh or detail then return fresh, detail end
   return nil, ask_owner(self, refused or used_up)
end

-- --- making one ---

local function digest(...)
   return core.sha256(table.concat({ ... }, "\n")):sub(1, 16)
end

-- A grant with the methods of a kind. `name` tells it from others in a store.
local function new(kind, made)
   for name, method in pairs(kind) do made[name] = method end
   return made
end

-- The digits of a country's code; nil: it is none.
local function country_code_of(value)
   local is_whole = type(value) == "number" and value % 1 == 0
   local text = is_whole and ("%.0f"):format(value) or tostring(value)
   local digits = text:match("^%+?0*(%d+)$")
   return digits and #digits <= 6 and digits or nil
end

local function new_app_account(given)
   local country_code = country_code_of(given.country_code)
   return new(by_password, {
      name = digest("account", given.username, country_code, given.schema),
      path = "/v1.0/iot-01/associated-users/actions/authorized-login",
      refresh = { method = "GET", path = "/v1.0/token/" },
      body = { username = given.username, country_code = tonumber(country_code), schema = given.schema },
      digest = given.password and core.md5(given.password),
   })
end

local function new_user(given)
   return new(by_password, {
      name = digest("user", given.username),
      path = "/v1.0/iot-03/users/login",
      refresh = { method = "POST", path = "/v1.0/iot-03/users/token/" },
      body = { username = given.username },
      digest = given.password and core.sha256(given.password),
   })
end

local function new_owner(given)
   local origin = given.code and digest("code", given.code)
      or given.refresh_token and digest("refresh_token", given.refresh_token)
   return new(by_owner, {
      name = given.account and digest("owner", given.account) or origin,
      refresh = { method = "GET", path = "/v1.0/token/" },
      code = given.code,
      refresh_token = given.refresh_token,
      origin = origin,
      is_used = origin == nil,
   })
end

local function wrong_text(given)
   for name, value in pairs(given) do
      local most = (name == "code" or name == "refresh_token") and 1024 or MAX_TEXT
      if type(value) == "string" and (value == "" or #value > most or value:find("[%z\1-\31\127]")) then
         return ("%s: 1 to %d bytes, without control bytes"):format(name, most)
      end
   end
   if given.refresh_token and not grant.is_segment(given.refresh_token) then
      return "refresh_token: holds what no token has"
   end
end

local function wrong_account(given)
   for _, name in ipairs { "account", "code", "refresh_token" } do
      if given[name] then return name .. ": given beside username; one of them says who logs in" end
   end
   if (given.country_code == nil) ~= (given.schema == nil) then
      return "country_code, schema: an app account wants both, a user of an industry project neither"
   end
   if given.country_code and not country_code_of(given.country_code) then
      return "country_code: the number that people dial before a phone number of that country, as 49"
   end
end

local function wrong_owner(given)
   for _, name in ipairs { "password", "country_code", "schema" } do
      if given[name] then return name .. ": goes with username" end
   end
   if given.code and given.refresh_token then return "code: given beside refresh_token; each is a way to a token" end
   if not given.account and not given.code and not given.refresh_token then
      return "one of username, code, refresh_token and account says who logs in"
   end
end

--- Makes a grant of a client's option.
-- @tparam table given `username`, `password` (nil: only what the store has), `country_code` and `schema` of an app
-- account, or neither of these for a user of an industry project; or `code` or `refresh_token`, each of which works
-- once, and `account`, a name of one's own under which the store keeps the owner's token
-- @treturn ?table the grant; nil and the rule that is broken
function login.try(given)
   local rule = options.broken(given, LOGIN) or wrong_text(given)
   if not rule then rule = (given.username and wrong_account or wrong_owner)(given) end
   if rule then return nil, "login: " .. rule end
   if not given.username then return new_owner(given) end
   return given.schema and new_app_account(given) or new_user(given)
end

local PAGE = options.known { redirect_uri = "string", state = "string" }

local function escaped(text)
   return (text:gsub("[^A-Za-z0-9%-._~]", function(byte)
      return ("%%%02X"):format(byte:byte())
   end))
end

--- The page where an owner authorizes a project.
-- @tparam table context the client's
-- @param given `redirect_uri`, `state`
-- @treturn ?string URL; nil and the rule that is broken
function login.page(context, given)
   local rule = options.broken(given, PAGE) or wrong_text(given)
   if rule then return nil, rule end
   if not tostring(given.redirect_uri):find("^https?://[^/]") then
      return nil, "redirect_uri: the callback URL that is configured in the project"
   end
   if not given.state then
      return nil, "state: a word that nobody can guess, to know by it who comes back"
   end
   return ("%s/login?client_id=%s&redirect_uri=%s&state=%s"):format(
      context.endpoint, escaped(context.access_id), escaped(given.redirect_uri), escaped(given.state))
end

--- The endpoint of the data centre that has the app accounts of a country.
-- @tparam ?table given as for `try`
-- @treturn ?string nil where it does not tell
function login.endpoint(given)
   local country_code = type(given) == "table" and country_code_of(given.country_code)
   local region = country_code and regions.of_country(country_code)
   return region and regions.endpoint(region)
end

return login

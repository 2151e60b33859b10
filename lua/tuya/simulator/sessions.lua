--- sessions.lua: the users who are logged in to a project, and the codes with which one may.
-- The idea: a session is a pair of tokens of its own, as the project's is, and sees one user's home. A user has one by
-- password and one by code; logging in again makes a new pair, which revokes the one before.
-- The danger: a code or a refresh token that worked twice would hide the fault of a client that uses it twice.
-- @module tuya.simulator.sessions

local tokens = require("tuya.simulator.tokens")

local sessions = {}

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.sessions" }

local CODE_TTL = 300 -- seconds that a code lives

--- @tparam table how `draw`, `token_ttl` (s)
function sessions.new(how)
   return setmetatable({ _draw = how.draw, _ttl = how.token_ttl, _list = {}, _codes = {} }, class)
end

local function find(self, uid, kind)
   for _, one in ipairs(self._list) do
      if one.uid == uid and one.kind == kind then
         return one
      end
   end
   return nil
end

local function add(self, uid, kind)
   local made = { uid = uid, kind = kind, tokens = tokens.new(self._draw, self._ttl, uid, true) }
   table.insert(self._list, made)
   return made
end

--- Logs a user in: what the cloud answers.
-- @tparam string uid
-- @tparam string kind "account", "user" or "code"
-- @tparam number now
function methods:open(uid, kind, now)
   return (find(self, uid, kind) or add(self, uid, kind)).tokens:get(now)
end

--- Whose token it is; nil: no living one of a session.
function methods:uid_of(access, now)
   for _, one in ipairs(self._list) do
      if one.tokens:valid(access, now) then
         return one.uid
      end
   end
   return nil
end

--- A new pair for a refresh token; nil unless it is current, and of such a session.
-- @tparam string refresh
-- @tparam boolean of_user of a user of an industry project, which has a call of its own
-- @tparam number now
function methods:swap(refresh, of_user, now)
   for _, one in ipairs(self._list) do
      local pair = (one.kind == "user") == of_user and one.tokens:swap(refresh, now)
      if pair then
         return pair
      end
   end
   return nil
end

--- A code with which the project gets a token of this user, once.
function methods:authorize(uid, now)
   local code = self._draw(32)
   self._codes[code] = { uid = uid, expiry = now + CODE_TTL * 1000 }
   return code
end

--- The user of a code, which is used up by that; nil: there is no such code, or no more.
function methods:redeem(code, now)
   local found = self._codes[code]
   self._codes[code] = nil
   return found and now < found.expiry and found.uid or nil
end

--- Ends the tokens of a user now. Refresh tokens die too, where it is said.
function methods:expire(uid, refresh_too)
   for _, one in ipairs(self._list) do
      if one.uid == uid then
         one.tokens:expire()
         if refresh_too then
            one.tokens:revoke()
         end
      end
   end
end

--- What of it outlives the process: plain data, for `restore`.
function methods:saved()
   local saved = { list = {}, codes = self._codes }
   for i, one in ipairs(self._list) do
      saved.list[i] = { uid = one.uid, kind = one.kind, tokens = one.tokens:saved() }
   end
   return saved
end

--- Puts back what `saved` gave.
function methods:restore(saved)
   self._list, self._codes = {}, saved.codes
   for _, one in ipairs(saved.list) do
      add(self, one.uid, one.kind).tokens:restore(one.tokens)
   end
end

return sessions

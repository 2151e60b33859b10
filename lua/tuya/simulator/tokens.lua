--- tokens.lua: the one pair of tokens that a project has.
-- The idea: while the pair lives, asking gives the same pair with its remaining seconds to everyone; only a
-- refresh makes a new one, and it kills the old one for everyone.
-- The danger: handing out a fresh pair on every request would hide the fault that real programs have, two
-- of them sharing one key.
-- @module tuya.simulator.tokens

local tokens = {}

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.tokens" }

--- @tparam function draw draw(n): n hexadecimal digits
-- @tparam number ttl seconds that a new pair lives
-- @tparam string uid of the user that the token stands for
-- @tparam[opt] boolean one whoever asks gets a new pair, which revokes the one before
function tokens.new(draw, ttl, uid, one)
   return setmetatable({ _draw = draw, _ttl = ttl, _uid = uid, _one = one, _expiry = 0 }, class)
end

--- Makes a token that was issued elsewhere the current one.
function methods:adopt(access, now)
   self._access, self._refresh = access, self._draw(32)
   self._expiry = now + self._ttl * 1000
end

local function left(self, now)
   return math.floor((self._expiry - now) / 1000)
end

local function shown(self, now)
   return {
      access_token = self._access,
      refresh_token = self._refresh,
      expire_time = left(self, now),
      uid = self._uid,
   }
end

--- What `GET /v1.0/token?grant_type=1` answers: the living pair, or a new one.
function methods:get(now)
   if self._one or not self._access or left(self, now) < 1 then
      self:adopt(self._draw(32), now)
   end
   return shown(self, now)
end

--- What `GET /v1.0/token/{refresh_token}` answers: a new pair; nil unless the refresh token is current.
function methods:swap(refresh, now)
   if not self._refresh or refresh ~= self._refresh then
      return nil
   end
   self:adopt(self._draw(32), now)
   return shown(self, now)
end

function methods:valid(access, now)
   return access == self._access and now < self._expiry
end

--- What of it outlives the process: plain data, for `restore`.
function methods:saved()
   return { access = self._access, refresh = self._refresh, expiry = self._expiry }
end

--- Puts back what `saved` gave.
function methods:restore(saved)
   self._access, self._refresh, self._expiry = saved.access, saved.refresh, saved.expiry
end

--- The access token that was issued last, if any.
function methods:current()
   return self._access
end

--- The current access token dies now; its refresh token still works.
function methods:expire()
   self._expiry = 0
end

--- The refresh token dies now.
function methods:revoke()
   self._refresh = nil
end

return tokens

--- transport/fake.lua: a transport without a network, on a clock that stands still.
-- The idea: a function answers every request, most often the simulated cloud's `handle`; time passes only
-- when somebody sleeps, so a day of rules runs in a moment and always the same.
-- @module tuya.transport.fake

local core = require("tuya.core")

local fake = {}

local methods = {}
local metatable = { __name = "tuya.transport.fake", __index = methods }

--- Makes a transport.
-- @tparam function handle called with `{ method=, target=, headers=, body= }`; returns
-- `{ status=, headers=, body= }`, with `delay` = seconds that it took where it took any, or nil, one of libcurl's
-- failures ("dns", "reset", ...) and how far the request got ("no", "maybe", "yes")
-- @tparam[opt=1700000000000] number start the clock at the beginning, in ms since 1970
-- @treturn transport `requests` lists what was sent
function fake.new(handle, start)
   if type(handle) ~= "function" then error("tuya.transport.fake: handle: a function expected", 2) end
   return setmetatable({ handle = handle, ms = start or 1700000000000, requests = {} }, metatable)
end

--- The clock, for a client's `clock` option: ms since 1970.
-- @treturn function
function methods:clock()
   return function()
      return self.ms - self.ms % 1
   end
end

local function lower_names(headers)
   local lowered = {}
   for name, value in pairs(headers or {}) do lowered[name:lower()] = value end
   return lowered
end

--- Hands a sealed request to the function.
-- @tparam sealed sealed
-- @return as of `tuya.transport.curl`
function methods:send(sealed)
   if not core.is_sealed(sealed) then
      error("tuya.transport.fake: sealed: made by tuya.sign, got " .. type(sealed), 2)
   end
   local request = {
      method = sealed:method(),
      target = sealed:target(),
      headers = sealed:headers(),
      body = sealed:body(),
   }
   self.requests[#self.requests + 1] = request
   local reply, code, sent = self.handle(request)
   if reply then
      self.ms = self.ms + (reply.delay or 0) * 1000
      return { status = reply.status, headers = lower_names(reply.headers), body = reply.body or "" }
   end
   local message = "the fake transport was told to fail"
   return nil, message, { kind = "network", code = code or "reset", message = message, sent = sent or "maybe" }
end

--- Seconds since the epoch of this clock.
function methods:now()
   return self.ms / 1000
end

--- Lets time pass.
-- @tparam number seconds
function methods:sleep(seconds)
   self.ms = self.ms + seconds * 1000
end

--- Nothing is open.
function methods.close() end

return fake

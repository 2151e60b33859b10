--- transport/curl.lua: sealed requests over libcurl.
-- The idea: blocking is start, then tick and wait until the reply can be taken: the same engine that a tick
-- drives. The pool is made at the first send, so that a transport made before a fork is still usable; one that
-- was used before it is refused in the child. Whoever ticks has a lane, so that nobody takes another's replies.
-- The danger: only a sealed object may be sent; there is no way here to change or add to it.
-- @module tuya.transport.curl

local core = require("tuya.core")
local endpoints = require("tuya.endpoint")
local options = require("tuya.options")

local curl = {}

local OPTIONS = options.known {
   endpoint = "string",
   ca_file = "string",
   proxy = "string",
   user_agent = "string",
   timeout = "number",
   connect_timeout = "number",
   max_connections = "number",
   max_queue = "number",
   max_reply = "number",
}

local methods = {}
local metatable = { __name = "tuya.transport.curl", __index = methods }

-- What is behind each transport: out of reach of whoever dumps it, since a proxy's URL may have a password in it.
local states = setmetatable({}, { __mode = "k" })

-- Ticks and waits until the transfer is finished. Ticks first: the transfer is not on its way before.
local function await(pool, id)
   while true do
      pool:tick()
      local found, reply, message, detail = pool:take(id)
      if found then return reply, message, detail end
      pool:wait(1000)
   end
end

-- Forgets a transfer whose caller was torn away, by Ctrl-C or a hook, before it goes on with that.
local function settle(pool, id, ok, ...)
   if ok then return ... end
   pcall(pool.cancel, pool, id)
   error((...), 0)
end

--- Makes a transport: `new` without the raise.
-- @tparam table given as for `new`
-- @treturn ?transport nil and the rule that is broken
function curl.try(given)
   local rule = options.broken(given, OPTIONS) or endpoints.wrong_value(given)
   if not rule and not given.endpoint then rule = "endpoint: missing" end
   if rule then return nil, rule end
   local place
   place, rule = endpoints.parse(given.endpoint)
   if not place then return nil, rule end
   local state = { user_agent = "lua-tuya/" .. core.VERSION }
   for name, value in pairs(given) do state[name] = value end
   state.endpoint, state.scheme = place.bare, place.scheme
   local made = setmetatable({}, metatable)
   states[made] = state
   return made
end

--- Makes a transport.
-- @tparam table given `endpoint` (needed), `ca_file`, `proxy`, `user_agent`, `timeout` and `connect_timeout`
-- (seconds; 15 and 5), `max_connections` (4), `max_queue` (1024), `max_reply` (bytes; 8 MiB)
-- @treturn transport
-- @raise when an option is unknown or breaks a rule
-- @usage local transport = require("tuya.transport.curl").new { endpoint = "https://openapi.tuyaeu.com" }
function curl.new(given)
   local made, rule = curl.try(given)
   if not made then error("tuya.transport.curl: " .. rule, 2) end
   return made
end

local load = require -- a host may take it away once everything is loaded

-- The pool, made at the first use; nil, message, detail when there is nothing to make it of.
local function pool_of(state)
   if state.pool then return state.pool end
   local pool, message = load("tuya.curl").pool(state)
   if not pool then return nil, message, { kind = "network", code = "no_pool", message = message, sent = "no" } end
   state.pool = pool
   return pool
end

local function ms(seconds)
   return seconds and math.max(1, math.ceil(seconds * 1000))
end

-- The rule that the arguments of send break.
local function wrong_arguments(state, sealed, limits)
   if not state then return "attempt to use a closed transport" end
   if not core.is_sealed(sealed) then return "sealed: made by tuya.sign, got " .. type(sealed) end
   return endpoints.wrong_limits(limits, state.scheme)
end

-- The id of a transfer on its way; or nil, message, detail. Raises two levels up for what is wrong: the pool takes what
-- is plainly right, and anything else after it has been looked at here.
local function start(self, sealed, limits, lane)
   local state = states[self]
   local pool, message, detail = state and state.pool
   local id, full
   if pool then id, full = pool:start(sealed, limits, lane) end
   if id then return id end
   if not full then
      local rule = wrong_arguments(state, sealed, limits)
      if rule then error("tuya.transport.curl: " .. rule, 3) end
      pool, message, detail = pool_of(state)
      if not pool then return nil, message, detail end
      id, full = pool:start(sealed, limits, lane, true)
      if id then return id end
   end
   return nil, full, { kind = "network", code = "queue_full", message = full, sent = "no" }
end

-- The pool of an open transport, where there is one yet; raises two levels up.
local function open_pool(self)
   local state = states[self]
   if not state then error("tuya.transport.curl: attempt to use a closed transport", 3) end
   return state.pool
end

--- Sends a sealed request and waits for the reply.
-- @tparam sealed sealed made by `tuya.sign`
-- @tparam[opt] table limits `timeout` and `connect_timeout` in seconds; `endpoint` to go to instead of the transport's
-- own, of the same scheme
-- @treturn ?table `{ status=, headers=, body= }`, header names in lower case
-- @treturn ?string message
-- @treturn ?table `{ kind = "network", code = "dns" | "connect" | "tls" | "timeout" | "reset" | "too_large" |
-- "protocol" | "queue_full" | "no_pool", message=, sent = "no" | "maybe" | "yes", status = where the head of an
-- answer came }`
-- @raise for a closed transport, and for what is not sealed
function methods:send(sealed, limits)
   local id, message, detail = start(self, sealed, limits)
   if not id then return nil, message, detail end
   local pool = states[self].pool
   return settle(pool, id, pcall(await, pool, id))
end

--- Begins to send a sealed request, and does not wait.
-- @tparam sealed sealed
-- @tparam ?table limits as of `send`
-- @tparam integer lane of `join`
-- @treturn ?number id of the transfer; or nil, message, detail as of `send`
function methods:start(sealed, limits, lane)
   local id, message, detail = start(self, sealed, limits, lane)
   return id, message, detail
end

--- A lane of one's own: what is started in it is taken from it.
-- @treturn integer
function methods:join()
   local state = states[self]
   if not state then error("tuya.transport.curl: attempt to use a closed transport", 2) end
   state.lanes = (state.lanes or 0) + 1
   return state.lanes
end

--- Takes the first reply of a lane, or that of one transfer, when it is there.
-- @tparam integer lane
-- @tparam ?number id
-- @treturn ?number the transfer's id; nil for none, else followed by what `send` returns
function methods:take(lane, id)
   local pool = open_pool(self)
   if pool then return pool:take(id, lane) end
end

--- Forgets a transfer.
-- @tparam number id
-- @treturn ?string how far it got: "no", "maybe", "yes"; nil for an unknown one
function methods:cancel(id)
   local pool = open_pool(self)
   return pool and pool:cancel(id)
end

--- Moves on what can move without waiting.
-- @tparam ?number budget seconds after which nothing more is begun
function methods:tick(budget)
   local pool = open_pool(self)
   if pool then pool:tick(budget and math.max(1, math.ceil(budget * 1e6))) end
end

--- Waits until there is something to take or a tick to do.
-- @tparam number seconds at most
function methods:wait(seconds)
   open_pool(self)
   if type(seconds) ~= "number" then error("tuya.transport.curl: seconds: a number expected", 2) end
   local pool = pool_of(states[self])
   if pool then pool:wait(ms(seconds)) end
end

--- How long nobody needs to take or tick.
-- @treturn ?number seconds; nil: until something is started
function methods:timeout()
   local pool = open_pool(self)
   local most = pool and pool:timeout()
   return most and most / 1000
end

--- What a loop of the host's waits for in our stead; over epoll always one and the same.
-- @treturn table list of `{ fd=, read=, write= }`
function methods:fds()
   open_pool(self)
   local pool = pool_of(states[self])
   return pool and pool:fds() or {}
end

--- Seconds of a clock that is never set.
-- @function now
methods.now = core.monotonic

--- Waits.
-- @tparam number seconds
-- @raise for a closed transport
function methods:sleep(seconds)
   local state = states[self]
   if not state then error("tuya.transport.curl: attempt to use a closed transport", 2) end
   if type(seconds) ~= "number" then error("tuya.transport.curl: seconds: a number expected", 2) end
   local pool = pool_of(state)
   local until_then = core.monotonic() + seconds
   while pool and core.monotonic() < until_then do
      pool:wait(ms(until_then - core.monotonic()))
      pool:tick()
   end
end

--- Closes all connections.
function methods:close()
   local state = states[self]
   states[self] = nil
   if state and state.pool then state.pool:close() end
end

metatable.__close = methods.close

return curl

--- transport/curl.lua: sealed requests over libcurl.
-- The idea: blocking is start, then tick and wait until the reply can be taken: the same engine that a tick
-- drives. The pool is made at the first send, so that a transport made before a fork is still usable.
-- The danger: only a sealed object may be sent; there is no way here to change or add to it.
-- @module tuya.transport.curl

local core = require("tuya.core")
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

-- What a transport holds; kept apart, since a proxy's URL may have a password in it. The values do not
-- refer to their transport, or Lua 5.1 would keep both for ever.
local states = setmetatable({}, { __mode = "k" })

local function state_of(self)
   local state = states[self]
   if not state then error("attempt to use a closed transport", 3) end
   return state
end

--- Checks an endpoint: scheme, host and port only.
-- @tparam string endpoint
-- @treturn ?string without a final slash; nil and the rule
function curl.endpoint(endpoint)
   local bare = endpoint:gsub("/$", "")
   if bare:find("^https?://[%w%.%-:%[%]]+$") then return bare end
   return nil, 'endpoint: "https://host" or "https://host:port", without a path'
end

-- The headers of a reply head, names in lower case; repeated ones joined by commas.
local function parse_head(head)
   local headers = {}
   for name, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
      name = name:lower()
      headers[name] = headers[name] and headers[name] .. ", " .. value or value
   end
   return headers
end

local function reply_of(_, sent, status, a, b)
   if status then return { status = status, headers = parse_head(a), body = b } end
   return nil, b, { kind = "network", code = a, message = b, sent = sent }
end

-- Ticks and waits until the transfer is finished.
local function await(pool, id)
   while true do
      local found, sent, status, a, b = pool:take(id)
      if found then return reply_of(found, sent, status, a, b) end
      pool:wait(1000)
      pool:tick()
   end
end

--- Makes a transport.
-- @tparam table given `endpoint` (needed), `ca_file`, `proxy`, `user_agent`, `timeout` and `connect_timeout`
-- (seconds; 15 and 5), `max_connections` (4), `max_queue` (1024), `max_reply` (bytes; 8 MiB)
-- @treturn transport
-- @usage local transport = require("tuya.transport.curl").new { endpoint = "https://openapi.tuyaeu.com" }
function curl.new(given)
   local rule = options.broken(given, OPTIONS)
   if not rule and not given.endpoint then rule = "endpoint: missing" end
   local endpoint
   if not rule then endpoint, rule = curl.endpoint(given.endpoint) end
   if rule then error("tuya.transport.curl: " .. rule, 2) end
   local state = { user_agent = "lua-tuya/" .. core.VERSION }
   for name, value in pairs(given) do state[name] = value end
   state.endpoint = endpoint
   local self = setmetatable({}, metatable)
   states[self] = state
   return self
end

local function ms(seconds)
   return seconds and math.max(1, math.ceil(seconds * 1000))
end

--- Sends a sealed request and waits for the reply.
-- @tparam sealed sealed made by `tuya.sign`
-- @tparam[opt] table limits `timeout` and `connect_timeout` in seconds
-- @treturn ?table `{ status=, headers=, body= }`, header names in lower case
-- @treturn ?string message
-- @treturn ?table `{ kind = "network", code = "dns" | "connect" | "tls" | "timeout" | "reset" | "too_large" |
-- "protocol", message=, sent = "no" | "maybe" | "yes" }`
function methods:send(sealed, limits)
   local state = state_of(self)
   if not core.is_sealed(sealed) then
      error("tuya.transport.curl: sealed: made by tuya.sign, got " .. type(sealed), 2)
   end
   state.pool = state.pool or require("tuya.curl").pool(state)
   limits = limits or {}
   local id, full = state.pool:start(sealed, ms(limits.timeout or state.timeout),
      ms(limits.connect_timeout or state.connect_timeout))
   if not id then return nil, full, { kind = "network", code = "too_many", message = full, sent = "no" } end
   state.pool:tick()
   return await(state.pool, id)
end

--- Seconds of a clock that is never set.
function methods.now()
   return core.monotonic()
end

--- Waits.
-- @tparam number seconds
function methods:sleep(seconds)
   local state = state_of(self)
   state.pool = state.pool or require("tuya.curl").pool(state)
   local until_then = core.monotonic() + seconds
   while core.monotonic() < until_then do
      state.pool:wait(ms(until_then - core.monotonic()))
      state.pool:tick()
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

--- transport/resty.lua: sealed requests over nginx's cosockets: `transport = "resty"`.
-- The idea: a send looks blocking and yields to nginx, so other requests of the worker go on meanwhile.
-- The danger: a kept connection may have ended unseen, and a command that is sent twice is done twice; so what may have
-- arrived is told apart from what cannot have.
-- @module tuya.transport.resty

local core = require("tuya.core")
local cosocket = require("tuya.transport.cosocket")
local endpoints = require("tuya.endpoint")
local inflate = require("tuya.inflate")
local options = require("tuya.options")
local reader = require("tuya.reply")

local resty = {}

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

local TIMEOUT, CONNECT_TIMEOUT = 15, 5
local MAX_REPLY = 8 * 1024 * 1024
local IDLE = 15        -- seconds that an unused connection is kept: less than servers keep them
local PIECE = 16384    -- bytes read at a time
local PAUSE = 0.005    -- seconds between looks at an op that another request drives
local TURN = 0.001     -- seconds; a sleep of 0 ends before nginx has looked at its sockets again

local methods = {
   ticks_not = "transport: nginx is the loop here; run calls side by side in light threads (ngx.thread.spawn)",
}
local metatable = { __name = "tuya.transport.resty", __index = methods }

-- What opens a transport, so that a dump of it shows nothing.
local private = {}

local function state_of(self)
   return type(self) == "table" and rawget(self, "open") and self.open(private)
end

-- All headers but those of one request, as they are sent.
local function fixed_head(state)
   local port = state.is_default_port and "" or ":" .. state.port
   local encoding = inflate.is_there() and "gzip" or "identity"
   local head = ("Host: %s%s\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Encoding: %s\r\n"):format(
      state.host, port, state.user_agent, encoding)
   local authorization = state.through and state.way.proxy.http_proxy_authorization
   return authorization and ("%sProxy-Authorization: %s\r\n"):format(head, authorization) or head
end

-- What is known of an endpoint: how its connections are made, kept and begun.
local function new_state(given, place, way)
   local state = { user_agent = "lua-tuya/" .. core.VERSION }
   for name, value in pairs(given) do state[name] = value end
   for name, value in pairs(place) do state[name] = value end
   state.given, state.way, state.others = given, way, {}
   state.plan = cosocket.plan(way, place, given)
   state.through = way.proxy and place.scheme == "http" and place.bare -- TLS goes through by CONNECT
   return state
end

-- That of the endpoint that a send goes to instead.
local function state_at(state, endpoint)
   if endpoint == nil or endpoint == state.bare then return state end
   local other = state.others[endpoint] or new_state(state.given, (endpoints.parse(endpoint)), state.way)
   state.others[endpoint] = other
   return other
end

--- Makes a transport: `new` without the raise.
-- @tparam table given as for `new`
-- @treturn ?transport nil and the rule that is broken
function resty.try(given)
   if not ngx or not ngx.socket then return nil, 'transport: "resty" works inside nginx only' end
   local rule = options.broken(given, OPTIONS) or endpoints.wrong_value(given)
   if not rule and not given.endpoint then rule = "endpoint: missing" end
   if rule then return nil, rule end
   local place
   place, rule = endpoints.parse(given.endpoint)
   if not place then return nil, rule end
   local way
   way, rule = cosocket.way(given.proxy)
   if not way then return nil, rule end
   local state = new_state(given, place, way)
   return setmetatable({
      open = function(key)
         return key == private and state or nil
      end,
   }, metatable)
end

--- Makes a transport. In nginx only; `init_by_lua` will do.
-- @tparam table given `endpoint` (needed), `user_agent`, `timeout` and `connect_timeout` (seconds; 15 and 5),
-- `max_connections` (4 a worker; further calls wait), `max_queue` (1024), `max_reply` (bytes; 8 MiB), `ca_file`: the
-- file that the location's `lua_ssl_trusted_certificate` names; `proxy`: "http://[user:password@]host:port", where
-- lua-resty-http is installed (nil or "": none)
-- @treturn transport
-- @raise when an option is unknown or breaks a rule
function resty.new(given)
   local made, rule = resty.try(given)
   if not made then error("tuya.transport.resty: " .. rule, 2) end
   return made
end

local function failure(code, message, sent)
   return nil, message, { kind = "network", code = code, message = message, sent = sent }
end

-- --- one connection ---

-- A connection, verified, out of the pool or new.
local function connect(state, now, deadline, connect_timeout)
   local till = math.min(deadline, now + connect_timeout)
   local socket, code, message = cosocket.open(state.plan, now, till, deadline)
   if not socket then return failure(code, "cannot connect: " .. message, "no") end
   return socket
end

-- Where a reply comes from: a connection, until the deadline.
local function more(self)
   self.since = cosocket.bound(self.socket, self.deadline, self.since)
   if self.since >= self.deadline then return nil, "timeout", "no answer before the timeout" end
   local bytes, message = self.socket:receiveany(PIECE)
   if bytes then return bytes end
   if message == "closed" then return nil, "closed", "the server closed the connection" end
   if message == "timeout" then return nil, "timeout", "no answer before the timeout" end
   return nil, "reset", "the connection broke: " .. message
end

-- The reply as it is meant: unpacked where it came as gzip.
local function plain(reply, most)
   if reply.headers["content-encoding"] ~= "gzip" or reply.body == "" then return reply end
   local body, code = inflate.unpack(reply.body, most)
   if not body then
      local over = ("the reply is over %.0f bytes"):format(most)
      return failure(code, code == "too_large" and over or "the reply is said to be gzip and is not", "yes")
   end
   reply.body, reply.headers["content-encoding"] = body, nil
   return reply
end

-- The request as it is written; to a proxy with the whole address.
local function wire(state, sealed)
   state.head = state.head or fixed_head(state)
   local text = sealed:wire(state.head)
   if not state.through then return text end
   local before = #sealed:method() + 1
   return text:sub(1, before) .. state.through .. text:sub(before + 1)
end

-- Sends and reads; `since`: when the connection was bounded by the deadline.
local function exchange(state, socket, sealed, deadline, since)
   since = cosocket.bound(socket, deadline, since)
   local ok, message = socket:send(wire(state, sealed))
   if not ok then
      socket:close()
      return failure(message == "timeout" and "timeout" or "reset", "cannot send: " .. message, "maybe")
   end
   local most = state.max_reply or MAX_REPLY
   local stream = { -- made large enough
      socket = socket, deadline = deadline, since = since, more = more, buffer = "", began = false,
   }
   local reply, trouble = reader.read(stream, sealed:method(), most)
   if not reply then
      socket:close()
      local code = trouble.code == "closed" and "reset" or trouble.code
      return failure(code, trouble.message, trouble.began and "yes" or "maybe")
   end
   if reply.is_kept then socket:setkeepalive(IDLE * 1000) else socket:close() end
   reply.is_kept = nil
   return plain(reply, most)
end

-- --- the face ---

local function wrong_arguments(state, sealed, limits)
   if not state then return "attempt to use a closed transport" end
   if not core.is_sealed(sealed) then return "sealed: made by tuya.sign, got " .. type(sealed) end
   return endpoints.wrong_limits(limits, state.scheme)
end

local REPEATABLE = { GET = true, HEAD = true }

--- Sends a sealed request; yields to nginx until the reply is there.
-- A connection that its server has closed while it was unused is no loss: a command first gives nginx a turn to
-- notice, and a GET whose used connection ends without a byte goes once more, over a new one. Neither is told as sent.
-- @tparam sealed sealed made by `tuya.sign`
-- @tparam[opt] table limits `timeout` and `connect_timeout` in seconds, `endpoint`: as of `tuya.transport.curl`
-- @return as of `tuya.transport.curl`
-- @raise for a closed transport, for what is not sealed, and where nginx allows no cosockets
function methods:send(sealed, limits)
   local state = state_of(self)
   local rule = wrong_arguments(state, sealed, limits)
   if rule then error("tuya.transport.resty: " .. rule, 2) end
   limits = limits or {}
   state = state_at(state, limits.endpoint)
   local now = core.monotonic()
   local deadline = now + (limits.timeout or state.timeout or TIMEOUT)
   local connect_timeout = limits.connect_timeout or state.connect_timeout or CONNECT_TIMEOUT
   local may_repeat = REPEATABLE[sealed:method()]
   if not may_repeat then
      ngx.sleep(TURN)
      now = core.monotonic()
   end
   while true do
      local socket, message, detail = connect(state, now, deadline, connect_timeout)
      if not socket then return nil, message, detail end
      local was_used = socket:getreusedtimes() > 0
      local reply
      reply, message, detail = exchange(state, socket, sealed, deadline, was_used and now or 0)
      if reply then return reply end
      local is_stale = was_used and detail.code == "reset" and detail.sent == "maybe"
      if not (is_stale and may_repeat) then return nil, message, detail end
      now = core.monotonic()
   end
end

--- Seconds of a clock that is never set.
function methods.now()
   return core.monotonic()
end

--- Waits, and lets other requests go on.
-- @function sleep
-- @tparam number seconds
methods.sleep = function(_, seconds)
   ngx.sleep(seconds)
end

--- Runs a function apart from the request that asks for it, whose end would take it along.
-- @tparam function f
-- @function apart
-- @treturn boolean false when nginx takes no more timers
methods.apart = function(_, f)
   return (ngx.timer.at(0, f))
end

--- Waits for something that another request or timer does.
-- @tparam function is_done
-- @tparam number deadline by `now`
-- @function await
-- @treturn boolean whether it was done in time
methods.await = function(_, is_done, deadline)
   while not is_done() do
      if core.monotonic() >= deadline then return false end
      ngx.sleep(PAUSE)
   end
   return true
end

--- Ends the use of this transport; the connections belong to nginx, which drops them when they have been unused.
function methods:close()
   self.open = nil
end

metatable.__close = methods.close

return resty

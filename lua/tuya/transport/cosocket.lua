--- transport/cosocket.lua: connections for `transport = "resty"`, verified: new, or out of nginx's pools.
-- The idea: lua-resty-http connects where it is installed, through HTTP proxies too, over a socket of ours: until when,
-- how much is read, and which step failed are ours to say. Where it is not, a cosocket is all that is wanted.
-- The danger: nginx hands a pooled TLS connection back without looking at the name again; so a pool is named by all
-- that was checked when its connections were made.
-- @module tuya.transport.cosocket

local core = require("tuya.core")
local endpoints = require("tuya.endpoint")

local cosocket = {}

local OLDEST = 0.16         -- of lua-resty-http: connects by a table
local MAX_LINE = 4096       -- of a proxy's answer to CONNECT
local MAX_LINES = 100
local MAX_CONNECTIONS, MAX_QUEUE = 4, 1024

local load = require -- a host may take it away once everything is loaded

-- lua-resty-http; or nil and why not.
local function library()
   local ok, found = pcall(load, "resty.http")
   if not ok then return nil, (tostring(found):match("^[^\r\n]*")) end
   local version = tostring(found._VERSION):match("^%d+%.%d+")
   if not version or tonumber(version) < OLDEST then return nil, "it is older than 0.16" end
   return found
end

-- A proxy as lua-resty-http takes it; or nil and the rule.
local function parse_proxy(text)
   local login, where = text:match("^http://(.*)@([^@]*)$")
   where = where or text:match("^http://(.*)$")
   local place = where and where:find(":%d+/?$") and endpoints.parse("http://" .. where)
   if not place then return nil, 'proxy: "http://host:port" or "http://user:password@host:port" expected' end
   local plain = login and login:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
   local authorization = plain and "Basic " .. ngx.encode_base64(plain) or nil
   return {
      http_proxy = place.bare, http_proxy_authorization = authorization,
      https_proxy = place.bare, https_proxy_authorization = authorization,
   }
end

--- How connections are made here.
-- @tparam ?string proxy "http://[user:password@]host:port"; none where it is nil or ""
-- @treturn ?table `library`, `proxy`; nil and the rule that is broken
function cosocket.way(proxy)
   local found, reason = library()
   if proxy == nil or proxy == "" then return { library = found } end
   if not found then return nil, "proxy: in nginx it takes lua-resty-http, which is not to be had: " .. reason end
   local parsed, rule = parse_proxy(proxy)
   if not parsed then return nil, rule end
   return { library = found, proxy = parsed }
end

-- The CA is nginx's to choose (lua_ssl_trusted_certificate); ca_file says which, so that pools of locations that trust
-- others stay apart.
local function pool_name(place, given, proxy)
   local what = { "tuya", place.scheme, place.host, place.port, "sni=" .. place.host, "verified", given.ca_file or "" }
   if proxy then -- a digest: names of pools are in nginx's debug log
      local through = proxy.http_proxy .. " " .. (proxy.http_proxy_authorization or "")
      what[#what + 1] = core.sha256(through):sub(1, 16)
   end
   return table.concat(what, " ")
end

--- What is needed to connect to an endpoint.
-- @tparam table way made by `way`
-- @tparam table place made by `endpoint.parse`
-- @tparam table given the transport's options
-- @treturn table to `open`
function cosocket.plan(way, place, given)
   return {
      library = way.library,
      scheme = place.scheme, host = place.host, port = place.port,
      pool = pool_name(place, given, way.proxy),
      pool_size = given.max_connections or MAX_CONNECTIONS,
      backlog = given.max_queue or MAX_QUEUE,
      ssl_server_name = place.host, ssl_verify = true,
      proxy_opts = way.proxy,
   }
end

local function ms(seconds)
   return math.max(1, math.ceil(seconds * 1000))
end

--- Bounds what is sent and read from now on.
-- @tparam cosocket socket
-- @tparam number deadline by `core.monotonic`
-- @tparam number since when it is bounded so: a ms later it must be again
-- @treturn number since when it is now
function cosocket.bound(socket, deadline, since)
   local now = core.monotonic()
   if now - since < 0.001 then return since end
   local left = ms(deadline - now)
   socket:settimeouts(nil, left, left)
   return now
end

-- --- one connection ---

-- With Debian's modules a handshake that fails without having waited raises, or passes for a good one where no session
-- is asked for; the connection is gone then.
local function shake_hands(socket, name)
   local returned, session, message = pcall(socket.sslhandshake, socket, nil, name, true)
   if returned and not message and session ~= false and socket:getreusedtimes() then return session end
   return nil, "TLS: " .. (returned and message or "the certificate does not verify")
end

local function code_of(message)
   if message:find("timeout", 1, true) then return "timeout" end
   if message:find("^TLS: ") then return "tls" end
   if message:find("resolve", 1, true) or message:find("host not found", 1, true) then return "dns" end
   if message:find("too many waiting", 1, true) then return "queue_full" end
   return "connect"
end

-- A handshake too is bounded by what there is for connecting; nginx begins that anew with each step.
local function bound_step(socket, till)
   local left = ms(till - core.monotonic())
   socket:settimeouts(left, left, left)
end

local function open_plainly(plan, socket, till)
   local ok, message = socket:connect(plan.host, plan.port, plan)
   if not ok or plan.scheme ~= "https" or socket:getreusedtimes() > 0 then return ok, message end
   bound_step(socket, till)
   return shake_hands(socket, plan.host)
end

-- A socket as lua-resty-http sees it while it connects.
local held = {}
held.__index = held

function held:connect(...)
   return self.socket:connect(...)
end

function held:getreusedtimes()
   return self.socket:getreusedtimes()
end

function held:sslhandshake(_, name)
   bound_step(self.socket, self.till)
   return shake_hands(self.socket, name)
end

function held:send(bytes)
   bound_step(self.socket, self.till)
   return self.socket:send(bytes)
end

-- A line of what the proxy answers, which is all that is read.
function held:receive()
   bound_step(self.socket, self.till)
   self.lines = self.lines + 1
   if self.lines > MAX_LINES then return nil, ("the proxy's answer has over %d lines"):format(MAX_LINES) end
   local read = self.socket:receiveuntil("\n")
   local line, message = read(MAX_LINE)
   if not line then return nil, message end
   local more
   more, message = read(1)
   if more then return nil, ("the proxy's answer has a line over %d bytes"):format(MAX_LINE) end
   if message then return nil, message end
   return (line:gsub("\r$", ""))
end

function held:close()
   return self.socket:close()
end

local function open_by_library(client, plan, socket, till)
   client.sock = setmetatable({ socket = socket, till = till, lines = 0 }, held)
   local ok, message = client:connect(plan)
   return ok, message and message:gsub("%c.*", ""):sub(1, 200) -- it may have the proxy's own words in it
end

--- A connection, verified, out of the pool or new. One that was used is bounded by the deadline since `now`, a new one
-- is not yet.
-- @tparam table plan made by `plan`
-- @tparam number now by `core.monotonic`
-- @tparam number till when it must be there
-- @tparam number deadline of what is sent and read then
-- @treturn ?cosocket nil, a code of `detail.code`, and a message
-- @raise where nginx allows no cosockets
function cosocket.open(plan, now, till, deadline)
   local client = plan.library and plan.library:new()
   local socket = client and client.sock or ngx.socket.tcp()
   local left = ms(deadline - now)
   socket:settimeouts(ms(till - now), left, left)
   local ok, message
   if client then ok, message = open_by_library(client, plan, socket, till)
   else ok, message = open_plainly(plan, socket, till) end
   if ok then return socket end
   socket:close()
   return nil, code_of(message), message
end

return cosocket

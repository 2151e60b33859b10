--- pulsar.lua: messages over Pulsar's WebSocket.
-- The idea: a channel is ticked and pulled: it connects, notices when it is dead, comes back when its stream says so,
-- and hands out messages, each of which is acknowledged when it is done with, and not before.
-- The danger: a stream that dies in silence. So it pings, and what does not answer is hung up on. And one to the wrong
-- data centre, which is silent from the beginning: where somebody logs in, it is asked first where the account is.
-- @module tuya.events.pulsar

local core = require("tuya.core")
local json = require("tuya.json")
local message = require("tuya.message")
local regions = require("tuya.regions")
local stream = require("tuya.events.stream")

local pulsar = {}

local ACK_TIMEOUT = 30000 -- ms after which the cloud delivers again what is not acknowledged
local PING = 30 -- s without a word before we ask; half as long the answer may take

local methods = {}
local metatable = { __name = "tuya.events.pulsar", __index = methods }

local NOBODY = "nobody answers at the message service: a firewall that closes its port (8285), most often, or the proxy"

local ADVICE = {
   [401] = "check the access id and secret, that the message service is on in the project, and the data centre",
   [403] = "check that the message service is on in the project, and the environment",
   [404] = "check the data centre and the environment",
   untrusted = "no authority that is trusted here signed the certificate: a proxy, or ca_file",
   expired = "the certificate is out of date, or this machine's clock is wrong",
   host = "the certificate is for another host: a proxy, or a name server that lies",
   tls = "something on the way opens TLS, or the endpoint speaks none",
   dns = "no name server knows the message service's host, or none answers",
   connect = NOBODY,
   timeout = NOBODY,
   silent = "nothing has come yet: is a messaging rule on for this environment in the console, and the device linked?",
}

-- Where a WebSocket of this URL is; nil for none.
local function place_of(url)
   local secure, host = url:match("^ws(s?)://([%w%.%-_:%[%]]+)/?$")
   return secure and { host = host, endpoint = "http" .. secure .. "://" .. host }
end

--- What a channel takes from the options of `client:events`, or the rule that is broken.
local function read(given, endpoint)
   for _, name in ipairs { "uid", "version" } do
      if given[name] then return nil, name .. ": MQTT's" end
   end
   local environment = given.environment or "event"
   if environment ~= "event" and environment ~= "event-test" then
      return nil, 'environment: "event" or "event-test" expected'
   end
   local where = place_of(given.url or regions.messages(endpoint))
   if not where then return nil, 'url: "wss://host:port" expected, without a path' end
   if given.ping and (given.ping <= 0 or given.ping ~= given.ping) then return nil, "ping: must be more than 0" end
   return where, environment
end

local load = require -- a host may take it away once everything is loaded

-- A transport without a network has its own.
local function websocket(transport)
   if transport and transport.websocket then return transport.websocket end
   local ok, module = pcall(load, "tuya.websocket")
   if ok then return module end
   return nil, "events over Pulsar need the module tuya.websocket: install the rock lua-tuya-websocket, which needs "
      .. "libwslay (Debian package libwslay-dev)"
end

--- Makes a channel, which connects when it is first ticked.
-- @tparam table context the client's
-- @tparam table given options of `client:events`
-- @tparam ?table lent what the client lends; `endpoint` of it where somebody logs in, whose account may be elsewhere
-- @treturn ?channel with its `stream`; nil and the rule that is broken
function pulsar.new(context, given, lent)
   local module, rule = websocket(context.transport)
   if not module then return nil, rule end
   if not context.key:opens_messages() then return nil, "access_secret: messages want one of 24 bytes or more" end
   local where, environment = read(given, context.wire.endpoint)
   if not where then return nil, environment end
   return setmetatable({
      module = module,
      context = context,
      where = where,
      environment = environment,
      ask_where = not given.url and lent and lent.endpoint or nil,
      ping = given.ping or PING,
      stream = stream.new(context, "pulsar", ADVICE),
   }, metatable)
end

local function escaped(text)
   return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The head that asks for the stream: subscription and login as the SDKs have them.
local function head(self, key)
   local context, id = self.context, escaped(self.context.access_id)
   local target = ("/ws/v2/consumer/persistent/%s/out/%s/%s-sub?ackTimeoutMillis=%d&subscriptionType=Failover")
      :format(id, self.environment, id, ACK_TIMEOUT)
   return table.concat({
      "GET " .. target .. " HTTP/1.1", "Host: " .. self.where.host,
      "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " .. key,
      "username: " .. context.access_id, "password: " .. context.key:pulsar_password(context.access_id), "", "",
   }, "\r\n")
end

-- What ended the connection.
local function fail(self, ...)
   if self.socket then self.socket:close() end
   self.socket, self.asked = nil, nil
   self.stream:fail(...)
end

local function connect(self)
   local wire, key = self.context.wire, self.module.key()
   local socket, why = self.module.connect {
      endpoint = self.where.endpoint, request = head(self, key), key = key,
      ca_file = wire.ca_file, proxy = wire.proxy, connect_timeout = math.ceil(self.context.connect_timeout * 1000),
   }
   if not socket then return fail(self, "connect", why) end
   self.socket = socket
   self.stream:connecting()
end

-- Asks where the account is, and connects there.
local function follow(self)
   self.stream:connecting()
   local started, trouble, why = self.ask_where(function(endpoint, about, detail)
      if self.stream.state == "closed" then return end
      if not endpoint then
         return self.stream:fail(detail.kind == "network" and detail.code or detail.kind, about, detail.code)
      end
      self.where = place_of(regions.messages(endpoint))
      connect(self)
   end)
   if not started then self.stream:fail(why.kind, trouble, why.code) end
end

-- Asks whether the other side is there, and hangs up when it does not say so.
local function look_after(self)
   local now = self.stream:now()
   if self.asked and now - self.asked >= self.ping / 2 then return fail(self, "silent", "no answer to a ping") end
   if not self.asked and now - self.heard >= self.ping then
      self.asked = now
      self.socket:send("", "ping")
   end
end

-- The message in a frame, or nil for what is none. It has room for what it gets on its way (events/read.lua).
local function read_frame(text)
   local frame = json.parse(text)
   if type(frame) ~= "table" or type(frame.messageId) ~= "string" or type(frame.payload) ~= "string" then return nil end
   local properties = frame.properties
   return {
      id = frame.messageId, payload = frame.payload, em = type(properties) == "table" and properties.em or nil,
      event = nil, name = nil, values = nil, times = nil, coarse = nil,
   }
end

-- Takes in what has come, up to a bound: behind it the other side waits.
local function pump(self)
   for i = 1, self.stream:room() do
      local text, kind = self.socket:take()
      if not text then return look_after(self) end
      if i == 1 then self.heard, self.asked = self.stream:now(), nil end
      local found = kind == "text" and read_frame(text)
      if found then self.stream:put(found) elseif kind ~= "pong" then self.stream:put_odd() end
   end
end

-- The connection is over. What nobody has taken yet is not acknowledged, and comes again.
local function finish(self)
   local failed, about, code = self.socket:why()
   if failed == "http" then return fail(self, failed, ("HTTP %d: %s"):format(code, about), code) end
   if failed == "closed" then about = ("%s (%d)"):format(about, code) end
   fail(self, failed, about, failed == "tls" and code ~= 0 and code or failed)
end

--- Moves on what can move without waiting.
function methods:tick()
   if self.stream:is_due() then (self.ask_where and follow or connect)(self) end
   local state = self.socket and self.socket:tick()
   if state == "closed" then return finish(self) end
   if state ~= "open" then return end
   if self.stream.state ~= "open" then
      self.heard = self.stream:now()
      self.stream:opened()
   end
   pump(self)
end

--- Opens a message.
-- @tparam table found `payload` (base64) and `em`
-- @treturn ?string text; or nil, message, detail
-- @treturn table the envelope
function methods:open(found)
   return message.open_with(core.from_base64(found.payload), "pulsar", self.context.key, message.cipher_of(found.em))
end

--- Acknowledges a message: the cloud does not deliver it again.
-- @tparam table found
function methods:done(found)
   if self.stream.state ~= "open" then return end
   local id = found.id
   if id:find("[^%w+/=:,._-]") then id = json.encode({ id }):sub(3, -3) end
   self.socket:send('{"messageId":"' .. id .. '"}')
end

--- Writes what waits to be written, without waiting.
function methods:flush()
   if self.socket then self.socket:tick() end
end

--- How long nobody needs to tick.
-- @treturn ?number seconds
function methods:timeout()
   if not self.socket then return self.stream:timeout() end
   local ms = self.socket:timeout()
   local most = ms and ms / 1000
   if self.stream.state ~= "open" then return most end
   if self.stream:room() == 0 then return nil end -- until somebody takes what waits
   local due = self.asked and self.asked + self.ping / 2 or self.heard + self.ping
   return math.max(0, math.min(most or math.huge, due - self.stream:now()))
end

--- What a loop waits for.
function methods:fds()
   return self.socket and self.socket:fds() or {}
end

local function say_goodbye(socket)
   socket:finish(1000)
   socket:tick()
end

--- Ends it.
function methods:close()
   -- in a child that was forked off nothing may be said
   if self.stream.state == "open" then pcall(say_goodbye, self.socket) end
   if self.socket then self.socket:close() end
   self.socket = nil
   self.stream:close()
end

return pulsar

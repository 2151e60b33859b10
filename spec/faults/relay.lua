-- relay.lua: a raw TCP relay that does to connections what networks do. It knows bytes, not HTTP; it serves plain
-- and TLS on two ports, and what it is told to do meets every connection, or every request that holds a text.
-- The danger: a connection reset by setting its linger to 0 is reset only when it is closed right after.
local cqueues = require("cqueues")
local cqueues_socket = require("cqueues.socket")
local http = require("spec.faults.http")
local luasocket = require("socket")
local ssl_context = require("openssl.ssl.context")
local x509 = require("openssl.x509")
local pkey = require("openssl.pkey")

local relay = {}

local methods = {}
local metatable = { __index = methods }

relay.HOST = "cloud.test" -- what the certificate is for

local CHUNK = 65536
local MID_REQUEST = 40 -- bytes of a request that go through before it breaks off

local function quietly(_, _, code) return code end

local function prepared(connection)
   connection:setmode("bn", "bn")
   connection:onerror(quietly)
   return connection
end

-- {{{ Certificates

local function context_of(chain, key)
   local context = ssl_context.new("TLS", true)
   context:setCertificate(x509.new(chain))
   context:setPrivateKey(pkey.new(key))
   return context
end

-- A certificate for relay.HOST, of an authority where there is one, and with something wrong where it says so.
local function leaf(authority, change)
   local host = change.host or relay.HOST
   local key = pkey.new { type = "EC", curve = "prime256v1" }
   local names = require("openssl.x509.altname").new()
   local made, name, now = x509.new(), require("openssl.x509.name").new(), os.time()
   name:add("CN", host)
   made:setVersion(3)
   made:setSerial(7)
   made:setSubject(name)
   made:setIssuer(authority and authority.certificate:getSubject() or name)
   made:setLifetime(now - 7200, change.expired and now - 3600 or now + 3600)
   made:setPublicKey(key)
   names:add("DNS", host)
   made:setSubjectAlt(names)
   made:sign(authority and authority.key or key)
   return context_of(made:toPEM(), key:toPEM("private"))
end

local function new_authority()
   local key, made = pkey.new { type = "EC", curve = "prime256v1" }, x509.new()
   local name = require("openssl.x509.name").new()
   name:add("CN", "relay authority")
   made:setVersion(3)
   made:setSerial(1)
   made:setSubject(name)
   made:setIssuer(name)
   made:setLifetime(os.time() - 7200, os.time() + 86400)
   made:setPublicKey(key)
   made:setBasicConstraints { CA = true }
   made:setBasicConstraintsCritical(true)
   made:sign(key)
   return { certificate = made, key = key }
end

-- By fault; "good" for none. And the PEM of what is to be trusted.
local function contexts()
   local authority = new_authority()
   return {
      good = leaf(authority, {}),
      expired = leaf(authority, { expired = true }),
      ["wrong host"] = leaf(authority, { host = "elsewhere.example" }),
      ["self-signed"] = leaf(nil, {}),
   }, authority.certificate:toPEM()
end

-- }}}

-- {{{ One connection

-- Closes with a reset, so that the peer loses what it has not read yet.
local function reset(connection)
   local handle = luasocket.tcp()
   handle:setfd(connection:pollfd())
   handle:setoption("linger", { on = true, timeout = 0 })
   handle:setfd(-1)
   connection:close()
end

local function close(pair)
   if pair.closed then return end
   pair.closed = true
   pair.client:close()
   if pair.cloud then pair.cloud:close() end
end

local function break_off(pair)
   if pair.closed then return end
   pair.closed = true
   reset(pair.client)
   if pair.cloud then reset(pair.cloud) end
end

-- What befalls bytes that come from the client: true where the connection is over.
local on_request = {}

on_request["reset at request"] = function(pair) break_off(pair) return true end
on_request["close at request"] = function(pair) close(pair) return true end
on_request["reset mid-request"] = function(pair, bytes)
   pair.cloud:write(bytes:sub(1, MID_REQUEST))
   break_off(pair)
   return true
end

-- What befalls bytes that come from the cloud: true where the connection is over.
local on_answer = {}

on_answer["reset before answer"] = function(pair) break_off(pair) return true end
on_answer["close before answer"] = function(pair) close(pair) return true end
on_answer["hang before answer"] = function() end
on_answer["hang mid-answer"] = function(pair, bytes)
   if not pair.hanging then pair.client:write(bytes:sub(1, math.floor(#bytes * 2 / 3))) end
   pair.hanging = true
end
on_answer["cut mid-answer"] = function(pair, bytes)
   pair.client:write(bytes:sub(1, math.floor(#bytes * 2 / 3)))
   close(pair)
   return true
end
on_answer["garbage bytes"] = function(pair)
   pair.client:write("\0\255\1 this is no HTTP\r\n\r\n")
   close(pair)
   return true
end
on_answer["slow drip"] = function(pair, bytes)
   for i = 1, #bytes do
      pair.client:write(bytes:sub(i, i))
      if i % 50 == 0 then cqueues.sleep(0.001) end
   end
end

for name, answer in pairs(http.answers) do
   on_answer[name] = function(pair)
      if not pair.answered then pair.client:write(answer) end
      pair.answered = true -- head and body may come one after the other
   end
end

-- The fault that meets these bytes.
local function fault_of(self, bytes)
   for text, fault in pairs(self.by_text) do
      if bytes:find(text, 1, true) then return fault end
   end
end

local function from_client(self, pair)
   while true do
      local bytes = pair.client:read(-CHUNK)
      if not bytes then return end
      -- what begins with a method begins a request
      if bytes:find("^%u+ /") then pair.fault, pair.answered = fault_of(self, bytes), false end
      local act = on_request[pair.fault]
      if act and act(pair, bytes) then return end
      self.moved = self.moved + 1
      if pair.closed or not pair.cloud:write(bytes) then return end
   end
end

local function from_cloud(pair)
   while true do
      local bytes = pair.cloud:read(-CHUNK)
      if not bytes or pair.closed then return end
      local act = on_answer[pair.fault]
      if act then
         if act(pair, bytes) then return end
      elseif not pair.client:write(bytes) then return end
   end
end

-- What befalls a connection before its first byte of HTTP: true where it is over.
local function at_once(self, pair)
   if self.fault == "reset before request" then break_off(pair) return true end
   if self.fault == "handshake fails" and pair.tls then
      pair.client:read(-CHUNK)
      pair.client:write("this is no TLS\r\n")
      close(pair)
      return true
   end
   if self.fault == "handshake hangs" and pair.tls then
      while pair.client:read(-CHUNK) do pair.hanging = true end
      close(pair)
      return true
   end
end

-- Runs to the end of the connection; cqueues raises in a read whose socket the other direction has closed.
local function until_closed(run, pair, ...)
   local ok, trouble = pcall(run, ...)
   if not ok and not pair.closed then error(trouble, 0) end
   close(pair)
end

local function carry(self, pair)
   if at_once(self, pair) then return end
   local context = self.contexts[self.fault] or self.contexts.good
   if pair.tls and not pair.client:starttls(context) then return end
   pair.cloud = prepared(cqueues_socket.connect { host = "127.0.0.1", port = self.upstream, nodelay = true })
   self.controller:wrap(until_closed, from_cloud, pair, pair)
   from_client(self, pair)
end

local function serve(self, client, tls)
   local pair = { client = prepared(client), tls = tls }
   self.pairs[pair] = true
   until_closed(carry, pair, self, pair)
   self.pairs[pair] = nil
end

-- }}}

-- {{{ The relay

local function listen(self, name, port, tls)
   local server = cqueues_socket.listen { host = "127.0.0.1", port = port, reuseaddr = true, nodelay = true }
   assert(server:listen())
   self.servers[name] = server
   self.controller:wrap(function()
      while true do
         local open_still, client = pcall(server.accept, server) -- raises where refusing has closed it
         if not open_still then return end
         if client then self.controller:wrap(serve, self, client, tls) end
      end
   end)
   return select(3, server:localname())
end

local function open(self)
   self.plain = listen(self, "plain", self.plain or 0, false)
   self.secure = listen(self, "secure", self.secure or 0, true)
end

--- Makes a relay to a port of this machine; `controller` is a cqueue that somebody steps.
-- `plain` and `secure` are its ports, `ca` the PEM of what to trust, `moved` counts what has gone to the cloud.
function relay.new(controller, upstream)
   local self = setmetatable({ controller = controller, upstream = upstream }, metatable)
   self.servers, self.pairs, self.by_text, self.moved = {}, {}, {}, 0
   self.contexts, self.ca = contexts()
   open(self)
   return self
end

local OF_CONNECTIONS = {
   ["reset before request"] = true, ["handshake fails"] = true, ["handshake hangs"] = true, expired = true,
   ["self-signed"] = true, ["wrong host"] = true, refuse = true,
}

--- What befalls connections from now on, nil for nothing.
function methods:befall(fault)
   assert(fault == nil or OF_CONNECTIONS[fault], "no such fault of connections: " .. tostring(fault))
   if self.fault == "refuse" and fault ~= "refuse" then open(self) end
   self.fault = fault
   if fault == "refuse" then
      for name, server in pairs(self.servers) do
         self.servers[name] = nil
         server:close()
      end
   end
end

--- What befalls requests that hold a text, and their answers.
function methods:meet(text, fault)
   assert(on_request[fault] or on_answer[fault], "no such fault of requests: " .. fault)
   self.by_text[text] = fault
end

--- Closes all connections, as a server does that has waited long enough.
function methods:cut()
   for pair in pairs(self.pairs) do close(pair) end
end

-- }}}

return relay

local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

describe("simulator: listen without tuya.httpd", function()
   local loaded, preloaded = package.loaded["tuya.httpd"], package.preload["tuya.httpd"]

   after_each(function()
      package.loaded["tuya.httpd"], package.preload["tuya.httpd"] = loaded, preloaded
   end)

   it("raises and names what to install", function()
      package.loaded["tuya.httpd"] = nil
      package.preload["tuya.httpd"] = function()
         error("not here")
      end
      local sim = support.client().sim
      local ok, message = pcall(sim.listen, sim, 0)
      assert.is_false(ok)
      assert.truthy(message:find("lua-tuya-httpd", 1, true))
      assert.truthy(message:find("libmicrohttpd-dev", 1, true))
   end)
end)

if not pcall(require, "tuya.httpd") then
   describe("simulator: its listener", function()
      pending("needs the module tuya.httpd")
   end)
   return
end

local cqueues = require("cqueues")
local cqueues_socket = require("cqueues.socket")
local ssl_context = require("openssl.ssl.context")
local verify_param = require("openssl.x509.verify_param")
local x509_store = require("openssl.x509.store")

local PATIENCE = 20 -- seconds until a spec gives up on what should come at once

local listener

after_each(function()
   if listener then
      listener:close()
      listener = nil
   end
end)

--- Runs a client beside the listener, in one process: neither waits for the other. Answers its two results.
local function beside(client)
   local controller, answered = cqueues.new(), nil
   controller:wrap(function()
      answered = { client() }
   end)
   local deadline = cqueues.monotime() + PATIENCE
   while not controller:empty() do
      local ok, message = controller:step(0)
      assert(ok, message)
      listener:tick(0.002)
      assert(cqueues.monotime() < deadline, "the client came to no end")
   end
   return answered[1], answered[2]
end

--- A store with one authority. (luaossl leaks a certificate that it is given as an object.)
local function store_of(ca)
   local path = os.tmpname()
   local file = io.open(path, "w")
   file:write(ca)
   file:close()
   local store = x509_store.new()
   store:add(path)
   os.remove(path)
   return store
end

--- Trust in one authority, for one name.
local function trusting(ca, name)
   local context = ssl_context.new("TLS", false)
   context:setStore(store_of(ca))
   context:setVerify(ssl_context.VERIFY_PEER)
   local wanted = verify_param.new()
   if name:find("^[0-9.]+$") then
      wanted:setIP(name)
   else
      wanted:setHost(name)
   end
   context:setParam(wanted)
   return context
end

--- Opens a connection, with TLS where a context is given; nil and a message where that is refused.
local function open(context)
   local connection = cqueues_socket.connect({ host = "127.0.0.1", port = listener.port })
   connection:setmode("bn", "bn")
   connection:onerror(function(_, _, code)
      return code
   end)
   if context then
      local ok, code = connection:starttls(context)
      if not ok then
         return nil, code
      end
   end
   return connection
end

--- The bytes of a request.
local function bytes(request, chunked)
   local lines = { request.method .. " " .. request.target .. " HTTP/1.1", "Host: 127.0.0.1" }
   for name, value in pairs(request.headers) do
      lines[#lines + 1] = name .. ": " .. value
   end
   local body = request.body or ""
   if chunked then
      lines[#lines + 1] = "Transfer-Encoding: chunked"
      body = ("%x\r\n%s\r\n"):format(#body - 2, body:sub(1, -3)) .. "2\r\n" .. body:sub(-2) .. "\r\n0\r\n\r\n"
   else
      lines[#lines + 1] = "Content-Length: " .. #body
   end
   return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- Reads a reply: its status and its body, decoded.
local function reply(connection)
   local status = tonumber(connection:read("*l"):match("^HTTP/1%.1 (%d+)"))
   local length
   repeat
      local line = connection:read("*l"):gsub("\r$", "")
      length = line:lower():match("^content%-length: (%d+)$") or length
   until line == ""
   return status, support.decode((connection:read(tonumber(length))))
end

local function exchange(connection, request, chunked)
   connection:write(bytes(request, chunked))
   return reply(connection)
end

local COMMANDS = "/v1.0/devices/" .. support.SOCKET .. "/commands"
local ON = '{"commands":[{"code":"countdown_1","value":0},{"code":"switch","value":true}]}'

describe("simulator: its listener", function()
   local cloud

   before_each(function()
      cloud = support.client()
      listener = assert(cloud.sim:listen(0))
   end)

   it("says where it is", function()
      assert.is_true(listener.port > 0)
      assert.equal("http://127.0.0.1:" .. listener.port, listener.url)
      assert.is_nil(listener.ca)
   end)

   it("has nothing to do without a request", function()
      assert.is_false(listener:tick(0))
      assert.is_false(listener:tick())
   end)

   it("serves token, command and status on one connection", function()
      local seen = beside(function()
         local connection = open()
         local ask = support.signed({ target = "/v1.0/token?grant_type=1" })
         local status, envelope = exchange(connection, ask)
         local token = envelope.result.access_token
         local command = { method = "POST", target = COMMANDS, body = ON, token = token }
         local _, commanded = exchange(connection, support.signed(command))
         local target = "/v1.0/devices/" .. support.SOCKET .. "/status"
         local _, shown = exchange(connection, support.signed({ target = target, token = token }))
         return { status, commanded.result, shown.result[1].value }
      end)
      assert.same({ 200, true, true }, seen)
      assert.is_true(cloud.sim:device(support.SOCKET).values.switch)
   end)

   it("hashes a chunked body as a whole", function()
      local token = cloud:token()
      local _, envelope = beside(function()
         local request = support.signed({ method = "POST", target = COMMANDS, body = ON, token = token })
         return exchange(open(), request, true)
      end)
      assert.is_true(envelope.success)
   end)

   it("refuses with HTTP 200", function()
      local status, envelope = beside(function()
         return exchange(open(), support.signed({ target = "/v1.0/token?grant_type=1", secret = "another" }))
      end)
      assert.equal(200, status)
      assert.equal(1004, envelope.code)
   end)

   it("serves several connections", function()
      local token = cloud:token()
      local done = 0
      beside(function()
         local inner = cqueues.new()
         for _ = 1, 20 do
            inner:wrap(function()
               local connection = open()
               for _ = 1, 5 do
                  local ask = support.signed({ target = "/v1.0/devices", token = token })
                  local _, envelope = exchange(connection, ask)
                  done = done + (envelope.success and 1 or 0)
               end
            end)
         end
         assert(inner:loop())
      end)
      assert.equal(100, done)
   end)

   it("sees the target as it was sent: random queries are judged right", function()
      math.randomseed(73062266)
      local alphabet = {
         "a", "Z", "0", "~", "%", "&", "=", "+", " ", "?", "/", "中", "é", "\0", "\r\n", "\"", "#",
      }
      local function text(least)
         local parts = {}
         for i = 1, math.random(least, 6) do
            parts[i] = alphabet[math.random(#alphabet)]
         end
         return table.concat(parts)
      end
      local function escaped(raw)
         return (raw:gsub("[^a-zA-Z0-9~]", function(byte)
            return ("%%%02X"):format(byte:byte())
         end))
      end
      local token = cloud:token()
      local wrong = beside(function()
         local connection, refused = open(), {}
         for _ = 1, 300 do
            local sent, signed = {}, {}
            for i = 1, math.random(0, 4) do
               local name = ("%c%s"):format(96 + i, text(0))
               local value = text(0)
               signed[i] = name .. "=" .. value
               table.insert(sent, math.random(#sent + 1), escaped(name) .. "=" .. escaped(value))
            end
            local mark = #sent > 0 and "?" or ""
            local request = support.signed({
               target = "/v1.0/iot-03/devices" .. mark .. table.concat(sent, "&"),
               url = "/v1.0/iot-03/devices" .. mark .. table.concat(signed, "&"),
               token = token,
            })
            local _, envelope = exchange(connection, request)
            if envelope.code == 1004 then
               refused[#refused + 1] = request.target
            end
         end
         return refused
      end)
      assert.same({}, wrong)
   end)

   it("answers 500 when a program's own function raises, and raises that", function()
      listener:close()
      cloud = support.client({
         on_change = function()
            error("the rule is wrong", 0)
         end,
      })
      listener = assert(cloud.sim:listen(0))
      local token = cloud:token()
      local connection = cqueues_socket.connect({ host = "127.0.0.1", port = listener.port })
      local request = support.signed({ method = "POST", target = COMMANDS, body = ON, token = token })
      connection:setmode("bn", "bn")
      connection:write(bytes(request))
      local ok, message = pcall(listener.tick, listener, PATIENCE)
      assert.is_false(ok)
      assert.equal("the rule is wrong", message)
      local status, envelope = reply(connection)
      assert.equal(500, status)
      assert.equal(500, envelope.code)
   end)

   it("answers nil and a message when the port is taken", function()
      local second, message = cloud.sim:listen(listener.port)
      assert.is_nil(second)
      assert.truthy(message:find("Address already in use", 1, true))
   end)

   it("may be closed again", function()
      listener:close()
      listener:close()
      assert.has_error(function()
         listener:tick(0)
      end, "attempt to use a closed server")
   end)
end)

describe("simulator: its listener with TLS", function()
   local cloud

   before_each(function()
      cloud = support.client()
      listener = assert(cloud.sim:listen(0, { tls = true }))
   end)

   it("says where it is and whom to trust", function()
      assert.equal("https://127.0.0.1:" .. listener.port, listener.url)
      assert.truthy(listener.ca:find("^%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-"))
   end)

   for _, name in ipairs({ "localhost", "127.0.0.1" }) do
      it("is " .. name .. " to who trusts its authority", function()
         local status, envelope = beside(function()
            local connection = assert(open(trusting(listener.ca, name)))
            local request = support.signed({ target = "/v1.0/token?grant_type=1" })
            exchange(connection, request)
            return exchange(connection, request)
         end)
         assert.equal(200, status)
         assert.is_true(envelope.success)
      end)
   end

   it("is nobody else", function()
      assert.is_nil(beside(function()
         return (open(trusting(listener.ca, "openapi.tuyaeu.com")))
      end))
   end)

   it("is nobody to who trusts another authority", function()
      local other = assert(cloud.sim:listen(0, { tls = true }))
      local ca = other.ca
      other:close()
      assert.is_nil(beside(function()
         return (open(trusting(ca, "localhost")))
      end))
   end)

   it("takes a large body", function()
      local token = cloud:token()
      local body = '{"commands":[],"padding":"' .. ("x"):rep(200000) .. '"}'
      local _, envelope = beside(function()
         local connection = assert(open(trusting(listener.ca, "localhost")))
         local ask = { method = "POST", target = COMMANDS, body = body, token = token }
         return exchange(connection, support.signed(ask))
      end)
      assert.equal(1100, envelope.code)
   end)

   it("is not disturbed by who hangs up", function()
      beside(function()
         open():close()
         local connection = open()
         connection:write("GET / HTTP/1.1\r\n\r\n")
         connection:close()
         assert(open(trusting(listener.ca, "localhost"))):close()
         local held = assert(open(trusting(listener.ca, "localhost")))
         held:write(bytes(support.signed({ target = "/v1.0/token?grant_type=1" })))
         held:close()
      end)
      local status = beside(function()
         local connection = assert(open(trusting(listener.ca, "localhost")))
         return (exchange(connection, support.signed({ target = "/v1.0/token?grant_type=1" })))
      end)
      assert.equal(200, status)
   end)

   it("takes a certificate of one's own", function()
      listener:close()
      local ca, cert, key = require("tuya.simulator.certificates").make()
      listener = assert(cloud.sim:listen(0, { tls = true, cert = cert, key = key }))
      assert.is_nil(listener.ca)
      assert.truthy(beside(function()
         return (open(trusting(ca, "localhost")))
      end))
   end)
end)

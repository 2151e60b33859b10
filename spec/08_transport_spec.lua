-- Step three over libcurl, against real servers: what arrives, what is refused, and what a failure is called.
local child = require("spec.support.child")
local curl = require("tuya.transport.curl")
local json = require("tuya.json")
local nginx = require("spec.support.nginx")
local socket = require("socket")
local tuya = require("tuya")

local key = tuya.key("secret")

local function sealed(path, changes)
   local request = { method = "GET", path = path }
   for name, value in pairs(changes or {}) do request[name] = value end
   return tuya.sign(request, { access_id = "id", key = key })
end

local function transport(options)
   options.proxy = options.proxy or ""
   return curl.new(options)
end

-- What nginx says that it saw.
local function saw(reply)
   return assert(json.decode(reply.body)).result
end

local function failed(code, sent, reply, message, detail)
   assert.is_nil(reply)
   assert.is_string(message)
   assert.equal("network", detail.kind)
   assert.equal(code .. " " .. sent, detail.code .. " " .. detail.sent)
end

describe("transport.curl", function()
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   it("takes only what was sealed", function()
      local t = transport { endpoint = server.http }
      for _, value in ipairs { {}, "x", key, io.stdout, 5 } do
         assert.error_matches(function() t:send(value) end, "sealed: made by tuya.sign, got", 1, true)
      end
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() t:send() end)
      assert.matches("08_transport_spec.lua:" .. line .. ": ", message, 1, true)
   end)

   it("refuses unknown options and endpoints with a path", function()
      assert.error_matches(function() curl.new { endpont = "x" } end, "did you mean endpoint?", 1, true)
      assert.error_matches(function() curl.new {} end, "endpoint: missing", 1, true)
      assert.error_matches(function() curl.new { endpoint = "https://x/y" } end, 'endpoint: "https://host"', 1, true)
      assert.error_matches(function() curl.new { endpoint = "file:///etc" } end, 'endpoint: "https://host"', 1, true)
   end)

   it("keeps its connection", function()
      for _, endpoint in ipairs { server.http, server.https } do
         local t = transport { endpoint = endpoint, ca_file = server.ca_file }
         local first = saw(assert(t:send(sealed("/saw"))))
         for i = 2, 5 do
            local seen = saw(assert(t:send(sealed("/saw", { method = "POST", body = "{}" }))))
            assert.equal(first.connection, seen.connection)
            assert.equal(i, seen.nth)
         end
      end
   end)

   it("gives status, headers in lower case and the body", function()
      local reply = assert(transport({ endpoint = server.http }):send(sealed("/saw")))
      assert.equal(200, reply.status)
      assert.equal("application/json", reply.headers["content-type"])
      assert.is_string(reply.headers.date)
      assert.matches('^{"success":true', reply.body)
   end)

   it("joins headers of one name by a comma, and leaves the blanks around a value out", function()
      local reply = assert(transport({ endpoint = server.http }):send(sealed("/twice")))
      assert.equal("one, two: 2", reply.headers["x-twice"])
      assert.equal(":", reply.headers["x-colon"])
      assert.is_nil(reply.headers["HTTP/1.1 200 OK"])
   end)

   it("speaks HTTP/2 where it is offered", function()
      local t = transport { endpoint = server.https, ca_file = server.ca_file }
      for _ = 1, 3 do
         -- nginx answers here before it has read the body, which libcurl 7.88 calls a stream error
         local request = { query = { a = "客 厅" }, method = "POST", body = "{}", headers = { area_id = "x" } }
         local one = sealed("/saw", request)
         local seen = saw(assert(t:send(one)))
         assert.equal("HTTP/2.0", seen.protocol)
         assert.equal(one:target(), seen.target)
         assert.equal(one:headers().sign, seen.sign)
      end
      assert.equal("HTTP/1.1", saw(assert(transport({ endpoint = server.http }):send(sealed("/saw")))).protocol)
   end)

   it("goes by HTTP/1.1 with a signed header that has an upper-case letter, and back by HTTP/2 without", function()
      local t = transport { endpoint = server.https, ca_file = server.ca_file }
      local seen = {}
      for i, headers in ipairs { { area_id = "1" }, { Area_Id = "1" }, { area_id = "1" } } do
         seen[i] = saw(assert(t:send(sealed("/saw", { headers = headers })))).protocol
      end
      assert.same({ "HTTP/2.0", "HTTP/1.1", "HTTP/2.0" }, seen)
   end)

   it("resumes the TLS session of its first connection on every other", function()
      local t = transport { endpoint = server.https, ca_file = server.ca_file }
      local first = saw(assert(t:send(sealed("/saw"))))
      local other = saw(assert(t:send(sealed("/saw", { headers = { Area_Id = "1" } }))))
      assert.not_equal(first.connection, other.connection)
      assert.same({ ".", "r" }, { first.resumed, other.resumed })
   end)

   it("sends dot segments as they were signed", function()
      local seen = saw(assert(transport({ endpoint = server.http }):send(sealed("/x/../saw"))))
      assert.equal("/x/../saw", seen.target)
   end)

   it("leaves no connection to children of the host", function()
      local t = transport { endpoint = server.http }
      assert(t:send(sealed("/saw")))
      local count = [[ls -l /proc/self/fd | grep -c "socket:" || true]]
      local pipe = io.popen("sh -c '" .. count .. "'")
      local sockets = tonumber(pipe:read("*a"))
      pipe:close()
      t:close()
      pipe = io.popen("sh -c '" .. count .. "'")
      assert.equal(tonumber(pipe:read("*a")) + 2, sockets) -- libcurl's own wake-up pair, and no connection
      pipe:close()
   end)

   it("forgets a transfer whose caller was torn away", function()
      local mute = assert(socket.bind("127.0.0.1", 0)) -- accepts, and never says a word
      local _, port = mute:getsockname()
      local t = transport { endpoint = ("http://127.0.0.1:%d"):format(port), max_connections = 1 }
      local pool = require("tuya.curl").pool({ endpoint = "http://127.0.0.1:1" })
      local class = debug.getmetatable(pool).__index
      local wait = class.wait
      pool:close()
      class.wait = function() error("interrupted") end
      local ok, message = pcall(t.send, t, sealed("/x"))
      class.wait = wait
      assert.is_false(ok)
      assert.matches("interrupted", message, 1, true)
      -- the only connection is free again: the next one gets as far as that the server may have seen it
      failed("timeout", "maybe", t:send(sealed("/x"), { timeout = 0.05 }))
      mute:close()
   end)

   it("takes gzip", function()
      local reply = assert(transport({ endpoint = server.http }):send(sealed("/saw")))
      assert.equal("gzip", reply.headers["content-encoding"])
      assert.equal("gzip", saw(reply).accept)
   end)

   it("bounds the reply", function()
      for _, endpoint in ipairs { server.http, server.https } do
         local t = transport { endpoint = endpoint, ca_file = server.ca_file, max_reply = 1024 * 1024 }
         failed("too_large", "yes", t:send(sealed("/big")))
         assert.equal(200, t:send(sealed("/saw")).status)
      end
      local t = transport { endpoint = server.http }
      assert.is_true(#t:send(sealed("/big")).body > 3 * 1024 * 1024)
   end)

   it("gives the status of an answer that broke off, for a client to name", function()
      local t = transport { endpoint = server.http, max_reply = 1024 }
      local _, _, detail = t:send(sealed("/big"))
      assert.same({ "too_large", 200 }, { detail.code, detail.status })
      local client = tuya.client {
         access_id = "id", access_secret = "secret", endpoint = server.http, proxy = "", max_reply = 1024,
      }
      local _, message, info = client:get("/big")
      assert.equal("GET /big: HTTP 200: an answer that is larger than max_reply", message)
      assert.same({ "http", 200, "too_large", "maybe", 1 },
         { info.kind, info.code, info.cause, info.sent, info.attempts })
      client:close()
   end)

   it("follows no redirect", function()
      local reply = assert(transport({ endpoint = server.http }):send(sealed("/moved")))
      assert.equal(302, reply.status)
   end)

   it("verifies the server's certificate", function()
      failed("tls", "no", transport({ endpoint = server.https }):send(sealed("/saw")))
      failed("tls", "no", transport({ endpoint = server.elsewhere, ca_file = server.ca_file }):send(sealed("/saw")))
      failed("tls", "no", transport({ endpoint = server.https, ca_file = server.key_file }):send(sealed("/saw")))
      failed("tls", "no", transport({ endpoint = server.https, ca_file = "/nonexistent" }):send(sealed("/saw")))
      assert.equal(200, transport({ endpoint = server.https, ca_file = server.ca_file }):send(sealed("/saw")).status)
   end)

   it("names what failed, and whether the request left", function()
      local closed = assert(socket.bind("127.0.0.1", 0))
      local _, port = closed:getsockname()
      closed:close()
      failed("connect", "no", transport({ endpoint = ("http://127.0.0.1:%d"):format(port) }):send(sealed("/x")))
      failed("dns", "no", transport({ endpoint = "http://tuya.invalid" }):send(sealed("/x")))
      failed("reset", "maybe", transport({ endpoint = server.http }):send(sealed("/silent")))
      failed("tls", "no", transport({ endpoint = (server.http:gsub("http:", "https:")) }):send(sealed("/x")))
   end)

   it("ends at the timeout", function()
      local mute = assert(socket.bind("127.0.0.1", 0)) -- accepts, and never says a word
      local _, port = mute:getsockname()
      local t = transport { endpoint = ("http://127.0.0.1:%d"):format(port), timeout = 0.1 }
      failed("timeout", "maybe", t:send(sealed("/x")))
      failed("timeout", "maybe", t:send(sealed("/x"), { timeout = 0.05 }))
      local tls = transport {
         endpoint = ("https://127.0.0.1:%d"):format(port), connect_timeout = 0.1, ca_file = server.ca_file,
      }
      failed("timeout", "no", tls:send(sealed("/x")))
      mute:close()
   end)

   it("goes through a proxy", function()
      local directory = child.directory()
      local listener = child.lua("spec/support/listener.lua", directory .. "/requests")
      local t = transport { endpoint = "http://cloud.test", proxy = "http://127.0.0.1:" .. listener.line }
      assert.equal(200, assert(t:send(sealed("/x", { query = { a = " " } }))).status)
      listener:stop()
      local file = assert(io.open(directory .. "/requests", "rb"))
      assert.matches("\nGET http://cloud.test/x%?a=%%20 HTTP/1.1\r\n", "\n" .. select(2, file:read("*l", "*a")))
      file:close()
      child.remove(directory)
   end)

   it("waits with sleep, on a clock that is never set", function()
      local t = transport { endpoint = server.http }
      local before = t:now()
      t:sleep(0.05)
      assert.is_true(t:now() - before >= 0.05)
   end)

   it("is of no use once closed", function()
      local t = transport { endpoint = server.http }
      assert(t:send(sealed("/saw")))
      t:close()
      t:close()
      assert.error_matches(function() t:send(sealed("/saw")) end, "attempt to use a closed transport", 1, true)
   end)

   it("may be dropped with its connection open", function()
      for _ = 1, 20 do assert(transport({ endpoint = server.http }):send(sealed("/saw"))) end
      collectgarbage()
      collectgarbage()
   end)
end)

describe("a client", function()
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   local function client(endpoint, options)
      options = options or {}
      options.access_id, options.access_secret, options.endpoint = "id", "secret", endpoint
      options.ca_file, options.proxy = server.ca_file, ""
      return tuya.client(options)
   end

   it("calls over HTTP/1.1 and HTTP/2", function()
      assert.equal("HTTP/1.1", client(server.http):get("/saw").protocol)
      assert.equal("HTTP/2.0", client(server.https):get("/saw").protocol)
   end)

   it("names a redirect, a gateway's HTML and silence", function()
      local c = client(server.http, { retries = 0 })
      local _, message, detail = c:get("/moved")
      assert.equal("GET /moved: HTTP 302: a redirect to https://elsewhere.example/, which is refused", message)
      assert.equal("http 302 maybe", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      _, message = c:get("/gone")
      assert.matches("^GET /gone: HTTP 502: an HTML page instead of the cloud's JSON", message)
      _, message, detail = c:post("/silent", "{}")
      assert.matches("^POST /silent: ", message)
      assert.equal("network reset maybe", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      assert.equal("HTTP/1.1", c:get("/saw").protocol)
      c:close()
   end)
end)

describe("the simulated cloud", function()
   for _, tls in ipairs { false, true } do
      it("serves a client in another process over " .. (tls and "HTTPS" or "HTTP"), function()
         local words = { os.getenv("LUA"), "bin/tuya", "simulate" }
         if tls then words[4] = "--tls" end
         local cloud = child.start(child.command(words), "TUYA_ACCESS_ID=simulated1 TUYA_ACCESS_SECRET=secret1")
         local client = tuya.client {
            access_id = "simulated1",
            access_secret = "secret1",
            endpoint = (tls and "https" or "http") .. "://127.0.0.1:" .. cloud.line,
            ca_file = tls and cloud:errors():match("CA file: ([^\n]*)") or nil,
            proxy = "",
         }
         local plug = client:device("vdevo161563811262429")
         assert.is_true(plug:send { switch = true, countdown_1 = 5 })
         local status = assert(plug:status())
         assert.is_true(status.switch)
         assert.equal(5, status.countdown_1)
         client:close()
         cloud:stop()
      end)
   end
end)

-- The transport over cosockets, in a real nginx, against real servers and broken ones.
local nginx = require("spec.support.nginx")
local support = require("spec.nginx.support")

local HTTP = [[
   lua_ssl_trusted_certificate ca.pem; lua_ssl_verify_depth 2; resolver 127.0.0.1:DNS valid=1s ipv6=off;
   init_by_lua_block {
      tuya = require("tuya")
      transports = {}
      key = tuya.key("x")
      function transport(endpoint, more)
         local options = { endpoint = endpoint }
         for name, value in pairs(more or {}) do options[name] = value end
         return require("tuya.transport.resty").new(options)
      end
      function show(reply, message, detail)
         if reply then ngx.say(reply.status, " ", #reply.body, " ", reply.body:sub(1, 300))
         else ngx.say("failed: ", detail.code, " ", detail.sent, " ", message) end
         return reply
      end
      function sealed(method, path, body)
         local signer = { access_id = "a", key = key, access_token = "t" }
         return tuya.sign({ method = method, path = path, body = body }, signer)
      end
   }
   server {
      listen 127.0.0.1:$PORT;
      location /run {
         content_by_lua_block {
            ngx.req.read_body()
            local ok, trouble = pcall(assert(loadstring(ngx.req.get_body_data())))
            if not ok then ngx.say("raised: ", trouble) end
         }
      }
   }
]]

describe("the cosocket transport #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local server, gateway, dns

   setup(function()
      server = nginx.start()
      dns = support.dns()
      gateway = support.nginx {
         http = (HTTP:gsub("DNS", tostring(dns.port))),
         files = { ["ca.pem"] = support.contents(server.ca_file) },
      }
   end)

   teardown(function()
      if gateway then gateway.stop() end
      if dns then dns.stop() end
      if server then server.stop() end
   end)

   local function run(code)
      local _, body = support.request(gateway.port, "POST", "/run", {}, code)
      return body
   end

   it("gets an answer that came gzipped and in chunks", function()
      local body = run(([[show(transport(%q):send(sealed("GET", "/saw")))]]):format(server.http))
      assert.matches('^200 %d+ {"success":true', body)
      assert.matches('"accept":"gzip"', body)
   end)

   it("uses a connection again", function()
      local body = run(([[
         local t = transport(%q)
         show(t:send(sealed("GET", "/saw")))
         show(t:send(sealed("POST", "/saw", "{}")))]]):format(server.http))
      local first, nth = body:match('"connection":"(%d+)","nth":%d+.*"connection":"%1","nth":(%d+)')
      assert.is_truthy(first, body)
      assert.is_true(tonumber(nth) >= 2)
   end)

   it("bounds an answer, packed or not", function()
      local code = [[show(transport(%q, { max_reply = 100000 }):send(sealed("GET", "/big")))]]
      local body = run(code:format(server.http))
      assert.matches("^failed: too_large yes", body)
   end)

   it("verifies TLS, by the name too, on a used connection as on a new one", function()
      local port = server.https:match("%d+$")
      local body = run(([[
         show(transport("https://localhost:%s"):send(sealed("GET", "/saw")))
         show(transport("https://elsewhere.example:%s"):send(sealed("GET", "/saw")))
         show(transport("https://127.0.0.1:%s"):send(sealed("GET", "/saw")))]]):format(port, port, port))
      local first, second, third = body:match("^([^\n]*)\n([^\n]*)\n([^\n]*)")
      assert.matches("^200 ", first)
      assert.matches("^failed: tls no ", second)
      assert.matches("^failed: tls no ", third)
   end)

   it("names what cannot be reached", function()
      local code = [[show(transport("http://127.0.0.1:%s"):send(sealed("GET", "/")))]]
      assert.matches("^failed: connect no ", run(code:format(support.free_port())))
   end)

   it("ends at the timeout, however slowly the answer drips", function()
      local slow = support.server([[
         local server = assert(socket.bind("127.0.0.1", 0))
         local _, port = server:getsockname()
         print(("%d"):format(port)) io.stdout:flush()
         local peer = server:accept()
         peer:send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
         while peer:send("x") do socket.sleep(0.05) end
      ]])
      finally(slow.stop)
      local code = [[show(transport("http://127.0.0.1:%d"):send(sealed("GET", "/"), { timeout = 0.3 }))]]
      local body = run(code:format(slow.port))
      assert.matches("^failed: timeout yes ", body)
   end)

   -- Answers the first request of each connection, and closes it at the next or 20 ms later; prints what it got.
   local CLOSES = [[
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      print(("%d"):format(port)) io.stdout:flush()
      local stdin = { getfd = function() return 0 end, dirty = function() return false end }
      while true do
         local ready = socket.select({ stdin, server })
         if ready[1] == stdin then os.exit(0) end
         local peer = server:accept()
         peer:settimeout(1)
         local line, length = peer:receive("*l"), 0
         print(line:match("^(%S+ %S+)")) io.stdout:flush()
         while line and line ~= "" do
            line = peer:receive("*l")
            length = line:match("^Content%-Length: (%d+)") or length
         end
         peer:receive(tonumber(length))
         peer:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
         WAIT
         peer:close()
      end
   ]]

   it("sends a command whose pooled connection was closed meanwhile over a new one, once", function()
      local closing = support.server((CLOSES:gsub("WAIT", "socket.sleep(0.02)")))
      finally(closing.stop)
      local body = run(([[
         local t = transport("http://127.0.0.1:%d")
         show(t:send(sealed("GET", "/first")))
         local stop = os.clock() + 0.1
         while os.clock() < stop do end -- nginx cannot notice the end of the connection meanwhile
         show(t:send(sealed("POST", "/second", "{}")))]]):format(closing.port))
      assert.equal("200 2 ok\n200 2 ok\n", body)
      assert.equal("GET /first\nPOST /second\n", closing.stop())
   end)

   it("says maybe of a command whose used connection ends without a word, and sends a GET again", function()
      local closing = support.server((CLOSES:gsub("WAIT", 'peer:receive("*l")')))
      finally(closing.stop)
      local body = run(([[
         local t = transport("http://127.0.0.1:%d")
         show(t:send(sealed("GET", "/first")))
         show(t:send(sealed("POST", "/second", "{}")))
         show(t:send(sealed("GET", "/third")))
         show(t:send(sealed("GET", "/fourth")))]]):format(closing.port))
      assert.equal("GET /first\nGET /third\nGET /fourth\n", closing.stop())
      assert.matches("^200 2 ok\nfailed: reset maybe [^\n]*\n200 2 ok\n200 2 ok\n$", body)
   end)

   it("raises for what is not sealed, and for options that it has not", function()
      assert.matches("raised: .*sealed: made by tuya.sign", run([[transport("http://x"):send({})]]))
      assert.matches("raised: .*did you mean", run([[transport("http://x", { max_replies = 1 })]]))
   end)

   it("loads no libcurl", function()
      assert.equal("nil\n", run([[ngx.say(tostring(package.loaded["tuya.curl"]))]]))
   end)
end)

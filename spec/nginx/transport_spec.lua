-- The transport over cosockets, in a real nginx, against real servers and broken ones: once without lua-resty-http, and
-- once with it where it is found: where TUYA_RESTY_HTTP says (a Lua path), or among the system's modules.
local nginx = require("spec.support.nginx")
local support = require("spec.nginx.support")

local HTTP = [[
   lua_ssl_trusted_certificate ca.pem; lua_ssl_verify_depth 2; resolver 127.0.0.1:DNS valid=1s ipv6=off;
   init_by_lua_block {
      HIDE
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
      listen 127.0.0.1:$PORT; listen 127.0.0.1:SECURE ssl;
      ssl_certificate leaf.pem; ssl_certificate_key key.pem;
      location /slow { content_by_lua_block { ngx.sleep(0.4) ngx.print("slow") } }
      location /run {
         content_by_lua_block {
            ngx.req.read_body()
            local ok, trouble = pcall(assert(loadstring(ngx.req.get_body_data())))
            if not ok then ngx.say("raised: ", trouble) end
         }
      }
   }
]]

-- A Lua path for lua-resty-http and what it needs ("" where it is the system's); nil where there is none.
local function library_path()
   local path = os.getenv("TUYA_RESTY_HTTP")
   if path then return path end
   for _, place in ipairs { "/usr/share/lua/5.1/", "/usr/local/share/lua/5.1/" } do
      if support.contents(place .. "resty/http.lua") then return "" end
   end
end

local HIDE = 'package.preload["resty.http"] = function() error("hidden") end'

local server, gateway, dns, secure

local function start(http, path)
   server = nginx.start()
   dns = support.dns()
   secure = support.free_port()
   local files = {}
   for _, name in ipairs { "ca.pem", "leaf.pem", "key.pem" } do
      files[name] = support.contents((server.ca_file:gsub("[^/]*$", name)))
   end
   gateway = support.nginx {
      path = path ~= "" and path or nil,
      http = http:gsub("%u%u%u+", { DNS = tostring(dns.port), SECURE = secure }),
      files = files,
   }
end

local function stop()
   for _, one in pairs { gateway = gateway, dns = dns, server = server } do one.stop() end
end

local function run(code)
   local _, body = support.request(gateway.port, "POST", "/run", {}, code)
   return body
end

-- What is so however it is connected.
local function its_ways()
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

   it("waits for an answer as long as the call may take, however soon a connection must be there", function()
      for _, endpoint in ipairs { "https://localhost:" .. secure, ("http://127.0.0.1:%d"):format(gateway.port) } do
         local code = [[show(transport(%q, { connect_timeout = 0.2 }):send(sealed("GET", "/slow")))]]
         assert.equal("200 4 slow\n", run(code:format(endpoint)))
      end
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
end

describe("the cosocket transport #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   setup(function() start((HTTP:gsub("HIDE", HIDE))) end)
   teardown(stop)

   its_ways()

   it("refuses a proxy, and names what it would take", function()
      local body = run([[transport("https://cloud.test", { proxy = "http://user:s3cr3t@127.0.0.1:1" })]])
      assert.matches("^raised: .*proxy: in nginx it takes lua%-resty%-http", body)
      assert.is_nil(body:find("s3cr3t", 1, true))
      assert.equal("made\n", run([[transport("https://cloud.test", { proxy = "" }) ngx.say("made")]]))
   end)
end)

-- A proxy: says what it is asked, ANSWERs, and after a CONNECT carries what comes to the port that is named.
local PROXY = [=[
   local server = assert(socket.bind("127.0.0.1", 0))
   local _, port = server:getsockname()
   print(("%d"):format(port)) io.stdout:flush()
   local stdin = { getfd = function() return 0 end, dirty = function() return false end }
   local other = {}
   local function is_over(from)
      local _, trouble, part = from:receive(16384)
      if part ~= "" then other[from]:send(part) end
      return trouble == "closed"
   end
   while true do
      local peers = { stdin, server }
      for from in pairs(other) do peers[#peers + 1] = from end
      local ready = socket.select(peers)
      for _, one in ipairs(ready) do
         if one == stdin then os.exit(0) end
         if one == server then
            local peer = server:accept()
            peer:settimeout(1)
            local line = peer:receive("*l")
            print(line)
            repeat
               local field = peer:receive("*l")
               if field and field:find("^Proxy") then print(field) end
            until not field or field == ""
            io.stdout:flush()
            ANSWER
            local to = line:match("^CONNECT [^:]+:(%d+) ")
            if to then
               local far = assert(socket.connect("127.0.0.1", to))
               peer:settimeout(0) far:settimeout(0)
               other[peer], other[far] = far, peer
            else peer:close() end
         elseif other[one] and is_over(one) then
            local far = other[one]
            other[one], other[far] = nil, nil
            one:close() far:close()
         end
      end
   end
]=]

local AUTHORIZATION = "Proxy%-Authorization: Basic dXNlcjpwQHNzK3c=\n" -- user:p@ss+w

describe("the cosocket transport with lua-resty-http #once", function()
   local path = library_path()
   local missing = support.missing() or not path and "lua-resty-http is not installed; TUYA_RESTY_HTTP is a Lua path"
   if missing then
      pending(missing)
      return
   end

   setup(function() start((HTTP:gsub("HIDE", 'assert(require("resty.http"))')), path) end)
   teardown(stop)

   its_ways()

   local function proxy(answer)
      local one = support.server((PROXY:gsub("ANSWER", answer)))
      finally(one.stop)
      one.option = ("http://user:p%%40ss+w@127.0.0.1:%d"):format(one.port)
      return one
   end

   it("goes through a proxy by CONNECT, verifies TLS behind it, and uses the tunnel again", function()
      local one = proxy [[peer:send("HTTP/1.1 200 there you are\r\nVia: x\r\n\r\n")]]
      local port = server.https:match("%d+$")
      local body = run(([[
         local t = transport("https://localhost:%s", { proxy = %q })
         show(t:send(sealed("GET", "/saw")))
         show(t:send(sealed("POST", "/saw", "{}")))
         show(transport("https://elsewhere.example:%s", { proxy = %q }):send(sealed("GET", "/saw")))]]):format(
         port, one.option, port, one.option))
      assert.matches('^200 [^\n]*"target":"/saw"[^\n]*"nth":1[^\n]*\n200 [^\n]*"nth":2[^\n]*\nfailed: tls no ', body)
      local function asked(name) return ("CONNECT %s:%s HTTP/1.1\n"):format(name, port) .. AUTHORIZATION end
      assert.matches("^" .. asked("localhost") .. asked("elsewhere.example") .. "$", one.stop())
   end)

   it("asks a proxy for the whole address where there is no TLS", function()
      local one = proxy [[peer:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]]
      local code = [[show(transport("http://cloud.test:81", { proxy = %q }):send(sealed("GET", "/x?a=%%20")))]]
      assert.equal("200 2 ok\n", run(code:format(one.option)))
      assert.matches("^GET http://cloud.test:81/x%?a=%%20 HTTP/1.1\n" .. AUTHORIZATION .. "$", one.stop())
   end)

   it("bounds what a proxy answers, in time and in bytes", function()
      local code = [[
         local t = transport("https://cloud.test", { proxy = %q, connect_timeout = 0.3 })
         show(t:send(sealed("GET", "/")))]]
      local function of(answer) return run(code:format(proxy(answer).option)) end
      assert.matches("^failed: connect no [^\n]*proxy: 407\n$", of [[peer:send("HTTP/1.1 407 no\r\n\r\n")]])
      assert.matches("^failed: connect no [^\n]*a line over 4096 bytes\n$", of [[peer:send(("x"):rep(100000))]])
      assert.matches("^failed: connect no [^\n]*over 100 lines\n$",
         of [[peer:send("HTTP/1.1 200 OK\r\n" .. ("A: b\r\n"):rep(200))]])
      assert.matches("^failed: timeout no ",
         of [[peer:send("HTTP/1.1 200 OK\r\n") while peer:send("A: b\r\n") do socket.sleep(0.05) end]])
   end)

   it("refuses what is no proxy, and does not repeat it", function()
      local wrongs = { "socks5://user:s3cr3t@h:1", "http://user:s3cr3t@h", "user:s3cr3t@h:1", "http://s3cr3t:99999" }
      for _, wrong in ipairs(wrongs) do
         local body = run(([[transport("https://cloud.test", { proxy = %q })]]):format(wrong))
         assert.matches("^raised: .*proxy: \"http://host:port\"", body)
         assert.is_nil(body:find("s3cr3t", 1, true))
      end
   end)
end)

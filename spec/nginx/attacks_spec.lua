-- What a caller may try against the gateway: what arrives at the cloud, byte for byte, is what was signed, or nothing.
local json = require("tuya.json")
local support = require("spec.nginx.support")

local MAKE = [[
   lua_shared_dict tuya 1m; client_max_body_size 64k; client_body_timeout 1s; underscores_in_headers on;
   init_by_lua_block {
      function make(more)
         local all = { access_id = "ID", access_secret = "s", endpoint = "http://127.0.0.1:CLOUD", store = "shm:tuya" }
         for name, value in pairs(more) do all[name] = value end
         return require("tuya.openresty").new(all)
      end
      gateway, readers = make {}, make { allow = { "GET /v1.0/devices/*" } }
   }
   server { # the cloud: it says what it got
      listen 127.0.0.1:CLOUD; underscores_in_headers on; client_max_body_size 64k;
      location = /v1.0/token {
         return 200 '{"success":true,"result":{"access_token":"T","refresh_token":"","expire_time":7200,"uid":""}}';
      }
      location / {
         content_by_lua_block {
            ngx.req.read_body()
            local got = { head = ngx.req.raw_header(), body = ngx.req.get_body_data() }
            ngx.say(require("tuya.json").encode { success = true, result = got })
         }
      }
   }
   server {
      listen 127.0.0.1:HTTP2 http2;
      location / { proxy_pass http://127.0.0.1:$PORT; proxy_set_header Connection close; }
      location /h2/ { content_by_lua_block { gateway:serve("/h2") } }
      location /h2sign/ {
         set $tuya_target "";
         access_by_lua_block { gateway:sign("/h2sign") } body_filter_by_lua_block { gateway:watch() }
         proxy_pass http://127.0.0.1:CLOUD$tuya_target; proxy_http_version 1.1; proxy_set_header Connection "";
      }
   }
]]

describe("an attack on the gateway #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local nginx, http2

   setup(function()
      local cloud = support.free_port()
      http2 = support.free_port()
      local make = MAKE:gsub("CLOUD", cloud):gsub("HTTP2", http2)
      local ways = { tuya = "gateway", readers = "readers" }
      nginx = support.nginx { http = support.gateways("127.0.0.1:" .. cloud, make, ways, "") }
   end)

   teardown(function() if nginx then nginx.stop() end end)

   local function ask(prefix, line, headers, body)
      local lines = { (line:gsub("@", prefix)), "Host: h", "Connection: close" }
      for _, header in ipairs(headers or {}) do lines[#lines + 1] = header end
      return support.raw(nginx.port, table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
   end

   -- The lines that arrived, in lower case, and the body.
   local function arrived(...)
      local status, text = ask(...)
      assert.equal(200, status, text)
      local got, set = assert(json.decode(text)).result, {}
      for line in got.head:gmatch("[^\r\n]+") do
         local name = line:lower():match("^[^:]*")
         assert.is_nil(set[name], name .. " came twice")
         set[name] = line
      end
      return set, got.body, got.head
   end

   for _, prefix in ipairs { "/tuya", "/suretuya" } do
      it("changes no call behind its signature, by any header, at " .. prefix, function()
         local set = arrived(prefix, "GET @/v1.0/x HTTP/1.1", {
            "access-token: E", "client-id: E", "sign-method: E", "Sign_Method: E", "signature_headers: E", "SIGN: E",
            "Signature-Headers: E", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT",
            "X-Original-URL: /v1.0/token", "X-Rewrite-URL: /v1.0/token", "X-Forwarded-Host: evil",
            "Range: bytes=0-3", "Cookie: c", "Authorization: a",
            "If-None-Match: *", "TE: trailers", "secret: s", "X-Api-Key: k",
         })
         local allowed = { ["get /v1.0/x http/1.1"] = 1, host = 1, accept = 1, ["accept-encoding"] = 1, sign = 1, t = 1,
            ["user-agent"] = 1, client_id = 1, access_token = 1, nonce = 1, sign_method = 1 }
         for name in pairs(set) do assert.equal(1, allowed[name], name .. " came through") end
         assert.equal("sign_method: hmac-sha256", set.sign_method:lower())
         assert.equal("access_token: T", set.access_token)
      end)

      it("lets no Connection header take a signed one away at " .. prefix, function()
         local set = arrived(prefix, "GET @/v1.0/x HTTP/1.1", { "Connection: sign, access_token, t, close" })
         assert.is_truthy(set.sign and set.access_token and set.t)
      end)

      it("refuses two lengths, a length beside chunks, and codings that are not chunks, at " .. prefix, function()
         local forms = {
            { "Content-Length: 2", "Content-Length: 2" }, { "Content-Length: 2", "Content-Length: 3" },
            { "Content-Length: 2", "Transfer-Encoding: chunked" }, { "Transfer-Encoding: xchunked" },
            { "Transfer-Encoding: gzip, chunked" }, { "Content-Length: +2" }, { "Content-Length: 0x2" },
            { "Content-Length : 2" }, { "X: a\rsign: b" }, { "X: a\n sign: b" }, { "X: a\0b" },
         }
         for _, headers in ipairs(forms) do
            local status = ask(prefix, "POST @/v1.0/x HTTP/1.1", headers, "2\r\n{}\r\n0\r\n\r\n")
            assert.is_true(status == 400 or status == 501, headers[1] .. " was answered " .. status)
         end
      end)

      it("takes a body for a body, and trailers for nothing, at " .. prefix, function()
         local request = "GET /v1.0/token HTTP/1.1\r\nHost: h\r\n\r\n"
         local length = ("Content-Length: %d"):format(#request)
         local set, body = arrived(prefix, "POST @/v1.0/x HTTP/1.1", { length }, request)
         assert.equal(request, body)
         assert.equal(length, set["content-length"])
         set, body = arrived(prefix, "POST @/v1.0/x HTTP/1.1", { "Transfer-Encoding: chunked" },
            "2\r\n{}\r\n0\r\nsign: E\r\nX-Original-URL: /v1.0/token\r\n\r\n")
         assert.equal("{}", body)
         assert.is_nil(set["x-original-url"])
         assert.is_nil(set["transfer-encoding"])
      end)

      it("tells who waits for it to go on, at " .. prefix, function()
         local peer = assert(require("socket").connect("127.0.0.1", nginx.port))
         peer:settimeout(5)
         peer:send(("POST %s/v1.0/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"):format(prefix)
            .. "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
         assert.equal("HTTP/1.1 100 Continue", peer:receive("*l"))
         peer:send("{}")
         local answer = peer:receive("*a")
         peer:close()
         assert.matches("^\r?\n?HTTP/1.1 200 ", answer)
         local got = json.decode(answer:match("{.*}")).result
         assert.equal("{}", got.body)
         assert.is_nil(got.head:lower():find("expect", 1, true))
      end)

      it("refuses a Content-Type given twice or with control bytes at " .. prefix, function()
         local function status(...)
            return (ask(prefix, "POST @/v1.0/x HTTP/1.1", { "Content-Length: 2", ... }, "{}"))
         end
         assert.equal(400, status("Content-Type: text/plain", "Content-Type: application/json"))
         assert.equal(400, status("Content-Type: text/plain; a=\1"))
         assert.equal(200, status("Content-Type: text/plain"))
      end)

      it("answers HEAD without a body, and 400 or 405 where there is no call, at " .. prefix, function()
         local status, body = ask(prefix, "HEAD @/v1.0/x HTTP/1.1")
         assert.equal(200, status)
         assert.equal("", body)
         for _, line in ipairs { "OPTIONS @/v1.0/x HTTP/1.1", "OPTIONS * HTTP/1.1", "TRACE @/v1.0/x HTTP/1.1",
            "CONNECT a:1 HTTP/1.1", "GET @/v1.0/x#y HTTP/1.1", "GET @/v1.0/x?a=1#b HTTP/1.1", "GET  @/v1.0/x HTTP/1.1",
            "GET @/v1.0/x y HTTP/1.1", "GET\t@/v1.0/x HTTP/1.1", "GET @/v1.0/\195\188 HTTP/1.1",
            "GET @/v1.0/x?=1 HTTP/1.1", "GET @/v1.0/x?" .. ("a"):rep(9000) .. " HTTP/1.1" } do
            status = ask(prefix, line)
            assert.is_true(status == 400 or status == 405 or status == 414, line:sub(1, 40) .. ": " .. status)
         end
      end)

      it("ends a body that does not come, and refuses one that is too large, at " .. prefix, function()
         assert.has_error(function() -- no answer, or 408
            local status = ask(prefix, "POST @/v1.0/x HTTP/1.1", { "Content-Length: 10" }, "{}")
            assert(status ~= 408, "408")
         end)
         assert.equal(413, (ask(prefix, "POST @/v1.0/x HTTP/1.1", { "Content-Length: 70000" }, ("x"):rep(70000))))
      end)

      it("sends a query as it was signed, whatever it holds, at " .. prefix, function()
         local _, _, head = arrived(prefix, 'GET @/v1.0/x?b=%23%26&a="<>\\^`{|}&c=%C3%BC HTTP/1.1')
         assert.equal("/v1.0/x?a=%22%3C%3E%5C%5E%60%7B%7C%7D&b=%23%26&c=%C3%BC", head:match("^GET (%S+) "))
      end)
   end

   it("refuses more headers than anybody needs", function()
      local many = {}
      for i = 1, 100 do many[i] = "X-" .. i .. ": x" end
      assert.equal(400, (ask("/tuya", "GET @/v1.0/x HTTP/1.1", many)))
   end)

   it("keeps to the allow-list by the path that arrives", function()
      assert.equal(200, (ask("/readers", "GET @/v1.0/devices/x HTTP/1.1")))
      for _, line in ipairs { "POST @/v1.0/devices/x", "GET @/v1.0/devices/x/y", "GET @/v1.0/devices/x;/y",
         "GET @/v1.0/devices/", "GET @/v1.0/devices/..;/token" } do
         local status = ask("/readers", line .. " HTTP/1.1")
         assert.is_true(status == 403 or status == 400, line .. " was answered " .. status)
      end
   end)

   it("comes over HTTP/2 no farther", function()
      local function curl(arguments)
         local pipe = io.popen(("curl -s --http2-prior-knowledge --path-as-is -w '\\n%%{http_code}' %s"):format(
            (arguments:gsub("@", "http://127.0.0.1:" .. http2))))
         local text, status = pipe:read("*a"):match("^(.*)\n(%d+)$")
         pipe:close()
         return tonumber(status), text
      end
      for _, prefix in ipairs { "/h2", "/h2sign" } do
         local status, text = curl("-H 'access-token: E' -H 'sign: E' '@" .. prefix .. "/v1.0/x?a=1'")
         assert.equal(200, status, text)
         local head = json.decode(text).result.head
         assert.equal("/v1.0/x?a=1", head:match("^GET (%S+) "))
         assert.is_nil(head:find(": E\r", 1, true))
         status, text = curl("-d '{}' -H 'Content-Type: text/plain' @" .. prefix .. "/v1.0/x")
         assert.equal(200, status, text)
         assert.equal("{}", json.decode(text).result.body)
         status, text = curl("-X POST -T /dev/stdin @" .. prefix .. "/v1.0/x < LICENSE") -- no header tells of a body
         assert.equal(200, status, text)
         assert.equal(support.contents("LICENSE"), json.decode(text).result.body)
         for _, path in ipairs { "/v1.0/../x", "/v1.0/%2e%2e/x", "/v1.0//x" } do
            assert.equal(400, (curl("'@" .. prefix .. path .. "'")), path)
         end
      end
      assert.equal(200, (curl("@/tuya/v1.0/x"))) -- a server in front that speaks it
   end)
end)

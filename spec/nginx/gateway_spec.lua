-- The gateway, in a real nginx of two workers before the simulated cloud.
local json = require("tuya.json")
local support = require("spec.nginx.support")

local KEY = "kitchen key of 16 bytes"

local MAKE = [[
   lua_shared_dict tuya 1m; lua_shared_dict other 1m; lua_shared_dict limited 1m;
   client_max_body_size 256k; client_body_buffer_size 8k;
   underscores_in_headers on;
   init_by_lua_block {
      local new = require("tuya.openresty").new
      local function options(more)
         local all = { access_id = "ID", access_secret = "SECRET", endpoint = "CLOUD", store = "shm:tuya" }
         for name, value in pairs(more or {}) do all[name] = value end
         return all
      end
      gateway = new(options())
      open = new(options { allow = { "* /**", "GET /v1.0/token", "GET /v1.0/token/*" } })
      guarded = new(options { store = "shm:other", callers = { kitchen = "KITCHEN" },
         allow = { "GET /v1.0/devices/*", "POST /v1.0/devices/*/commands" } })
      neighbour = new(options { access_id = "another0123456789abc", counts = "tuya" })
      limited = new(options { store = "shm:limited", budget = { per_day = 4 } })
      options_of = options
      function try() return pcall(function() return gateway:client():get("/v1.0/devices") end) end
      may_call = try()
   }
   init_worker_by_lua_block { may_call = may_call or try() }
]]

local WAYS = { tuya = "gateway", open = "open", guarded = "guarded", limited = "limited" }

local SERVER = [[
      location = /neighbourstatus { content_by_lua_block { neighbour:status() } }
      location = /limitedstatus { content_by_lua_block { limited:status() } }
      location = /mine {
         content_by_lua_block {
            local result, message = gateway:client():get("/v1.0/devices/DEVICE")
            ngx.say(result and result.id or message)
         }
      }
      location = /status { content_by_lua_block { gateway:status() } }
      location = /refuse { # somebody else renews: the token in hand is dead
         content_by_lua_block {
            local context = require("tuya.client").context(gateway:client())
            local text = context.store:load(context.token_key)
            local refresh = text:match("^%d+ %d+ %d+ %S+ (%S+)")
            local other = require("tuya.client").new(options_of { store = false or nil })
            ngx.say(other:get("/v1.0/token/" .. refresh) and "refreshed" or "failed")
         }
      }
      location = /run {
         content_by_lua_block {
            ngx.req.read_body()
            local ok, trouble = pcall(assert(loadstring(ngx.req.get_body_data())))
            if not ok then ngx.say("raised: ", trouble) end
         }
      }
]]

describe("the gateway #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local cloud, nginx
   local DEVICE = "/v1.0/devices/" .. support.SOCKET

   setup(function()
      cloud = support.cloud()
      local words = {
         ID = support.ID, SECRET = support.SECRET, CLOUD = cloud.endpoint, KITCHEN = KEY, DEVICE = support.SOCKET,
      }
      local http = support.gateways("127.0.0.1:" .. cloud.port, MAKE, WAYS, SERVER)
      nginx = support.nginx { workers = 2, http = (http:gsub("%u%u+", words)) }
   end)

   teardown(function()
      if nginx then nginx.stop() end
      if cloud then cloud.stop() end
   end)

   local function get(path, headers)
      local status, body, answered = support.get(nginx.port, path, headers)
      return status, (json.decode(body)), answered
   end

   for _, prefix in ipairs { "/tuya", "/suretuya" } do
      it("signs what comes in at " .. prefix, function()
         local status, envelope = get(prefix .. DEVICE)
         assert.equal(200, status)
         assert.is_true(envelope.success, tostring(envelope.msg))
         assert.equal(support.SOCKET, envelope.result.id)
      end)

      it("carries a command at " .. prefix .. ", its body in memory, in a file, or in chunks", function()
         local function command(value, blanks)
            return ('{"commands":[{"code":"switch","value":%s}]}'):format(value) .. (" "):rep(blanks)
         end
         local path = prefix .. DEVICE .. "/commands"
         for _, body in ipairs { command("true", 0), command("false", 100000) } do
            local headers = { ["Content-Type"] = "application/json" }
            local status, text = support.request(nginx.port, "POST", path, headers, body)
            assert.equal(200, status)
            assert.is_true(json.decode(text).success, text)
         end
         local body = command("true", 20)
         local chunked = ("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"):format(path)
            .. "Transfer-Encoding: chunked\r\n\r\n"
            .. ("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"):format(10, body:sub(1, 10), #body - 10, body:sub(11))
         local _, text = support.raw(nginx.port, chunked)
         assert.is_true(json.decode(text).success, text)
      end)

      it("refuses a body over client_max_body_size at " .. prefix, function()
         local status = support.request(nginx.port, "POST", prefix .. DEVICE .. "/commands", {}, ("x"):rep(300000))
         assert.equal(413, status)
      end)

      it("sends the query as it is signed at " .. prefix, function()
         local _, envelope = get(prefix .. "/v1.0/devices?page_no=1&device_ids=" .. support.SOCKET
            .. "%2Cx&empty=&a+b=%2B+%E5%AE%A2")
         assert.equal(1106, envelope.code) -- behind the signature: there is no device x
      end)

      it("hands the token to nobody at " .. prefix, function()
         local status = get(prefix .. "/v1.0/token?grant_type=1")
         assert.equal(403, status)
         assert.equal(403, (get(prefix .. "/v1.0/token/abc")))
      end)

      it("refuses paths that could be read in two ways at " .. prefix, function()
         local name = prefix:sub(2)
         local tricks = {
            "/%74uya/v1.0/x", "/%73uretuya/v1.0/x", "//" .. name .. "/v1.0/z", "/x/.." .. prefix .. "/v1.0/y",
            prefix .. "/v1.0/../v1.0/x", prefix .. "/v1.0/%2e%2e/x", prefix .. "/v1.0/./x", prefix .. "/v1.0/..;/x",
            prefix .. "/v1.0/%00", prefix .. "/v1.0/x%0d%0ax", prefix .. "//evil.example/x", prefix .. "/v1.0//x",
            prefix .. "/v1.0/x#y", prefix .. "/v1.0/x?a=%zz", prefix .. "/v1.0/x?a=1&a=2",
            "/%2e" .. prefix .. "/v1.0/x",
            "http://evil.example" .. prefix .. "/v1.0/x", prefix .. "/v1.0/%2f..%2fx", prefix .. "/v1.0/%5c..%5cx",
         }
         for _, trick in ipairs(tricks) do
            local status = support.get(nginx.port, trick)
            assert.is_true(status == 400 or status == 404, trick .. " was answered " .. tostring(status))
         end
         assert.equal(404, (support.get(nginx.port, "/other")))
      end)

      it("signs a semicolon as it sends it at " .. prefix, function()
         local _, envelope = get(prefix .. DEVICE .. ";x=1")
         assert.is_false(envelope.success)
         assert.not_equal(1004, envelope.code)
      end)

      it("refuses unknown methods at " .. prefix, function()
         for _, method in ipairs { "OPTIONS", "PROPFIND", "FOO", "get" } do
            local status = support.request(nginx.port, method, prefix .. DEVICE)
            assert.is_true(status == 405 or status == 400, method .. " was answered " .. status)
         end
      end)

      it("drops a caller's own signing headers at " .. prefix, function()
         local lines = { ("GET %s HTTP/1.1"):format(prefix .. DEVICE), "Host: x", "Connection: close, sign",
            "sign: FORGED", "sign: AGAIN", "SIGN: more", "t: 1", "client_id: evil", "access_token: evil", "nonce: n",
            "sign_method: none", "Signature-Headers: a:b", "secret: s", "a: 1", "stringToSign: x" }
         local _, text = support.raw(nginx.port, table.concat(lines, "\r\n") .. "\r\n\r\n")
         assert.is_true(json.decode(text).success, text)
      end)
   end

   it("lets in who has a key, for what is allowed", function()
      local path = "/guarded" .. DEVICE
      assert.equal(401, (get(path)))
      assert.equal(401, (get(path, { ["X-Api-Key"] = KEY .. "x" })))
      local _, envelope = get(path, { ["X-Api-Key"] = KEY })
      assert.is_true(envelope.success, envelope.msg)
      assert.equal(403, (get(path .. "/status", { ["X-Api-Key"] = KEY })))
      assert.equal(403, (support.request(nginx.port, "DELETE", path, { ["X-Api-Key"] = KEY })))
   end)

   it("keeps to the budget both ways, token calls included", function()
      assert.equal(200, (get("/limited" .. DEVICE))) -- and a token
      assert.equal(200, (get("/surelimited" .. DEVICE)))
      assert.equal(200, (get("/limited" .. DEVICE)))
      for _, prefix in ipairs { "/limited", "/surelimited" } do
         local status, envelope = get(prefix .. DEVICE)
         assert.equal(429, status)
         assert.matches("the budget of 4 calls a day is spent", envelope.msg)
      end
      local _, health = get("/limitedstatus")
      assert.equal(0, health.budget.day.left)
      assert.matches('\ntuya_budget_left{period="day"} 0\n',
         select(2, support.get(nginx.port, "/limitedstatus", { Accept = "text/plain" })))
   end)

   it("raises for a call where nginx allows none, which spoils no later one", function()
      assert.equal("false\n", select(2, support.request(nginx.port, "POST", "/run", {}, "ngx.say(tostring(may_call))")))
      assert.equal(support.SOCKET .. "\n", select(2, support.get(nginx.port, "/mine")))
   end)

   it("gives the client behind it", function()
      local status, body = support.get(nginx.port, "/mine")
      assert.equal(200, status)
      assert.equal(support.SOCKET .. "\n", body)
   end)

   it("replays what a dead token is refused for, or mends the token for the next call", function()
      get("/tuya" .. DEVICE)
      assert.equal("refreshed\n", select(2, support.get(nginx.port, "/refuse")))
      local _, envelope = get("/suretuya" .. DEVICE)
      assert.is_true(envelope.success, envelope.msg)
      assert.equal("refreshed\n", select(2, support.get(nginx.port, "/refuse")))
      _, envelope = get("/tuya" .. DEVICE)
      assert.equal(1010, envelope.code)
      for _ = 1, 6 do -- whichever worker they meet
         _, envelope = get("/tuya" .. DEVICE)
         assert.is_true(envelope.success, envelope.msg)
      end
   end)

   it("takes an answer of serve() for good by its own envelope, whatever stands within it", function()
      local fixed = support.nginx { http = [[
         lua_shared_dict tuya 1m;
         init_by_lua_block {
            gateway = require("tuya.openresty").new {
               access_id = "anaccessid", access_secret = "s", endpoint = "http://127.0.0.1:$PORT", store = "shm:tuya",
            }
         }
         server {
            listen 127.0.0.1:$PORT;
            location = /v1.0/token {
               return 200 '{"result":{"access_token":"x","expire_time":7200,"refresh_token":"r"},"success":true,"t":1}';
            }
            location = /good { return 200 '{"result":1,"success":true,"t":1700000000000,"tid":"x"}'; }
            location = /in { return 200 '{"code":1106,"success":false,"in":{"success":true,"t":1,"tid":"x"}}'; }
            location = /text {
               return 200 '{"code":1107,"success":false,"msg":"\\"success\\":true,\\"t\\":1,\\"tid\\":\\"x"}';
            }
            location = /last { return 200 '{"success":true,"t":1,"code":1108,"success":false,"tid":"x"}'; }
            location /sure/ { content_by_lua_block { gateway:serve("/sure") } }
            location = /status { content_by_lua_block { gateway:status() } }
         }]] }
      finally(fixed.stop)
      for _, name in ipairs { "good", "in", "text", "last" } do
         local _, body = support.get(fixed.port, "/sure/" .. name)
         assert.is_truthy(json.decode(body), body)
      end
      local health = json.decode(select(2, support.get(fixed.port, "/status")))
      assert.same({ ["1106"] = 1, ["1107"] = 1, ["1108"] = 1 }, health.errors)
      assert.is_true(health.clock_offset_ms < -1e6) -- by the good one's t
   end)

   it("tells how it goes, and never the token", function()
      local _, health
      local waited = 0
      repeat -- the other worker's counts come within a second
         require("socket").sleep(0.1)
         _, health = get("/status")
         waited = waited + 1
      until health.errors["1010"] and health.errors["1010"] >= 2 or waited > 50
      assert.is_true(health.calls > 0)
      assert.is_true(health.errors["1010"] >= 2)
      assert.is_true(health.renewals > 0)
      assert.equal("all workers", health.of)
      assert.is_true(health.latency.count > 0)
      local _, text, headers = support.get(nginx.port, "/status", { Accept = "text/plain" })
      assert.matches("^text/plain", headers["content-type"])
      assert.matches("\ntuya_errors_total{code=\"1010\"} %d", text)
      assert.matches('\ntuya_latency_seconds_bucket{le="%+Inf"} %d', text)
      local context = "local c = require('tuya.client').context(gateway:client()) ngx.say(c.store:load(c.token_key))"
      local _, record = support.request(nginx.port, "POST", "/run", {}, context)
      local access = record:match("^%d+ %d+ %d+ (%S+)")
      assert.is_nil((json.encode(health) .. text):find(access, 1, true))
      assert.is_nil(nginx.errors():find(access, 1, true))
   end)

   it("counts each project by itself, in whatever dictionary", function()
      local _, health = get("/neighbourstatus")
      assert.equal(0, health.calls)
      assert.is_nil(health.token_age)
   end)

   it("raises for options that it has not, naming the rule", function()
      local function raised(code)
         return (select(2, support.request(nginx.port, "POST", "/run", {},
            ('require("tuya.openresty").new(options_of(%s))'):format(code))))
      end
      assert.matches("raised: .*prefix: \"/name\" expected", raised('{ prefix = "tuya/" }'))
      assert.matches("raised: .*allow: ", raised('{ allow = { "FETCH /x" } }'))
      assert.matches("raised: .*callers: ", raised('{ callers = { a = "short" } }'))
      assert.matches("raised: .*no lua_shared_dict nowhere", raised('{ store = "shm:nowhere" }'))
      assert.matches("raised: .*unknown option", raised('{ unheard_of = 1 }'))
   end)

   it("signs every request that other clients sent, so that the cloud accepts it", function()
      local function contents(path) return support.contents("spec/captures/" .. path) end
      local SIGNING = { sign = 1, t = 1, client_id = 1, access_token = 1, nonce = 1, sign_method = 1,
         ["signature-headers"] = 1, connection = 1 }
      local count = 0
      for name in io.popen("ls spec/captures"):lines() do
         name = name:match("^(.*)%.http$")
         if name then
            local head, body = contents(name .. ".http"):match("^(.-\r\n)\r\n(.*)$")
            local line, rest = head:match("^([^\r]*\r\n)(.*)$")
            local kept = rest:gsub("([^:\r\n]+):[^\r\n]*\r\n", function(header)
               return SIGNING[header:lower()] and "" or nil
            end)
            for _, prefix in ipairs { "/open", "/sureopen" } do
               local prefixed = line:gsub(" /", " " .. prefix .. "/", 1)
               local _, text = support.raw(nginx.port, prefixed .. kept .. "Connection: close\r\n\r\n" .. body)
               local code = json.decode(text).code
               count = count + 1
               local refreshes = line:find("/v1.0/token/", 1, true)
               assert.is_true(code == nil or code == 1106 or code == 1108 or code == 1003 or refreshes and code == 1010
                  or code == 1100 or code == 1109 or code == 1101, name .. " by " .. prefix .. ": " .. text)
            end
         end
      end
      assert.is_true(count > 100)
   end)
end)

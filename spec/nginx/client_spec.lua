-- A client inside nginx, whose cloud is a few locations of the same single worker: whatever blocked would never end.
local socket = require("socket")
local support = require("spec.nginx.support")

local HTTP = [[
   lua_shared_dict seen 1m;
   init_by_lua_block {
      client = require("tuya").client {
         access_id = "a", access_secret = "b", endpoint = "http://127.0.0.1:$PORT", transport = "resty",
      }
      function answer(result) ngx.say('{"success":true,"t":1700000000000,"result":', result, '}') end
   }
   server {
      listen 127.0.0.1:$PORT;
      location = /v1.0/token {
         content_by_lua_block { answer('{"access_token":"t","refresh_token":"r","expire_time":7200,"uid":"u"}') }
      }
      location = /v1.0/devices/x/commands { content_by_lua_block { answer("true") } }
      location = /v1.0/devices/x/specifications {
         content_by_lua_block {
            local list = '[{"code":"switch","type":"Boolean","values":"{}"}]'
            answer('{"category":"cz","functions":' .. list .. ',"status":' .. list .. '}')
         }
      }
      location = /v1.0/devices/x/status {
         content_by_lua_block {
            ngx.shared.seen:incr("looks", 1, 0)
            answer('[{"code":"switch","value":' .. tostring(ngx.shared.seen:get("is_on") or false) .. '}]')
         }
      }
      location = /v1.0/slow { content_by_lua_block { ngx.sleep(0.3) answer('"slow"') } }
      location = /looks { content_by_lua_block { ngx.say(ngx.shared.seen:get("looks") or 0) } }
      location = /switched { content_by_lua_block { ngx.shared.seen:set("is_on", true) ngx.say("on") } }
      location = /confirm {
         content_by_lua_block {
            local plug = client:device("x")
            local done, message = plug:send({ switch = true }, { confirm = 20 })
            ngx.say(tostring(done), " ", tostring(message), " ", tostring(plug:status().switch))
         }
      }
      location = /run {
         content_by_lua_block {
            ngx.req.read_body()
            local ok, trouble = pcall(assert(loadstring(ngx.req.get_body_data())))
            if not ok then ngx.say("raised: ", trouble) end
         }
      }
   }
]]

describe("a client inside nginx #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local nginx
   setup(function() nginx = support.nginx { http = HTTP } end)
   teardown(function() if nginx then nginx.stop() end end)

   local function run(code)
      return (select(2, support.request(nginx.port, "POST", "/run", {}, code)))
   end

   it("waits until a device shows what was sent to it, and lets other requests go on", function()
      local peer = assert(socket.connect("127.0.0.1", nginx.port))
      peer:settimeout(20)
      peer:send("GET /confirm HTTP/1.0\r\n\r\n")
      local looks
      repeat
         socket.sleep(0.05)
         looks = tonumber((select(2, support.get(nginx.port, "/looks"))))
      until looks >= 2
      support.get(nginx.port, "/switched")
      local answered = peer:receive("*a")
      assert.matches("\r\n\r\ntrue nil true\n$", answered, nginx.errors())
      peer:close()
   end)

   it("makes calls side by side in light threads", function()
      local body = run([[
         local function slow() return client:get("/v1.0/slow") end
         local threads = {}
         for i = 1, 8 do threads[i] = ngx.thread.spawn(slow) end
         local began = ngx.now()
         for i = 1, 8 do
            local ok, result = ngx.thread.wait(threads[i])
            ngx.print(tostring(ok), " ", tostring(result), " ")
         end]])
      assert.equal(("true slow "):rep(8), body)
   end)

   it("raises for what ticks, naming the rule: nginx is the loop here", function()
      local rule = "raised: .*nginx is the loop here; run calls side by side in light threads"
      assert.matches(rule, run([[client:start({ method = "GET", path = "/v1.0/slow" }, function() end)]]))
      assert.matches(rule, run("client:tick()"))
      assert.matches(rule, run([[require("tuya.scheduler").new(client)]]))
      assert.matches("^true slow", run([[ngx.say("true ", (client:get("/v1.0/slow")))]])) -- and does no harm
   end)

   it("lets a coroutine of the handler's own make a call", function()
      assert.equal("slow\n", run([[
         local call = coroutine.wrap(function() return client:get("/v1.0/slow") end)
         ngx.say((call()))]]))
   end)
end)

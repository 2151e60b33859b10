-- Somebody logs in, in nginx: one log-in for all workers, and another data centre for the cosockets.
local json = require("tuya.json")
local support = require("spec.nginx.support")

local HTTP = [[
   lua_shared_dict moved 1m; lua_shared_dict staying 1m; lua_shared_dict seen 1m;
   underscores_in_headers on;
   proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Accept-Encoding "";
   init_by_lua_block {
      local function new(endpoint, store)
         return require("tuya.openresty").new {
            access_id = "ID", access_secret = "SECRET", endpoint = endpoint, store = store,
            login = {
               username = "owner@example.com", password = "a house in 2024", country_code = 49, schema = "tuyaSmart",
            },
         }
      end
      moved, staying = new("MOVING", "shm:moved"), new("STAYING", "shm:staying")
   }
   server { # the data centre to which the first cloud sends: that cloud, behind another port
      listen 127.0.0.1:THERE;
      location / {
         access_by_lua_block { ngx.shared.seen:incr("calls", 1, 0) }
         proxy_pass MOVING;
      }
   }
   server {
      listen 127.0.0.1:$PORT;
      location /moved/ {
         set $tuya_target "";
         access_by_lua_block { moved:sign("/moved") } body_filter_by_lua_block { moved:watch() }
         proxy_pass MOVING$tuya_target;
      }
      location /movedsure/ { content_by_lua_block { moved:serve("/movedsure") } }
      location /staying/ {
         set $tuya_target "";
         access_by_lua_block { staying:sign("/staying") } body_filter_by_lua_block { staying:watch() }
         proxy_pass STAYING$tuya_target;
      }
      location = /uid { content_by_lua_block { ngx.print((moved:client():uid())) } }
      location = /seen { content_by_lua_block { ngx.print(ngx.shared.seen:get("calls") or 0) } }
   }
]]

describe("a gateway that logs in #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local moving, staying, nginx
   local DEVICE = "/v1.0/devices/" .. support.SOCKET

   setup(function()
      local there = support.free_port()
      moving, staying = support.cloud("--platform-url", "http://127.0.0.1:" .. there), support.cloud()
      local words = {
         ID = support.ID, SECRET = support.SECRET, THERE = there, MOVING = moving.endpoint, STAYING = staying.endpoint,
      }
      nginx = support.nginx { workers = 2, http = (HTTP:gsub("%u%u+", words)) }
   end)

   teardown(function()
      if nginx then nginx.stop() end
      for _, cloud in ipairs { staying, moving } do cloud.stop() end
   end)

   local function get(path)
      local status, body = support.get(nginx.port, path)
      return status, json.decode(body), body
   end

   it("signs, serves and calls with the account's token, and goes where the account is", function()
      for _ = 1, 4 do
         local status, envelope = get("/staying" .. DEVICE)
         assert.same({ 200, true }, { status, envelope.success })
      end
      local status, envelope = get("/movedsure" .. DEVICE)
      assert.same({ 200, true }, { status, envelope.success })
      assert.equal("bay1563811262429Simu", select(3, get("/uid")))
      assert.equal("1", select(3, get("/seen"))) -- the call, and not the log-in
   end)

   it("refuses to sign for a proxy that goes elsewhere", function()
      local status, envelope = get("/moved" .. DEVICE)
      assert.equal(502, status)
      assert.matches("the account is at http://127.0.0.1:%d+", envelope.msg)
   end)
end)

-- Devices and homes in a real nginx: lists page, values are checked, commands confirmed, and no worker is held up.
local support = require("spec.nginx.support")

local HTTP = [[
   lua_socket_log_errors off;
   server {
      listen 127.0.0.1:$PORT;
      location /run {
         content_by_lua_block {
            ngx.req.read_body()
            local client = require("tuya").client {
               access_id = "ID", access_secret = "SECRET", endpoint = "CLOUD", transport = "resty",
            }
            local chunk = assert(loadstring("local client = ...\n" .. ngx.req.get_body_data()))
            local ok, answer = pcall(chunk, client)
            ngx.print(ok and "" or "raised: ", tostring(answer))
         }
      }
   }
]]

describe("in nginx #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local cloud, nginx

   setup(function()
      cloud = support.cloud("examples/house.json", "--fault", "GET /v1.0/devices/coffee/status: 2001")
      local words = { ID = support.ID, SECRET = support.SECRET, CLOUD = cloud.endpoint }
      nginx = support.nginx { workers = 1, http = (HTTP:gsub('"(%u+)"', function(name)
         return words[name] and '"' .. words[name] .. '"'
      end)) }
   end)

   teardown(function()
      if nginx then nginx.stop() end
      if cloud then cloud.stop() end
   end)

   local function run(text)
      return select(2, support.request(nginx.port, "POST", "/run", nil, text))
   end

   it("lists page, devices are found, many are read, values have their types, commands are confirmed", function()
      assert.equal("17 shelf 20 true 21.5", (run [[
         local count, pager = 1, client:devices { api = "v2.0", page_size = 5 }
         for _ in pager do count = count + 1 end
         local lamp = assert(client:find("Shelf lamp"))
         local before = assert(client:statuses { "radiator" }).radiator.temp_set
         local done = assert(client:device("radiator"):send({ temp_set = 21.5 }, { confirm = 5 }))
         local after = assert(client:device("radiator"):status()).temp_set
         return ("%d %s %g %s %g"):format(count, lamp.id, before, tostring(done), after)
      ]]))
      assert.matches("^raised: .*temp_set: a number from 5 to 35 ℃ expected", run [[
         client:device("radiator"):send { temp_set = 99 }
      ]])
      assert.equal("3 2", run [[
         local home = assert(client:homes())[1]
         return #assert(home:rooms()) .. " " .. #assert(home:scenes())
      ]])
   end)

   it("a command that waits for its confirmation lets others run", function()
      local kind, beats = run([[
         local beats, over = 0, false
         local beat = ngx.thread.spawn(function()
            while not over do
               ngx.sleep(0.05)
               beats = beats + 1
            end
         end)
         local _, _, detail = client:device("coffee"):send({ switch_1 = true }, { confirm = 1 })
         over = true
         ngx.thread.wait(beat)
         return detail.kind .. " " .. beats
      ]]):match("^(%S+) (%d+)$")
      assert.equal("unconfirmed", kind)
      assert.is_true(tonumber(beats) >= 3, beats)
   end)
end)

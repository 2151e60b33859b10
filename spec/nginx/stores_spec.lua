-- Stores inside nginx, shared by four workers that change one text at once.
local redis = require("spec.support.redis")
local socket = require("socket")
local support = require("spec.nginx.support")

local HTTP = [[
   lua_shared_dict tuya 1m;
   init_by_lua_block {
      WITHOUT
      function store(name) return require("tuya.store").new(name == "shm" and "shm:tuya" or "REDIS") end
   }
   server {
      listen 127.0.0.1:$PORT;
      location ~ ^/(shm|redis)/add$ { # adds 100 to the count, as often as it takes
         content_by_lua_block {
            local mine, busy = store(ngx.var[1]), 0
            local added = 0
            while added < 100 do
               local text = mine:load("count")
               ngx.sleep(0) -- others come between
               local done, trouble = mine:swap("count", text, tostring((tonumber(text) or 0) + 1))
               if done then added = added + 1
               elseif trouble == "busy" then busy = busy + 1
               elseif trouble then ngx.say("failed: ", trouble) return end
            end
            ngx.say("added")
         }
      }
      location ~ ^/(shm|redis)/count$ {
         content_by_lua_block {
            local mine = store(ngx.var[1])
            local count = mine:load("count") -- loads the library, where there is one
            local library = package.loaded["nginx.redis"] or package.loaded["resty.redis"]
            ngx.say(count, " ", tostring((mine:load("none"))), " ", tostring(mine:swap("count", "x", nil)),
               " ", type(library) == "table" and "library" or "own")
         }
      }
      location = /dead {
         content_by_lua_block {
            ngx.shared.tuya:add("lock k", true, 1) -- as a worker that was killed leaves it
            local mine, started = store("shm"), ngx.now()
            local first, why = mine:swap("k", nil, "x")
            local done
            repeat
               ngx.sleep(0.02)
               done = mine:swap("k", nil, "x")
            until done
            ngx.say(tostring(first), " ", why, " ", tostring(ngx.now() - started < 1.5))
         }
      }
   }
]]

local DEBIAN = io.popen("pwd"):read("*l") .. "/build/debian/usr/share/lua/5.1/"

local function has_library()
   return support.contents("/usr/share/lua/5.1/nginx/redis.lua") or support.contents(DEBIAN .. "nginx/redis.lua")
end

local WITHOUT = [[for _, name in ipairs { "nginx.redis", "resty.redis" } do
   package.preload[name] = function() error("left out") end
end]]

describe("the stores of nginx #once", function()
   local missing = support.missing() or redis.missing()
   if missing then
      pending(missing)
      return
   end

   local server

   setup(function() server = redis.start("secret") end)
   teardown(function() if server then server.stop() end end)

   local function start(without)
      local words = { WITHOUT = without, REDIS = server.url }
      return support.nginx { workers = 4, http = (HTTP:gsub("%u%u%u+", words)), path = DEBIAN .. "?.lua" }
   end

   -- Eight at once; what the count is then.
   local function count(nginx, kind)
      local peers = {}
      for i = 1, 8 do
         peers[i] = assert(socket.connect("127.0.0.1", nginx.port))
         peers[i]:settimeout(20)
         peers[i]:send(("GET /%s/add HTTP/1.0\r\n\r\n"):format(kind))
      end
      for i = 1, 8 do
         assert.matches("added\n$", (peers[i]:receive("*a")))
         peers[i]:close()
      end
      return (select(2, support.get(nginx.port, ("/%s/count"):format(kind))))
   end

   -- On a machine that stands still for a second a change is made whose answer comes too late to be counted.
   local function assert_enough(answer, how)
      assert.matches("^%d+ nil false " .. how .. "\n$", answer)
      assert.is_true(tonumber(answer:match("%d+")) >= 800, answer)
   end

   it("lose no change", function()
      local nginx = start(WITHOUT)
      finally(nginx.stop)
      assert.equal("800 nil false own\n", count(nginx, "shm"))
      assert_enough(count(nginx, "redis"), "own")
      assert.equal("nil busy true\n", select(2, support.get(nginx.port, "/dead")))
   end)

   it("go through lua-resty-redis where it is there", function()
      if not has_library() then
         pending("nginx.redis is not there (Debian: lua-nginx-redis)")
         return
      end
      server.restart()
      local nginx = start("")
      finally(nginx.stop)
      assert_enough(count(nginx, "redis"), "library")
   end)
end)

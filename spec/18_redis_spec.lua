-- The store in Redis, outside nginx: a real redis-server, over LuaSocket.
local child = require("spec.support.child")
local cloud = require("spec.support.cloud")
local redis = require("spec.support.redis")
local store = require("tuya.store")

describe("the store in Redis", function()
   local missing = redis.missing()
   if missing then
      pending(missing)
      return
   end

   local server

   setup(function() server = redis.start("a secret/word") end)
   teardown(function() if server then server.stop() end end)

   it("changes a text only where it is still the old one", function()
      local one, other = store.new(server.url), store.new(server.url)
      assert.is_nil(one:load("k"))
      assert.is_true(one:swap("k", nil, "first"))
      assert.equal("first", other:load("k"))
      assert.is_false(other:swap("k", nil, "second"))
      assert.is_false(other:swap("k", "else", "second"))
      assert.is_true(other:swap("k", "first", "with \r\n and \0 and ü"))
      assert.equal("with \r\n and \0 and ü", one:load("k"))
      assert.is_true(one:swap("k", "with \r\n and \0 and ü", ""))
      assert.equal("", other:load("k"))
      assert.is_false(one:swap("k", nil, "x"))
      assert.is_true(one:swap("k", "", nil))
      assert.is_nil(one:load("k"))
      assert.is_true(one:swap("k", nil, nil))
   end)

   it("says why it cannot be asked, and shows no password", function()
      local away = store.new("redis://:swordfish@127.0.0.1:" .. redis.free_port())
      local none, message = away:load("k")
      assert.is_nil(none)
      assert.matches("Redis cannot be reached", message)
      local wrong = store.new((server.url:gsub("%%2F", "-")))
      none, message = wrong:swap("k", nil, "x")
      assert.is_nil(none)
      assert.matches("Redis failed: ", message)
      assert.is_nil(message:find("secret", 1, true))
      for _, value in pairs(wrong) do assert.equal("function", type(value)) end
      assert.error_matches(function() store.new("redis:localhost") end, 'redis: "redis://', 1, true)
      assert.error_matches(function() store.new("shm:x") end, "inside nginx only", 1, true)
   end)

   it("goes on over a new connection where Redis was started anew", function()
      local kept = store.new(server.url)
      assert.is_true(kept:swap("again", nil, "x"))
      server.restart()
      assert.is_nil(kept:load("again")) -- this Redis keeps nothing
      assert.is_true(kept:swap("again", nil, "y"))
   end)

   it("is lost and found by a client, whose calls go on", function()
      local events = {}
      local made = cloud.new { store = server.url, log = function(event) events[#events + 1] = event end }
      local path = "/v1.0/devices/" .. cloud.SOCKET
      assert(made.client:get(path))
      server.pause()
      assert(made.client:get(path))
      assert(made.client:get(path))
      server.resume()
      made.transport:sleep(1.1)
      assert(made.client:get(path))
      local told = {}
      for _, event in ipairs(events) do
         if event.event == "store" then told[#told + 1] = event.state end
      end
      assert.same({ "lost", "found" }, told)
      assert.equal(1, #redis.keys(server, "token"))
   end)

   -- A process that has asked for a token and holds the lease, until it is told to go on.
   local HOLDER = [[
      local curl = require("tuya.transport.curl").new { endpoint = arg[1], proxy = "" }
      local transport = { now = curl.now, sleep = function(_, seconds) curl:sleep(seconds) end }
      function transport.send(_, sealed, limits)
         local reply, message, detail = curl:send(sealed, limits)
         if not sealed:target():find("token", 1, true) then return reply, message, detail end
         print((io.open("/proc/self/stat"):read("*l"):match("^%d+"))) io.stdout:flush()
         io.read("*l")
         return reply, message, detail
      end
      local client = require("tuya").client { endpoint = arg[1], transport = transport, store = arg[2] }
      print(tostring(client:get("/v1.0/devices/vdevo161563811262429") ~= nil))
   ]]
   local PROJECT = "TUYA_ACCESS_ID=shared TUYA_ACCESS_SECRET=secret"

   local function start_holder(endpoint)
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(HOLDER)
      file:close()
      local words = { os.getenv("LUA"), path, endpoint, server.url }
      local holder = child.start(child.command(words), PROJECT)
      os.remove(path)
      return holder
   end

   local function start_cloud()
      local words = { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet", "--one-token" }
      local its = child.start(child.command(words), PROJECT)
      return its, "http://127.0.0.1:" .. its.line
   end

   local function client_of(endpoint)
      return require("tuya").client {
         endpoint = endpoint, store = server.url, proxy = "", access_id = "shared", access_secret = "secret",
      }
   end

   local DEVICE = "/v1.0/devices/vdevo161563811262429"

   it("frees others of a holder that was killed, and drops its lease by itself #once", function()
      local its, endpoint = start_cloud()
      local holder = start_holder(endpoint)
      local life = redis.life(server, "lease")
      assert.is_true(life > 1000 and life <= 60000, life)
      os.execute("kill -9 " .. holder.line)
      assert(client_of(endpoint):get(DEVICE))
      holder:stop()
      its:stop()
   end)

   it("keeps the newer token where a holder was stopped, taken over and wakes up #once", function()
      local its, endpoint = start_cloud()
      local holder = start_holder(endpoint)
      os.execute("kill -STOP " .. holder.line)
      local other = client_of(endpoint)
      assert(other:get(DEVICE))
      local its_store, key = store.new(server.url), "token shared " .. endpoint
      local newer = assert(its_store:load(key))
      os.execute("kill -CONT " .. holder.line)
      holder.stdin:write("go on\n")
      holder.stdin:flush()
      assert.equal("true", holder.stdout:read("*l"))
      assert.equal(newer, its_store:load(key))
      assert(other:get(DEVICE))
      holder:stop()
      its:stop()
   end)

   it("is one token for clients in several processes", function()
      local program = ([[
         local store = require("tuya.store").new(%q)
         local won = 0
         for i = 1, 200 do
            local text = store:load("count")
            if store:swap("count", text, tostring((tonumber(text) or 0) + 1)) then won = won + 1 end
         end
         print(won)]]):format(server.url)
      local one = child.start(child.command { os.getenv("LUA"), "-e", program })
      local other = child.start(child.command { os.getenv("LUA"), "-e", program })
      local total = tonumber(one.line) + tonumber(other.line)
      one:stop()
      other:stop()
      assert.equal(tostring(total), store.new(server.url):load("count"))
   end)
end)

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

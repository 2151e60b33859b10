-- Loops that are not ours: luv, cqueues and LuaSocket's select, each with a client and something else in it.
local nginx = require("spec.support.nginx")
local socket = require("socket")
local scheduler = require("tuya.scheduler")
local tuya = require("tuya")

local server

local function connect()
   return tuya.client {
      access_id = "id", access_secret = "secret", endpoint = server.https, ca_file = server.ca_file, proxy = "",
   }
end

-- Starts calls; each starts a second one when it is done. How many are done, by a function.
local function start(client, n, after)
   local done, failures = 0, {}
   for _ = 1, n do
      client:start({ method = "GET", path = "/saw" }, function(result, message)
         failures[#failures + 1] = message
         assert(result.protocol == "HTTP/2.0")
         done = done + 1
         client:start({ method = "GET", path = "/saw" }, function(again, trouble)
            failures[#failures + 1] = trouble
            assert(again.protocol == "HTTP/2.0")
            done = done + 1
         end)
      end)
   end
   if after then after() end
   return function() return done end, failures
end

describe("a loop of", function()
   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   local has_luv, uv = pcall(require, "luv")
   if has_luv then
      it("luv carries a client beside a timer", function()
         local client = connect()
         local pump = require("examples.loops.luv")(client)
         local done, failures = start(client, 20, pump)
         local beats, timer = 0, uv.new_timer()
         timer:start(1, 1, function()
            beats = beats + 1
            if done() == 40 then timer:close() end
         end)
         uv.run()
         assert.same({}, failures)
         assert.equal(40, done())
         assert.is_true(beats > 0)
      end)

      it("luv carries a scheduler", function()
         local client = connect()
         local tasks = scheduler.new(client)
         local task = tasks:spawn(function()
            tasks:sleep(0.01)
            return assert(client:get("/saw")).protocol
         end)
         require("examples.loops.luv")(tasks)()
         uv.run()
         assert.same({ "done", "HTTP/2.0" }, { task:status() })
      end)
   else
      it("luv", function() pending("luv is not there for this Lua: Debian's lua-luv has it") end)
   end

   it("cqueues carries a client beside a coroutine of its own", function()
      local cqueues = require("cqueues")
      local client, loop = connect(), cqueues.new()
      local done, failures = start(client, 20)
      local beats = 0
      loop:wrap(require("examples.loops.cqueues"), client)
      loop:wrap(function()
         while done() < 40 do
            cqueues.sleep(0.001)
            beats = beats + 1
         end
      end)
      assert(loop:loop())
      assert.same({}, failures)
      assert.equal(40, done())
      assert.is_true(beats > 0)
   end)

   it("LuaSocket carries a client beside a socket", function()
      local step = require("examples.loops.luasocket")
      local client = connect()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local visitor = assert(socket.connect("127.0.0.1", port))
      local visits = 0
      local done, failures = start(client, 20)
      while step(client, { listener }, function(one)
         one:accept():close()
         visits = visits + 1
      end) > 0 do end -- luacheck: ignore 542
      visitor:close()
      listener:close()
      assert.same({}, failures)
      assert.equal(40, done())
      assert.equal(1, visits)
   end)
end)

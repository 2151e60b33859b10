-- Calls started and cancelled at random points, with a collection at every tick; clients and states closed with
-- calls in flight. TUYA_STORM calls (1000); tools/check runs a hundred thousand under sanitizers and valgrind.
local child = require("spec.support.child")
local curl = require("tuya.transport.curl")
local nginx = require("spec.support.nginx")
local random = require("spec.support.random")
local scheduler = require("tuya.scheduler")
local tuya = require("tuya")

local CALLS = tonumber(os.getenv("TUYA_STORM")) or 1000
local PATHS = { "/saw", "/saw", "/saw", "/silent", "/big", "/v1.0/token" }

describe("a storm of calls #slow", function()
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   local function connect(draw, transport)
      return tuya.client {
         access_id = "id", access_secret = "secret", endpoint = draw(2) == 1 and server.http or server.https,
         ca_file = not transport and server.ca_file or nil, proxy = not transport and "" or nil,
         max_reply = not transport and 1024 * 1024 or nil, retries = draw(2) - 1, timeout = 5, transport = transport,
      }
   end

   -- Starts calls, cancels some of those in flight, ticks; each is to be told of once.
   local function rage(draw, client, count)
      local handles, told, twice = {}, {}, 0
      for i = 1, count do
         local method = draw(4) == 1 and "POST" or "GET"
         handles[i] = client:start({ method = method, path = PATHS[draw(#PATHS)] }, function(_, _, info)
            assert(info)
            if told[i] then twice = twice + 1 end
            told[i] = true
            handles[i] = nil
            if draw(20) == 1 then error("of its own") end
         end)
         if draw(3) == 1 and handles[draw(i)] then
            local victim = draw(i)
            if handles[victim] then handles[victim]:cancel() end
         end
         if draw(4) == 1 then client:tick(draw(4) == 1 and 0.001 or 0) end
         if draw(8) == 1 then collectgarbage() end
      end
      return told, function() return twice end
   end

   local function all(told, count)
      for i = 1, count do
         if not told[i] then return false end
      end
      return true
   end

   it("tells each of " .. CALLS .. " once", function()
      local draw, left = random.new(20261126), CALLS
      while left > 0 do
         local n = math.min(left, 50)
         local client = connect(draw)
         local told, twice = rage(draw, client, n)
         if draw(3) > 1 then
            while client:tick(0.05) > 0 do collectgarbage("step") end
         end
         client:close() -- often with calls in flight
         assert.is_true(all(told, n))
         assert.equal(0, twice())
         left = left - n
      end
   end)

   it("leaves a transport that several clients share in order", function()
      local draw = random.new(7)
      local transport = curl.new { endpoint = server.http, proxy = "" }
      for _ = 1, 10 do
         local client = connect(draw, transport)
         local told, twice = rage(draw, client, 20)
         client:close()
         assert.is_true(all(told, 20))
         assert.equal(0, twice())
      end
      local reply = assert(transport:send(tuya.sign({ method = "GET", path = "/saw" },
         { access_id = "id", key = tuya.key("secret") })))
      assert.equal(200, reply.status)
      transport:close()
   end)

   it("may drop clients, schedulers and tasks with calls in flight", function()
      local draw = random.new(11)
      for _ = 1, math.min(100, CALLS / 20) do
         local client = connect(draw)
         local tasks = scheduler.new(client)
         for _ = 1, 5 do tasks:spawn(function() client:get("/saw") end) end
         for _ = 1, draw(4) do tasks:tick(0.001) end
         if draw(2) == 1 then collectgarbage() end
      end
      collectgarbage()
      collectgarbage()
   end)

   it("may end a state with calls in flight", function()
      local script = ([[
         local client = require("tuya").client { access_id = "id", access_secret = "secret", endpoint = %q, proxy = "" }
         local tasks = require("tuya.scheduler").new(client)
         for _ = 1, 8 do client:start({ method = "GET", path = "/saw" }, print) end
         tasks:spawn(function() client:get("/saw") end)
         for _ = 1, tonumber(arg[1]) do tasks:tick(0.001) end
         io.stderr:write("at its end\n")]]):format(server.http)
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(script)
      file:close()
      for ticks = 0, 4 do
         local pipe = io.popen(child.command { os.getenv("LUA"), path, ticks .. "" } .. " 2>&1 >/dev/null; echo $?")
         assert.equal("at its end\n0\n", (pipe:read("*a"):gsub("^==%d+==[^\n]*\n", "")))
         pipe:close()
      end
      os.remove(path)
   end)
end)

describe("a fork", function()
   local has_posix, unistd = pcall(require, "posix.unistd")
   if not has_posix then
      it("is refused", function() pending("luaposix is not there for this Lua: spec/c/pool.c forks instead") end)
      return
   end
   local wait = require("posix.sys.wait").wait
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   it("is refused in the child with a clear message, and leaves the parent's connection alone", function()
      local client = tuya.client { access_id = "id", access_secret = "secret", endpoint = server.http, proxy = "" }
      local before = assert(client:get("/saw"))
      local path = os.tmpname()
      local pid = unistd.fork()
      if pid == 0 then
         local file = io.open(path, "w")
         local _, blocking = pcall(client.get, client, "/saw")
         local _, started = pcall(client.start, client, { method = "GET", path = "/saw" }, function() end)
         local _, ticked = pcall(client.tick, client)
         file:write(tostring(blocking), "\n", tostring(started), "\n", tostring(ticked), "\n")
         file:close()
         client:close()
         unistd._exit(0)
      end
      wait(pid)
      local file = assert(io.open(path))
      local text = file:read("*a")
      file:close()
      os.remove(path)
      local rule = "attempt to use connections that were made before a fork: make the client in the child"
      local _, count = text:gsub(rule, "")
      assert.is_true(count >= 2, text)
      local after = assert(client:get("/saw"))
      assert.equal(before.connection, after.connection)
   end)
end)

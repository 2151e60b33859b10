-- A small storm, on every Lua; tools/check runs a hundred thousand calls by spec/storm.lua under AddressSanitizer and
-- valgrind. And a fork.
local child = require("spec.support.child")
local nginx = require("spec.support.nginx")
local process = require("spec.support.process")
local tuya = require("tuya")

describe("a storm of calls #slow", function()
   -- a program of its own: here every collection would go through all that busted holds, fifty times as much
   it("tells each of a thousand once, shares transports, and may drop clients and end states in the middle", function()
      local words = { "env", "-u", "TUYA_COUNTS", os.getenv("LUA"), "spec/storm.lua", "1000" }
      local pipe = io.popen(child.command(words) .. " 2>&1; echo $?")
      local text = pipe:read("*a")
      pipe:close()
      assert.matches("\nstorm: 4 passed, 0 failed, 0 skipped\n0\n$", text)
   end)
end)

describe("a fork", function()
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   it("is refused in the child with a clear message, and leaves the parent's connection alone", function()
      local client = tuya.client { access_id = "id", access_secret = "secret", endpoint = server.http, proxy = "" }
      local before = assert(client:get("/saw"))
      local path = os.tmpname()
      local pid = process.fork()
      if pid == 0 then
         local file = io.open(path, "w")
         local _, blocking = pcall(client.get, client, "/saw")
         local told
         client:start({ method = "GET", path = "/saw" }, function(_, message) told = message end)
         repeat pcall(client.tick, client) until told
         file:write(tostring(blocking), "\n", told, "\n")
         file:close()
         client:close()
         process.leave(0)
      end
      assert.equal(0, process.wait(pid))
      local file = assert(io.open(path))
      local text = file:read("*a")
      file:close()
      os.remove(path)
      local rule = "attempt to use connections that were made before a fork: make the client in the child"
      local _, count = text:gsub(rule, "")
      assert.equal(2, count, text)
      local after = assert(client:get("/saw"))
      assert.equal(before.connection, after.connection)
   end)
end)

-- Whoever logs in, over real sockets and in many processes: one log-in, one refresh at a time, and another data centre.
local child = require("spec.support.child")
local http = require("socket.http")
local json = require("tuya.json")
local processes = require("spec.support.processes")
local socket = require("socket")
local tuya = require("tuya")

local lines, wait_until = processes.lines, processes.wait_until

local UID, SOCKET = "bay1563811262429Simu", "vdevo161563811262429"
local ACCOUNT = {
   username = "owner@example.com", password = "a house in 2024", country_code = 49, schema = "tuyaSmart",
}
local BACK = "http://127.0.0.1/back"
local LOGIN, REFRESH = "authorized%-login$", "^/v1.0/token/"

-- A simulated cloud with a log, and what its processes share: in memory, where that may be, as a disk that stalls for a
-- second is a store that is lost for as long.
local function stage(...)
   local done = os.execute("test -w /dev/shm")
   local directory = child.directory((done == true or done == 0) and "/dev/shm" or nil)
   local run = child.start(child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet",
      "--log", directory .. "/log", "--callback-url", BACK, ... }, "TUYA_ACCESS_ID=shared TUYA_ACCESS_SECRET=secret")
   local self = { endpoint = "http://127.0.0.1:" .. run.line, store = "file:" .. directory .. "/store", workers = {} }

   -- How often something was called with success.
   function self.count(pattern)
      local n = 0
      for _, line in ipairs(lines(directory .. "/log")) do
         local entry = assert(json.decode(line))
         if entry.code == 0 and entry.path:find(pattern) then n = n + 1 end
      end
      return n
   end

   -- Starts a process that makes so many calls.
   function self.start(calls, login)
      local base = ("%s/%d"):format(directory, #self.workers + 1)
      local worker = { notes = base .. ".notes", errors = base .. ".errors", pid = base .. ".pid", calls = calls }
      self.workers[#self.workers + 1] = worker
      local command = child.command { os.getenv("LUA"), "spec/support/worker.lua", self.endpoint, self.store,
         worker.notes, ("%d"):format(calls), (json.encode(login)) }
      local shell = child.command { "sh", "-c", ("echo $$ > %s; exec %s"):format(worker.pid, command) }
      os.execute(("TUYA_ACCESS_ID=shared TUYA_ACCESS_SECRET=secret %s > /dev/null 2> %s &"):format(
         shell, worker.errors))
      return worker
   end

   -- Waits for all; what they noted of calls that failed.
   function self.finish()
      local failures = {}
      for _, worker in ipairs(self.workers) do
         if not worker.is_killed then wait_until(function() return #lines(worker.notes) >= worker.calls end) end
         for _, line in ipairs(lines(worker.notes)) do
            if line ~= "ok" then failures[#failures + 1] = line end
         end
         for _, line in ipairs(lines(worker.errors)) do failures[#failures + 1] = line end
      end
      return failures
   end

   function self.authorize()
      local _, status, headers = http.request {
         url = self.endpoint .. "/login?client_id=shared&state=x&redirect_uri=" .. BACK, redirect = false,
      }
      assert.equal(302, status)
      return headers.location:match("code=(%x+)")
   end

   function self.stop()
      run:stop()
      child.remove(directory)
   end
   return self
end

describe("who logs in #once", function()
   if not pcall(require, "tuya.httpd") then
      pending("needs the module tuya.httpd")
      return
   end

   it("at once in six processes that share a store logs in once", function()
      local cloud = stage()
      for _ = 1, 6 do cloud.start(3, ACCOUNT) end
      assert.same({}, cloud.finish())
      assert.equal(1, cloud.count(LOGIN))
      cloud.stop()
   end)

   it("by a code in four processes refreshes once a token, and no refresh token is used twice", function()
      local cloud = stage("--token-ttl", "1")
      local login = { account = "anna", code = cloud.authorize() }
      for _ = 1, 4 do cloud.start(100, login) end
      assert.same({}, cloud.finish()) -- there would be no way back
      assert.is_true(cloud.count(REFRESH) >= 1)
      cloud.stop()
   end)

   it("is taken over from a process that was killed in mid-refresh, 11 s later #slow", function()
      local cloud = stage("--token-ttl", "1", "--fault", "GET /v1.0/token/*: hang 1")
      local victim = cloud.start(1000, ACCOUNT)
      wait_until(function() -- until it waits for its refresh, that nobody answers
         local file = io.open(cloud.store:match("^file:(.*)"), "rb")
         local text = file and file:read("*a") or ""
         if file then file:close() end
         return text:find("lease [^\n]*%x+ 11")
      end)
      os.execute("kill -9 " .. lines(victim.pid)[1])
      victim.is_killed = true
      cloud.start(5, ACCOUNT)
      assert.same({}, cloud.finish())
      assert.equal(1, cloud.count(LOGIN))
      cloud.stop()
   end)

   it("may authorize in a program of thirty lines, and is not asked again", function()
      local cloud = stage()
      local folder = child.directory()
      local words = child.command { os.getenv("LUA"), "examples/authorize.lua", BACK, folder .. "/tokens" }
      local environment = child.command { "env", "TUYA_ACCESS_ID=shared", "TUYA_ACCESS_SECRET=secret",
         "TUYA_ENDPOINT=" .. cloud.endpoint, "http_proxy=" }
      -- the browser: it opens the page, and is sent back
      local browser = ("until grep -q /login %s/page 2>/dev/null; do sleep 0.05; done; "
         .. "curl -s -o /dev/null -w '%%{redirect_url}\\n' \"$(grep /login %s/page)\""):format(folder, folder)
      os.execute(("(%s) | %s %s > %s/page 2>&1"):format(browser, environment, words, folder))
      local shown = table.concat(lines(folder .. "/page"), "\n")
      assert.matches(SOCKET .. "\tonline\tSocket", shown, 1, true)
      local pipe = io.popen(("%s %s 2>&1 </dev/null"):format(environment, words))
      local again = pipe:read("*a")
      pipe:close()
      assert.matches("^" .. SOCKET .. "\tonline\tSocket\n", again)
      child.remove(folder)
      cloud.stop()
   end)

   it("goes over to the data centre that the answer names, over real connections", function()
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write([[
         local port, is_moved = tonumber(arg[1]), false
         local sim = assert(require("tuya.simulator").new {
            access_id = "shared", access_secret = "secret", platform_url = "http://127.0.0.1:" .. port,
            log = function(entry) is_moved = is_moved or entry.path:find("authorized") ~= nil end,
         })
         local first, second = assert(sim:listen(0)), assert(sim:listen(port))
         io.stdout:write(first.port, "\n")
         io.stdout:flush()
         repeat
            local what = second:tick(0.01, true)
            if first then first:tick(0.01) end
            if first and is_moved then -- the first one is gone, once it has answered
               first:tick(0.05)
               first:close()
               first = nil
            end
         until what == "closed"
      ]])
      file:close()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      listener:close()
      local run = child.start(child.command { os.getenv("LUA"), path, ("%d"):format(port) })
      local moved
      local client = tuya.client {
         access_id = "shared", access_secret = "secret", endpoint = "http://127.0.0.1:" .. run.line, proxy = "",
         login = ACCOUNT, log = function(event) if event.event == "moved" then moved = event.endpoint end end,
      }
      assert.equal(UID, client:uid())
      assert.equal(("http://127.0.0.1:%d"):format(port), moved)
      assert(client:get("/v1.0/devices/" .. SOCKET))
      local answered
      client:start({ method = "GET", path = "/v1.0/devices/" .. SOCKET }, function(result) answered = result end)
      while client:tick(1) > 0 do end -- luacheck: ignore 542
      assert.equal(SOCKET, answered.id)
      client:close()
      run:stop()
      os.remove(path)
   end)
end)

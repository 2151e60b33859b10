-- Many processes on one token: each renewal is made once, and whoever is killed, at any moment, harms nobody.
local child = require("spec.support.child")
local json = require("tuya.json")
local processes = require("spec.support.processes")
local socket = require("socket")

local lines, wait_until = processes.lines, processes.wait_until

local WORKERS, CALLS, KILLS = 8, 200, 20
local LIFE = 1 -- seconds that a token lives

-- Starts a worker in the background for the calls that it has not yet noted; its shell becomes it.
local function start(worker, endpoint, store)
   local left = CALLS - #lines(worker.notes)
   local command = child.command { os.getenv("LUA"), "spec/support/worker.lua", endpoint, store, worker.notes,
      ("%d"):format(left) }
   local shell = child.command { "sh", "-c", ("echo $$ > %s; exec %s"):format(worker.pid, command) }
   os.execute(("TUYA_ACCESS_ID=shared TUYA_ACCESS_SECRET=secret %s > /dev/null 2> %s &"):format(shell, worker.errors))
end

local function is_done(worker)
   return #lines(worker.notes) >= CALLS
end

-- What is noted of calls that failed.
local function failures(worker)
   local list = {}
   for _, line in ipairs(lines(worker.notes)) do
      if line ~= "ok" then list[#list + 1] = line end
   end
   return list
end

-- Kills a worker that has begun; false when it has ended by itself.
local function kill(worker)
   local pid = lines(worker.pid)[1]
   os.remove(worker.pid)
   local ended = os.execute(("kill -9 %s 2> /dev/null"):format(pid))
   return ended == true or ended == 0
end

-- The entries of the cloud's log whose path begins so.
local function entries(path, prefix)
   local found = {}
   for _, line in ipairs(lines(path)) do
      local entry = assert(json.decode(line))
      if entry.path:sub(1, #prefix) == prefix then found[#found + 1] = entry end
   end
   return found
end

-- What the budget in a store counts; its file is whole.
local function used_of(store)
   return tonumber(require("tuya.store").new(store):load("budget shared"):match("^%d+ %d+ %d+ (%d+)"))
end

-- In memory, where that may be: to a disk that stalls for a second the store is lost for as long, and with tokens that
-- live no longer each process then has one of its own.
local function store_directory()
   local done = os.execute("test -w /dev/shm")
   return child.directory((done == true or done == 0) and "/dev/shm" or nil)
end

describe("eight processes with one token that lives a second", function()
   it("lose no call, and make one renewal a token, while twenty are killed #once #slow", function()
      local directory = store_directory()
      local log = directory .. "/log"
      local cloud = child.start(child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet", "--one-token",
         "--token-ttl", ("%d"):format(LIFE), "--log", log }, "TUYA_ACCESS_ID=shared TUYA_ACCESS_SECRET=secret")
      local endpoint, store = "http://127.0.0.1:" .. cloud.line, "file:" .. directory .. "/store"
      local workers = {}
      for i = 1, WORKERS do
         local base = directory .. "/" .. i
         workers[i] = { notes = base .. ".notes", pid = base .. ".pid", errors = base .. ".errors" }
         start(workers[i], endpoint, store)
      end
      local killed = 0
      while killed < KILLS do
         socket.sleep(math.random() * 0.2)
         local worker = workers[math.random(WORKERS)]
         if lines(worker.pid)[1] and not is_done(worker) and kill(worker) then
            killed = killed + 1
            start(worker, endpoint, store)
         end
      end
      wait_until(function()
         for _, worker in ipairs(workers) do
            if not is_done(worker) then return false end
         end
         return true
      end)
      cloud:stop()
      for _, worker in ipairs(workers) do
         assert.same({}, lines(worker.errors))
         assert.same({}, failures(worker))
      end
      local calls, renewals = entries(log, "/v1.0/devices"), entries(log, "/v1.0/token")
      assert.is_true(#calls >= WORKERS * CALLS)
      local span = (calls[#calls].t - calls[1].t) / 1000
      print(("%d calls, %d renewals in %.1f s, %d killed"):format(#calls, #renewals, span, killed))
      -- no token is renewed before nine tenths of its life are over, but for one whose asker was killed
      assert.is_true(#renewals <= span / (0.9 * LIFE) + 1 + killed)
      assert.is_true(#renewals >= span / (LIFE + 1) - 1)
      -- one that was killed may have taken its place in the budget, and not have called
      local used = used_of(store)
      assert.is_true(used >= #calls + #renewals and used <= #calls + #renewals + killed)
      child.remove(directory)
   end)
end)

-- mqtt_sweep.lua: a program, for LuaJIT under fail_malloc.so: a session over and over, each time with another
-- allocation of the process that fails, once alone and once with all that follow: over plain TCP every one, over TLS,
-- where they are thousands, every eleventh. Each time nothing may stay behind, and the next session must work.
-- Ends with a line of counts, also in the file that TUYA_COUNTS names.
local ffi = require("ffi")
local broker = require("spec.support.mosquitto")
local core = require("tuya.core")
local mqtt = require("tuya.mqtt")

ffi.cdef [[void fail_at (long, int); long fail_off (void); long fail_live (void);]]

local PATIENCE = 2 -- s; what was lost with an allocation does not come
local STRIDE = 11

local server = broker.start()
local trust = assert(mqtt.trust(server.ca_file))
local passed, failed = 0, 0

-- Ticks until the condition holds, the session is over, or patience is.
local function until_so(session, condition)
   local stop = core.monotonic() + PATIENCE
   local state
   repeat
      state = session:tick()
      if state == "closed" or condition(state) then break end
      core.wait(session:fds(), 0.005)
   until core.monotonic() > stop
   return state
end

-- Connects, subscribes, publishes, takes: "ok", or where it ended.
local function work(is_secure)
   local session, why = mqtt.connect {
      host = "localhost", port = is_secure and server.port or server.plain, trust = is_secure and trust or nil,
      client_id = "sweep", username = broker.USER, password = broker.PASSWORD, connect_timeout = PATIENCE * 1000,
   }
   if not session then return why end
   local got
   until_so(session, function(state) return state == "open" end)
   session:subscribe("sweep")
   until_so(session, function() return session:subscriptions() == 1 end)
   session:publish("sweep", ("x"):rep(100))
   until_so(session, function()
      got = select(2, session:take())
      return got
   end)
   local trouble = session:why()
   session:close()
   return got and "ok" or trouble or "nothing came"
end

-- libcurl leaves a resolver's thread to itself, and what that holds with it.
local function is_alone()
   local file = assert(io.open("/proc/self/status"))
   local threads = file:read("*a"):match("Threads:%s*(%d+)")
   file:close()
   return threads == "1"
end

local function live()
   local stop = core.monotonic() + 20
   while not is_alone() and core.monotonic() < stop do core.wait({}, 0.001) end
   collectgarbage()
   collectgarbage()
   return tonumber(ffi.C.fail_live())
end

-- Lets that allocation fail: what came of it, how many blocks stay, and what the next session came to, which also
-- clears what OpenSSL keeps of its last errors.
local function try(is_secure, at, all)
   local before = live()
   ffi.C.fail_at(at, all)
   local fine, outcome = pcall(work, is_secure)
   ffi.C.fail_off()
   local again = work(is_secure)
   return fine and outcome, live() - before, again
end

local function check(is_secure, at, all)
   local outcome, left, again = try(is_secure, at, all)
   -- a library may keep a buffer now and then, and a thread of its own be late; what leaks, leaks each time
   for _ = 1, 4 do
      if left > 0 then left = math.min(left, (select(2, try(is_secure, at, all)))) end
   end
   if outcome and left <= 0 and again == "ok" then
      passed = passed + 1
      return
   end
   failed = failed + 1
   print(("FAILED: over %s, allocation %d%s: %s; %d blocks stay; then %s"):format(is_secure and "TLS" or "TCP", at,
      all == 1 and " and all that follow" or "", tostring(outcome), left, again))
end

local function sweep(is_secure, stride)
   for _ = 1, 3 do assert(work(is_secure) == "ok") end
   ffi.C.fail_at(2 ^ 30, 0)
   assert(work(is_secure) == "ok")
   local count = tonumber(ffi.C.fail_off())
   for at = 1, count, stride do
      for all = 0, 1 do check(is_secure, at, all) end
   end
   print(("over %s: %d allocations, every %d. failed"):format(is_secure and "TLS" or "TCP", count, stride))
end

sweep(false, 1)
sweep(true, STRIDE)
server.stop()
local line = ("sweep over MQTT: %d passed, %d failed, 0 skipped"):format(passed, failed)
print(line)
if os.getenv("TUYA_COUNTS") then
   local file = assert(io.open(os.getenv("TUYA_COUNTS"), "a"))
   file:write(line, "\n")
   file:close()
end
os.exit(failed == 0 and 0 or 1)

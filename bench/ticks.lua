-- ticks.lua: what ticking costs:  ticks.lua many|idle|longest|slow|broker|frames|day [ENDPOINT] [...]
--    many ENDPOINT COUNT IN_FLIGHT CONNECTIONS [CA]  wall ms of all, CPU us of one call, after a warm-up
--    idle ENDPOINT                                   us of a tick(0) with nothing in flight, and with 64 waiting
--    longest ENDPOINT COUNT CA [small]               ms of CPU: 99.9th percentile and greatest of all tick(0), how
--                                                    many, and a histogram; each call connects anew. small: with the
--                                                    steps of the collector that docs/ticks.md tells hosts to set
--    slow                                            ms of cancel, of the tick that ends a timeout, and of close,
--                                                    each with the resolver busy (under slow_dns.so)
--    broker                                          ms of the longest tick of an MQTT session whose name takes 2 s
--    frames ENDPOINT SECONDS                         60 Hz, 200 calls a second: frames, missed, greatest ms of a tick
--    day                                             CPU ms of a day of the rules of examples/rules
local core = require("tuya.core")
local tuya = require("tuya")

local way, endpoint = arg[1], arg[2]

local function client(options)
   options.access_id, options.access_secret = os.getenv("BENCH_ID"), os.getenv("BENCH_SECRET")
   options.endpoint, options.proxy = options.endpoint or endpoint, ""
   return tuya.client(options)
end

local POST = {
   method = "POST", path = "/slow" .. (os.getenv("BENCH_PATH") or ""), body = os.getenv("BENCH_BODY"), timeout = 60,
}

local GET = { method = "GET", path = "/now" }

-- Starts calls so that so many are always in flight; ticks until all are done.
local function carry(made, call, count, in_flight, wait, on_tick)
   local left, done = count, 0
   local function begin()
      left = left - 1
      assert(made:start(call, function(result, message)
         assert(result, message)
         done = done + 1
         if left > 0 then begin() end
      end))
   end
   for _ = 1, math.min(count, in_flight) do begin() end
   while done < count do
      if on_tick then on_tick()
      else
         local _, raised = made:tick(wait)
         if raised then error(raised[1], 0) end
      end
   end
end

local ways = {}

function ways.many()
   local count, in_flight, connections = tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
   local made = client { max_connections = connections, ca_file = arg[6] }
   carry(made, POST, in_flight * 2, in_flight, 1)
   local wall, cpu = core.monotonic(), os.clock()
   carry(made, POST, count, in_flight, 1)
   print(("%.1f %.2f"):format((core.monotonic() - wall) * 1e3, (os.clock() - cpu) * 1e6 / count))
end

local function us_of_ticks(made, n)
   local cpu = os.clock()
   for _ = 1, n do made:tick(0) end
   return (os.clock() - cpu) * 1e6 / n
end

function ways.idle()
   local made = client { max_connections = 64 }
   carry(made, POST, 64, 64, 1)
   local nothing = us_of_ticks(made, 200000)
   for _ = 1, 64 do made:start({ method = "GET", path = "/never", timeout = 60, retries = 0 }, function() end) end
   local settled = core.monotonic() + 0.3
   while core.monotonic() < settled do made:tick(0.05) end
   local waiting = us_of_ticks(made, 20000)
   assert(made:tick(0) == 64)
   print(("%.3f %.2f"):format(nothing, waiting))
end

-- "<0.1:12 <0.2:3": how many took less than so many ms.
local function histogram(list)
   local bounds, counts = { 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 5, 10, math.huge }, {}
   for _, ms in ipairs(list) do
      for i, bound in ipairs(bounds) do
         if ms < bound then
            counts[i] = (counts[i] or 0) + 1
            break
         end
      end
   end
   local words = {}
   for i, bound in ipairs(bounds) do words[#words + 1] = ("<%g:%d"):format(bound, counts[i] or 0) end
   return table.concat(words, " ")
end

function ways.longest()
   if arg[5] == "small" then collectgarbage("incremental", 200, 4, 9) end
   local made = client { max_connections = 64, ca_file = arg[4] }
   carry(made, GET, 1, 1, 1) -- the first connect reads the certificates
   local all = {}
   carry(made, GET, tonumber(arg[3]), 64, 0, function()
      local before = os.clock()
      local _, raised = made:tick(0)
      all[#all + 1] = (os.clock() - before) * 1e3
      if raised then error(raised[1], 0) end
      local rest = made:timeout()
      if rest and rest > 0 then core.wait(made:fds(), math.min(rest, 0.002)) end
   end)
   table.sort(all)
   print(("%.3f %.3f %d %s"):format(all[math.ceil(#all * 0.999)], all[#all], #all, histogram(all)))
end

local function ms_of(fn)
   local before = core.monotonic()
   fn()
   return (core.monotonic() - before) * 1e3
end

function ways.slow()
   local function nothing() end
   local function begin(timeout)
      local made = client { endpoint = "http://slow.invalid" }
      local call = { method = "GET", path = "/v1.0/token", timeout = timeout, retries = 0 }
      local handle = made:start(call, nothing)
      for _ = 1, 10 do made:tick(0.005) end
      return made, handle
   end
   local made, handle = begin(60)
   local cancel = ms_of(function()
      handle:cancel()
      made:tick(0)
   end)
   made = begin(0.2)
   local before, left = core.monotonic(), nil
   local ended
   repeat
      core.wait(made:fds(), made:timeout() or 1)
      ended = ms_of(function() left = made:tick(0) end)
   until left == 0
   assert(core.monotonic() - before < 1)
   made = begin(60)
   print(("%.3f %.3f %.3f"):format(cancel, ended, ms_of(function() made:close() end)))
   os.exit(0) -- the resolver's threads are left to themselves
end

function ways.broker()
   local session = require("tuya.mqtt").connect { host = "slow.invalid", client_id = "x", connect_timeout = 60000 }
   local longest, state = 0, nil
   repeat
      longest = math.max(longest, ms_of(function() state = session:tick() end))
      core.wait({}, 0.001)
   until state ~= "connecting"
   assert(session:why() == "dns")
   print(("%.3f"):format(longest))
end

function ways.frames()
   local frame, made, longest, missed, done = 1 / 60, client { max_connections = 64 }, 0, 0, 0
   carry(made, POST, 64, 64, 1)
   local frames, owed = tonumber(arg[3]) * 60, 0
   local next_frame = core.monotonic()
   for _ = 1, frames do
      local took = ms_of(function()
         owed = owed + 200 * frame
         while owed >= 1 do
            owed = owed - 1
            made:start(POST, function(result) done = done + (result and 1 or 0) end)
         end
         made:tick(0)
      end)
      longest = math.max(longest, took)
      if took > frame * 1e3 then missed = missed + 1 end
      next_frame = next_frame + frame
      core.wait({}, math.max(0, next_frame - core.monotonic() - 0.001))
      while core.monotonic() < next_frame do end -- luacheck: ignore 542
   end
   print(("%d %d %.2f %d"):format(frames, missed, longest, done))
end

function ways.day()
   local before = os.clock()
   local _, calls = require("spec.support.day").run(1)
   print(("%.0f %d"):format((os.clock() - before) * 1e3, calls))
end

ways[way]()

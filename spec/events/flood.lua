-- flood.lua: a program: lua spec/events/flood.lua [CHANGES [pulsar|mqtt]]. The simulated cloud pushes so many changes
-- at full speed, 5% of the messages twice, and loses the connection twenty times: over Pulsar it is cut or the cloud is
-- started again by turns, and 5% come behind later ones besides; over MQTT it is the broker that restarts. Each change
-- must be handled once, or be older than one that was; the last state must be right, and memory must not grow. Ends
-- with a line of counts, also in the file that TUYA_COUNTS names.
local pushing = require("spec.support.pushing")

local CHANGES, VIA = tonumber(arg[1] or 100000), arg[2] or "pulsar"
local CUTS = 20
local CODES = { "countdown_1", "cur_power", "cur_current", "cur_voltage" }
local SCALES = { countdown_1 = 1, cur_power = 10, cur_current = 1, cur_voltage = 10 } -- events are typed

local carriers = {}

function carriers.pulsar()
   local made = pushing.new()
   local function cut(number)
      if number % 2 == 0 then made:restart() else made.listener:cut() end
   end
   return { made = made, late = 0.05, cut = cut, stop = function() end }
end

function carriers.mqtt()
   local broker = require("spec.support.mosquitto")
   local server = broker.start()
   local made = pushing.new { ca_file = server.ca_file }
   made.sim:broker { url = "ssl://localhost:" .. server.port, username = broker.USER, password = broker.PASSWORD,
      ca_file = server.ca_file, life = 1e7 }
   return { made = made, late = 0, cut = function() server.restart() end, stop = server.stop }
end

local carrier = carriers[VIA]()
local made = carrier.made
local stream = made.client:events { via = VIA }
local handled, again, state, newest = 0, 0, {}, {}
local seen = {}
stream:on { function(event)
   for code, value in pairs(event.changes) do
      local key = code .. " " .. event.time
      if seen[key] then again = again + 1 end
      seen[key], state[code] = true, value
      handled = handled + 1
   end
end }
assert(made:until_so(function() return stream:status().state == "open" end), stream:status().message)
made.listener:tick(0.01)
local t = 1700000000000
made.sim._clock = function() -- each change has a moment of its own
   t = t + 1
   return t
end

local function memory()
   collectgarbage()
   collectgarbage()
   return collectgarbage("count")
end

local function settled()
   return made:until_so(function()
      made.client:tick(0, 1)
      for code, value in pairs(newest) do
         if state[code] ~= value then return false end
      end
      return true
   end)
end

made.sim:messages { duplicates = 0.05, late = carrier.late, em = "aes_gcm" }
local early, cuts = nil, 0
for i = 1, CHANGES do
   local code = CODES[i % #CODES + 1]
   made.sim:set(pushing.SOCKET, code, i % 5000)
   newest[code] = i % 5000 / SCALES[code]
   if i % 50 == 0 then
      made.listener:tick(0)
      made.client:tick(0, 1)
   end
   if i % math.floor(CHANGES / (CUTS + 1)) == 0 and cuts < CUTS then
      local before = stream:status().connects
      cuts = cuts + 1
      carrier.cut(cuts)
      assert(made:until_so(function() return stream:status().connects > before end), "it comes back")
   end
   if i % 1000 == 0 then
      for key in pairs(seen) do -- what is older than the sieve remembers; ours may not grow either
         if tonumber(key:match("%d+$")) < t - 20000 then seen[key] = nil end
      end
   end
   if i == math.floor(CHANGES / 5) then
      settled()
      seen = {}
      early = memory()
   end
end
made.sim:messages { duplicates = 0, late = 0 }
for i, code in ipairs(CODES) do -- those that were late go before these
   for k = 1, 4 do
      newest[code] = (i + k) / SCALES[code]
      made.sim:set(pushing.SOCKET, code, i + k)
   end
end

local passed, failed = 0, 0
local function check(condition, what)
   print((condition and "ok: " or "FAILED: ") .. what)
   if condition then passed = passed + 1 else failed = failed + 1 end
end

local is_settled = settled()
local status = stream:status()
seen = {}
local late = memory()
local sent = CHANGES + 4 * #CODES
check(is_settled, "the last state is right")
check(again == 0, again .. " changes handled twice")
check(handled + status.late >= sent and handled <= sent and (carrier.late > 0 or handled == sent),
   ("%d of %d changes handled, %d messages late, %d again"):format(handled, sent, status.late, status.duplicates))
check(cuts == CUTS and status.connects == CUTS + 1, ("%d cuts, %d connections"):format(cuts, status.connects))
check(status.refused == 0 and status.failed == 0 and status.odd == 0, "none refused, none failed")
check(late < early * 1.25, ("%.0f KiB after a fifth, %.0f at the end"):format(early, late))
made:close()
carrier.stop()
local line = ("flood over %s: %d passed, %d failed, 0 skipped"):format(VIA, passed, failed)
print(line)
if os.getenv("TUYA_COUNTS") then
   local file = assert(io.open(os.getenv("TUYA_COUNTS"), "a"))
   file:write(line, "\n")
   file:close()
end
os.exit(failed == 0 and 0 or 1)

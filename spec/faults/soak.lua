-- soak.lua: a program; very many calls, a twentieth of which meets a fault, over HTTP and HTTPS, many at once and
-- blocking: lua soak.lua [CALLS]. Every `sent` is compared with the cloud's own log, every call that meets no fault
-- must succeed, and memory and descriptors must stay what they are. tools/faults soak runs it.
local beside = require("spec.faults.beside")
local http = require("spec.faults.http")
local lfs = require("lfs")
local random = require("spec.support.random")
local tuya = require("tuya")

local CALLS = tonumber(arg[1] or 100000)
local SLOTS = 512             -- devices; a round calls each of them twice, once by GET and once by POST
local EACH = 2                -- slots of each fault
local BLOCKING = 24           -- calls of a round that block,
local AT_ONCE = 32            -- and that are in flight at the same time
local NOISE = 128 * 1024      -- bytes that malloc may move its end by, once, in the second half
local CONNECTIONS = 16        -- a client's;
local OF_CONNECTION = 3       -- descriptors of one: its socket, and the pair that wakes its CURLM,
local OF_POOL = 4             -- and of what all of them share
local SETTLING = 60           -- rounds of which the second half says something about memory
local METHODS = { "GET", "POST" }

-- Faults of the relay, and of the simulated cloud.
local OF_RELAY = {
   "reset at request", "reset mid-request", "reset before answer", "close before answer", "hang before answer",
   "cut mid-answer", "garbage bytes", "oversize", "wrong type",
}
local OF_CLOUD = { "late 502", "late reset", "redirect", "2001" }

local cloud = beside.start(SLOTS)
local draw = random.new(20261126)

-- {{{ Memory and descriptors

local function resident()
   local file = assert(io.open("/proc/self/statm"))
   local pages = tonumber(file:read("*l"):match("^%d+ (%d+)"))
   file:close()
   return pages * 4096
end

local function descriptors()
   local count = 0
   for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
   return count
end

-- Slope of a list of { x, y }, and its standard error.
local function slope(points)
   local n, sx, sy, sxx, sxy = #points, 0, 0, 0, 0
   for _, p in ipairs(points) do
      sx, sy, sxx, sxy = sx + p[1], sy + p[2], sxx + p[1] * p[1], sxy + p[1] * p[2]
   end
   local spread = sxx - sx * sx / n
   local rise = (sxy - sx * sy / n) / spread
   local rest = 0
   for _, p in ipairs(points) do
      local off = p[2] - sy / n - rise * (p[1] - sx / n)
      rest = rest + off * off
   end
   return rise, math.sqrt(rest / (n - 2) / spread)
end

-- }}}

-- {{{ The slots, and what befalls them

local is_faulty = {}
local hangs = {}

local function befall()
   local slot = 0
   for _, list in ipairs { OF_RELAY, OF_CLOUD } do
      for _, fault in ipairs(list) do
         for _ = 1, EACH do
            slot = slot + 1
            is_faulty[slot], hangs[slot] = fault, fault:find("hang") ~= nil
            if list == OF_RELAY then cloud:order("meet", "/devices/soak-" .. slot .. "/", fault)
            else cloud:order("rule", "* /v1.0/devices/soak-" .. slot .. "/*: " .. fault) end
         end
      end
   end
   return slot
end

local faulty = befall()
local before = descriptors()

local function new_client(scheme)
   return tuya.client {
      access_id = beside.ID, access_secret = beside.SECRET, endpoint = cloud[scheme], ca_file = cloud.ca_file,
      proxy = "", timeout = 20, connect_timeout = 20, retries = 1, max_connections = CONNECTIONS, max_queue = 2 * SLOTS,
      max_reply = http.MAX_REPLY,
   }
end

local clients = { new_client("http"), new_client("https") }

local function new_call(slot, method)
   local spec = beside.spec("soak-" .. slot, method)
   if hangs[slot] then spec.timeout = 0.3 end
   return { slot = slot, spec = spec }
end

-- Every slot by every method, in any order.
local function round()
   local calls = {}
   for slot = 1, SLOTS do
      for _, method in ipairs(METHODS) do
         table.insert(calls, draw(#calls + 1), new_call(slot, method))
      end
   end
   return calls
end

-- }}}

-- {{{ What they come to

local wrong = {}      -- what `sent` got wrong, and calls that failed without a fault
local outcomes = {}   -- how often: "kind code sent"

local function note(outcome)
   outcomes[outcome] = (outcomes[outcome] or 0) + 1
end

local function check(call, counts)
   local triple = assert(call.triple, "a call was not told of")
   local trouble = beside.wrong_sent(triple, counts[call.spec.method .. ":" .. call.spec.path] or 0)
   if triple[1] == nil and not is_faulty[call.slot] then trouble = trouble or "it failed without a fault" end
   if trouble then wrong[#wrong + 1] = trouble .. ": " .. tostring(triple[2]) end
   local detail = triple[3]
   note(triple[1] ~= nil and "ok" or ("%s %s %s"):format(detail.kind, tostring(detail.code), detail.sent))
end

local function run(client, calls)
   local at, in_flight = BLOCKING, 0
   repeat
      while at < #calls and in_flight < AT_ONCE do
         at = at + 1
         local call = calls[at]
         assert(client:start(call.spec, function(...) call.triple = { ... } end))
         in_flight = in_flight + 1
      end
      in_flight = client:tick(1)
   until in_flight == 0 and at == #calls
   for i = 1, BLOCKING do calls[i].triple = { client:request(calls[i].spec) } end
   local counts = cloud:seen()
   for _, call in ipairs(calls) do check(call, counts) end
end

-- }}}

local made, samples, open = 0, {}, {}
while made < CALLS do
   local calls = round()
   run(clients[1 + #samples % 2], calls)
   made = made + #calls
   collectgarbage()
   collectgarbage()
   samples[#samples + 1] = { made, resident() }
   open[#open + 1] = descriptors()
end

local passed, failed = 0, 0
local function judge(what, is_right)
   print((is_right and "ok: " or "FAILED: ") .. what)
   if is_right then passed = passed + 1 else failed = failed + 1 end
end

-- The first half fills caches and pools.
local settled = { table.unpack(samples, #samples // 2) }
local most = 0
for i = #open - #settled + 1, #open do most = math.max(most, open[i]) end
local rise, give = slope(settled)
local span = settled[#settled][1] - settled[1][1]

local names = {}
for outcome, count in pairs(outcomes) do names[#names + 1] = ("%s: %d"):format(outcome, count) end
table.sort(names)
print(("%d calls, %d of %d devices under a fault"):format(made, faulty, SLOTS))
print("  " .. table.concat(names, "\n  "))
for i = 1, math.min(10, #wrong) do print("  " .. wrong[i]) end
judge(("%d calls with a wrong `sent`, or that failed without a fault"):format(#wrong), #wrong == 0)
local memory = ("resident memory %.1f MiB, slope %.2f bytes a call, standard error %.2f"):format(resident() / 2 ^ 20,
   rise, give)
local skipped = #samples < SETTLING and 1 or 0
if skipped == 0 then judge(memory, rise * span <= NOISE or rise <= 3 * give)
else print(("skipped: %s: it settles after some 30,000 calls"):format(memory)) end
local bound = before + #clients * (CONNECTIONS * OF_CONNECTION + OF_POOL)
judge(("at most %d descriptors open after a round, of %d that may be"):format(most, bound), most <= bound)
for _, client in ipairs(clients) do client:close() end
local left = descriptors()
cloud:stop()
judge(("%d descriptors before the first call, %d once the clients are closed"):format(before, left), left <= before)
beside.finish("soak", passed, failed, skipped)

-- gateway.lua: what the gateway costs, for run.lua.
-- wrk goes through one nginx worker to a server with a fixed answer: by a plain proxy_pass, by sign() and by serve().
-- The rounds alternate, so that all see the same machine; what counts is the worker's own CPU, within a round: wrk and
-- the server cost more than a plain proxy_pass does, so that the requests on the wall are theirs as well. They never
-- sleep (awake.c): with a plain worker they have no time to, and a slower one would wake them for nearly every message.
local support = require("spec.nginx.support")

local SECONDS, ROUNDS = 2, 7

local ANSWER = [['{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abc"}']]
local TOKEN = [['{"result":{"access_token":"tok0123456789abcdef0123456789abc","expire_time":7200,"refresh_token":"r",]]
   .. [["uid":"u"},"success":true,"t":1700000000000}']]

local SERVER = [[
   server {
      listen 127.0.0.1:$PORT;
      location / { return 200 ANSWER; }
      location = /v1.0/token { return 200 TOKEN; }
   }
]]

local GATEWAY = [[
   lua_shared_dict tuya 1m;
   init_by_lua_block {
      gateway = require("tuya.openresty").new {
         access_id = "ak0123456789abcdef01", access_secret = "0123456789abcdef0123456789abcdef",
         endpoint = "http://CLOUD", store = "shm:tuya",
      }
   }
]]

local PLAIN = "location /plain/ { proxy_pass http://cloud/; }"

local WAYS = { "plain", "tuya", "suretuya" }
local NAMES = { plain = "plain `proxy_pass`", tuya = "`sign()` and `watch()`", suretuya = "`serve()`" }

local function shell(command)
   local pipe = assert(io.popen(command))
   local text = pipe:read("*a")
   pipe:close()
   return text
end

local TICK = 1 / tonumber(shell("getconf CLK_TCK"))

-- CPU seconds of a process.
local function cpu_of(pid)
   local stat = support.contents("/proc/" .. pid .. "/stat"):match("^.*%) (.*)$")
   local fields = {}
   for field in stat:gmatch("%S+") do fields[#fields + 1] = field end
   return (fields[12] + fields[13]) * TICK
end

local is_shared = tonumber(shell("nproc")) == 1 -- then nobody may be awake for nothing
local awake = not is_shared and shell("pwd"):match("%C+") .. "/build/bench/awake.so" or ""
local pin = is_shared and "" or ("LD_PRELOAD=%s taskset -c 1 "):format(awake)

-- Requests a second, and the worker's CPU for each in us.
local function round(port, worker, way, duration)
   local before = cpu_of(worker)
   local out = shell(("%swrk -t1 -c32 -d%ds http://127.0.0.1:%d/%s/v1.0/devices/vdevo161563811262429 2>&1"):format(
      pin, duration, port, way))
   local total = tonumber(out:match("(%d+) requests in"))
   assert(total and not out:find("Non-2xx", 1, true), out)
   return tonumber(out:match("Requests/sec:%s+([%d.]+)")), (cpu_of(worker) - before) / total * 1e6
end

local function median(list)
   table.sort(list)
   return list[math.floor((#list + 1) / 2)]
end

local function start()
   local affinity = is_shared and "" or "worker_cpu_affinity %s;"
   local server = support.nginx {
      preload = awake,
      main = affinity:format("10"), http = (SERVER:gsub("%u%u%u+", { ANSWER = ANSWER, TOKEN = TOKEN })),
   }
   local host = "127.0.0.1:" .. server.port
   local gateway = support.nginx {
      main = affinity:format("01"),
      http = support.gateways(host, (GATEWAY:gsub("CLOUD", host)), { tuya = "gateway" }, PLAIN),
   }
   return gateway, server
end

local function rounds(gateway)
   local worker, rates, costs = gateway.workers()[1], {}, {}
   for i = 0, ROUNDS do -- the first one warms
      for _, way in ipairs(WAYS) do
         rates[way], costs[way] = rates[way] or {}, costs[way] or {}
         local rate, cost = round(gateway.port, worker, way, i == 0 and 1 or SECONDS)
         if i > 0 then rates[way][i], costs[way][i] = rate, cost end
      end
   end
   return rates, costs
end

-- The median over the rounds of what is made of a way's cost and the plain one in the same round.
local function within(costs, way, make)
   local list = {}
   for i, cost in ipairs(costs[way]) do list[i] = make(cost, costs.plain[i]) end
   return median(list)
end

--- Rows of { name =, rate = requests/s, cost = us of the worker, share = of the requests that a plain worker at full
-- CPU does, added = us to plain }, medians; or nil and why there are none.
return function()
   local missing = support.missing()
   if missing then return nil, missing end
   local gateway, server = start()
   local ok, rates, costs = pcall(rounds, gateway)
   gateway.stop()
   server.stop()
   if not ok then error(rates, 0) end
   local rows = {}
   for i, way in ipairs(WAYS) do
      rows[i] = {
         name = NAMES[way],
         share = within(costs, way, function(cost, plain) return plain / cost end),
         added = within(costs, way, function(cost, plain) return cost - plain end),
      }
   end
   for i, way in ipairs(WAYS) do -- last, since it sorts
      rows[i].rate, rows[i].cost = median(rates[way]), median(costs[way])
   end
   return rows
end

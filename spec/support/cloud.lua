-- cloud.lua: a client on the simulated cloud, in this process and on a clock that stands still.
local fake = require("tuya.transport.fake")
local grant = require("tuya.grant")
local kept = require("tuya.kept")
local memory = require("tuya.store.memory")
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local cloud = {
   ID = "ak0123456789abcdef01",
   SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01",
   SOCKET = "vdevo161563811262429",
   ENDPOINT = "https://cloud.test",
}

--- Makes a client, its simulated cloud and its transport.
-- changes: options of the client besides; intercept: function(request, answer) that may answer itself; home: as of
-- the simulated cloud
function cloud.new(changes, intercept, home)
   local made = { store = memory.new() }
   made.transport = fake.new(function(request)
      local function answer()
         return made.simulator:handle(request)
      end
      if intercept then return intercept(request, answer) end
      return answer()
   end)
   made.simulator = simulator.new {
      access_id = cloud.ID, access_secret = cloud.SECRET, clock = made.transport:clock(), seed = 1, home = home,
   }
   local options = {
      access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT,
      transport = made.transport, clock = made.transport:clock(), store = made.store,
   }
   for name, value in pairs(changes or {}) do options[name] = value end
   made.client = tuya.client(options)
   return made
end

--- The paths that were sent, without their queries, and how often: "GET /x" in order.
function cloud.sent(made)
   local list = {}
   for i, request in ipairs(made.transport.requests) do
      list[i] = request.method .. " " .. request.target:match("^[^?]*")
   end
   return list
end

--- How many of these fit a pattern.
function cloud.count(made, pattern)
   local n = 0
   for _, line in ipairs(cloud.sent(made)) do
      if line:find(pattern) then n = n + 1 end
   end
   return n
end

--- What flows work with, as a client of `made` has it, for specs that step ops themselves.
function cloud.context(made)
   local function nothing() end
   return {
      access_id = cloud.ID,
      key = tuya.key(cloud.SECRET),
      transport = made.transport,
      store = made.store,
      kept = kept.new(),
      endpoint = cloud.ENDPOINT,
      grant = grant.project,
      token_key = "token " .. cloud.ID .. " " .. cloud.ENDPOINT,
      lease_key = "lease " .. cloud.ID .. " " .. cloud.ENDPOINT,
      offset = 0,
      monotonic = function() return made.transport:now() end,
      codec = tuya.json,
      clock = made.transport:clock(),
      flush = nothing,
      retries = 0,
      connect_timeout = 5,
   }
end

local effects = {}

function effects.send(context, sealed) return context.transport:send(sealed) end

function effects.sleep(context, seconds)
   context.transport:sleep(seconds)
   return true
end

function effects.load(context, key) return context.store:load(key) end

function effects.swap(context, key, old, new) return context.store:swap(key, old, new) end

--- Steps ops in turn, one effect each, until all are done; those that they wait for join the round.
function cloud.drive_side_by_side(context, ops)
   local round, wanted = {}, {}
   local function add(op)
      if wanted[op] then return end
      round[#round + 1] = op
      wanted[op] = { op:step() }
   end
   for _, op in ipairs(ops) do add(op) end
   local busy = true
   while busy do
      busy = false
      for _, op in ipairs(round) do
         local effect = wanted[op]
         if not op.done then busy = true end
         if not op.done and effect[1] == "wait" then
            add(effect[2])
            if effect[2].done then wanted[op] = { op:step(effect[2]:returned()) } end
         elseif not op.done then
            wanted[op] = { op:step(effects[effect[1]](context, effect[2], effect[3], effect[4])) }
         end
      end
   end
end

return cloud

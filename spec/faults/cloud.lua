-- cloud.lua: a program; the simulated cloud behind a relay, told what to do over a port of its own:
-- lua cloud.lua FILE [DEVICES], FILE where the certificates to trust are written. It prints its ports: HTTP, HTTPS,
-- control. It ends when its stdin does. A device's id names the fault that meets its calls, so that many can go
-- side by side.
local cqueues = require("cqueues")
local cqueues_socket = require("cqueues.socket")
local http = require("spec.faults.http")
local relay = require("spec.faults.relay")
local simulator = require("tuya.simulator")

local seen = {} -- the cloud's own log, as "METHOD path" = how often since it was last asked for

local function on_log(entry)
   local call = entry.method .. ":" .. entry.path:gsub("^(/v1.0/token/).*", "%1*")
   seen[call] = (seen[call] or 0) + 1
end

local sim = assert(simulator.new {
   access_id = os.getenv("TUYA_ACCESS_ID"),
   access_secret = os.getenv("TUYA_ACCESS_SECRET"),
   home = http.home(tonumber(arg[2]) or 0),
   log = on_log,
})

local listener = assert(sim:listen(0))
local controller = cqueues.new()
local between = relay.new(controller, listener.port)

-- {{{ Orders

local orders = {}

function orders.befall(fault) between:befall(fault ~= "" and fault or nil) end

function orders.meet(rest) between:meet(rest:match("^(%S+) (.*)$")) end

function orders.cut() between:cut() end

local ends = {} -- of the rules that are in force

function orders.rule(rule) ends[#ends + 1] = assert(sim:fault(rule)) end

function orders.unrule()
   for _, finish in ipairs(ends) do finish() end
   ends = {}
end

-- What was seen since the last time: "METHOD:path=N ..."
function orders.seen()
   local list = {}
   for call, count in pairs(seen) do list[#list + 1] = call .. "=" .. count end
   seen = {}
   return table.concat(list, " ")
end

local function obey(line)
   local order, rest = line:match("^(%S+) ?(.*)$")
   local ok, answer = pcall(orders[order] or error, rest)
   return ok and "ok " .. (answer or "") or "failed " .. tostring(answer)
end

local function serve_orders(connection)
   connection:setmode("bl", "bl")
   for line in connection:lines() do connection:write(obey(line), "\n") end
   connection:close()
end

local control = cqueues_socket.listen { host = "127.0.0.1", port = 0, nodelay = true }
assert(control:listen())
controller:wrap(function()
   while true do controller:wrap(serve_orders, (control:accept())) end
end)

-- }}}

local file = assert(io.open(arg[1], "w"))
file:write(between.ca)
file:close()
print(("%d %d %d"):format(between.plain, between.secure, select(3, control:localname())))
io.stdout:flush()

-- The relay and the listener take turns; nobody waits while the other has work.
repeat
   local before = between.moved
   assert(controller:step(0))
   local what = listener:tick(between.moved == before and 0.0005 or 0, true)
until what == "closed"
os.exit(0)

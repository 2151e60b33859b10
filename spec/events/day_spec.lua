-- A day of the rules that events drive, on a clock that stands still between them; the cloud pushes on that clock too.
local fake = require("tuya.transport.fake")
local json = require("tuya.json")
local random = require("spec.support.random")
local scheduler = require("tuya.scheduler")
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local ID, SECRET = "ak0123456789abcdef01", "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"
local MIDNIGHT = 1700006400000 -- 2023-11-15 0:00 UTC
local HOME = { devices = {
   { id = "sensor", name = "Hall", product = "motion_sensor" },
   { id = "lamp", name = "Hall lamp", product = "white_lamp" },
   { id = "door", name = "Front door", product = "door_sensor" },
   { id = "washer", name = "Washing machine", product = "socket" },
} }

-- What happens by itself, as tasks.
local function live(world, tasks, draw)
   tasks:spawn(function()
      while true do
         tasks:sleep(600 + draw(5400))
         world:set("sensor", "pir", "pir")
         tasks:sleep(60)
         world:set("sensor", "pir", "none")
      end
   end)
   tasks:every(4 * 3600, function() -- open for a minute, then left open for half an hour
      for _, seconds in ipairs { 60, 1800 } do
         world:set("door", "doorcontact_state", true)
         tasks:sleep(seconds)
         world:set("door", "doorcontact_state", false)
         tasks:sleep(600)
      end
   end)
   tasks:every(8 * 3600, function()
      for _, watts in ipairs { 400, 20, 2000, 30, 0 } do
         world:set("washer", "cur_power", watts * 10)
         tasks:sleep(120)
      end
   end)
end

-- Lives a day: what was done and told, each with its second; the calls that were made; and how the mirror stands.
local function day(messages)
   local draw, digits = random.new(7), random.new(8)
   local world, transport
   local log, calls = {}, {}
   local function note(text) log[#log + 1] = ("%.3f %s"):format((transport.ms - MIDNIGHT) / 1000, text) end
   transport = fake.new(function(request)
      local path = request.target:match("^[^?]+")
      if not path:find("^/v1.0/token") then calls[#calls + 1] = request.method .. " " .. path end
      local reply, failed, sent = world:handle(request)
      local commands = request.method == "POST" and json.decode(request.body).commands
      if commands then note(path .. " " .. tostring(commands[1].value)) end
      if reply then reply.delay = draw(100) / 1000 end
      return reply, failed, sent
   end, MIDNIGHT, function(request) return world:connect(request) end)
   world = assert(simulator.new {
      access_id = ID, access_secret = SECRET, clock = transport:clock(), seed = 1, home = HOME,
   })
   world:messages(messages)
   local client = tuya.client {
      access_id = ID, access_secret = SECRET, endpoint = "https://cloud.test", transport = transport,
      clock = transport:clock(), nonce = function() return ("%08x"):format(digits(2 ^ 32 - 1)):rep(4) end,
   }
   local tasks, home = scheduler.new(client), nil
   tasks:spawn(function()
      home = assert(client:home())
      require("examples.rules.light_on_motion")(tasks, client, home, { sensor = "sensor", lamp = "lamp" }, 300)
      require("examples.rules.door_left_open")(tasks, home, "door", note, 600)
      require("examples.rules.washing_done")(tasks, home, "washer", note, 300)
      world:set("lamp", "switch_led", false)
      live(world, tasks, draw)
   end)
   assert(tasks:run(86400))
   local state = {}
   for id, values in home:devices() do state[id] = values end
   return { log = log, calls = calls, status = home:status(), state = state, world = world, client = client }
end

local function count(list, pattern)
   local n = 0
   for _, entry in ipairs(list) do n = n + (entry:find(pattern) and 1 or 0) end
   return n
end

describe("a day of rules by events, on a clock that stands still", function()
   it("makes no call for a state after the first reading, and is always the same", function()
      local one, other = day { em = "aes_gcm" }, day { em = "aes_gcm" }
      assert.same(one.log, other.log)
      assert.equal(1, one.status.readings)
      local commands = count(one.calls, "^POST /v1.0/devices/lamp/commands$")
      assert.is_true(commands >= 20, commands)
      assert.equal(5, count(one.log, "the door stands open"))
      assert.equal(2, count(one.log, "the washing is done"))
      local first = 0 -- calls before the first command: the reading, and the specifications of four products
      while not one.calls[first + 1]:find("commands") do first = first + 1 end
      assert.is_true(first <= 6, first)
      assert.equal(#one.calls - first, commands)
      one.client:close()
      other.client:close()
   end)

   it("ends in the right state behind duplicates, late messages and cut connections, the same each time", function()
      local messages = { duplicates = 0.1, late = 0.1, cuts = 0.1, family = "both" }
      local one, other = day(messages), day(messages)
      assert.same(one.log, other.log)
      local status = one.status
      assert.is_true(status.fresh)
      assert.is_true(status.gaps >= 10 and status.readings > status.gaps, status.gaps .. " " .. status.readings)
      assert.is_true(status.duplicates > 5 and status.late > 5)
      for id, code in pairs { sensor = "pir", lamp = "switch_led", door = "doorcontact_state" } do
         assert.equal(one.world:device(id).values[code], one.state[id][code])
      end
      one.client:close()
      other.client:close()
   end)

   it("does not see what was lost, and has it again behind the next gap", function()
      local lost = day { drops = 1 }
      assert.same({ 0, 1 }, { lost.status.handled, lost.status.readings })
      assert.equal(0, count(lost.log, "the door stands open"))
      lost.client:close()
      local found = day { drops = 0.5, cuts = 0.5 }
      assert.is_true(found.status.gaps > 5)
      found.client:close()
   end)

   it("opens no stream where the cloud refuses it, and tries again on its own clock", function()
      local transport = fake.new(function() return nil, "connect", "no" end, MIDNIGHT, function() return nil, 401 end)
      local client = tuya.client { access_id = ID, access_secret = SECRET, endpoint = "https://cloud.test",
         transport = transport }
      local stream = client:events { via = "pulsar" }
      local stop = transport:now() + 300
      while transport:now() < stop do client:tick(stop - transport:now()) end
      local status = stream:status()
      assert.same({ "waiting", "http", 401 }, { status.state, status.error, status.code })
      assert.is_true(#transport.requests >= 8 and #transport.requests <= 14, #transport.requests)
      client:close()
   end)
end)

-- day.lua: a day of the rules of examples/rules, in the simulated home and on a clock that stands still between
-- events. Somebody walks past a motion sensor, a room cools and is heated, the cloud fails now and then.
local fake = require("tuya.transport.fake")
local json = require("tuya.json")
local random = require("spec.support.random")
local scheduler = require("tuya.scheduler")
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local day = {}

local MIDNIGHT = 1700006400000 -- 2023-11-15 0:00 UTC

day.IDS = {
   heater = "vdevo161563811262429", lamp = "vdevo161563811262430", room = "vdevo161563811262431",
   garden = "vdevo161563811262433", motion = "vdevo161563811262439",
}

-- The home of the examples, with a motion sensor in it besides.
local function home()
   local file = assert(io.open("examples/home.json", "rb"))
   local described = assert(json.decode(file:read("*a")))
   file:close()
   table.insert(described.devices, {
      id = day.IDS.motion, name = "Hall", category = "pir", product_id = "simmotionpir0001",
      data_points = {
         { dp_id = 1, code = "pir", type = "Enum", value = "none", values = { range = { "pir", "none" } } },
      },
   })
   return described
end

-- What happens by itself: motion for a minute now and then, and a room that the heater warms.
local function live(world, tasks, draw)
   tasks:spawn(function()
      while true do
         tasks:sleep(600 + draw(5400))
         world:set(day.IDS.motion, "pir", "pir")
         tasks:sleep(60)
         world:set(day.IDS.motion, "pir", "none")
      end
   end)
   local degrees = 208
   tasks:every(300, function()
      degrees = degrees + (world:device(day.IDS.heater).values.switch and 2 or -1)
      world:set(day.IDS.room, "temp_current", degrees)
   end)
end

-- A body of commands in words: JSON's order of names is another in every process.
local function words(body)
   local list = {}
   for i, command in ipairs(json.decode(body).commands) do
      list[i] = command.code .. "=" .. tostring(command.value)
   end
   return table.concat(list, " ")
end

--- Lives a day. The commands that reached the cloud, each as "second of the day, device, code=value"; how many
-- calls were made; and the temperatures that the room had, least and greatest, in tenths of a degree.
-- seed: of what happens; seconds: how long the day is
function day.run(seed, seconds)
   local draw, made, log = random.new(seed), {}, {}
   made.transport = fake.new(function(request)
      if draw(500) == 1 then return nil, "reset", "maybe" end
      local reply = made.world:handle(request)
      reply.delay = draw(200) / 1000
      local id = request.method == "POST" and request.target:match("/devices/(%w+)/commands")
      local second = (made.transport.ms - MIDNIGHT) / 1000
      if id then log[#log + 1] = ("%.3f %s %s"):format(second, id, words(request.body)) end
      return reply
   end, MIDNIGHT)
   local clock = made.transport:clock()
   made.world = assert(simulator.new {
      access_id = "ak0123456789abcdef01", access_secret = "s3cr3t", clock = clock, seed = 1, home = home(),
   })
   local digits = random.new(seed + 1)
   local client = tuya.client {
      nonce = function() return ("%08x"):format(digits(2 ^ 32 - 1)):rep(4) end,
      access_id = "ak0123456789abcdef01", access_secret = "s3cr3t", endpoint = "https://cloud.test",
      transport = made.transport, clock = clock,
   }
   local tasks = scheduler.new(client)
   live(made.world, tasks, draw)
   local ids = day.IDS
   require("examples.rules.motion_light")(tasks, client, { sensor = ids.motion, lamp = ids.lamp })
   require("examples.rules.thermostat")(tasks, client, { sensor = ids.room, heater = ids.heater }, 21)
   require("examples.rules.vacation")(tasks, client, { { ids.garden, "switch" } }, clock, draw)
   local least, greatest = math.huge, -math.huge
   tasks:every(60, function()
      local now = made.world:device(ids.room).values.temp_current
      least, greatest = math.min(least, now), math.max(greatest, now)
   end)
   assert(tasks:run(seconds or 86400))
   return log, #made.transport.requests, least, greatest
end

return day

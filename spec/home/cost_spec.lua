-- What a rule costs: calls counted by the simulated cloud.
local cloud = require("spec.support.cloud")

local PRODUCTS = { "socket", "white_lamp", "thermostat", "door_sensor", "wall_switch" }

-- Fifty devices of five products; of the lamps and sockets, ten are on.
local function fifty()
   local devices = {}
   for i = 1, 50 do
      devices[i] = { id = ("d%02d"):format(i), name = "Device " .. i, product = PRODUCTS[(i - 1) % 5 + 1] }
   end
   return { devices = devices, home_id = "1001" }
end

local function new()
   local made = cloud.new(nil, nil, fifty())
   for i = 1, 50 do
      local id = ("d%02d"):format(i)
      if PRODUCTS[(i - 1) % 5 + 1] == "white_lamp" then made.simulator:set(id, "switch_led", true) end
   end
   return made
end

local function lamps_off(made)
   for i = 1, 50 do
      local values = made.simulator:device(("d%02d"):format(i)).values
      if values.switch_led then return false end
   end
   return true
end

-- The rule as people write it: a call for each device that is read, a call for each that is switched.
local function one_call_per_device(client)
   for i = 1, 50 do
      local path = ("/v1.0/devices/d%02d"):format(i)
      for _, point in ipairs(assert(client:get(path .. "/status"))) do
         if point.code == "switch_led" and point.value then
            assert(client:post(path .. "/commands", { commands = { { code = "switch_led", value = false } } }))
         end
      end
   end
end

-- The scene that switches all lamps off, made when the program starts.
local function prepare(client)
   local actions = {}
   for device in client:devices({ category = "dj" }) do
      actions[#actions + 1] = { device = device, values = { switch_led = false } }
   end
   return assert(client:space("1001"):create_scene("Lamps off", actions))
end

local function morning(client, scene)
   local any = false
   for _, values in pairs(assert(client:statuses())) do any = any or values.switch_led == true end
   if any then assert(scene:run()) end
end

describe("a morning rule that reads 50 devices and switches 10", function()
   it("uses at most a fifth of the calls of one call per device", function()
      local plain = new()
      one_call_per_device(plain.client)
      assert.is_true(lamps_off(plain))
      local many = #plain.simulator:log()
      assert.equal(61, many)

      local made = new()
      local scene = prepare(made.client)
      morning(made.client, scene)
      assert.is_true(lamps_off(made))
      local few = #made.simulator:log()
      assert.is_true(few * 5 <= many, few .. " calls against " .. many)

      -- the next morning: all is known
      for i = 2, 50, 5 do made.simulator:set(("d%02d"):format(i), "switch_led", true) end
      morning(made.client, scene)
      assert.is_true(lamps_off(made))
      assert.equal(2, #made.simulator:log() - few)
   end)
end)

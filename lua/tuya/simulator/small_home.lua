--- small_home.lua: the home that a simulated cloud has when it is given none.
-- The idea: one device of each kind that a first program meets, made of the data points of the products; the same home
-- as examples/home.json, for where that file is not at hand. A spec compares the two.
-- The danger: specs and examples name these ids and codes, so changing one changes what they show.
-- @module tuya.simulator.small_home

local products = require("tuya.simulator.products")

--- Data points of a product: those of these codes, each with the changes that are named.
local function of(product, codes, changes)
   local wanted, points = {}, {}
   for _, code in ipairs(codes) do
      wanted[code] = true
   end
   for _, point in ipairs(products.find(product).data_points) do
      if wanted[point.code] then
         local copy = {}
         for name, value in pairs(point) do
            copy[name] = value
         end
         for name, value in pairs(changes and changes[point.code] or {}) do
            copy[name] = value
         end
         points[#points + 1] = copy
      end
   end
   return points
end

local A_SWITCH = { switch_1 = { code = "switch" } }

local function socket(id, name, codes)
   return {
      id = "vdevo1615638112624" .. id, name = name, category = "cz", product_id = "simsocketcz00001",
      product_name = "Smart socket", data_points = of("socket", codes, A_SWITCH),
   }
end

local lamp = {
   id = "vdevo161563811262430", name = "Lamp", category = "dj", product_id = "simlampdj0000001",
   product_name = "Colour lamp",
   data_points = of("colour_lamp",
      { "switch_led", "work_mode", "bright_value_v2", "temp_value_v2", "colour_data_v2" },
      { switch_led = { value = true } }),
}

local thermostat = {
   id = "vdevo161563811262431", name = "Thermostat", category = "wk", product_id = "simthermwk000001",
   product_name = "Room thermostat",
   data_points = of("thermostat",
      { "switch", "mode", "temp_set", "temp_current", "child_lock", "room_label", "week_program" },
      { temp_set = { value = 215 }, temp_current = { value = 208 } }),
}

local door = {
   id = "vdevo161563811262432", name = "Front door", category = "mcs", product_id = "simdoormcs000001",
   product_name = "Door sensor", data_points = of("door_sensor", { "doorcontact_state", "battery_percentage" }),
}

local offline = socket("33", "Garden socket", { "switch_1" })
offline.online = false

local foreign = socket("34", "Neighbour's socket", { "switch_1" })
foreign.in_project = false

return {
   uid = "bay1563811262429Simu",
   home_id = "1001",
   account = {
      username = "owner@example.com", password = "a house in 2024", country_code = "49", schema = "tuyaSmart",
   },
   devices = {
      socket("29", "Socket",
         { "switch_1", "countdown_1", "cur_current", "cur_power", "cur_voltage", "fault", "relay_status" }),
      lamp, thermostat, door, offline, foreign,
   },
}

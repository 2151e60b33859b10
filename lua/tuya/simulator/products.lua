--- products.lua: the products that devices of a simulated home may be of, by name.
-- The idea: one file of plain data for each product; a device says `product = "socket"` and has its data points.
-- @module tuya.simulator.products

local load = require -- a host may take it away once everything is loaded

local products = {}

--- The names of all products.
products.NAMES = {
   "camera", "climate_sensor", "colour_lamp", "curtain", "door_sensor", "fan", "gateway", "infrared_air_conditioner",
   "infrared_hub", "motion_sensor", "old_colour_lamp", "socket", "thermostat", "wall_switch", "white_lamp",
}

local KNOWN = {}
for _, name in ipairs(products.NAMES) do
   KNOWN[name] = true
end

--- A product: category, product_id, product_name and data_points.
-- @tparam string name
-- @treturn[1] table
-- @treturn[2] nil where there is no such product
function products.find(name)
   return KNOWN[name] and load("tuya.simulator.products." .. name) or nil
end

return products

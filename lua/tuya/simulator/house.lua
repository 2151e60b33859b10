--- house.lua: a home with a device of every product, rooms, scenes and an automation.
-- The idea: what somebody who writes rules meets in a house, all at once; the same as examples/house.json, for where
-- that file is not at hand. A spec compares the two.
-- @module tuya.simulator.house

return {
   uid = "bay1563811262429Simu",
   home_id = "1001",
   name = "House",
   geo_name = "Hamburg",
   lat = 53.55,
   lon = 9.99,
   devices = {
      { id = "coffee", name = "Coffee machine", product = "socket" },
      { id = "ceiling", name = "Ceiling lamp", product = "white_lamp" },
      { id = "shelf", name = "Shelf lamp", product = "colour_lamp" },
      { id = "old", name = "Old lamp", product = "old_colour_lamp" },
      { id = "radiator", name = "Radiator", product = "thermostat" },
      { id = "curtain", name = "Curtain", product = "curtain" },
      { id = "door", name = "Front door", product = "door_sensor" },
      { id = "hall", name = "Hall motion", product = "motion_sensor" },
      { id = "hub", name = "Infrared hub", product = "infrared_hub" },
      { id = "air", name = "Air conditioner", product = "infrared_air_conditioner", gateway = "hub" },
      { id = "gateway", name = "Zigbee gateway", product = "gateway" },
      { id = "climate", name = "Bath climate", product = "climate_sensor", gateway = "gateway" },
      { id = "keys", name = "Bath switch", product = "wall_switch", gateway = "gateway" },
      { id = "camera", name = "Camera", product = "camera" },
      { id = "garden", name = "Garden socket", product = "socket", online = false },
      { id = "fan", name = "Fan", product = "fan" },
   },
   rooms = {
      { id = "2001", name = "Kitchen", devices = { "coffee" } },
      { id = "2002", name = "Living room", devices = { "ceiling", "shelf", "old", "radiator", "curtain", "fan" } },
      { id = "2003", name = "Bath", devices = { "climate", "keys" } },
   },
   scenes = {
      {
         id = "3001", name = "Good morning",
         actions = {
            { entity_id = "coffee", action_executor = "dpIssue", executor_property = { switch_1 = true } },
            { entity_id = "curtain", action_executor = "dpIssue", executor_property = { control = "open" } },
         },
      },
      {
         id = "3002", name = "Good night",
         actions = {
            { entity_id = "ceiling", action_executor = "dpIssue", executor_property = { switch_led = false } },
         },
      },
   },
   automations = {
      {
         id = "4001", name = "Light when somebody comes", enabled = true,
         actions = {
            { entity_id = "ceiling", action_executor = "dpIssue", executor_property = { switch_led = true } },
         },
      },
   },
}

--- small_home.lua: the home that a simulated cloud has when it is given none.
-- The idea: one device of each kind that a first program meets; the same home as examples/home.json, for
-- where that file is not at hand. A spec compares the two.
-- The danger: specs and examples name these ids and codes, so changing one changes what they show.
-- @module tuya.simulator.small_home

local PERCENT = { unit = "%", min = 0, max = 100, scale = 0, step = 1 }

local socket = {
   id = "vdevo161563811262429",
   name = "Socket",
   category = "cz",
   product_id = "simsocketcz00001",
   product_name = "Smart socket",
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = false },
      {
         dp_id = 9, code = "countdown_1", type = "Integer", writable = true, value = 0,
         values = { unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
      },
      {
         dp_id = 18, code = "cur_current", type = "Integer", value = 0,
         values = { unit = "mA", min = 0, max = 30000, scale = 0, step = 1 },
      },
      {
         dp_id = 19, code = "cur_power", type = "Integer", value = 0,
         values = { unit = "W", min = 0, max = 50000, scale = 1, step = 1 },
      },
      {
         dp_id = 20, code = "cur_voltage", type = "Integer", value = 2304,
         values = { unit = "V", min = 0, max = 5000, scale = 1, step = 1 },
      },
      {
         dp_id = 26, code = "fault", type = "Bitmap", value = 0,
         values = { label = { "ov_cr", "ov_vol", "ov_pwr", "ls_cr", "ls_vol", "ls_pow" } },
      },
      {
         dp_id = 38, code = "relay_status", type = "Enum", writable = true, standard = false, value = "last",
         values = { range = { "power_off", "power_on", "last" } },
      },
   },
}

local lamp = {
   id = "vdevo161563811262430",
   name = "Lamp",
   category = "dj",
   product_id = "simlampdj0000001",
   product_name = "Colour lamp",
   data_points = {
      { dp_id = 20, code = "switch_led", type = "Boolean", writable = true, value = true },
      {
         dp_id = 21, code = "work_mode", type = "Enum", writable = true, value = "white",
         values = { range = { "white", "colour", "scene", "music" } },
      },
      {
         dp_id = 22, code = "bright_value_v2", type = "Integer", writable = true, value = 500,
         values = { unit = "", min = 10, max = 1000, scale = 0, step = 1 },
      },
      {
         dp_id = 23, code = "temp_value_v2", type = "Integer", writable = true, value = 0,
         values = { unit = "", min = 0, max = 1000, scale = 0, step = 1 },
      },
      {
         dp_id = 24, code = "colour_data_v2", type = "Json", writable = true,
         value = '{"h":0,"s":1000,"v":1000}',
         values = {
            h = { unit = "", min = 0, max = 360, scale = 0, step = 1 },
            s = { unit = "", min = 0, max = 1000, scale = 0, step = 1 },
            v = { unit = "", min = 0, max = 1000, scale = 0, step = 1 },
         },
      },
   },
}

local thermostat = {
   id = "vdevo161563811262431",
   name = "Thermostat",
   category = "wk",
   product_id = "simthermwk000001",
   product_name = "Room thermostat",
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = true },
      {
         dp_id = 2, code = "mode", type = "Enum", writable = true, value = "auto",
         values = { range = { "auto", "manual", "holiday" } },
      },
      {
         dp_id = 16, code = "temp_set", type = "Integer", writable = true, value = 215,
         values = { unit = "℃", min = 50, max = 350, scale = 1, step = 5 },
      },
      {
         dp_id = 24, code = "temp_current", type = "Integer", value = 208,
         values = { unit = "℃", min = -200, max = 500, scale = 1, step = 1 },
      },
      { dp_id = 40, code = "child_lock", type = "Boolean", writable = true, value = false },
      {
         dp_id = 101, code = "room_label", type = "String", writable = true, standard = false,
         value = "living room", values = { maxlen = 64 },
      },
      {
         dp_id = 102, code = "week_program", type = "Raw", writable = true, standard = false,
         value = "BgAA0ggAAPoWAADS", values = { maxlen = 128 },
      },
   },
}

local door = {
   id = "vdevo161563811262432",
   name = "Front door",
   category = "mcs",
   product_id = "simdoormcs000001",
   product_name = "Door sensor",
   data_points = {
      { dp_id = 1, code = "doorcontact_state", type = "Boolean", value = false },
      { dp_id = 2, code = "battery_percentage", type = "Integer", value = 87, values = PERCENT },
   },
}

local offline = {
   id = "vdevo161563811262433",
   name = "Garden socket",
   category = "cz",
   product_id = "simsocketcz00001",
   product_name = "Smart socket",
   online = false,
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = false },
   },
}

local foreign = {
   id = "vdevo161563811262434",
   name = "Neighbour's socket",
   category = "cz",
   product_id = "simsocketcz00001",
   product_name = "Smart socket",
   in_project = false,
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = false },
   },
}

return {
   uid = "bay1563811262429Simu",
   home_id = "1001",
   account = {
      username = "owner@example.com", password = "a house in 2024", country_code = "49", schema = "tuyaSmart",
   },
   devices = { socket, lamp, thermostat, door, offline, foreign },
}

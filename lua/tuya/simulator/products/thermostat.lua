-- A thermostat: half degrees are written as tenths, and its room warms up and cools down.
return {
   reacts = true, category = "wk", product_id = "simwk00000000001", product_name = "Room thermostat",
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = true },
      {
         dp_id = 2, code = "mode", type = "Enum", writable = true, value = "auto",
         values = { range = { "auto", "manual", "holiday" } },
      },
      {
         dp_id = 16, code = "temp_set", type = "Integer", writable = true, value = 200,
         values = { unit = "℃", min = 50, max = 350, scale = 1, step = 5 },
      },
      {
         dp_id = 24, code = "temp_current", type = "Integer", value = 200,
         values = { unit = "℃", min = -200, max = 500, scale = 1, step = 1 },
      },
      { dp_id = 40, code = "child_lock", type = "Boolean", writable = true, value = false },
      {
         dp_id = 45, code = "fault", type = "Bitmap", value = 0,
         values = { label = { "sensor_fault", "temp_fault" } },
      },
      {
         dp_id = 101, code = "room_label", type = "String", writable = true, standard = false, value = "living room",
         values = { maxlen = 64 },
      },
      {
         dp_id = 102, code = "week_program", type = "Raw", writable = true, standard = false,
         value = "BgAA0ggAAPoWAADS", values = { maxlen = 128 },
      },
   },
}

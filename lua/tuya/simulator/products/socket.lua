-- A socket that switches one outlet, counts down to the next switching, and measures what it feeds.
return {
   reacts = true, category = "cz", product_id = "simcz00000000001", product_name = "Metering socket",
   data_points = {
      { dp_id = 1, code = "switch_1", type = "Boolean", writable = true, value = false },
      {
         dp_id = 9, code = "countdown_1", type = "Integer", writable = true, value = 0,
         values = { unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
      },
      {
         dp_id = 17, code = "add_ele", type = "Integer", value = 0,
         values = { unit = "kW·h", min = 0, max = 50000, scale = 3, step = 100 },
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

-- A door sensor: it only reports, so it takes no command.
return {
   category = "mcs", product_id = "simmcs0000000001", product_name = "Door sensor",
   data_points = {
      { dp_id = 1, code = "doorcontact_state", type = "Boolean", value = false },
      {
         dp_id = 2, code = "battery_percentage", type = "Integer", value = 87,
         values = { unit = "%", min = 0, max = 100, scale = 0, step = 1 },
      },
      { dp_id = 4, code = "temper_alarm", type = "Boolean", value = false },
   },
}

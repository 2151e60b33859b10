-- A motion sensor: it only reports.
return {
   category = "pir", product_id = "simpir0000000001", product_name = "Motion sensor",
   data_points = {
      { dp_id = 1, code = "pir", type = "Enum", value = "none", values = { range = { "pir", "none" } } },
      {
         dp_id = 3, code = "battery_state", type = "Enum", value = "high",
         values = { range = { "low", "middle", "high" } },
      },
      {
         dp_id = 12, code = "bright_value", type = "Integer", value = 120,
         values = { unit = "lux", min = 0, max = 2000, scale = 0, step = 1 },
      },
   },
}

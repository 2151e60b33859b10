-- A lamp whose white can be dimmed, and made warmer or colder.
return {
   reacts = true, category = "dj", product_id = "simdj00000000001", product_name = "White lamp",
   data_points = {
      { dp_id = 20, code = "switch_led", type = "Boolean", writable = true, value = false },
      {
         dp_id = 22, code = "bright_value_v2", type = "Integer", writable = true, value = 500,
         values = { unit = "", min = 10, max = 1000, scale = 0, step = 1 },
      },
      {
         dp_id = 23, code = "temp_value_v2", type = "Integer", writable = true, value = 0,
         values = { unit = "", min = 0, max = 1000, scale = 0, step = 1 },
      },
      {
         dp_id = 26, code = "countdown_1", type = "Integer", writable = true, value = 0,
         values = { unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
      },
   },
}

-- An air conditioner behind an infrared hub: it knows what was sent to it, and nothing else.
return {
   category = "infrared_ac", product_id = "simirac000000001", product_name = "Air conditioner",
   data_points = {
      { dp_id = 1, code = "switch", type = "Boolean", writable = true, value = false },
      {
         dp_id = 2, code = "temp", type = "Integer", writable = true, value = 24,
         values = { unit = "℃", min = 16, max = 30, scale = 0, step = 1 },
      },
      {
         dp_id = 3, code = "mode", type = "Enum", writable = true, value = "0",
         values = { range = { "0", "1", "2", "3", "4" } },
      },
      {
         dp_id = 4, code = "fan", type = "Enum", writable = true, value = "0",
         values = { range = { "0", "1", "2", "3" } },
      },
   },
}

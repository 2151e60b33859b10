-- A lamp for white and colours: hue to 360, saturation and value to 1000.
local PART = { unit = "", min = 0, max = 1000, scale = 0, step = 1 }

return {
   reacts = true, category = "dj", product_id = "simdj00000000002", product_name = "Colour lamp",
   data_points = {
      { dp_id = 20, code = "switch_led", type = "Boolean", writable = true, value = false },
      {
         dp_id = 21, code = "work_mode", type = "Enum", writable = true, value = "white",
         values = { range = { "white", "colour", "scene", "music" } },
      },
      {
         dp_id = 22, code = "bright_value_v2", type = "Integer", writable = true, value = 500,
         values = { unit = "", min = 10, max = 1000, scale = 0, step = 1 },
      },
      { dp_id = 23, code = "temp_value_v2", type = "Integer", writable = true, value = 0, values = PART },
      {
         dp_id = 24, code = "colour_data_v2", type = "Json", writable = true, value = '{"h":0,"s":1000,"v":1000}',
         values = { h = { unit = "", min = 0, max = 360, scale = 0, step = 1 }, s = PART, v = PART },
      },
      { dp_id = 25, code = "scene_data_v2", type = "Json", writable = true, value = '{"scene_num":1}' },
      {
         dp_id = 26, code = "countdown_1", type = "Integer", writable = true, value = 0,
         values = { unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
      },
   },
}

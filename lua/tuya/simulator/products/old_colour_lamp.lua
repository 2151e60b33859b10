-- A colour lamp of the first generation: saturation and value to 255, and a specification that says nothing of that.
return {
   category = "dj", product_id = "simdj00000000003", product_name = "Colour lamp, first generation",
   data_points = {
      { dp_id = 1, code = "led_switch", type = "Boolean", writable = true, value = false },
      {
         dp_id = 2, code = "work_mode", type = "Enum", writable = true, value = "white",
         values = { range = { "white", "colour", "scene" } },
      },
      {
         dp_id = 3, code = "bright_value", type = "Integer", writable = true, value = 255,
         values = { unit = "", min = 25, max = 255, scale = 0, step = 1 },
      },
      { dp_id = 5, code = "colour_data", type = "Json", writable = true, value = '{"h":0,"s":255,"v":255}' },
   },
}

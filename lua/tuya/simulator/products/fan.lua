-- A fan that has no standard instruction set at all: only the thing model knows its data points.
return {
   category = "fs", product_id = "simfs00000000001", product_name = "Fan",
   data_points = {
      { dp_id = 1, code = "fan_on", type = "Boolean", writable = true, standard = false, value = false },
      {
         dp_id = 3, code = "fan_level", type = "Integer", writable = true, standard = false, value = 1,
         values = { unit = "", min = 1, max = 12, scale = 0, step = 1 },
      },
      {
         dp_id = 4, code = "fan_wind", type = "Enum", writable = true, standard = false, value = "fresh",
         values = { range = { "fresh", "nature", "sleep" } },
      },
      {
         dp_id = 22, code = "air_offset", type = "Integer", writable = true, standard = false, value = 0,
         values = { unit = "℃", min = -90, max = 90, scale = 1, step = 5 },
      },
   },
}

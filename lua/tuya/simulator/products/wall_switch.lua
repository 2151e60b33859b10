-- A Zigbee switch with two keys.
return {
   category = "kg", product_id = "simkg00000000001", product_name = "Wall switch",
   data_points = {
      { dp_id = 1, code = "switch_1", type = "Boolean", writable = true, value = false },
      { dp_id = 2, code = "switch_2", type = "Boolean", writable = true, value = false },
   },
}

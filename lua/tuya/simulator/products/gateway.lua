-- A Zigbee gateway: what is behind it are devices of their own, which say so with `gateway`.
return {
   category = "wg2", product_id = "simwg20000000001", product_name = "Zigbee gateway",
   data_points = {
      { dp_id = 4, code = "muffling", type = "Boolean", writable = true, value = false },
      {
         dp_id = 32, code = "master_mode", type = "Enum", writable = true, value = "disarmed",
         values = { range = { "disarmed", "arm", "home", "sos" } },
      },
   },
}

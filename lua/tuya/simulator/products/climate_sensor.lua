-- A Zigbee sensor for temperature and humidity.
return {
   category = "wsdcg", product_id = "simwsdcg00000001", product_name = "Climate sensor",
   data_points = {
      {
         dp_id = 1, code = "va_temperature", type = "Integer", value = 213,
         values = { unit = "℃", min = -200, max = 600, scale = 1, step = 1 },
      },
      {
         dp_id = 2, code = "va_humidity", type = "Integer", value = 4950,
         values = { unit = "%", min = 0, max = 10000, scale = 2, step = 50 },
      },
      {
         dp_id = 4, code = "battery_percentage", type = "Integer", value = 91,
         values = { unit = "%", min = 0, max = 100, scale = 0, step = 1 },
      },
   },
}

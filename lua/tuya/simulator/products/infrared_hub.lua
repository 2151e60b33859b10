-- An infrared hub: its remotes are devices of their own, and are sent through it.
return {
   category = "wnykq", product_id = "simwnykq00000001", product_name = "Infrared hub",
   data_points = {
      { dp_id = 201, code = "ir_send", type = "String", writable = true, standard = false, value = "" },
      { dp_id = 202, code = "ir_study_code", type = "Raw", standard = false, value = "" },
   },
}

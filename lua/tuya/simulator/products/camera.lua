-- A camera: the cloud tells what it is, and has no standard instruction for it.
return {
   category = "sp", product_id = "simsp00000000001", product_name = "Camera",
   data_points = {
      { dp_id = 134, code = "motion_switch", type = "Boolean", standard = false, value = true },
      { dp_id = 115, code = "movement_detect_pic", type = "Raw", standard = false, value = "" },
   },
}

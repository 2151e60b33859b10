-- A curtain: moved by word (control) or to a percentage, and under way for a while.
local PERCENT = { unit = "%", min = 0, max = 100, scale = 0, step = 1 }

return {
   reacts = true, category = "cl", product_id = "simcl00000000001", product_name = "Curtain motor",
   data_points = {
      {
         dp_id = 1, code = "control", type = "Enum", writable = true, value = "stop",
         values = { range = { "open", "stop", "close", "continue" } },
      },
      { dp_id = 2, code = "percent_control", type = "Integer", writable = true, value = 0, values = PERCENT },
      { dp_id = 3, code = "percent_state", type = "Integer", value = 0, values = PERCENT },
      {
         dp_id = 5, code = "control_back", type = "Boolean", writable = true, value = false,
      },
      {
         dp_id = 7, code = "work_state", type = "Enum", value = "closing",
         values = { range = { "opening", "closing" } },
      },
      { dp_id = 12, code = "fault", type = "Bitmap", value = 0, values = { label = { "motor_fault" } } },
   },
}

--- codes.lua: the numbers that the cloud refuses with, and what it says beside each.
-- The idea: one table, and the words are Tuya's own.
-- The danger: a text that reads better than Tuya's would teach clients to wait for what never comes.
-- @module tuya.simulator.codes

return {
   [500] = "system error, please contact the admin",
   [1003] = "grant type invalid",
   [1004] = "sign invalid",
   [1005] = "clientId invalid",
   [1010] = "token invalid",
   [1011] = "token invalid",
   [1012] = "token status is invalid",
   [1013] = "request time is invalid",
   [1100] = "param is empty",
   [1101] = "params range invalid",
   [1104] = "type is incorrect",
   [1105] = "missing the header",
   [1106] = "permission deny",
   [1107] = "code invalid",
   [1108] = "uri path invalid",
   [1109] = "param is illegal, please check it",
   [1110] = "concurrent request over limit",
   [1111] = "system busy",
   [1199] = "your requests are too frequent",
   [1400] = "token invalid",
   [2001] = "device is offline",
   [2003] = "function not support",
   [2008] = "command or value not support",
   [2016] = "remote is removed",
   [28841002] = "No permissions. Your subscription to cloud development plan has expired.",
   [28841004] = "No permissions. Your quota of Trial Edition is used up.",
   [28841101] = "No permissions. This API is not subscribed.",
   [28841105] = "No permissions. This project is not authorized to call this API",
   [28841107] = "No permission. The data center is suspended.",
}

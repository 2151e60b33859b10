--- errors.lua: what a call that failed tells.
-- The idea: mistakes of the program raise at the caller's line; what the world did is returned as
-- `nil, message, detail`: a string fit for a log line, and a table for code.
-- The danger: a detail ends up in logs; it never holds a secret or a whole token.
-- @module tuya.errors

local errors = {}

--- What users found to help, by Tuya's code. Source: public issue threads and Tuya's tables.
local advice = {
   [1004] = "the signature was refused although it is right by construction: check the access secret, that the key "
      .. "belongs to this project, and the data centre (region); a project made before 2021-06-30 may want "
      .. 'algorithm = "v1", and a key for app authorization its bundle_id',
   [1005] = "check the access id, and that the project lives in this data centre (region)",
   [1010] = "another program that shares this key may have refreshed the token: use one program a key, "
      .. "or one store for all of them",
   [1013] = "the clock of this machine is off: set it by NTP",
   [1106] = "link the app account to the project, call the data centre (region) of the account, and check "
      .. "that the device is in the project; some projects know only /v1.0/devices or only /v1.0/iot-03",
   [1108] = "no such path, or not with this method",
   [1109] = "the body is not what the call takes; a list may have been sent as an object",
   [1114] = "this address is not on the project's list of allowed addresses, or the region is wrong",
   [2001] = "the device is not connected to the cloud",
   [2003] = "the device has no standard instruction set: try its thing model",
   [2007] = "the project may not be called from this country",
   [2008] = "the code is not in the standard instruction set or the value is out of its range: "
      .. "see the device's functions, or try its thing model",
   [2406] = "the data centre (region) is not the one of the app account, or the account is not linked",
   [28841001] = "subscribe the project to a cloud plan",
   [28841002] = "the project's cloud plan has expired: extend it in Tuya's console",
   [28841004] = "the month's calls of the trial edition are used up",
   [28841101] = "subscribe the project to this API",
   [28841102] = "the project's subscription to this API has expired",
   [28841105] = "authorize the project for this API in Tuya's console",
   [28841106] = "subscribe and authorize the project for this API",
   [28841107] = "the project has not enabled this data centre: enable it, or call another region",
}

--- A path fit for logs: a refresh token in it is cut short.
-- @tparam string path
-- @treturn string
function errors.mask_path(path)
   return (path:gsub("(/token/%w?%w?%w?%w?)[^?]*", "%1..."))
end

-- The line that a log wants: which call, what happened, Tuya's code and trace id.
local function describe(detail)
   local line = (detail.method and detail.method .. " " .. detail.path .. ": " or "") .. detail.message
   if detail.kind == "api" then
      local trace = detail.tid and ", tid " .. tostring(detail.tid) or ""
      line = ("%s (%s%s)"):format(line, tostring(detail.code), trace)
   end
   return (line:gsub("[%z\1-\31\127]", " ")) -- one line, whatever the cloud says
end

local detail_metatable = { __name = "tuya.detail", __tostring = describe }

--- Makes the triple of a failed call.
-- @tparam table detail kind, code, message and what else is known; it becomes the third value, with
-- `path` masked and `advice` added
-- @return nil
-- @treturn string message
-- @treturn table detail
function errors.failure(detail)
   detail.path = detail.path and errors.mask_path(detail.path)
   if detail.kind == "api" then detail.advice = advice[detail.code] end
   setmetatable(detail, detail_metatable)
   return nil, tostring(detail), detail
end

return errors

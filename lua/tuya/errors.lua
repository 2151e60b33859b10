--- errors.lua: what a call that failed tells.
-- The idea: mistakes of the program raise at the caller's line; what the world did is returned as
-- `nil, message, detail`: a string fit for a log line, and a table for code.
-- The danger: a detail ends up in logs; it never holds a secret or a whole token.
-- @module tuya.errors

local errors = {}

--- What users found to help, or what the code means where nobody says more. By Tuya's code (source: public issue
-- threads and Tuya's tables of codes) or by the network's.
local advice = {
   dns = "no name server knows the host, or none answers: check the network, and the region or endpoint",
   connect = "nobody answers there: check the network, a firewall, the endpoint's port, the proxy",
   tls = "the server is not whom it should be, or something on the way opens TLS: check this machine's clock "
      .. "(certificates have dates), ca_file, the proxy, and that the endpoint speaks https",
   password = "log in once with the password, or by the command tuya login; from then on the token in the store is "
      .. "renewed without it",
   authorize = "send the owner to the page of authorization again, and give the new code; programs that use one "
      .. "owner's token have to share a store",
   platform_url = "if you trust that host, give it as endpoint",
   [500] = "the cloud failed: try again later; a ticket wants the tid",
   [1001] = "check the access secret and the data centre (region)",
   [1002] = "the call went out without a token: path of a token call expected, or a proxy that drops headers",
   [1003] = "grant_type: 1 for a project's own token, 2 for an authorization code",
   [1004] = "the signature was refused although it is right by construction: check the access secret, that the key "
      .. "belongs to this project, and the data centre (region); a project made before 2021-06-30 may want "
      .. 'algorithm = "v1", and a key for app authorization its bundle_id',
   [1005] = "check the access id, and that the project lives in this data centre (region)",
   [1006] = "the body is of a type that the call does not take: most want JSON",
   [1010] = "another program that shares this key may have refreshed the token: use one program a key, "
      .. "or one store for all of them",
   [1011] = "as 1010: another program that shares this key may have refreshed the token",
   [1012] = "as 1010: another program that shares this key may have refreshed the token",
   [1013] = "the clock of this machine is off, and the cloud's answer did not help to correct it: set it by NTP",
   [1100] = "a parameter that the call needs is empty",
   [1101] = "a parameter is out of its range",
   [1102] = "a parameter that the call needs is missing",
   [1103] = "the device did not take the command: see that it is online, and try the command in its app",
   [1104] = "a value is of the wrong type: see the device's specification",
   [1105] = "a header that the call needs did not arrive: a proxy may drop headers with an underscore",
   [1106] = "link the app account to the project, call the data centre (region) of the account, and check "
      .. "that the device is in the project; some projects know only /v1.0/devices or only /v1.0/iot-03",
   [1107] = "the authorization code is used up or of another project: begin the log-in anew",
   [1108] = "no such path, or not with this method",
   [1109] = "the body is not what the call takes; a list may have been sent as an object",
   [1110] = "too many calls at the same time: make fewer, or set max_connections lower",
   [1111] = "the cloud is busy: try again later",
   [1112] = "the cloud is still copying the user's devices: try again later",
   [1113] = "the same call was made a moment ago: wait before it is repeated",
   [1114] = "this address is not on the project's list of allowed addresses, or the region is wrong",
   [1199] = "too many calls: make fewer, or set a budget",
   [1400] = "as 1010: another program that shares this key may have refreshed the token",
   [2001] = "the device is not connected to the cloud",
   [2002] = "the user has no devices: link the app account whose devices these are",
   [2003] = "the device has no standard instruction set: try its thing model",
   [2007] = "the project may not be called from this country, or the pairing token is too old",
   [2008] = "the code is not in the standard instruction set or the value is out of its range: "
      .. "see the device's functions, or try its thing model",
   [2009] = "the device has no data points for this call: try its thing model",
   [2010] = "the device was removed from the app, or its id belongs to another project",
   [2017] = "the schema is not that of the app that is linked to the project",
   [2047] = "the device is frozen: see it in Tuya's console",
   [2056] = "the device is bound to somebody else, or not active",
   [2401] = "wrong user name or password of the app account; the country code has to be its own",
   [2402] = "the country code is a number without a plus, the one that the app account was made with",
   [2406] = "the data centre (region) is not the one of the app account, or the account is not linked",
   [28841001] = "subscribe the project to a cloud plan",
   [28841002] = "the project's cloud plan has expired: extend it in Tuya's console",
   [28841003] = "a bill of the project's cloud plan is overdue",
   [28841004] = "the month's calls of the trial edition are used up; they come back with the next month",
   [28841101] = "subscribe the project to this API",
   [28841102] = "the project's subscription to this API has expired",
   [28841103] = "a bill for this API is overdue",
   [28841104] = "the calls of this API are used up",
   [28841105] = "authorize the project for this API in Tuya's console",
   [28841106] = "subscribe and authorize the project for this API",
   [28841107] = "the project has not enabled this data centre: enable it, or remove it and add it again, or call "
      .. "another region",
   [40001900] = "the project has no right to this space, or to the space of a device in the list",
   [60001001] = "the project's number of devices that may be controlled is used up: remove some, or extend it",
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
   if detail.kind ~= "http" then detail.advice = advice[detail.code] end -- a status is no code of Tuya's
   setmetatable(detail, detail_metatable)
   return nil, tostring(detail), detail
end

return errors

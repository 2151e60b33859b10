--- regions.lua: Tuya's data centres.
-- Published: the hosts in Tuya's request structure and connector sources (cn, us, us-e, eu, eu-w, in);
-- seen live: sg.
-- @module tuya.regions

local options = require("tuya.options")

local regions = {}

--- Endpoint by region.
regions.endpoints = {
   ["cn"] = "https://openapi.tuyacn.com",
   ["us"] = "https://openapi.tuyaus.com",
   ["us-e"] = "https://openapi-ueaz.tuyaus.com",
   ["eu"] = "https://openapi.tuyaeu.com",
   ["eu-w"] = "https://openapi-weaz.tuyaeu.com",
   ["in"] = "https://openapi.tuyain.com",
   ["sg"] = "https://openapi-sg.iotbing.com",
}

--- The endpoint of a region.
-- @tparam string region cn, us, us-e, eu, eu-w, in or sg
-- @treturn ?string endpoint; nil and the rule for an unknown one
function regions.endpoint(region)
   local endpoint = regions.endpoints[region]
   if endpoint then return endpoint end
   return nil, "region: " .. options.unknown("data centre", region, regions.endpoints)
end

-- Where messages come from, by the host of the OpenAPI. Published: Tuya's docs and SDKs; seen live: sg.
local MESSAGES = {
   ["openapi.tuyacn.com"] = "mqe.tuyacn.com",
   ["openapi.tuyaus.com"] = "mqe.tuyaus.com",
   ["openapi-ueaz.tuyaus.com"] = "mqe.tuyaus.com",
   ["openapi.tuyaeu.com"] = "mqe.tuyaeu.com",
   ["openapi-weaz.tuyaeu.com"] = "mqe.tuyaeu.com",
   ["openapi.tuyain.com"] = "mqe.tuyain.com",
   ["openapi-sg.iotbing.com"] = "mqe-sg.iotbing.com",
}

--- The WebSocket that messages come from; beside an endpoint that is not Tuya's, the same host and port.
-- @tparam string endpoint
-- @treturn string "wss://host:port"
function regions.messages(endpoint)
   local scheme, host = endpoint:match("^(https?)://(.-)/?$")
   if MESSAGES[host] then return "wss://" .. MESSAGES[host] .. ":8285" end
   return (scheme == "https" and "wss://" or "ws://") .. tostring(host)
end

return regions

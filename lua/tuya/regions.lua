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

return regions

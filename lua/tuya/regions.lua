--- regions.lua: Tuya's data centres.
-- Published: the hosts in Tuya's request structure and connector sources (cn, us, us-e, eu, eu-w, in);
-- seen live: sg.
-- @module tuya.regions

local endpoints = require("tuya.endpoint")
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

-- Which data centre has the app accounts of a country, by the country's code as people dial it; what is not listed here
-- is unknown. Published: the tables of public clients, after Tuya's page about OEM apps and their data centres. They
-- differ in a few countries, and an answer that names another data centre is followed.
local COUNTRIES = {
   cn = "86",
   ["in"] = "91",
   us = "1 51 52 54 55 56 57 58 60 62 63 64 66 81 82 84 95 239 245 246 500 502 591 593 594 595 597 598 670 "
      .. "672 674 675 677 678 682 683 686 690 852 853 886 970 1721 1787 1809 1829 1849 4779 5999 35818",
   eu = "7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 61 65 90 92 93 94 212 213 216 218 220 221 "
      .. "222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 240 241 242 243 244 248 250 "
      .. "251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 291 297 298 299 350 351 "
      .. "352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382 385 386 387 "
      .. "389 420 421 423 501 503 504 505 506 507 508 509 590 592 596 673 676 679 680 681 685 687 688 689 "
      .. "691 692 855 856 880 960 961 962 964 965 966 967 968 971 972 973 974 975 976 977 992 993 994 995 "
      .. "996 998 1242 1246 1264 1268 1284 1340 1345 1441 1473 1649 1664 1670 1671 1684 1758 1767 1784 1868 "
      .. "1869 1876",
}

--- The region whose data centre has the app accounts of a country.
-- @tparam string country_code digits
-- @treturn ?string nil for a country that is in no list
function regions.of_country(country_code)
   for region, codes in pairs(COUNTRIES) do
      if (" " .. codes .. " "):find(" " .. country_code .. " ", 1, true) then return region end
   end
end

local TUYAS = {}
for _, one in pairs(regions.endpoints) do TUYAS[one] = true end

local function plain(place)
   return place.is_default_port and ("%s://%s"):format(place.scheme, place.host) or place.bare
end

--- Where a client of one endpoint goes when the cloud names another: from a data centre of Tuya's to another one of
-- these, and to no other host. An endpoint that is not Tuya's is a proxy or a simulated cloud: only on this machine
-- itself may it name another, else the client stays.
-- @tparam string own endpoint
-- @tparam string named endpoint
-- @treturn ?string nil and the rule, where the named one is refused
function regions.move(own, named)
   local from, to = endpoints.parse(own), endpoints.parse(named:lower())
   if TUYAS[plain(from)] then
      if to and TUYAS[plain(to)] then return plain(to) end
      return nil, "is none of Tuya's data centres"
   end
   local is_local = to and endpoints.is_loopback(from.host) and endpoints.is_loopback(to.host)
   return is_local and from.scheme == to.scheme and to.bare or from.bare
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

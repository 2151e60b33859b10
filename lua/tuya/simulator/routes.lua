--- routes.lua: which call answers which verb and path.
-- The idea: one row for each; a new call is a new row.
-- The danger: the first row that fits answers, so a row with a fixed name must stand above the row that would
-- take that name for an id.
-- @module tuya.simulator.routes

local accounts = require("tuya.simulator.accounts")
local calls = require("tuya.simulator.calls")
local infrared = require("tuya.simulator.infrared")
local rules = require("tuya.simulator.rules")
local scenes = require("tuya.simulator.scenes")
local services = require("tuya.simulator.services")
local spaces = require("tuya.simulator.spaces")

local routes = {}

--- {device} must be a device of the project, {uid} its user, else the call is refused with 1106 unasked.
local ROWS = {
   { "GET", "/v1.0/token", calls.get_token },
   { "GET", "/v1.0/token/{refresh_token}", calls.refresh_token },
   { "GET", "/v1.0/authorize_token", calls.authorize_token },
   { "POST", "/v1.0/iot-01/associated-users/actions/authorized-login", accounts.log_in },
   { "POST", "/v1.0/iot-03/users/login", accounts.log_in_user },
   { "POST", "/v1.0/iot-03/users/token/{refresh_token}", accounts.refresh_user },

   { "GET", "/v1.0/devices", calls.devices },
   { "GET", "/v1.0/devices/status", calls.statuses },
   { "GET", "/v1.0/devices/{device}", calls.device_with_status },
   { "PUT", "/v1.0/devices/{device}", calls.rename },
   { "DELETE", "/v1.0/devices/{device}", calls.delete },
   { "GET", "/v1.0/devices/{device}/status", calls.status },
   { "GET", "/v1.0/devices/{device}/functions", calls.functions },
   { "GET", "/v1.0/devices/{device}/specifications", calls.specification },
   { "GET", "/v1.1/devices/{device}/specifications", calls.specification_with_ids },
   { "POST", "/v1.0/devices/{device}/commands", calls.commands },
   { "GET", "/v1.0/functions/{category}", calls.category_functions },
   { "GET", "/v1.0/users/{uid}/devices", calls.user_devices },

   { "GET", "/v1.0/iot-01/associated-users/devices", calls.associated_devices },

   { "GET", "/v1.0/iot-03/devices", calls.industry_devices },
   { "GET", "/v1.2/iot-03/devices", calls.industry_devices },
   { "GET", "/v1.3/iot-03/devices", calls.industry_devices },
   { "GET", "/v1.0/iot-03/devices/status", calls.statuses },
   { "GET", "/v1.0/iot-03/devices/{device}", calls.device },
   { "GET", "/v1.1/iot-03/devices/{device}", calls.device },
   { "DELETE", "/v1.0/iot-03/devices/{device}", calls.delete },
   { "GET", "/v1.0/iot-03/devices/{device}/status", calls.status },
   { "GET", "/v1.0/iot-03/devices/{device}/functions", calls.functions },
   { "GET", "/v1.0/iot-03/devices/{device}/specification", calls.specification },
   { "GET", "/v1.2/iot-03/devices/{device}/specification", calls.specification },
   { "POST", "/v1.0/iot-03/devices/{device}/commands", calls.commands },
   { "GET", "/v1.0/iot-03/categories/{category}/functions", calls.category_functions },

   { "GET", "/v2.0/cloud/thing/device", calls.things },
   { "GET", "/v2.0/cloud/thing/batch", calls.things_by_id },
   { "GET", "/v2.0/cloud/thing/{device}", calls.thing },
   { "GET", "/v2.0/cloud/thing/{device}/model", calls.model },
   { "GET", "/v2.0/cloud/thing/{device}/shadow/properties", calls.properties },
   { "POST", "/v2.0/cloud/thing/{device}/shadow/properties/issue", calls.issue_properties },

   { "POST", "/v2.0/cloud/thing/{device}/attribute", services.attribute },
   { "GET", "/v1.0/devices/{device}/sub-devices", services.sub_devices },
   { "GET", "/v1.0/iot-03/devices/{device}/sub-devices", services.sub_devices },
   { "GET", "/v1.0/devices/{device}/logs", services.logs },
   { "GET", "/v1.0/iot-03/devices/{device}/report-logs", services.report_logs },
   { "GET", "/v2.0/cloud/thing/{device}/report-logs", services.report_logs },
   { "GET", "/v2.1/cloud/thing/{device}/report-logs", services.report_logs },
   { "GET", "/v1.0/devices/{device}/all-statistic-type", services.statistic_types },
   { "GET", "/v1.0/devices/{device}/statistics/total", services.statistics_total },
   { "GET", "/v1.0/devices/{device}/statistics/{per}", services.statistics },

   { "GET", "/v1.0/users/{uid}/homes", spaces.homes },
   { "GET", "/v1.0/apps/{schema}/users", spaces.users },
   { "POST", "/v1.0/apps/{schema}/user", spaces.add_user },
   { "GET", "/v1.0/users/{uid}/infos", spaces.user },
   { "POST", "/v1.0/home/create-home", spaces.create_home },
   { "GET", "/v1.0/homes/{home}", spaces.home },
   { "PUT", "/v1.0/homes/{home}", spaces.edit_home },
   { "DELETE", "/v1.0/homes/{home}", spaces.delete_home },
   { "GET", "/v1.0/homes/{home}/members", spaces.members },
   { "POST", "/v1.0/homes/{home}/members", spaces.add_member },
   { "PUT", "/v1.0/homes/{home}/members/{one}", spaces.edit_member },
   { "DELETE", "/v1.0/homes/{home}/members/{one}", spaces.remove_member },
   { "GET", "/v1.0/homes/{home}/devices", spaces.devices },
   { "GET", "/v1.0/homes/{home}/rooms", spaces.rooms },
   { "POST", "/v1.0/homes/{home}/room", spaces.add_room },
   { "PUT", "/v1.0/homes/{home}/rooms/{one}", spaces.rename_room },
   { "DELETE", "/v1.0/homes/{home}/rooms/{one}", spaces.delete_room },
   { "GET", "/v1.0/homes/{home}/rooms/{one}/devices", spaces.room_devices },
   { "POST", "/v1.0/homes/{home}/rooms/{one}/devices", spaces.add_to_room },
   { "PUT", "/v1.0/homes/{home}/rooms/{one}/devices", spaces.fill_room },
   { "DELETE", "/v1.0/homes/{home}/rooms/{one}/devices", spaces.remove_from_room },
   { "GET", "/v1.0/homes/{home}/scenes", scenes.scenes },
   { "GET", "/v1.1/homes/{home}/scenes", scenes.scenes },
   { "POST", "/v1.0/homes/{home}/scenes", scenes.create_scene },
   { "PUT", "/v1.0/homes/{home}/scenes/{one}", scenes.edit_scene },
   { "DELETE", "/v1.0/homes/{home}/scenes/{one}", scenes.delete_scene },
   { "POST", "/v1.0/homes/{home}/scenes/{one}/trigger", scenes.trigger_scene },
   { "GET", "/v1.0/homes/{home}/automations", scenes.automations },
   { "POST", "/v1.0/homes/{home}/automations", scenes.create_automation },
   { "GET", "/v1.0/homes/{home}/automations/{one}", scenes.automation },
   { "PUT", "/v1.0/homes/{home}/automations/{one}", scenes.edit_automation },
   { "DELETE", "/v1.0/homes/{home}/automations/{one}", scenes.delete_automation },
   { "POST", "/v1.0/homes/{home}/automations/{one}/conditions/trigger", scenes.trigger_automation },
   { "PUT", "/v1.0/homes/{home}/automations/{one}/actions/enable", scenes.enable },
   { "PUT", "/v1.0/homes/{home}/automations/{one}/actions/disable", scenes.disable },
   { "GET", "/v2.0/cloud/scene/rule", rules.list },
   { "POST", "/v2.0/cloud/scene/rule", rules.create },
   { "DELETE", "/v2.0/cloud/scene/rule", rules.delete },
   { "PUT", "/v2.0/cloud/scene/rule/state", rules.state },
   { "GET", "/v2.0/cloud/scene/rule/{one}", rules.one },
   { "PUT", "/v2.0/cloud/scene/rule/{one}", rules.edit },
   { "POST", "/v2.0/cloud/scene/rule/{one}/actions/trigger", rules.trigger },

   { "GET", "/v1.0/infrareds/{device}/remotes", infrared.remotes },
   { "GET", "/v2.0/infrareds/{device}/remotes", infrared.remotes },
   { "GET", "/v1.0/infrareds/{device}/remotes/{remote}/keys", infrared.remote_keys },
   { "GET", "/v2.0/infrareds/{device}/remotes/{remote}/keys", infrared.remote_keys },
   { "POST", "/v1.0/infrareds/{device}/remotes/{remote}/command", infrared.press },
   { "POST", "/v2.0/infrareds/{device}/air-conditioners/{remote}/command", infrared.air_command },
   { "POST", "/v2.0/infrareds/{device}/air-conditioners/{remote}/scenes/command", infrared.air_scene },
   { "GET", "/v2.0/infrareds/{device}/remotes/{remote}/ac/status", infrared.air_status },
   { "PUT", "/v2.0/infrareds/{device}/remotes/{remote}", infrared.rename },
   { "DELETE", "/v2.0/infrareds/{device}/remotes/{remote}", infrared.delete },
   { "PUT", "/v2.0/infrareds/{device}/learning-state", infrared.learning_state },
   { "GET", "/v2.0/infrareds/{device}/learning-codes", infrared.heard },
   { "POST", "/v2.0/infrareds/{device}/learning-codes", infrared.save },
   { "DELETE", "/v2.0/infrareds/{device}/learning-codes/{code}", infrared.forget },
   { "GET", "/v2.0/infrareds/{device}/remotes/{remote}/learning-codes", infrared.learnt },
   { "PUT", "/v2.0/infrareds/{device}/remotes/{remote}/learning-codes", infrared.update },
   { "POST", "/v2.0/infrareds/{device}/remotes/{remote}/learning-codes", infrared.send },
   { "GET", "/v2.0/infrareds/{device}/categories", infrared.categories },
   { "GET", "/v2.0/infrareds/{device}/categories/{category}/brands", infrared.brands },
   { "GET", "/v2.0/infrareds/{device}/categories/{category}/brands/{brand}/remote-indexs", infrared.indexes },
   { "POST", "/v2.0/infrareds/{device}/remotes", infrared.add },

   { "POST", "/v1.0/iot-03/open-hub/access-config", services.open_hub },
   { "POST", "/v1.0/open-hub/access/config", services.open_hub },

   { "GET", "/v1.0/countries/{country}/cities", services.cities },
   { "GET", "/v1.0/cities/{city}/weathers", services.weather },
   { "GET", "/v1.0/cities/{city}/weather-forecast", services.weather },
   { "GET", "/v1.0/position/weather", services.weather },
   { "GET", "/v1.0/ip/weather-forecast", services.weather },
}

--- A path's parts; one slash at its end does not matter.
local function parts_of(path)
   local parts = {}
   for part in path:gsub("/$", ""):gmatch("/([^/]*)") do
      parts[#parts + 1] = part
   end
   return parts
end

--- What the {names} of the pattern stand for in the path, or nil when it does not fit.
local function fit(pattern, parts)
   if #pattern ~= #parts then
      return nil
   end
   local captures = {}
   for i, wanted in ipairs(pattern) do
      local name = wanted:match("^{(.*)}$")
      if name and parts[i] ~= "" then
         captures[name] = parts[i]
      elseif wanted ~= parts[i] then
         return nil
      end
   end
   return captures
end

local PATTERNS = {}
for i, row in ipairs(ROWS) do
   PATTERNS[i] = parts_of(row[2])
end

--- The call for a verb and path, and what its {names} stand for; nil where there is none.
function routes.find(method, path)
   local parts = parts_of(path)
   for i, row in ipairs(ROWS) do
      if row[1] == method then
         local captures = fit(PATTERNS[i], parts)
         if captures then
            return row[3], captures
         end
      end
   end
   return nil
end

return routes

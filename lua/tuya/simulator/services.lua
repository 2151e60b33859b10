--- services.lua: calls about what surrounds devices: gateways, logs, statistics, the weather.
-- The idea: each answers from the home; what the home cannot know (the weather) is always the same.
-- @module tuya.simulator.services

local decimal = require("tuya.decimal")
local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")

local services = {}

local function body_of(call)
   local body = json.decode(call.body)
   return type(body) == "table" and body or nil
end

--- The devices behind a gateway.
function services.sub_devices(call)
   return shapes.each(call.devices(), function(device)
      return shapes.device(device, call.home_of(device))
   end, function(device)
      return device.gateway == call.device.id
   end)
end

--- v2.0: 1 is the name; icon and place are taken and not kept.
function services.attribute(call)
   local body = body_of(call)
   if not body or type(body.data) ~= "string" then
      return nil, 1109
   end
   if body.type == 1 then
      call.device.name = body.data
   end
   return true
end

--- Where messages come from over MQTT.
function services.open_hub(call)
   return call.open_hub(body_of(call))
end

-- {{{ Logs

local function wanted(text)
   if not text or text == "" then
      return nil
   end
   local set = {}
   for one in text:gmatch("[^,]+") do
      set[one] = true
   end
   return set
end

--- The events that a query is about, newest first.
local function events_of(call)
   local query, list = call.query, {}
   local codes, types = wanted(query.codes), wanted(query.type)
   local from, to = tonumber(query.start_time) or 0, tonumber(query.end_time) or call.now
   local log = call.device.log or {}
   for i = #log, 1, -1 do
      local event = log[i]
      local fits = event.time >= from and event.time <= to and (not codes or codes[event.code])
      if fits and (not types or types["7"]) then
         list[#list + 1] = event
      end
   end
   return list
end

local function shape_event(event)
   return { code = event.code, value = tostring(event.value), event_time = event.time, event_id = 7, event_from = "1",
      status = "1" }
end

--- A page of events. The row key is how many came before.
local function page_of(call, key_name)
   local list, size = events_of(call), tonumber(call.query.size) or 20
   local start = tonumber(call.query[key_name]) or 0
   local page = {}
   for i = start + 1, math.min(start + size, #list) do
      page[#page + 1] = list[i]
   end
   return shapes.each(page, shape_event), start + size < #list and tostring(start + size) or ""
end

--- v1.0.
function services.logs(call)
   local page, more = page_of(call, "start_row_key")
   return { device_id = call.device.id, logs = page, has_next = more ~= "", next_row_key = more, count = #page,
      current_row_key = call.query.start_row_key or "" }
end

--- iot-03 and v2.0.
function services.report_logs(call)
   local page, more = page_of(call, "last_row_key")
   return { device_id = call.device.id, logs = page, has_more = more ~= "", last_row_key = more, total = #page }
end

-- }}}

-- {{{ Statistics

function services.statistic_types(call)
   if not call.device.by_code.add_ele then
      return json.array({})
   end
   return json.array({ { code = "add_ele", stat_type = "sum" } })
end

local function counted(call)
   local point = call.device.by_code[call.query.code or ""]
   return point and point.code == "add_ele" and point or nil
end

function services.statistics_total(call)
   local point = counted(call)
   if not point then
      return nil, 2008
   end
   return { total = decimal.text("%.2f", point.value / 1000) }
end

--- Hours, days, weeks or months: one entry for each end of the asked range.
function services.statistics(call)
   local point = counted(call)
   local per = call.captures.per
   local from, to = call.query["start_" .. per:sub(1, -2)], call.query["end_" .. per:sub(1, -2)]
   if not point or not from or not to then
      return nil, point and 1100 or 2008
   end
   local made = {}
   for moment = tonumber(from) or 0, math.min(tonumber(to) or 0, (tonumber(from) or 0) + 30) do
      made[("%.0f"):format(moment)] = "0.00"
   end
   made[to] = decimal.text("%.2f", point.value / 1000)
   return { [per] = made }
end

-- }}}

-- {{{ Weather

local WEATHER = { temp = "18", humidity = "55", condition = "Cloudy", wind_speed = "3.1", pressure = "1015" }

function services.weather()
   return { current_weather = WEATHER, air_quality = { aqi = "42" } }
end

function services.cities()
   return json.array({ { city_id = "793409534348627968", city_name = "Hangzhou" } })
end

-- }}}

return services

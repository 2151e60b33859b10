--- infrared.lua: remotes behind an infrared hub, and the weather outside.
-- The idea: a hub has remotes; a remote has keys, and an air conditioner's takes a temperature.
-- The danger: infrared is not answered. That a call worked says that the hub sent, not that anything heard.
-- @module tuya.infrared

local decimal = require("tuya.decimal")
local edge = require("tuya.edge")
local options = require("tuya.options")

local infrared = {}

local SEGMENT = "^[A-Za-z0-9%-%._~]+$"

local remote_methods = {}
local remote_metatable = {
   __name = "tuya.remote",
   __index = remote_methods,
   __tostring = function(self) return "tuya.remote: " .. tostring(self.name or self.id) end,
}

local function call(self, method, version, path, read, body)
   local hub = ("/%s/infrareds/%s"):format(version, self.hub)
   return self.inner.read(self.client, { method = method, path = hub .. path, body = body }, read)
end

local function a_table(result)
   return type(result) == "table" and result or nil
end

local function done()
   return true
end

--- The keys of the remote.
-- @function keys
-- @treturn ?table list as the cloud writes them: `key`, `key_id`, `key_name`; or nil, message, detail
remote_methods.keys = edge.of("tuya.remote:keys", function(self)
   return call(self, "GET", "v1.0", "/remotes/" .. self.id .. "/keys", function(result)
      return type(result) == "table" and type(result.key_list) == "table" and result.key_list or nil
   end)
end)

--- Presses a key.
-- @function press
-- @tparam string key
-- @return true; or nil, message, detail
remote_methods.press = edge.of("tuya.remote:press", function(self, key)
   if type(key) ~= "string" or key == "" then return false, "key: a string that is not empty expected" end
   return call(self, "POST", "v1.0", "/remotes/" .. self.id .. "/command", done, { key = key })
end)

local AIR = options.known {
   power = "number|boolean", mode = "number", temp = "number", wind = "number",
}

local MOST = { mode = 4, wind = 3 }

-- What an air conditioner is told, as the cloud takes it, or nil and the rule.
local function air(given)
   local rule = options.broken(given, AIR)
   if rule then return nil, rule end
   if next(given) == nil then return nil, "power, mode, temp or wind expected" end
   local made = {}
   for name, value in next, given do
      if value == true then value = 1 elseif value == false then value = 0 end
      if value % 1 ~= 0 then return nil, name .. ": a whole number expected" end
      if name == "power" and value ~= 0 and value ~= 1 then return nil, "power: true, false, 1 or 0 expected" end
      if MOST[name] and (value < 0 or value > MOST[name]) then
         return nil, ("%s: a whole number from 0 to %d expected"):format(name, MOST[name])
      end
      made[name] = value
   end
   return made
end

--- Tells an air conditioner what to do, all in one call.
-- @function set
-- @tparam table values `power` (true or false), `mode` (0 cool, 1 heat, 2 auto, 3 fan, 4 dry), `temp` (degrees),
-- `wind` (0 auto to 3 high)
-- @return true; or nil, message, detail
remote_methods.set = edge.of("tuya.remote:set", function(self, values)
   local made, rule = air(values)
   if not made then return false, rule end
   local path = "/air-conditioners/" .. self.id
   local name, value = next(made)
   if next(made, name) == nil then
      return call(self, "POST", "v2.0", path .. "/command", done, { code = name, value = value })
   end
   return call(self, "POST", "v2.0", path .. "/scenes/command", done, made)
end)

--- What an air conditioner was last told.
-- @function status
-- @treturn ?table as the cloud writes it: `power`, `mode`, `temp`, `fan`; or nil, message, detail
remote_methods.status = edge.of("tuya.remote:status", function(self)
   return call(self, "GET", "v2.0", "/remotes/" .. self.id .. "/ac/status", a_table)
end)

local function read_remotes(inner, client, hub, list)
   local made = {}
   for i, given in ipairs(list) do
      made[i] = setmetatable({
         client = client, inner = inner, hub = hub, id = given.remote_id, name = given.remote_name,
         category_id = given.category_id, brand_name = given.brand_name,
      }, remote_metatable)
   end
   return made
end

local PLACE = options.known { city = "string", lat = "number", lon = "number", forecast = "boolean" }

-- The path and query of a place's weather, or nil and the rule.
local function weather_of(given)
   local rule = options.broken(given, PLACE)
   if rule then return nil, rule end
   if given.city then
      if not given.city:find(SEGMENT) then return nil, "city: an id expected" end
      return "/v1.0/cities/" .. given.city .. (given.forecast and "/weather-forecast" or "/weathers")
   end
   if not given.lat or not given.lon then return nil, "city, or lat and lon, expected" end
   if given.forecast then return nil, "forecast: known for a city only" end
   return "/v1.0/position/weather", { lat = decimal.text("%.6f", given.lat), lon = decimal.text("%.6f", given.lon) }
end

--- Adds the methods to those of a client.
-- @tparam table methods
-- @tparam table inner what the client lets its modules do
function infrared.mix(methods, inner)
   --- The remotes behind an infrared hub.
   -- @function remotes
   -- @tparam string|device hub
   -- @treturn ?table list of remotes with `id`, `name`, `keys()`, `press(key)`, `set(values)`, `status()`; or nil,
   -- message, detail
   methods.remotes = edge.of("tuya.client:remotes", function(self, hub)
      local id = type(hub) == "table" and hub.id or hub
      if type(id) ~= "string" or not id:find(SEGMENT) then return false, "hub: a device or its id expected" end
      return inner.read(self, { method = "GET", path = "/v2.0/infrareds/" .. id .. "/remotes" }, function(result)
         return type(result) == "table" and read_remotes(inner, self, id, result) or nil
      end)
   end)

   --- The weather of a place.
   -- @function weather
   -- @tparam table place `city` (Tuya's id of it), or `lat` and `lon` (degrees); `forecast = true` for a city's days
   -- @treturn ?table as the cloud writes it; or nil, message, detail
   methods.weather = edge.of("tuya.client:weather", function(self, place)
      local path, query = weather_of(place)
      if not path then return false, query end
      return inner.read(self, { method = "GET", path = path, query = query }, a_table)
   end)

   --- The cities of a country, for `weather`.
   -- @function cities
   -- @tparam string country two letters, as ISO 3166 has them
   -- @treturn ?table list as the cloud writes it; or nil, message, detail
   methods.cities = edge.of("tuya.client:cities", function(self, country)
      if type(country) ~= "string" or not country:find("^%a%a$") then return false, "country: two letters expected" end
      return inner.read(self, { method = "GET", path = "/v1.0/countries/" .. country:upper() .. "/cities" }, a_table)
   end)
end

--- The methods of a remote, for those who document them.
infrared.REMOTE = remote_methods

return infrared

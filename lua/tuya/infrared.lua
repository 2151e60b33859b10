--- infrared.lua: remotes behind an infrared hub, and the weather outside.
-- The idea: a hub has remotes; a remote has keys, and an air conditioner's takes a temperature. What no library of
-- Tuya's has is learnt: the hub listens to a remote in somebody's hand, and its codes make a remote of one's own.
-- The danger: infrared is not answered. That a call worked says that the hub sent, not that anything heard.
-- @module tuya.infrared

local bytes = require("tuya.bytes")
local decimal = require("tuya.decimal")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local options = require("tuya.options")

local infrared = {}

local SEGMENT = "^[A-Za-z0-9%-%._~]+$"

local remote_methods, hub_methods = {}, {}
local remote_metatable = {
   __name = "tuya.remote",
   __index = remote_methods,
   __tostring = function(self) return "tuya.remote: " .. tostring(self.name or self.id) end,
}

local hub_metatable = {
   __name = "tuya.infrared",
   __index = hub_methods,
   __tostring = function(self) return "tuya.infrared: " .. self.hub end,
}

local function call(self, method, version, path, read, body, query)
   local hub = ("/%s/infrareds/%s"):format(version, self.hub)
   return self.inner.read(self.client, { method = method, path = hub .. path, body = body, query = query }, read)
end

local function a_table(result)
   return type(result) == "table" and result or nil
end

local function done()
   return true
end

local function is_text(value)
   return type(value) == "string" and value ~= ""
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
   if not is_text(key) then return false, "key: a string that is not empty expected" end
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

--- Gives the remote another name.
-- @function rename
-- @tparam string name
-- @return true; or nil, message, detail
remote_methods.rename = edge.of("tuya.remote:rename", function(self, name)
   if not is_text(name) then return false, "name: a string that is not empty expected" end
   local ok, result, message, info = call(self, "PUT", "v2.0", "/remotes/" .. self.id, done, { remote_name = name })
   if ok and result then self.name = name end
   return ok, result, message, info
end)

--- Deletes the remote.
-- @function delete
-- @return true; or nil, message, detail
remote_methods.delete = edge.of("tuya.remote:delete", function(self)
   return call(self, "DELETE", "v2.0", "/remotes/" .. self.id, done)
end)

-- {{{ Learnt codes

-- Codes by their keys as the cloud takes them, in byte order of the keys; or nil and the rule.
local function code_list(codes)
   local keys = type(codes) == "table" and bytes.names(codes)
   if not keys or not keys[1] then return nil, "codes: a table key = code expected" end
   local list = {}
   for i, key in ipairs(keys) do
      if not is_text(codes[key]) then return nil, ("codes: the code of %q must be a string"):format(key) end
      list[i] = { key = key, key_name = key, code = codes[key] }
   end
   return list
end

--- The codes that were learnt for the remote.
-- @function codes
-- @treturn ?table list as the cloud writes it: `id`, `key`, `key_name`, `code`; or nil, message, detail
remote_methods.codes = edge.of("tuya.remote:codes", function(self)
   return call(self, "GET", "v2.0", "/remotes/" .. self.id .. "/learning-codes", function(result)
      return result == true and {} or a_table(result)
   end)
end)

--- Saves learnt codes with the remote, in place of those of the same keys.
-- @function save
-- @tparam table codes key = code
-- @return true; or nil, message, detail
remote_methods.save = edge.of("tuya.remote:save", function(self, codes)
   local list, rule = code_list(codes)
   if not list then return false, rule end
   return call(self, "PUT", "v2.0", "/remotes/" .. self.id .. "/learning-codes", done, { codes = list })
end)

--- Sends a code, learnt or from elsewhere, without saving it.
-- @function send
-- @tparam string code
-- @return true; or nil, message, detail
remote_methods.send = edge.of("tuya.remote:send", function(self, code)
   if not is_text(code) then return false, "code: a string that is not empty expected" end
   return call(self, "POST", "v2.0", "/remotes/" .. self.id .. "/learning-codes", done, { code = code })
end)

--- Deletes a learnt code.
-- @function forget
-- @tparam string|integer id as of `codes`
-- @return true; or nil, message, detail
remote_methods.forget = edge.of("tuya.remote:forget", function(self, id)
   if type(id) == "number" then id = ("%.0f"):format(id) end
   if type(id) ~= "string" or not id:find(SEGMENT) then return false, "id: that of a learnt code expected" end
   return call(self, "DELETE", "v2.0", "/learning-codes/" .. id, done)
end)

-- }}}

-- {{{ The hub

local function new_remote(self, given)
   return setmetatable({
      client = self.client, inner = self.inner, hub = self.hub, id = given.remote_id, name = given.remote_name,
      category_id = given.category_id, brand_name = given.brand_name,
   }, remote_metatable)
end

local function remotes_of(self)
   return call(self, "GET", "v2.0", "/remotes", function(result)
      if result == true then return {} end
      if type(result) ~= "table" then return nil end
      local made = {}
      for i, given in ipairs(result) do made[i] = new_remote(self, given) end
      return made
   end)
end

--- The remotes behind the hub.
-- @function remotes
-- @treturn ?table list of remotes; or nil, message, detail
hub_methods.remotes = edge.of("tuya.infrared:remotes", remotes_of)

local LOOK = 1   -- seconds between two looks whether something was heard
local LEARN = 20 -- seconds that the hub listens

-- Looks for what the hub has heard since a moment (ms): true and the code, or what failed; `false` when the time is
-- over.
local function listen(self, since, seconds)
   local ends = self.inner.now(self.client) + seconds
   local query = { learning_time = ("%.0f"):format(since) }
   while true do
      local ok, heard, message, info = call(self, "GET", "v2.0", "/learning-codes", function(result)
         return type(result) == "table" and result.success == true and is_text(result.code) and result.code or false
      end, nil, query)
      if not ok or heard ~= false then return ok, heard, message, info end
      local left = ends - self.inner.now(self.client)
      if left <= 0 then return true, false end
      self.inner.sleep(self.client, math.min(LOOK, left))
   end
end

local function set_learning(self, state)
   return call(self, "PUT", "v2.0", "/learning-state", done, nil, { state = state })
end

local WAIT = options.known { timeout = "number" }

--- Learns a code: the hub listens, and somebody presses the key of a remote in front of it. Whatever comes of it, the
-- hub stops listening.
-- @function learn
-- @tparam[opt] table options `timeout` (20 s)
-- @treturn ?string the code; nil, message, detail: `detail.kind` is "unheard" where nothing came in time
hub_methods.learn = edge.of("tuya.infrared:learn", function(self, given)
   given = given or {}
   local rule = options.broken(given, WAIT)
   local seconds = not rule and given.timeout or LEARN
   if rule or not (seconds > 0 and seconds < math.huge) then return false, rule or "timeout: seconds, more than 0" end
   local ok, begun, message, info = set_learning(self, true)
   if not ok or begun == nil then return ok, begun, message, info end
   local heard
   ok, heard, message, info = listen(self, info.t or self.inner.clock(self.client), seconds)
   set_learning(self, false)
   if heard ~= false then return ok, heard, message, info end
   return true, errors.failure {
      kind = "unheard", code = "unheard", sent = "yes", attempts = 1,
      message = ("%s heard no remote within %s s"):format(self.hub, tostring(seconds)),
   }
end)

local OWN = options.known { category_id = "number", brand_name = "string" }

--- Makes a remote of learnt codes.
-- @function create
-- @tparam string name
-- @tparam table codes key = code
-- @tparam[opt] table options `category_id` (of `categories()`), `brand_name`
-- @treturn ?remote; or nil, message, detail
hub_methods.create = edge.of("tuya.infrared:create", function(self, name, codes, given)
   given = given or {}
   local list, rule = code_list(codes)
   rule = rule or not is_text(name) and "name: a string that is not empty expected" or options.broken(given, OWN)
   if rule then return false, rule end
   local body = { remote_name = name, category_id = given.category_id, brand_name = given.brand_name, codes = list }
   return call(self, "POST", "v2.0", "/learning-codes", function(result)
      if type(result) == "table" then result = result.remote_id end
      if type(result) ~= "string" or not result:find(SEGMENT) then return nil end
      return new_remote(self, {
         remote_id = result, remote_name = name, category_id = given.category_id, brand_name = given.brand_name,
      })
   end, body)
end)

--- What kinds of devices Tuya's library of remotes has.
-- @function categories
-- @treturn ?table list as the cloud writes it: `category_id`, `category_name`; or nil, message, detail
hub_methods.categories = edge.of("tuya.infrared:categories", function(self)
   return call(self, "GET", "v2.0", "/categories", a_table)
end)

-- An id as it stands in a path; nil: it is none.
local function segment(id)
   if type(id) == "number" and id % 1 == 0 then id = ("%.0f"):format(id) end
   return type(id) == "string" and id:find(SEGMENT) and id or nil
end

--- What brands the library has of a kind.
-- @function brands
-- @tparam string|integer category its id
-- @treturn ?table list as the cloud writes it: `brand_id`, `brand_name`; or nil, message, detail
hub_methods.brands = edge.of("tuya.infrared:brands", function(self, category)
   if not segment(category) then return false, "category: an id expected" end
   return call(self, "GET", "v2.0", "/categories/" .. segment(category) .. "/brands", a_table)
end)

--- What sets of codes the library has of a brand; a brand has several, for its devices of other years.
-- @function indexes
-- @tparam string|integer category its id
-- @tparam string|integer brand its id
-- @treturn ?table list as the cloud writes it: `remote_index`; or nil, message, detail
hub_methods.indexes = edge.of("tuya.infrared:indexes", function(self, category, brand)
   if not segment(category) then return false, "category: an id expected" end
   if not segment(brand) then return false, "brand: an id expected" end
   local path = ("/categories/%s/brands/%s/remote-indexs"):format(segment(category), segment(brand))
   return call(self, "GET", "v2.0", path, a_table)
end)

local LIBRARY = options.known {
   category_id = "string|number", brand_id = "string|number", brand_name = "string", remote_index = "string|number",
}

-- What the library is asked for: a body, or nil and the rule.
local function library_body(name, given)
   local rule = not is_text(name) and "name: a string that is not empty expected" or options.broken(given, LIBRARY)
   if rule then return nil, rule end
   local body = { remote_name = name, brand_name = given.brand_name }
   for _, field in ipairs { "category_id", "brand_id", "remote_index" } do
      if given[field] == nil then return nil, field .. ": missing" end
      body[field] = tonumber(given[field])
      if not body[field] then return nil, field .. ": a number or its digits expected" end
   end
   return body
end

--- Adds a remote of Tuya's library.
-- @function add
-- @tparam string name
-- @tparam table given `category_id`, `brand_id`, `remote_index` (of `categories`, `brands`, `indexes`), `brand_name`
-- @treturn ?remote; or nil, message, detail
hub_methods.add = edge.of("tuya.infrared:add", function(self, name, given)
   local body, rule = library_body(name, given)
   if not body then return false, rule end
   return call(self, "POST", "v2.0", "/remotes", function(result)
      local id = segment(result)
      return id and new_remote(self, {
         remote_id = id, remote_name = name, category_id = body.category_id, brand_name = body.brand_name,
      })
   end, body)
end)

-- }}}

local function new_hub(inner, client, hub)
   local id = type(hub) == "table" and hub.id or hub
   if type(id) ~= "string" or not id:find(SEGMENT) then return nil, "hub: a device or its id expected" end
   return setmetatable({ client = client, inner = inner, hub = id }, hub_metatable)
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
   if not (given.lat >= -90 and given.lat <= 90) then return nil, "lat: degrees from -90 to 90 expected" end
   if not (given.lon >= -180 and given.lon <= 180) then return nil, "lon: degrees from -180 to 180 expected" end
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
      local made, rule = new_hub(inner, self, hub)
      if not made then return false, rule end
      return remotes_of(made)
   end)

   --- An infrared hub, for what it can do besides sending: learn. Nothing is sent.
   -- @function infrared
   -- @tparam string|device hub
   -- @treturn infrared with `remotes()`, `learn()`, `create(name, codes)`, `categories()`, `brands(category)`,
   -- `indexes(category, brand)`, `add(name, given)`
   methods.infrared = edge.of("tuya.client:infrared", function(self, hub)
      local made, rule = new_hub(inner, self, hub)
      return made ~= nil, made or rule
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

--- The classes, for those who document them.
infrared.CLASSES = { remote = remote_methods, infrared = hub_methods }

return infrared

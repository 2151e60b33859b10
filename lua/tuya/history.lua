--- history.lua: what a device did, from the logs and the statistics that the cloud keeps.
-- The idea: a log's values come as text, and are made what `status` would have given.
-- The danger: its moments are in ms, others of Tuya's in seconds; what cannot be ms is refused.
-- @module tuya.history

local generations = require("tuya.generations")
local options = require("tuya.options")
local pager = require("tuya.pager")
local specifications = require("tuya.specifications")

local history = {}

local DAY = 24 * 3600 * 1000 -- ms

local LOGS = options.known {
   codes = "table", from = "number", to = "number", types = "table", size = "number", raw = "boolean",
}

local function is_moment(value)
   return value == nil or (value >= 1e12 and value < 1e14)
end

-- The rule that options of logs break.
local function broken(given)
   local rule = options.broken(given, LOGS)
   if rule then return rule end
   if not is_moment(given.from) then return "from: ms since 1970 expected, 13 digits" end
   if not is_moment(given.to) then return "to: ms since 1970 expected, 13 digits" end
   if given.from and given.to and given.from > given.to then return "from: after to" end
   local size = given.size
   if size and not (size >= 1 and size <= 100 and size % 1 == 0) then return "size: a whole number from 1 to 100" end
   for i, kind in ipairs(given.types or {}) do
      if type(kind) ~= "number" then return ("types: a number expected at %d"):format(i) end
   end
   return options.wrong_codes(given.codes)
end

local function entry(given)
   return {
      code = given.code, value = given.value, time = tonumber(given.event_time), type = given.event_id,
   }
end

local function entries(list)
   local made = {}
   for _, given in ipairs(type(list) == "table" and list or {}) do
      if type(given) == "table" then made[#made + 1] = entry(given) end
   end
   return made
end

local function whole(number)
   return ("%.0f"):format(number)
end

-- v1.0 pages by start_row_key and has_next, the others by last_row_key and has_more.
local SOURCES = {
   ["v1.0"] = { path = "/v1.0/devices/%s/logs", key = "start_row_key", types = true },
   ["iot-03"] = { path = "/v1.0/iot-03/devices/%s/report-logs", key = "last_row_key" },
   ["v2.0"] = { path = "/v2.1/cloud/thing/%s/report-logs", key = "last_row_key" },
}

local function query_of(source, given, key, now)
   local query = {
      start_time = whole(given.from or now - DAY), end_time = whole(given.to or now), codes = given.codes,
      size = given.size or 100, [source.key] = key,
   }
   if source.types then query.type = given.types or { 7 } end
   return query
end

-- A page, read after the row key `before`. One that would be followed by itself is not of the form.
local function read_page(result, before)
   if result == true then result = {} end -- success without a result: there is none
   if type(result) ~= "table" then return nil end
   local more = result.has_next or result.has_more
   local key = result.next_row_key or result.last_row_key
   if more and key ~= nil and key == before then return nil end
   return { list = entries(result.logs or result.list), more = more and key ~= "" and key or nil }
end

local function read_logs(self, given, state, now)
   return function(generation)
      local source = SOURCES[generation]
      return self.inner.read(self.client, {
         method = "GET", path = source.path:format(self.id), query = query_of(source, given, state and state.key, now),
      }, function(result) return read_page(result, state and state.key) end)
   end
end

-- Gives the values of a list of entries the types of the device's specification: true and the list; or what failed.
local function typed(self, list)
   if not list[1] then return true, list end
   local ok, specification, message, info = specifications.of(self.inner, self.client, self.id)
   if not ok or specification == nil then return ok, specification, message, info end
   for _, one in ipairs(list) do
      if type(one.code) == "string" then
         one.value = specifications.decode(specification, { [one.code] = one.value })[one.code]
      end
   end
   return true, list
end

--- The pager over a device's logs.
-- @tparam device self
-- @tparam ?table given
-- @treturn boolean ok; false with the rule that is broken
-- @treturn pager
function history.logs(self, given)
   given = given or {}
   local rule = broken(given)
   if rule then return false, rule end
   local ok, known = self.inner.known(self.client)
   if not ok then return false, known end
   local order, now = known:order("logs"), self.inner.clock(self.client)
   return true, pager.new(function(state)
      local turn = state and { state.generation } or order
      local done, page, message, info, generation =
         generations.try(known, "logs", turn, read_logs(self, given, state, now))
      if not done or page == nil then return done, page, message, info end
      local list = page.list
      if not given.raw then done, list, message, info = typed(self, list) end
      if not done or list == nil then return done, list, message, info end
      return true, list, page.more and { key = page.more, generation = generation }
   end)
end

local STATISTICS = options.known { code = "string", per = "string", from = "string", to = "string", sum = "string" }

-- How each is asked for; and of hours and days, which are published, how they are written.
local EDGES = {
   hours = { "start_hour", "end_hour", "2024013109" }, days = { "start_day", "end_day", "20240131" },
   weeks = { "start_week", "end_week" }, months = { "start_month", "end_month" },
}

local function is_written_so(value, like)
   return value ~= nil and not value:find("%D") and (not like or #value == #like)
end

local function statistics_call(self, given)
   local per = given.per or "days"
   local edges = EDGES[per]
   if per ~= "total" and not edges then
      return nil, 'per: "hours", "days", "weeks", "months" or "total"'
   end
   if not given.code then return nil, "code: missing" end
   local query = { code = given.code, stat_type = given.sum }
   local like = edges and edges[3]
   if edges and not (is_written_so(given.from, like) and is_written_so(given.to, like)) then
      return nil, "from and to: both expected, as " .. (like and '"' .. like .. '"' or "digits")
   end
   if edges then query[edges[1]], query[edges[2]] = given.from, given.to end
   return { method = "GET", path = ("/v1.0/devices/%s/statistics/%s"):format(self.id, per), query = query }, per
end

--- Statistics of a device.
-- @tparam device self
-- @tparam ?table given
-- @treturn boolean ok; false with the rule that is broken
-- @return what the cloud counted; or nil, message, info
function history.statistics(self, given)
   if given == nil then return generations.call(self.inner, self.client, "statistic_types", self.id) end
   local rule = options.broken(given, STATISTICS)
   if rule then return false, rule end
   local spec, per = statistics_call(self, given)
   if not spec then return false, per end
   return self.inner.read(self.client, spec, function(result)
      return type(result) == "table" and result[per] or nil
   end)
end

return history

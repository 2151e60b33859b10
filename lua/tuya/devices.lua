--- devices.lua: the devices of a project, all of them, one of them by name, and the state of many.
-- The idea: every list of every generation reads the same: device objects, one after the other, each once.
-- The danger: devices come and go between two pages. Row keys bear that; numbered pages move, so that the page before
-- is read again when the total has shrunk. Only who takes one away and adds one between two pages goes unseen there.
-- @module tuya.devices

local device = require("tuya.device")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local fold = require("tuya.fold")
local generations = require("tuya.generations")
local later = require("tuya.later")
local named = require("tuya.devices.named")
local options = require("tuya.options")
local pager = require("tuya.pager")
local specifications = require("tuya.specifications")

local homes = later("tuya.homes")

local devices = {}

local BATCH = 20 -- ids that one call may name [published]

-- {{{ Where lists come from

-- Each says how to ask for the page after `state`, and what the next state is; nil: that was the last page.
local sources = {}

-- Devices a page: the cloud gives no more than `most` [published].
local function size_of(given, most)
   return math.min(given.page_size or most, most)
end

-- last_row_key and has_more.
local function by_row_key(path, list, size_name, size)
   return {
      ask = function(given, state)
         local query = { [size_name] = size_of(given, size), last_row_key = state }
         query.category, query.product_id = given.category, given.product_id
         if given.asset then query.source_type, query.source_id = "asset", given.asset end
         return path, query
      end,
      read = function(result)
         local key = result.last_row_key
         return result[list], result.has_more and type(key) == "string" and key ~= "" and key or nil
      end,
   }
end

sources["v1.0"] = by_row_key("/v1.0/iot-01/associated-users/devices", "devices", "size", 100)
sources["iot-03"] = by_row_key("/v1.3/iot-03/devices", "list", "page_size", 200)

-- A bare list; the next page begins after the last device's id, and a page that is not full is the last.
sources["v2.0"] = {
   ask = function(given, state)
      local query = { page_size = size_of(given, 20), last_id = state }
      query.categories, query.product_ids = given.category, given.product_id
      return "/v2.0/cloud/thing/device", query
   end,
   read = function(result, _, given)
      local last = result[#result]
      return result, #result >= size_of(given, 20) and last.id or nil
   end,
}

-- page_no and page_size. The state is { number, total }.
local function by_number(path, read_list)
   return {
      ask = function(given, state)
         local query = { page_no = state and state.number or 1, page_size = size_of(given, 100) }
         query.product_id, query.schema = given.product_id, given.schema
         return path, query
      end,
      read = function(result, state, given)
         local list, total = read_list(result)
         local number, size = state and state.number or 1, size_of(given, 100)
         local gone = state and state.total and total and state.total - total or 0
         if gone > 0 and number > 1 then -- what was on this page has moved to the one before
            return list, { number = math.max(1, number - math.ceil(gone / size)), total = total }
         end
         local more = result.has_more
         if more == nil then more = total and number * size < total or not total and #list >= size end
         return list, more and { number = number + 1, total = total } or nil
      end,
   }
end

local of_app = by_number("/v1.0/devices", function(result)
   return result.devices or result.list or {}, tonumber(result.total)
end)

local function bare(result)
   return result.devices or result.list or result
end

-- A list that comes whole.
local function at_once(path)
   return {
      ask = function() return path end,
      read = function(result) return bare(result) end,
   }
end

-- Where a list comes from that something of the options names.
local function special_source(given)
   if given.uid then return at_once("/v1.0/users/" .. given.uid .. "/devices") end
   if given.asset then return sources["iot-03"] end
   if given.home then
      return at_once("/v1.0/homes/" .. given.home .. (given.room and "/rooms/" .. given.room or "") .. "/devices")
   end
   if given.schema then return of_app end
   return given.api and sources[given.api] or nil -- asked for this once, nothing is learnt of it
end

-- }}}

-- {{{ The list

local DEVICES = options.known {
   ids = "table", category = "string", product_id = "string", page_size = "number", uid = "string", asset = "string",
   home = "string|number", room = "string|number", schema = "string", api = "string",
}

local function fits(given, made)
   if given.category and made.category ~= given.category then return false end
   return not given.product_id or made.product_id == given.product_id
end

-- A page as device objects; keeps the status that it came with.
local function objects(inner, client, given, list)
   local made = {}
   for _, one in ipairs(type(list) == "table" and list or {}) do
      local found = device.read(client, one, inner)
      if found and fits(given, found) then
         made[#made + 1] = { device = found, status = type(one.status) == "table" and one.status or nil }
      end
   end
   return made
end

-- One page of a source: true, { list, state of the next }, or what failed.
local function read_page(inner, client, given, source, state)
   local path, query = source.ask(given, state)
   return inner.read(client, { method = "GET", path = path, query = query }, function(result)
      if result == true then result = {} end -- success without a result: there is none
      if type(result) ~= "table" then return nil end
      local list, following = source.read(result, state, given)
      return { list = objects(inner, client, given, list), following = following }
   end)
end

-- Pages of one source, or of the first generation that answers.
local function fetcher(inner, client, known, given)
   local special = special_source(given)
   local order = known:order("devices")
   return function(state)
      if special then
         local ok, page, message, info = read_page(inner, client, given, special, state)
         if not ok or page == nil then return ok, page, message, info end
         return true, page.list, page.following
      end
      local turn = state and { state.generation } or order
      local ok, page, message, info, generation = generations.try(known, "devices", turn, function(one)
         return read_page(inner, client, given, sources[one], state and state.following)
      end)
      if not ok or page == nil then return ok, page, message, info end
      return true, page.list, page.following and { following = page.following, generation = generation }
   end
end

-- {{{ By their ids

local BY_ID = {
   ["v1.0"] = "/v1.0/devices", ["iot-03"] = "/v1.3/iot-03/devices", ["v2.0"] = "/v2.0/cloud/thing/batch",
}

-- Asks for twenty ids: true and a list; or what failed.
local function ask_by_id(inner, client, known, ids)
   return generations.try(known, "devices by id", known:order("devices by id"), function(one)
      local spec = { method = "GET", path = BY_ID[one], query = { device_ids = ids } }
      return inner.read(client, spec, function(result)
         if result == true then return {} end -- success without a result: there is none
         return type(result) == "table" and objects(inner, client, {}, bare(result)) or nil
      end)
   end)
end

-- Whether the project may call the API at all: its refusal of a device may be one of itself.
local function is_allowed(inner, client, known)
   if next(known.answered) ~= nil then return true end
   local ok, list = fetcher(inner, client, known, {})(nil)
   return ok and list ~= nil
end

-- As `ask_by_id`, where some of the devices are gone.
local function those_there(inner, client, known, ids)
   local function ask(some) return ask_by_id(inner, client, known, some) end
   local ok, list, message, info = ask(ids)
   if not ok or list ~= nil or not named.is_gone(info) then return ok, list, message, info end
   if not is_allowed(inner, client, known) then return true, nil, message, info end
   local done, found, why, detail = named.by_halves(ids, ask)
   if done and found and not found[1] and not known.generations["devices by id"] then
      return true, nil, message, info -- this call has never answered: all that it says may be about itself
   end
   return done, found, why, detail
end

-- Notes which of some ids are not among those that came.
local function note_absent(inner, client, absent, ids, list)
   local here, gone = {}, {}
   for _, item in ipairs(list) do here[item.device.id] = true end
   for _, id in ipairs(ids) do
      if not here[id] then
         gone[#gone + 1] = id
         absent[#absent + 1] = id
      end
   end
   if gone[1] then inner.log(client, { event = "absent", device_ids = gone }) end
end

local function those_that_fit(given, list)
   local made = {}
   for _, item in ipairs(list) do
      if fits(given, item.device) then made[#made + 1] = item end
   end
   return made
end

-- Pages of twenty ids; `absent` gets those that are not there.
local function by_id(inner, client, known, given, ids, absent)
   return function(state)
      local first, some = state or 1, {}
      for i = first, math.min(first + BATCH - 1, #ids) do some[#some + 1] = ids[i] end
      if not some[1] then return true, {} end
      local ok, list, message, info = those_there(inner, client, known, some)
      if not ok or list == nil then return ok, list, message, info end
      note_absent(inner, client, absent, some, list)
      return true, those_that_fit(given, list), first + BATCH <= #ids and first + BATCH or nil
   end
end

-- }}}

local SEGMENT = "^[A-Za-z0-9%-%._~]+$"

local SOURCES = { "ids", "uid", "home", "asset", "schema", "api" }

-- The rule that two options break which each say whose devices.
local function two_sources(given)
   local first
   for _, name in ipairs(SOURCES) do
      if first and given[name] then return ("%s: given beside %s; one of them says which list"):format(name, first) end
      first = first or given[name] and name
   end
end

local function broken(given)
   local is_list = type(given) == "table" and given[1] ~= nil
   local rule = is_list and "ids: a list of them is given by name, { ids = { ... } }" or options.broken(given, DEVICES)
      or two_sources(given)
   if rule then return rule end
   for _, name in ipairs { "uid", "asset", "home", "room" } do
      if given[name] and not tostring(given[name]):find(SEGMENT) then return name .. ": an id expected" end
   end
   if given.room and not given.home then return "room: wants home beside it" end
   if given.page_size and (given.uid or given.home) then return "page_size: a user's or a home's list comes whole" end
   if given.page_size and given.ids then return "page_size: ids go twenty a call" end
   if given.api and not sources[given.api] then return 'api: "v1.0", "iot-03" or "v2.0"' end
   local size = given.page_size
   if size and (size < 1 or size > 200 or size % 1 ~= 0) then return "page_size: a whole number from 1 to 200" end
end

-- Ids of a list of ids or devices, each once, or nil and the rule.
local function ids_of(list)
   local ids, seen, count = {}, {}, 0
   for _ in next, list do count = count + 1 end
   for i = 1, count do
      local id = type(list[i]) == "table" and list[i].id or list[i]
      if type(id) ~= "string" or not id:find(SEGMENT) then return nil, ("ids: no id at %d"):format(i) end
      if not seen[id] then
         seen[id] = true
         ids[#ids + 1] = id
      end
   end
   return ids
end

local function key_of(item)
   return item.device.id
end

-- A pager of { device=, status= }.
local function pages(inner, client, given)
   local rule = broken(given)
   if rule then return false, rule end
   local ok, known = inner.known(client)
   if not ok then return false, known end
   if not given.ids then return true, pager.new(fetcher(inner, client, known, given), key_of) end
   local ids
   ids, rule = ids_of(given.ids)
   if not ids then return false, rule end
   local absent = {}
   local its = pager.new(by_id(inner, client, known, given, ids, absent), key_of)
   its.absent = absent
   return true, its
end

-- }}}

-- {{{ One by name

local FIND = options.known { name = "string", category = "string", product = "string", room = "string" }

local function is(a, b)
   return type(a) == "string" and fold(a) == fold(b)
end

local tests = {
   name = function(one, text) return is(one.name, text) end,
   product = function(one, text) return one.product_id == text or is(one.product_name, text) end,
   category = function(one, text) return one.category == text end,
   part = function(one, text)
      return type(one.name) == "string" and fold(one.name):find(fold(text), 1, true) ~= nil
   end,
}

local function those(list, test, text)
   local found = {}
   for _, one in ipairs(list) do
      if test(one, text) then found[#found + 1] = one end
   end
   return found
end

-- Those of a list that are in a room of that name: true, list, or what failed.
local function in_room(inner, client, list, text)
   local ok, ids, message, info = homes.room_ids(inner, client, text, list)
   if not ok or ids == nil then return ok, ids, message, info end
   return true, those(list, function(one) return ids[one.id] == true end)
end

local function by_text(inner, client, list, text)
   for _, kind in ipairs { "name", "product", "category" } do
      local found = those(list, tests[kind], text)
      if found[1] then return true, found end
   end
   local found = those(list, tests.part, text)
   if found[1] then return true, found end
   return in_room(inner, client, list, text)
end

local function by_fields(inner, client, list, given)
   for _, kind in ipairs { "name", "product", "category" } do
      if given[kind] then list = those(list, tests[kind], given[kind]) end
   end
   if not given.room or not list[1] then return true, list end
   return in_room(inner, client, list, given.room)
end

local function candidates(list)
   local names = {}
   for i, one in ipairs(list) do
      if i > 10 then
         names[i] = ("and %d more"):format(#list - 10)
         break
      end
      names[i] = ("%s (%s)"):format(tostring(one.name), one.id)
   end
   return table.concat(names, ", ")
end

-- The names that are near a wrong one, or all.
local function near(list, text)
   local names = {}
   for _, one in ipairs(list) do
      if type(one.name) == "string" then names[fold(one.name)] = one end
   end
   local likely = text and options.nearest(fold(text), names)
   return likely and { names[likely] } or list
end

-- One device of those found, or nil, message, detail with the candidates.
local function only(found, list, what, text)
   if #found == 1 then return found[1] end
   local offered = found[1] and found or near(list, text)
   local message = found[1] and ("%d devices fit %s: %s"):format(#found, what, candidates(found))
      or offered[1] and ("no device fits %s; there are: %s"):format(what, candidates(offered))
      or ("no device fits %s; the project has none"):format(what)
   return errors.failure {
      kind = "lookup", code = found[1] and "ambiguous" or "absent", message = message, candidates = offered,
      sent = "yes",
   }
end

local function shown(given)
   local parts = {}
   for _, name in ipairs { "name", "category", "product", "room" } do
      if given[name] then parts[#parts + 1] = ("%s = %q"):format(name, given[name]) end
   end
   return table.concat(parts, ", ")
end

local function find_broken(given)
   if type(given) == "string" then return given == "" and "name: empty" or nil end
   if type(given) ~= "table" then return "a name, or a table of what to look for, expected, got " .. type(given) end
   local rule = options.broken(given, FIND)
   if not rule and next(given) == nil then rule = "name, category, product or room: one of them expected" end
   return rule
end

local function plain(items)
   local list = {}
   for i, item in ipairs(items) do list[i] = item.device end
   return list
end

-- A pager of plain objects: true and it; or false, rule.
local function plain_pages(inner, client, given)
   local ok, its = pages(inner, client, given)
   if not ok then return false, its end
   local fetch = its.fetch
   its.fetch = function(state)
      local done, items, more, info = fetch(state)
      if not done or items == nil then return done, items, more, info end
      return true, plain(items), more
   end
   its.key_of = function(one) return one.id end
   return true, its
end

-- All devices as plain objects, or what failed.
local function all_of(inner, client)
   local ok, its = pages(inner, client, {})
   if not ok then return false, its end
   local items, message, info
   ok, items, message, info = pager.collect(its)
   if not ok or items == nil then return ok, items, message, info end
   return true, plain(items)
end

-- The one device that is looked for: true and it, or true, nil, message, info.
local function find(inner, client, what)
   local ok, list, message, info = all_of(inner, client)
   if not ok or list == nil then return ok, list, message, info end
   local found
   if type(what) == "string" then ok, found, message, info = by_text(inner, client, list, what)
   else ok, found, message, info = by_fields(inner, client, list, what) end
   if not ok or found == nil then return ok, found, message, info end
   if type(what) == "string" then return true, only(found, list, ("%q"):format(what), what) end
   return true, only(found, list, shown(what), what.name)
end

-- }}}

-- {{{ The state of many

local STATUSES = options.known { raw = "boolean" }

-- The status of a device of a list that came without: by its own call, where no other is left.
local function status_of(inner, client, item)
   if item.status then return true, generations.read_values(item.status) end
   return generations.call(inner, client, "status", item.device.id)
end

local function ask_statuses(inner, client, ids)
   return inner.read(client, {
      method = "GET", path = "/v1.0/iot-03/devices/status", query = { device_ids = ids },
   }, function(result) return type(result) == "table" and result or result == true and {} or nil end)
end

-- Fills in the statuses that a list came without, twenty at a time.
local function read_statuses(inner, client, known, items)
   local without = {}
   for _, item in ipairs(items) do
      if not item.status then without[#without + 1] = item end
   end
   if not without[1] or known.generations["devices by id"] == "v2.0" or known.generations.devices == "v2.0" then
      return true, true
   end
   for first = 1, #without, BATCH do
      local ids, by = {}, {}
      for i = first, math.min(first + BATCH - 1, #without) do
         ids[#ids + 1] = without[i].device.id
         by[without[i].device.id] = without[i]
      end
      local ok, list, message, info = ask_statuses(inner, client, ids)
      if ok and list == nil and named.is_gone(info) then
         ok, list, message, info = named.by_halves(ids, function(some) return ask_statuses(inner, client, some) end)
      end
      if not ok or list == nil then return ok, list, message, info end
      for _, one in ipairs(list) do
         if type(one) == "table" and by[one.id] then by[one.id].status = one.status end
      end
   end
   return true, true
end

-- A device's state as programs write it: true and it, or false for one that went since it was listed; or what failed.
local function state_of(inner, client, item, is_raw)
   local ok, values, message, info = status_of(inner, client, item)
   if ok and values == nil and named.is_gone(info) then return true, false end
   if not ok or values == nil or is_raw or next(values) == nil then return ok, values, message, info end
   local specification
   ok, specification, message, info = specifications.of(inner, client, item.device.id)
   if not ok or specification == nil then return ok, specification, message, info end
   return true, specifications.decode(specification, values)
end

-- id = { code = value }
local function decoded(inner, client, items, is_raw)
   local statuses = {}
   for _, item in ipairs(items) do
      local ok, state, message, info = state_of(inner, client, item, is_raw)
      if not ok or state == nil then return ok, state, message, info end
      statuses[item.device.id] = state or nil
   end
   return true, statuses
end

--- Reads the state of many devices, as `client:statuses` does.
-- @tparam table inner what the client lets its modules do
-- @tparam client client
-- @tparam ?table which list of ids or devices; nil: all of the project
-- @tparam ?table given options
-- @treturn boolean ok; false with the rule that the program broke
-- @return what `client:statuses` returns
function devices.statuses(inner, client, which, given)
   given = given or {}
   local rule = options.broken(given, STATUSES)
   if not rule and which ~= nil and type(which) ~= "table" then rule = "a list of ids or devices expected" end
   if rule then return false, rule end
   local ok, known = inner.known(client)
   if not ok then return false, known end
   local its
   ok, its = pages(inner, client, { ids = which })
   if not ok then return false, its end
   local items, message, info, done
   ok, items, message, info = pager.collect(its)
   if not ok or items == nil then return ok, items, message, info end
   ok, done, message, info = read_statuses(inner, client, known, items)
   if not ok or done == nil then return ok, done, message, info end
   return decoded(inner, client, items, given.raw)
end

-- }}}

--- Adds the methods to those of a client.
-- @tparam table methods
-- @tparam table inner what the client lets its modules do
function devices.mix(methods, inner)
   -- for homes and rooms, which list theirs by it and raise at their own caller's line
   function inner.devices(client, given)
      return plain_pages(inner, client, given or {})
   end

   --- The devices of the project, page by page as they are read.
   -- @function devices
   -- @tparam[opt] table options `category`, `product_id`; `ids` (a list: these only), `home` (and `room`), `uid`,
   -- `asset`, `schema`: whose devices; `api`: by which generation's list; `page_size`
   -- @treturn pager of devices with `id, name, category, product_id, online`: `for device in pager do`,
   -- `pager:next()`, `pager:all()`. With `ids`, those that are gone or not the project's are passed over, told in `log`
   -- and listed in `pager.absent` as far as it has read
   methods.devices = edge.of("tuya.client:devices", inner.devices)

   --- Finds one device.
   -- @function find
   -- @tparam string|table what a text: the name, else product, category, part of a name, or room; or a table of
   -- `name`, `category`, `product` (id or name), `room`, all of which must fit. Case of names does not matter
   -- @treturn ?device the one that fits; nil, message, detail where there is none or there are several: the message
   -- names the candidates, `detail.candidates` lists them, `detail.code` is "absent" or "ambiguous"
   methods.find = edge.of("tuya.client:find", function(self, what)
      local rule = find_broken(what)
      if rule then return false, rule end
      return find(inner, self, what)
   end)

   --- Reads the state of many devices in as few calls as the API allows: a hundred a call for all devices, twenty a
   -- call for those that are named.
   -- @function statuses
   -- @tparam[opt] table which list of ids or devices; nil: all of the project
   -- @tparam[opt] table options `raw = true`: as the cloud writes the values
   -- @treturn ?table id = a table code = value, without those that are gone or not the project's; or nil, message,
   -- detail
   methods.statuses = edge.of("tuya.client:statuses", function(self, which, given)
      return devices.statuses(inner, self, which, given)
   end)
end

return devices

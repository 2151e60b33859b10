--- calls.lua: what each call of the API does.
-- The idea: a call is a function of one table (who asks, with what, when) that answers a result, or nil and
-- the code of its refusal.
-- The danger: to change a device before everything in the call has been checked. Commands are applied
-- together or not at all.
-- @module tuya.simulator.calls

local home = require("tuya.simulator.home")
local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")
local values = require("tuya.simulator.values")

local calls = {}

local IDS_MAX = 20 -- device ids that one call may name

-- {{{ Parameters

local function split(text)
   local list = {}
   for part in text:gmatch("[^,]+") do
      list[#list + 1] = part
   end
   return list
end

local function absent(value)
   return value == nil or value == json.null
end

local function given(value)
   return not absent(value) and value ~= ""
end

--- The devices that a comma-separated list of ids names, at most 20.
local function named_devices(call, ids)
   local list = split(ids)
   if #list == 0 then
      return nil, 1100
   end
   if #list > IDS_MAX then
      return nil, 1109
   end
   for i, id in ipairs(list) do
      list[i] = call.find_device(id)
      if not list[i] then
         return nil, 1106
      end
   end
   return list
end

--- The body as a table; nil and a code when there is none or it is no JSON object or array.
local function body_table(call)
   if call.body == "" then
      return nil, 1100
   end
   local body = json.decode(call.body)
   if type(body) ~= "table" or body == json.null then
      return nil, 1109
   end
   return body
end

--- A whole number of the query within limits, or `otherwise` where it is not given.
local function whole_parameter(call, name, otherwise, limit)
   local text = call.query[name]
   if not given(text) then
      return otherwise
   end
   if not text:find("^[0-9]+$") then
      return nil, 1109
   end
   local number = tonumber(text)
   if number < 1 or number > limit then
      return nil, 1101
   end
   return number
end

-- }}}

-- {{{ Pages

--- What stood before a device that is gone: an id, "" for none; nil where there never was such a device.
local function before_gone(call, id)
   for _, one in ipairs(call.project.homes) do
      if one.gone[id] then
         return one.gone[id]
      end
   end
   return nil
end

--- Where the page after the device with this id starts; 1 for the first page; nil: no such device. A device that went
-- after its page was read still marks the place where it was.
local function start_after(call, devices, id)
   while given(id) do
      for i, device in ipairs(devices) do
         if device.id == id then
            return i + 1
         end
      end
      id = before_gone(call, id)
      if not id then
         return nil
      end
   end
   return 1
end

local function cut(devices, start, size)
   local page = {}
   for i = start, math.min(start + size - 1, #devices) do
      page[#page + 1] = devices[i]
   end
   return page, start + size <= #devices
end

--- A page that begins after a row key. The row key is the last device's id; callers may not know.
local function page_after(call, devices, key, size_name, limit)
   local size, code = whole_parameter(call, size_name, math.min(20, limit), limit)
   if not size then
      return nil, code
   end
   local start = start_after(call, devices, call.query[key])
   if not start then
      return nil, 1109
   end
   return cut(devices, start, size)
end

local function last_id(page)
   return page[#page] and page[#page].id or ""
end

-- }}}

-- {{{ Tokens

function calls.get_token(call)
   local grant = call.query.grant_type
   if grant == "1" then
      return call.project.tokens:get(call.now)
   end
   if grant == "2" then
      local uid = call.project.sessions:redeem(call.query.code or "", call.now)
      if not uid then
         return nil, 1107, "no code of this project, used, or older than 300 s"
      end
      return call.project.sessions:open(uid, "code", call.now)
   end
   if grant == "3" then
      return nil, 1107
   end
   return nil, 1003
end

function calls.refresh_token(call)
   local refresh = call.captures.refresh_token
   local pair = call.project.tokens:swap(refresh, call.now) or call.project.sessions:swap(refresh, false, call.now)
   if not pair then
      return nil, 1010
   end
   return pair
end

function calls.authorize_token()
   return nil, 1107
end

-- }}}

-- {{{ Devices

local function shape_all(call, devices, shape)
   return shapes.each(devices, function(device)
      return shape(device, call.home_of(device))
   end)
end

function calls.device_with_status(call)
   return shapes.device_with_status(call.device, call.home)
end

function calls.device(call)
   return shapes.device(call.device, call.home)
end

function calls.thing(call)
   return shapes.thing(call.device, call.home)
end

function calls.user_devices(call)
   return shape_all(call, call.devices(), shapes.device_with_status)
end

local function accepts_all()
   return true
end

--- A test for devices: one of the comma-separated texts in the parameter, or everything.
local function one_of(text, member)
   if not given(text) then
      return accepts_all
   end
   local wanted = {}
   for _, part in ipairs(split(text)) do
      wanted[part] = true
   end
   return function(device)
      return wanted[device[member]] == true
   end
end

--- The devices that the query asks for: those that it names, or those of a product or category.
local function asked_devices(call)
   local query = call.query
   local devices, code
   if given(query.device_ids) then
      devices, code = named_devices(call, query.device_ids)
      if not devices then
         return nil, code
      end
   else
      devices = call.devices()
   end
   local of_product = one_of(query.product_id or query.product_ids, "product_id")
   local of_category = one_of(query.category or query.categories, "category")
   local list = {}
   for _, device in ipairs(devices) do
      if of_product(device) and of_category(device) then
         list[#list + 1] = device
      end
   end
   return list
end

--- v1.0: pages by their number.
function calls.devices(call)
   local devices, code = asked_devices(call)
   if not devices then
      return nil, code
   end
   local number, size
   number, code = whole_parameter(call, "page_no", 1, math.huge)
   if not number then
      return nil, code
   end
   size, code = whole_parameter(call, "page_size", 20, 100)
   if not size then
      return nil, code
   end
   local page, more = cut(devices, (number - 1) * size + 1, size)
   return {
      devices = shape_all(call, page, shapes.device_with_status),
      has_more = more,
      last_id = last_id(page),
      total = #devices,
   }
end

--- v1.0 iot-01: pages by row key.
function calls.associated_devices(call)
   local devices = call.devices()
   local page, more = page_after(call, devices, "last_row_key", "size", 100)
   if not page then
      return nil, more
   end
   return {
      devices = shape_all(call, page, shapes.device_with_status),
      has_more = more,
      last_row_key = more and last_id(page) or "",
      total = #devices,
   }
end

--- Those of a list that are of the source that the query names; nil and a code where it names an unknown kind.
local function of_source(call, devices)
   local kind, id, list = call.query.source_type, call.query.source_id, {}
   if not given(kind) then
      return devices
   end
   if (kind ~= "asset" and kind ~= "tuyaUser") or not given(id) then
      return nil, 1109
   end
   for _, device in ipairs(devices) do
      local belongs_to = kind == "asset" and device.asset_id or kind == "tuyaUser" and call.home_of(device).uid
      if belongs_to == id then
         list[#list + 1] = device
      end
   end
   return list
end

--- iot-03: pages by row key, without status.
function calls.industry_devices(call)
   local devices, code = asked_devices(call)
   if not devices then
      return nil, code
   end
   devices, code = of_source(call, devices)
   if not devices then
      return nil, code
   end
   local page, more = page_after(call, devices, "last_row_key", "page_size", 200)
   if not page then
      return nil, more
   end
   return {
      has_more = more,
      last_row_key = more and last_id(page) or "",
      list = shape_all(call, page, shapes.device),
      total = #devices,
   }
end

--- v2.0: a bare array; the next page begins after the last device's id.
function calls.things(call)
   local devices, code = asked_devices(call)
   if not devices then
      return nil, code
   end
   local page, more = page_after(call, devices, "last_id", "page_size", 20)
   if not page then
      return nil, more
   end
   return shape_all(call, page, shapes.thing)
end

function calls.things_by_id(call)
   local devices, code = named_devices(call, call.query.device_ids or "")
   if not devices then
      return nil, code
   end
   return shape_all(call, devices, shapes.thing)
end

function calls.rename(call)
   local body, code = body_table(call)
   if not body then
      return nil, code
   end
   if not given(body.name) then
      return nil, 1100
   end
   if type(body.name) ~= "string" then
      return nil, 1109
   end
   call.device.name = body.name
   call.device.update_time = math.floor(call.now / 1000)
   return true
end

function calls.delete(call)
   home.remove(call.home, call.device)
   return true
end

-- }}}

-- {{{ Specifications

function calls.functions(call)
   return shapes.functions(call.device)
end

--- The functions of a category are those of the home's first device of it.
function calls.category_functions(call)
   for _, device in ipairs(call.devices()) do
      if device.category == call.captures.category then
         return shapes.functions(device)
      end
   end
   return nil, 1109
end

function calls.specification(call)
   return shapes.specification(call.device)
end

function calls.specification_with_ids(call)
   return shapes.specification_with_ids(call.device)
end

function calls.model(call)
   return shapes.model(call.device)
end

-- }}}

-- {{{ Status and commands

function calls.status(call)
   return shapes.status(call.device)
end

function calls.statuses(call)
   local devices, code = named_devices(call, call.query.device_ids or "")
   if not devices then
      return nil, code
   end
   return shapes.each(devices, shapes.status_of)
end

--- May this data point be set to this value? The change to make of it, or nil and the code.
local function planned_change(device, code, value, settable)
   if absent(value) then
      return nil, 1100
   end
   local point = device.by_code[code]
   if not point or not settable(point) then
      return nil, 2008
   end
   local accepted, refusal = values.accept(point, value)
   if accepted == nil then
      return nil, refusal
   end
   return { point = point, value = accepted }
end

--- Can the device be commanded at all?
local function check_device(device, settable)
   for _, point in ipairs(device.points) do
      if settable(point) then
         if not device.online then
            return nil, 2001
         end
         return true
      end
   end
   return nil, 2003
end

--- Checks every { code =, value = } of the list, then applies them all.
local function issue(call, list, settable)
   local device = call.device
   local ok, refusal = check_device(device, settable)
   if not ok then
      return nil, refusal
   end
   local changes = {}
   for i, command in ipairs(list) do
      changes[i], refusal = planned_change(device, command.code, command.value, settable)
      if not changes[i] then
         return nil, refusal
      end
   end
   call.apply(device, changes)
   return true
end

--- A list without holes? (JSON's null leaves a hole.)
local function is_list(value)
   local count, last = 0, 0
   for index in pairs(value) do
      if type(index) ~= "number" then
         return false
      end
      count, last = count + 1, math.max(last, index)
   end
   return count == last
end

--- The commands of a body as a list of { code =, value = }.
local function read_commands(call)
   local body, refusal = body_table(call)
   if not body then
      return nil, refusal
   end
   local list = body.commands
   if type(list) ~= "table" or list == json.null or not is_list(list) then
      return nil, 1109
   end
   if #list == 0 then
      return nil, 1100
   end
   for _, command in ipairs(list) do
      if type(command) ~= "table" or (given(command.code) and type(command.code) ~= "string") then
         return nil, 1109
      end
      if not given(command.code) or absent(command.value) then
         return nil, 1100
      end
   end
   return list
end

function calls.commands(call)
   local list, refusal = read_commands(call)
   if not list then
      return nil, refusal
   end
   return issue(call, list, shapes.is_function)
end

local function is_writable(point)
   return point.writable
end

--- The properties of a body, an object or its JSON text, in the order of the device's data points.
local function read_properties(call)
   local body, refusal = body_table(call)
   if not body then
      return nil, refusal
   end
   local properties = body.properties
   if not given(properties) then
      return nil, 1100
   end
   if type(properties) == "string" then
      properties = json.decode(properties)
   end
   if type(properties) ~= "table" or properties == json.null then
      return nil, 1109
   end
   if next(properties) == nil then
      return nil, 1100
   end
   if is_list(properties) then
      return nil, 1109
   end
   local codes, list = {}, {}
   for code in pairs(properties) do
      codes[#codes + 1] = code
   end
   table.sort(codes)
   for i, code in ipairs(codes) do
      list[i] = { code = code, value = properties[code] }
   end
   return list
end

function calls.issue_properties(call)
   local list, refusal = read_properties(call)
   if not list then
      return nil, refusal
   end
   local ok
   ok, refusal = issue(call, list, is_writable)
   if not ok then
      return nil, refusal
   end
   return {}
end

function calls.properties(call)
   local wanted = one_of(call.query.codes, "code")
   return { properties = shapes.each(call.device.points, shapes.shadow_point, wanted) }
end

-- }}}

return calls

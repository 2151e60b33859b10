--- cli/devices.lua: `tuya devices`, `status` and `send`: the home from the shell.
-- The idea: values are typed by what the device says that it takes, so that `switch=true` is a boolean.
-- The danger: a value out of its range is refused here, before it can reach a device.
-- @module tuya.cli.devices

local account = require("tuya.cli.account")
local call = require("tuya.cli.call")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local options = require("tuya.options")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local devices = {}

local fail = ending.fail

-- {{{ devices

local PAGE = 50

--- `tuya devices`.
devices.list = { name = "devices", summary = "List the devices of the linked app accounts." }

function devices.list.describe(command)
   account.describe(command)
end

-- One page: result, and its devices as text.
local function page(client, answer, row_key)
   local query = { size = PAGE, last_row_key = row_key }
   local result = ending.unless(ending.attempt(
      client.get, client, "/v1.0/iot-01/associated-users/devices", query))
   if type(result) ~= "table" then return {}, {} end
   return result, raw.elements(raw.member(raw.member(answer(), "result"), "devices") or "[]")
end

-- All devices, as tables and as text.
local function all(client, answer)
   local list, texts, row_key = {}, {}, nil
   repeat
      local result, of_page = page(client, answer, row_key)
      for i, device in ipairs(result.devices or {}) do
         list[#list + 1] = device
         texts[#texts + 1] = of_page[i]
      end
      screen.progress(("%d devices..."):format(#list))
      local more = result.has_more == true and result.last_row_key ~= row_key
      row_key = result.last_row_key
   until not more
   screen.progress()
   return list, texts
end

function devices.list.run(given)
   local client, answer = account.client(given)
   local list, texts = all(client, answer)
   client:close()
   if given.json then
      screen.json("[" .. table.concat(texts, ",") .. "]")
      return ending.DONE
   end
   local rows = {}
   for i, device in ipairs(list) do
      rows[i] = { device.id, device.category, device.online and "online" or "offline", device.name }
   end
   screen.rows({ "ID", "CATEGORY", "STATE", "NAME" }, rows)
   return ending.DONE
end

-- }}}

-- {{{ status

--- `tuya status`.
devices.status = { name = "status", summary = "Show the state of a device." }

function devices.status.describe(command)
   command:argument("id", "The device's id.")
   account.describe(command)
end

local function device_of(client, id)
   return ending.attempt(client.device, client, id)
end

function devices.status.run(given)
   local client, answer = account.client(given)
   ending.unless(device_of(client, given.id):status { raw = true })
   client:close()
   local rows, members = {}, {}
   for i, text in ipairs(raw.elements(raw.member(answer(), "result") or "[]")) do
      local code, value = raw.member(text, "code"), raw.member(text, "value") or "null"
      members[i] = code .. ":" .. value
      rows[i] = { json.decode("[" .. code .. "]")[1], value }
   end
   if given.json then screen.json("{" .. table.concat(members, ",") .. "}")
   else screen.rows({ "CODE", "VALUE" }, rows) end
   return ending.DONE
end

-- }}}

-- {{{ send

--- `tuya send`.
devices.send = { name = "send", summary = "Send commands to a device." }

function devices.send.describe(command)
   command:argument("id", "The device's id.")
   command:argument("values", "code=value, typed by what the device takes."):args("+")
   account.describe(command)
end

local BOOLEANS = { ["true"] = true, on = true, ["false"] = false, off = false }

-- What a text means, by type: the value, or nil and what was expected.
local readers = {}

function readers.Boolean(text)
   if BOOLEANS[text] == nil then return nil, "true or false" end
   return BOOLEANS[text]
end

function readers.Integer(text, limits)
   local number = text:find("^%-?%d+$") and tonumber(text)
   local low, high = limits.min or -2147483648, limits.max or 2147483647
   if not number or number < low or number > high then
      return nil, ("a whole number from %s to %s"):format(low, high)
   end
   return number
end

function readers.Enum(text, limits)
   for _, word in ipairs(limits.range or {}) do
      if word == text then return text end
   end
   return nil, "one of " .. table.concat(limits.range or {}, ", ")
end

function readers.Json(text)
   local value = json.decode(text)
   if type(value) ~= "table" then return nil, "a JSON object" end
   return value
end

local function functions_of(client, id)
   local path = "/v1.0/devices/" .. id .. "/functions"
   local result = ending.unless(ending.attempt(client.get, client, path))
   local by_code = {}
   for _, entry in ipairs(type(result) == "table" and result.functions or {}) do by_code[entry.code] = entry end
   return by_code
end

local function value_of(functions, code, text)
   local known = functions[code]
   if not known then fail(ending.USAGE, options.unknown("code of this device", code, functions)) end
   local limits = json.decode(known.values or "{}")
   local read = readers[known.type]
   if not read then return text end
   local value, expected = read(text, type(limits) == "table" and limits or {})
   if value == nil then fail(ending.USAGE, ("%s: %s expected, not '%s'"):format(code, expected, screen.plain(text))) end
   return value
end

function devices.send.run(given)
   local words = call.pairs_of(given.values)
   local client = account.client(given)
   local device = device_of(client, given.id)
   local functions, commands = functions_of(client, given.id), {}
   for i, pair in ipairs(words) do
      commands[i] = { code = pair[1], value = value_of(functions, pair[1], pair[2]) }
   end
   local result = ending.unless(ending.attempt(device.send, device, commands, { check = false }))
   client:close()
   if given.json then screen.json(raw.encode(result)) end
   return ending.DONE
end

-- }}}

return devices

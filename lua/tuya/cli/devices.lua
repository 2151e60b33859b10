--- cli/devices.lua: `tuya devices`, `status` and `send`: the home from the shell.
-- The idea: a word of the shell becomes what its data point's type says, so that `switch=on` is a boolean; all else is
-- the device's.
-- The danger: a value out of its range is refused here, before it can reach a device.
-- @module tuya.cli.devices

local account = require("tuya.cli.account")
local call = require("tuya.cli.call")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local devices = {}

-- {{{ devices

--- `tuya devices`.
devices.list = { name = "devices", summary = "List the devices of the project." }

function devices.list.describe(command)
   account.describe(command)
end

-- All devices, with a line on how far it is.
local function all(client)
   local pager, list = ending.attempt(client.devices, client), {}
   while true do
      local device, message, detail = ending.attempt(pager.next, pager)
      if not device then
         screen.progress()
         if message then ending.unless(nil, message, detail) end
         return list
      end
      list[#list + 1] = device
      screen.progress(("%d devices..."):format(#list))
   end
end

local FIELDS = { "id", "name", "category", "product_id", "product_name", "online" }

local function fields_of(device)
   local copy = {}
   for _, name in ipairs(FIELDS) do copy[name] = device[name] end
   return copy
end

function devices.list.run(given)
   local client = account.client(given)
   local list, rows, objects = all(client), {}, json.array()
   client:close()
   for i, device in ipairs(list) do
      rows[i] = { device.id, device.category, device.online and "online" or "offline", device.name }
      objects[i] = fields_of(device)
   end
   if given.json then screen.json(raw.encode(objects))
   else screen.rows({ "ID", "CATEGORY", "STATE", "NAME" }, rows) end
   return ending.DONE
end

-- }}}

local function device_of(client, id)
   return ending.attempt(client.device, client, id)
end

-- What its data points may be; false where the cloud says nothing usable.
local function specification_of(device)
   return ending.unless(ending.attempt(device.specification, device))
end

-- {{{ status

--- `tuya status`.
devices.status = { name = "status", summary = "Show the state of a device." }

function devices.status.describe(command)
   command:argument("id", "The device's id.")
   account.describe(command)
end

-- In a table text stands as it is, and what has parts as JSON.
local function cell(value)
   return type(value) == "table" and raw.encode(value) or value
end

function devices.status.run(given)
   local client = account.client(given)
   local device = device_of(client, given.id)
   local status = ending.unless(ending.attempt(device.status, device))
   local known, rows = specification_of(device), {}
   client:close()
   for code, value in pairs(status) do
      local point = known and known.by_code[code]
      if point and point.type == "Bitmap" and type(value) == "table" then json.array(value) end
      rows[#rows + 1] = { code, cell(value) }
   end
   table.sort(rows, function(a, b) return a[1] < b[1] end)
   if given.json then screen.json(raw.encode(status)) else screen.rows({ "CODE", "VALUE" }, rows) end
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

-- What a word of the shell means, by type; what it cannot mean stays text, which the device refuses by its rule.
local readers = {}

function readers.Boolean(word)
   if BOOLEANS[word] == nil then return word end
   return BOOLEANS[word]
end

function readers.Integer(word)
   return tonumber(word) or word
end

function readers.Json(word)
   local value = json.decode(word)
   return type(value) == "table" and value or word
end

-- Where nothing is known of the type: JSON, or text.
local function guess(word)
   local value = json.decode("[" .. word .. "]")
   if value and value[1] ~= nil and value[2] == nil then return value[1] end
   return word
end

local function same(word)
   return word
end

local function command_of(known, code, word)
   local point = known and known.by_code[code]
   local read = not known and guess or point and readers[point.type] or same
   return { code = code, value = read(word) }
end

function devices.send.run(given)
   local words, commands = call.pairs_of(given.values), {}
   local client = account.client(given)
   local device = device_of(client, given.id)
   local known = specification_of(device)
   for i, pair in ipairs(words) do commands[i] = command_of(known, pair[1], pair[2]) end
   local result = ending.unless(ending.attempt(device.send, device, commands))
   client:close()
   if given.json then screen.json(raw.encode(result)) end
   return ending.DONE
end

-- }}}

return devices

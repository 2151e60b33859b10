--- read.lua: what a message says, as an event.
-- The idea: both families of message numbers (4, 20, ... and 1000, 1001, ...) become one shape, told apart by what
-- a message holds and not by its number, which only some carriers bring. What is not known passes as "other".
-- The danger: the cloud adds keys and kinds at any time, and one moment comes as 13 digits, as 10, and as text; what
-- is missing or odd here must never hide the rest of a message.
-- @module tuya.events.read

local read = {}

-- Kinds by bizCode: on the left the older family, on the right that of 2023.
local KINDS = {
   online = "online", deviceOnline = "online",
   offline = "offline", deviceOffline = "offline",
   nameUpdate = "renamed", deviceNameUpdate = "renamed",
   bindUser = "bound", deviceBindSpace = "bound",
   delete = "unbound", deviceUnbindSpace = "unbound",
   upgradeStatus = "upgrade", deviceOtaProgress = "upgrade",
   sceneExecute = "scene",
   devicePropertyMessage = "status",
}

local SCENES = { [22] = true, [25] = true } -- whose messages carry no bizCode

local to_integer = math.tointeger or function(n) return n end

--- A moment in ms, and whether it was given that fine. Tuya writes ms and s, as numbers and as text.
-- @param t
-- @treturn ?integer nil for what is no moment
-- @treturn ?boolean
function read.moment(t)
   t = tonumber(t)
   if not t or t % 1 ~= 0 or t <= 0 or t >= 1e15 then return nil end
   if t >= 1e11 then return to_integer(t), true end
   return to_integer(t * 1000), false
end

local function text_or_nil(value)
   return type(value) == "string" and value ~= "" and value or nil
end

-- The code of a data point and its value: products without codes are known by the numbers of their data points.
local function point_of(item)
   if type(item) ~= "table" then return nil end
   if text_or_nil(item.code) then return item.code, item.value end
   for name, value in next, item do
      if type(name) == "string" and name:find("^%d+$") then return name, value end
   end
end

-- Of two values of one data point in a message the newer one stands; of two as old, the later in the list.
local function add_point(event, item, otherwise)
   local code, value = point_of(item)
   if not code or value == nil then return end
   local t, fine = read.moment(item.t or item.time)
   if not t then t, fine = otherwise, false end
   local before = event.times[code]
   if before and t and t < before then return end
   event.changes[code], event.times[code], event.coarse[code] = value, t, not fine
   if t and (not event.time or t > event.time) then event.time = t end
end

local function add_points(event, list, otherwise)
   if type(list) ~= "table" then return end
   for i = 1, #list do add_point(event, list[i], otherwise) end
end

local function kind_of(said, number)
   if said.bizCode ~= nil then return KINDS[said.bizCode] or "other" end
   if type(said.status) == "table" then return "status" end
   return SCENES[number] and "scene" or "other"
end

-- The part of a message that speaks of the device: the older family puts some of it one level up.
local function first_of(said, biz, names)
   for i = 1, #names do
      local found = text_or_nil(biz[names[i]]) or text_or_nil(said[names[i]])
      if found then return found end
   end
end

local DEVICE, PRODUCT, DATA = { "devId", "deviceId" }, { "productKey", "productId" }, { "dataId" }

--- Makes an event of what a message says.
-- @tparam table said the decoded text of a message
-- @tparam table from `via`; and where known `number` (the envelope's protocol), `t` (the envelope's), `id` (the
-- carrier's, of the message)
-- @treturn table event: `kind`, `device`, `product`, `changes` (code = value, of a status), `name` (of "renamed"),
-- `time` (ms; nil where nothing tells), `id` (the data's or the message's), `via`, `raw` (what was said); for the
-- sieve `times` and `coarse` (by code), `fine` (its own moment is one of ms), `data_id` and `message_id`
function read.event(said, from)
   local biz = type(said.bizData) == "table" and said.bizData or {}
   local event = {
      kind = kind_of(said, from.number),
      device = first_of(said, biz, DEVICE),
      product = first_of(said, biz, PRODUCT),
      data_id = first_of(said, biz, DATA),
      message_id = from.id,
      via = from.via,
      raw = said,
      changes = {}, times = {}, coarse = {},
   }
   event.id = event.data_id or event.message_id
   local otherwise, fine = read.moment(biz.time or said.ts or from.t)
   if event.kind == "status" then
      add_points(event, said.status, otherwise)
      add_points(event, biz.properties, otherwise)
   elseif event.kind == "renamed" then
      event.name = text_or_nil(biz.name)
   end
   event.time, event.fine = event.time or otherwise, fine
   return event
end

return read

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
   if type(t) ~= "number" then t = tonumber(t) end
   if not t or t % 1 ~= 0 or t <= 0 or t >= 1e15 then return nil end
   if t >= 1e11 then return to_integer(t), true end
   return to_integer(t * 1000), false
end

-- The first of some values that is a text.
local function text_of(a, b, c, d)
   if type(a) == "string" and a ~= "" then return a end
   if type(b) == "string" and b ~= "" then return b end
   if type(c) == "string" and c ~= "" then return c end
   return type(d) == "string" and d ~= "" and d or nil
end

-- The code of a data point and its value: products without codes are known by the numbers of their data points.
local function point_of(item)
   if type(item) ~= "table" then return nil end
   local code = item.code
   if type(code) == "string" and code ~= "" then return code, item.value end
   for name, value in next, item do
      if type(name) == "string" and name:find("^%d+$") then return name, value end
   end
end

-- The moments of data points, once they are not all that of the event.
local function part_times(found, event)
   found.times = {}
   for code in next, event.changes do found.times[code] = event.time end
end

-- Of two values of one data point in a message the newer one stands; of two as old, the later in the list.
local function add_point(found, item, otherwise)
   local code, value = point_of(item)
   if not code or value == nil then return end
   local t, fine = read.moment(item.t or item.time)
   if not t then t, fine = read.moment(otherwise), false end
   local event = found.event
   if t ~= event.time and next(event.changes) ~= nil then
      if not found.times then part_times(found, event) end
      local before = found.times[code]
      if before and t and t < before then return end
   end
   event.changes[code] = value
   if found.times then found.times[code] = t end
   if not fine then found.coarse = found.coarse or {} end
   if found.coarse then found.coarse[code] = not fine end
   if t and (not event.time or t > event.time) then event.time = t end
end

local function add_points(found, list, otherwise)
   if type(list) ~= "table" then return end
   for i = 1, #list do add_point(found, list[i], otherwise) end
end

local function kind_of(said, number)
   if said.bizCode ~= nil then return KINDS[said.bizCode] or "other" end
   if type(said.status) == "table" then return "status" end
   return SCENES[number] and "scene" or "other"
end

local NOTHING = {}

-- What is told once at one moment, so that the moment makes it known again where no id does.
local ONCE = { online = true, offline = true, renamed = true, bound = true, unbound = true }

-- What an event is known by, beside its message: its data, and where it has no such id, what it tells, if its moment is
-- one of ms.
local function name_of(event, data_id, fine)
   if data_id then return (event.device or "") .. "\0" .. data_id end
   if not ONCE[event.kind] or not event.time or not fine then return nil end
   return ("%s\0%s\0%.0f"):format(event.device or "", event.kind, event.time)
end

--- Makes an event of what a message says.
-- @tparam table said the decoded text of a message
-- @tparam string via
-- @tparam table found the message: `id`, where its carrier gave it one. It gets what the sieve goes by: `event`, `name`
-- (by which the event is known again), `times` (by code; nil: all are that of the event), `coarse` (by code: it came in
-- whole seconds; nil: none did)
-- @tparam ?table envelope where known, `protocol` and `t` of it
-- @treturn event as a program sees it: `kind`, `device`, `product`, `changes` (code = value, of a status), `name` (of
-- "renamed"), `time` (ms; nil where nothing tells), `id` (the data's or the message's), `via`, `raw` (what was said)
function read.event(said, via, found, envelope)
   envelope = envelope or NOTHING
   local biz = type(said.bizData) == "table" and said.bizData or NOTHING
   local data_id = text_of(biz.dataId, said.dataId)
   local event = { -- eight fields: a ninth would double the table
      kind = kind_of(said, envelope.protocol),
      -- the older family puts some of it one level up
      device = text_of(biz.devId, said.devId, biz.deviceId, said.deviceId),
      product = text_of(biz.productKey, said.productKey, biz.productId, said.productId),
      changes = {},
      time = nil,
      id = data_id or found.id,
      via = via,
      raw = said,
   }
   found.event = event
   local otherwise, fine = biz.time or said.ts or envelope.t, nil
   if event.kind == "status" then
      add_points(found, said.status, otherwise)
      add_points(found, biz.properties, otherwise)
   elseif event.kind == "renamed" then
      event.name = text_of(biz.name)
   end
   if not event.time then event.time, fine = read.moment(otherwise) end
   found.name = name_of(event, data_id, fine)
   return event
end

return read

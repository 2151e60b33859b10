--- sieve.lua: of what the cloud delivers at least once, lets each change through once, and no old one.
-- The idea: an event is looked at before its handler runs and noted after it has returned, so that one whose handler
-- failed passes again when the cloud delivers it again.
-- The danger: memory. What is remembered lies in two generations of a fixed size; the older goes when the younger is
-- full, so that a program may run for years. A duplicate older than both is let through if nothing newer is known.
-- @module tuya.events.sieve

local sieve = {}

local IDS, POINTS = 8192, 32768

-- Keeps between `size` and 2 * `size` of what was last put or found.
local recent = {}
recent.__index = recent

local function new_recent(size)
   return setmetatable({ size = size, count = 0, young = {}, old = {} }, recent)
end

function recent:put(key, value)
   if self.young[key] == nil then
      if self.count >= self.size then self.old, self.young, self.count = self.young, {}, 0 end
      self.count = self.count + 1
   end
   self.young[key] = value
end

function recent:get(key)
   local value = self.young[key]
   if value ~= nil then return value end
   value = self.old[key]
   if value ~= nil then self:put(key, value) end
   return value
end

--- Makes a memory of the last things put or found in it.
-- @tparam integer size at least so many are kept, and at most twice as many
-- @treturn table with `put(key, value)` and `get(key)`
sieve.recent = new_recent

local methods = {}
local metatable = { __name = "tuya.events.sieve", __index = methods }

--- Makes a sieve.
-- @tparam[opt] table sizes `ids` (8192) and `points` (32768): how many are remembered at least
-- @treturn sieve
function sieve.new(sizes)
   sizes = sizes or {}
   return setmetatable({
      ids = new_recent(sizes.ids or IDS),
      points = new_recent(sizes.points or POINTS),
   }, metatable)
end

-- What is ordered by time though it is no data point: a device is online or not, and has one name.
local STATE_OF = { online = "\0\0presence", offline = "\0\0presence", renamed = "\0\0name" }

-- Looked up without being moved on: what is known is noted again when it is let fall.
local function is_known(self, found)
   local young, old, id, name = self.ids.young, self.ids.old, found.id, found.name
   return id and (young[id] or old[id]) or name and (young[name] or old[name])
end

-- Whether a value is older than what is known of its data point, or that very change again. A moment in whole seconds
-- tells no two changes apart.
local function is_late(self, key, t, value, coarse)
   local last = t and self.points:get(key)
   if not last then return false end
   return t < last.t or (t == last.t and not coarse and last.value == value)
end

local function time_of(found, code)
   local times = found.times
   if times then return times[code] end
   return found.event.time
end

local function drop_late_points(self, found)
   local event, left, coarse = found.event, false, found.coarse
   local device = event.device or ""
   for code, value in next, event.changes do
      if is_late(self, device .. "\0" .. code, time_of(found, code), value, coarse and coarse[code]) then
         event.changes[code] = nil
      else
         left = true
      end
   end
   return left
end

--- Whether an event is to be handled. What is late in it is taken out of its changes.
-- @tparam table found a message, read by `read.event`
-- @treturn boolean
-- @treturn ?string why not: "duplicate" or "late"
function methods:pass(found)
   local event = found.event
   found.values = event.changes -- what a program makes of the event is its own affair
   if is_known(self, found) then return false, "duplicate" end
   local state = STATE_OF[event.kind]
   if state and is_late(self, (event.device or "") .. state, event.time, event.kind, true) then return false, "late" end
   if next(event.changes) ~= nil and not drop_late_points(self, found) then return false, "late" end
   return true
end

local function note_point(self, key, t, value)
   local last = t and self.points:get(key)
   if not t or (last and t < last.t) then return end
   if type(value) == "table" then value = nil end -- which is new each time, and can be compared with no other
   if last then last.t, last.value = t, value else self.points:put(key, { t = t, value = value }) end
end

--- Notes an event that is done with: handled, or let fall.
-- @tparam table found as it was passed
function methods:done(found)
   local event, ids = found.event, self.ids
   if found.id then ids:put(found.id, true) end
   if found.name then ids:put(found.name, true) end
   local device, state = event.device or "", STATE_OF[event.kind]
   if state then note_point(self, device .. state, event.time, event.kind) end
   for code, value in next, found.values do note_point(self, device .. "\0" .. code, time_of(found, code), value) end
end

return sieve

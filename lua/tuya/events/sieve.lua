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

-- What is told once at one moment, so that the moment makes it known again where no id does.
local ONCE = { online = true, offline = true, renamed = true, bound = true, unbound = true }

-- What is ordered by time though it is no data point: a device is online or not, and has one name.
local STATE_OF = { online = "\0presence", offline = "\0presence", renamed = "\0name" }

-- By what an event is known again, as a list: its message, its data, and where it has neither, what it tells.
local function names_of(event)
   if event.names then return event.names end
   local names, device = {}, event.device or ""
   event.names = names
   if event.message_id then names[1] = "m\0" .. event.message_id end
   if event.data_id then names[#names + 1] = "d\0" .. device .. "\0" .. event.data_id end
   if not event.data_id and ONCE[event.kind] and event.time and event.fine then
      names[#names + 1] = ("k\0%s\0%s\0%.0f"):format(device, event.kind, event.time)
   end
   return names
end

local function is_known(self, event)
   local names = names_of(event)
   for i = 1, #names do
      if self.ids:get(names[i]) then return true end
   end
   return false
end

-- Whether a value is older than what is known of its data point, or that very change again. A moment in whole seconds
-- tells no two changes apart.
local function is_late(self, device, code, t, value, coarse)
   local last = t and self.points:get(device .. "\0" .. code)
   if not last then return false end
   return t < last.t or (t == last.t and not coarse and last.value == value)
end

-- A value that can be compared later: tables are new each time.
local function comparable(value)
   return type(value) ~= "table" and value or nil
end

local function drop_late_points(self, event)
   local left = false
   for code, value in next, event.changes do
      if is_late(self, event.device or "", code, event.times[code], value, event.coarse[code]) then
         event.changes[code] = nil
      else
         left = true
      end
   end
   return left
end

--- Whether an event is to be handled. What is late in it is taken out of its changes.
-- @tparam event event
-- @treturn[1] event
-- @treturn[2] nil
-- @treturn[2] string "duplicate" or "late"
function methods:pass(event)
   if is_known(self, event) then return nil, "duplicate" end
   local state = STATE_OF[event.kind]
   if state and is_late(self, event.device or "", state, event.time, event.kind, true) then return nil, "late" end
   if event.kind == "status" and next(event.changes) ~= nil and not drop_late_points(self, event) then
      return nil, "late"
   end
   return event
end

local function note_point(self, device, code, t, value)
   local key = device .. "\0" .. code
   local last = t and self.points:get(key)
   if t and (not last or t >= last.t) then self.points:put(key, { t = t, value = comparable(value) }) end
end

--- Notes an event that is done with: handled, or let fall.
-- @tparam event event
function methods:done(event)
   for _, name in ipairs(names_of(event)) do self.ids:put(name, true) end
   local device, state = event.device or "", STATE_OF[event.kind]
   if state then note_point(self, device, state, event.time, event.kind) end
   for code, value in next, event.changes do note_point(self, device, code, event.times[code], value) end
end

return sieve

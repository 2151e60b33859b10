--- mirror.lua: the home as it is, kept by events.
-- The idea: the state of all devices is read once, in as few calls as the API allows; from then on events keep it.
-- After a gap in the stream it is read again, because nobody says what was lost.
-- The danger: to tell an old state for the present one. Behind a gap the mirror is not fresh, and says so, until it
-- has read again.
-- @module tuya.mirror

local options = require("tuya.options")
local same = require("tuya.points.same")

local mirror = {}

local OPEN_IN = 5 -- s that the stream gets to open before the first reading
local AGAIN = 5 -- s until a reading that failed is tried again
local LOOK = 1 -- s between looks
local CHANGES = 1000 -- that wait to be asked for

local HOME = options.known {
   via = "string", environment = "string", url = "string", ping = "number", devices = "table",
   uid = "string", version = "string",
}

local private = {}
local methods = {}
local metatable = {
   __name = "tuya.home",
   __index = methods,
   __tostring = function() return "tuya.home" end,
}

local function state_of(self, name)
   if getmetatable(self) == metatable then return self.open(private) end
   error(("tuya.home:%s: self: call it with a colon, home:%s()"):format(name, name), 3)
end

-- {{{ What is known

local function note(state, id, code, value, before)
   state.version = state.version + 1
   if #state.changes == CHANGES then
      state.missed = state.missed + 1
   else
      state.changes[#state.changes + 1] = { device = id, code = code, value = value, before = before }
   end
end

local function set(state, id, code, value)
   local device = state.devices[id]
   if not device then
      device = {}
      state.devices[id] = device
   end
   local before = device[code]
   if same(before, value) then return end
   device[code] = value
   note(state, id, code, value, before)
end

local function leave(state, id)
   state.devices[id] = nil
   note(state, id)
end

local function is_ours(state, id)
   return id ~= nil and (not state.only or state.only[id] == true)
end

local function on_event(state, event)
   local id = event.device
   if not is_ours(state, id) then return end
   if event.kind == "unbound" and state.devices[id] then leave(state, id)
   elseif event.kind == "online" or event.kind == "offline" then
      set(state, id, "online", event.kind == "online")
   end
   for code, value in next, event.changes do set(state, id, code, value) end
end

-- }}}

-- {{{ Reading

-- Whether the stream is the one that the last reading stands on.
local function is_fresh(state)
   local status = state.events:status()
   local is_open = status.state == "open" or status.state == "silent"
   return is_open and state.read_with == status.connects
end

-- Reads everything: true; nil, message, detail when that fails. Who was known and is no longer named left in the gap.
local function read(state)
   local known = {}
   for id in next, state.devices do known[id] = true end
   local statuses, message, detail = state.statuses(state.ids)
   state.readings = state.readings + 1
   if not statuses then return nil, message, detail end
   for id, values in next, statuses do
      known[id] = nil
      for code, value in next, values do set(state, id, code, value) end
   end
   for id in next, known do leave(state, id) end
   return true
end

-- Reads, if that is due; nil, message, detail when that fails.
local function refresh(state)
   local status = state.events:status()
   local is_open = status.state == "open" or status.state == "silent"
   if state.read_with and (not is_open or state.read_with == status.connects) then return true end
   if state.now() < state.due then return nil, state.message, state.detail end
   local done, message, detail = read(state)
   if not done then
      state.due, state.message, state.detail = state.now() + AGAIN, message, detail
      return nil, message, detail
   end
   -- what was read before the stream was open is read again when it is
   state.read_with, state.message, state.detail = is_open and status.connects or 0, nil, nil
   return true
end

-- }}}

--- Makes a mirror: `client:home` without the raise. It waits until the stream is open, at most five seconds, and reads.
-- @tparam table given as for `client:home`
-- @tparam table lent what the client lends: `events(given)`, an events object or nil and the rule; `statuses(ids)`,
-- `wait(seconds)`, `now()`
-- @treturn boolean false when an option breaks a rule, with the rule
-- @treturn ?home nil, message, detail when the state could not be read
function mirror.new(given, lent)
   local rule = options.broken(given, HOME)
   if rule then return false, rule end
   local events
   events, rule = lent.events { via = given.via or "pulsar", environment = given.environment, url = given.url,
      ping = given.ping, uid = given.uid, version = given.version }
   if not events then return false, rule end
   local state = {
      events = events, statuses = lent.statuses, wait = lent.wait, now = lent.now,
      devices = {}, changes = {}, missed = 0, version = 0, due = 0, readings = 0, ids = given.devices,
   }
   if given.devices then
      state.only = {}
      for _, one in ipairs(given.devices) do state.only[type(one) == "table" and one.id or one] = true end
   end
   events:on { function(event) on_event(state, event) end }
   local stop = lent.now() + OPEN_IN
   while events:status().state ~= "open" and lent.now() < stop do lent.wait(math.min(LOOK, stop - lent.now())) end
   local ok, message, detail = refresh(state)
   if not ok then
      events:close()
      return true, nil, message, detail
   end
   state.changes, state.missed = {}, 0 -- the first reading changes nothing
   return true, setmetatable({
      open = function(key)
         return key == private and state or nil
      end,
   }, metatable)
end

--- The state of a device, as far as it is known. Always the same table for the same device; it is to be read only.
-- @tparam string id
-- @treturn ?table code = value, typed as of `device:status`; `online` once an event has told; nil for a device that is
-- not known
function methods:device(id)
   return state_of(self, "device").devices[id]
end

--- Goes over all devices.
-- @treturn function an iterator of id and state
function methods:devices()
   return next, state_of(self, "devices").devices
end

--- What has changed since this was last asked.
-- @treturn table list of `{ device=, code=, value=, before= }`, oldest first; without a code where a device has left.
-- A thousand are kept
-- @treturn integer how many were not kept
function methods:changes()
   local state = state_of(self, "changes")
   local list, missed = state.changes, state.missed
   state.changes, state.missed = {}, 0
   return list, missed
end

--- Moves everything on, and reads again after a gap: where calls block, that reading does.
-- @tparam[opt=0] number max_wait seconds to wait for something to happen
-- @treturn ?boolean true; nil, message, detail when the state could not be read again
function methods:tick(max_wait)
   local state = state_of(self, "tick")
   if max_wait ~= nil and not (type(max_wait) == "number" and max_wait >= 0) then
      error("tuya.home:tick: max_wait: seconds expected, 0 or more", 2)
   end
   state.wait(max_wait or 0)
   return refresh(state)
end

--- Waits until something holds of the home. In a task of a scheduler that suspends the task.
-- @tparam function holds called with the home, now and after each change; its first value that is not false ends it
-- @tparam[opt] number timeout seconds
-- @return that value; nil at the timeout
-- @usage home:wait(function(h) return h:device(door).doorcontact_state end, 60)
function methods:wait(holds, timeout)
   local state = state_of(self, "wait")
   if type(holds) ~= "function" then error("tuya.home:wait: holds: a function expected", 2) end
   if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
      error("tuya.home:wait: timeout: seconds expected, 0 or more", 2)
   end
   local stop, seen = timeout and state.now() + timeout or math.huge, nil
   while true do
      refresh(state)
      if seen ~= state.version then
         seen = state.version
         local value = holds(self)
         if value then return value end
      end
      local left = stop - state.now()
      if left <= 0 or state.events:status().state == "closed" then return nil end
      if seen == state.version then state.wait(math.min(left, LOOK)) end
   end
end

--- How it stands.
-- @treturn table that of the stream (`events:status()`), with `fresh` (nothing can have been lost since the state was
-- read), `readings` (how often it was read), `read_error` (why the last one failed)
function methods:status()
   local state = state_of(self, "status")
   local status = state.events:status()
   status.fresh, status.readings, status.read_error = is_fresh(state), state.readings, state.message
   return status
end

--- Ends it; what is known stays.
function methods:close()
   state_of(self, "close").events:close()
end

metatable.__close = methods.close

return mirror

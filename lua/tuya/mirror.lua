--- mirror.lua: the home as it is, kept by events.
-- The idea: the state of all devices is read once, in as few calls as the API allows; from then on events keep it.
-- After a gap in the stream, or a message that was refused, it is read again, because nobody says what was lost. All of
-- it happens in the client's ticks.
-- The danger: to tell an old state for the present one. Behind a gap the mirror is not fresh, and says so, until it
-- has read again; and what an event tells while it reads stands over what was read, unless it is of before.
-- @module tuya.mirror

local bell = require("tuya.events.bell")
local clock = require("tuya.clock")
local jitter = require("tuya.jitter")
local options = require("tuya.options")
local same = require("tuya.points.same")

local mirror = {}

local OPEN_IN = 5 -- s that the stream gets to open before the first reading
local AGAIN, LONGEST_AGAIN = 5, 300 -- s until a reading that failed is tried again: twice as long each time
local CHANGES = 1000 -- that wait to be asked for
local SPARE, LONGEST_SPARE = 60, 3600 -- s between readings for messages that were refused: twice as long each time

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

local function tell(state, what)
   local write = state.context.log
   if not write then return end
   what.event = "mirror"
   write(what)
end

-- {{{ What is known

-- A change, and whether it was found by reading, where no event has told.
local function note(state, change, is_read)
   state.version = state.version + 1
   change.reread = is_read
   if #state.changes == CHANGES then
      state.missed = state.missed + 1
   else
      state.changes[#state.changes + 1] = change
   end
end

local function set(state, id, code, value, is_read)
   local device = state.devices[id]
   if not device then
      device = {}
      state.devices[id] = device
   end
   local before = device[code]
   if same(before, value) then return end
   device[code] = value
   note(state, { device = id, code = code, value = value, before = before }, is_read)
end

local function remove(state, id, is_read)
   if not state.devices[id] then return end
   state.devices[id] = nil
   note(state, { device = id }, is_read)
end

local function is_ours(state, id)
   return id ~= nil and (not state.only or state.only[id] == true)
end

-- What events tell while the state is read: by device and code its moment.
local function touch(state, event)
   local codes = state.touched[event.device] or {}
   state.touched[event.device] = codes
   for code in next, event.changes do codes[code] = event.time or math.huge end
end

local function on_event(state, event)
   local id, before = event.device, state.version
   if not is_ours(state, id) then return end
   if state.is_reading then touch(state, event) end
   if event.kind == "unbound" then
      remove(state, id)
   elseif event.kind == "bound" then -- what it is like has to be read, though nothing was lost
      state.bound, state.was_fresh = state.bound + 1, false
   elseif event.kind == "online" or event.kind == "offline" then
      set(state, id, "online", event.kind == "online")
   end
   for code, value in next, event.changes do set(state, id, code, value) end
   if state.version ~= before then state.bell:ring() end
end

-- }}}

-- {{{ Reading

-- What a reading stands on: a connection (nil: none), how many messages were refused, each of which may have told
-- something, and how many devices were bound.
local function ground(state)
   local status = state.events:status()
   local is_open = status.state == "open" or status.state == "silent"
   return { connects = is_open and status.connects or nil, refused = status.refused, bound = state.bound }
end

-- Whether the last reading still stands.
local function is_fresh(state)
   local now, last = ground(state), state.ground
   return now.connects ~= nil and last ~= nil and now.connects == last.connects and now.refused == last.refused
      and now.bound == last.bound
end

-- When the state is to be read, on the transport's clock; nil: not for now.
local function due(state)
   if state.is_reading or state.closed then return nil end
   local now, last = ground(state), state.ground
   if not last then return math.max(state.due, now.connects and 0 or state.open_in) end
   if not now.connects then return nil end
   if now.connects ~= last.connects or now.bound ~= last.bound then return state.due end
   return now.refused ~= last.refused and math.max(state.due, state.spare_until) or nil
end

local function is_newer(state, id, code)
   local told = state.touched[id] and state.touched[id][code]
   return told ~= nil and told >= state.began
end

-- Takes over what was read.
local function take_over(state, statuses)
   local is_read = state.readings > 1 or nil
   for id, values in next, statuses do
      for code, value in next, values do
         if not is_newer(state, id, code) then set(state, id, code, value, is_read) end
      end
   end
   local gone = {} -- who was known and is no longer named left in the gap
   for id in next, state.devices do
      if not statuses[id] and not state.touched[id] then gone[#gone + 1] = id end
   end
   for _, id in ipairs(gone) do remove(state, id, is_read) end
end

-- Messages that are all refused, for another secret say, shall not cost a reading each.
local function spare(state)
   state.spare_until = state.context.monotonic() + math.min(LONGEST_SPARE, SPARE * 2 ^ state.spared)
   state.spared = math.min(state.spared + 1, 10)
end

-- A cloud that refuses shall not be called every few seconds for ever: it may count that.
local function put_off(state)
   local most = math.min(LONGEST_AGAIN, AGAIN * 2 ^ state.failures)
   state.failures = math.min(state.failures + 1, 10)
   state.due = state.context.monotonic() + most / 2 + jitter.draw(most / 2, state.context)
end

local function on_read(state, stood_on, statuses, message, detail)
   state.is_reading, state.readings = false, state.readings + 1
   if state.closed then return end
   state.message, state.detail = message, detail
   if statuses then
      local before = state.version
      take_over(state, statuses)
      state.failures = 0
      if stood_on.refused > (state.ground and state.ground.refused or 0) then spare(state) end
      state.ground = stood_on -- what was read before the stream was open is read again when it is
      if state.readings > 1 then tell(state, { state = "read", changes = state.version - before }) end
   else
      put_off(state)
      tell(state, { state = "unread", message = message })
   end
   state.bell:ring()
end

-- Begins to read everything. Nothing comes of it where too many calls wait already; then the next tick tries again.
local function read(state)
   local stood_on = ground(state)
   state.touched, state.began, state.is_reading = {}, clock.now(state.context), true
   local job = state.statuses(state.ids, function(statuses, message, detail)
      on_read(state, stood_on, statuses, message, detail)
   end)
   if not job then state.is_reading = false end
end

-- }}}

-- {{{ What the ticker sees

local ticked = {}
local ticked_metatable = { __index = ticked }

function ticked:tick()
   local state = self.state
   local fresh = is_fresh(state)
   if state.was_fresh and not fresh then
      state.gaps = state.gaps + 1
      tell(state, { state = "gap" })
   end
   state.was_fresh = fresh
   local at = due(state)
   if at and state.context.monotonic() >= at then read(state) end
   return false
end

function ticked:timeout()
   local at = due(self.state)
   return at and math.max(0, at - self.state.context.monotonic())
end

function ticked.fds()
   return {}
end

function ticked:close()
   local state = self.state
   if state.closed then return end
   state.closed = true
   state.ticker:detach(self)
   state.events:close()
   state.bell:ring()
end

-- }}}

local function new_state(given, context, its, lent, events)
   local state = {
      context = context, ticker = its, events = events, statuses = lent.statuses, bell = bell.new(context, its),
      devices = {}, changes = {}, missed = 0, version = 0, readings = 0, gaps = 0, ids = given.devices,
      bound = 0, due = 0, failures = 0, spared = 0, spare_until = 0, open_in = context.monotonic() + OPEN_IN,
   }
   if given.devices then
      state.only = {}
      for _, one in ipairs(given.devices) do state.only[type(one) == "table" and one.id or one] = true end
   end
   state.ticked = setmetatable({ state = state }, ticked_metatable)
   events:on { function(event) on_event(state, event) end }
   its:attach(state.ticked)
   return state
end

local function broken(given)
   local rule = options.broken(given, HOME)
   if rule then return rule end
   for i, one in ipairs(given.devices or {}) do
      if type(type(one) == "table" and one.id or one) ~= "string" then return ("devices: no id at %d"):format(i) end
   end
end

--- Makes a mirror: `client:home` without the raise. It waits until the stream is open, at most five seconds, and reads.
-- @tparam table given as for `client:home`
-- @tparam table context the client's
-- @tparam table its the client's ticker
-- @tparam table lent what the client lends: `events(given)`, an events object or nil and the rule;
-- `statuses(ids, on_done)`, which does not wait
-- @treturn boolean false when an option breaks a rule, with the rule
-- @treturn ?home nil, message, detail when the state could not be read
function mirror.new(given, context, its, lent)
   local rule = broken(given)
   if rule then return false, rule end
   local events
   events, rule = lent.events { via = given.via or "pulsar", environment = given.environment, url = given.url,
      ping = given.ping, uid = given.uid, version = given.version }
   if not events then return false, rule end
   local state = new_state(given, context, its, lent, events)
   while state.readings == 0 and not state.closed do
      local ok, trouble = state.bell:wait(OPEN_IN)
      if not ok then
         state.ticked:close()
         return false, trouble
      end
   end
   if not state.ground then
      state.ticked:close()
      return true, nil, state.message or "closed", state.detail
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
-- @treturn table list of `{ device=, code=, value=, before= }`, oldest first; without a code where a device has left;
-- with `reread = true` where no event told of it and a reading after a gap has found it. A thousand are kept
-- @treturn integer how many were not kept
function methods:changes()
   local state = state_of(self, "changes")
   local list, missed = state.changes, state.missed
   state.changes, state.missed = {}, 0
   return list, missed
end

--- Moves everything on, as `client:tick` does; in a task of a scheduler it suspends the task meanwhile.
-- @tparam[opt=0] number max_wait seconds to wait for something to happen
-- @treturn ?boolean true; nil, message, detail while the state could not be read again
function methods:tick(max_wait)
   local state = state_of(self, "tick")
   if max_wait ~= nil and not (type(max_wait) == "number" and max_wait >= 0) then
      error("tuya.home:tick: max_wait: seconds expected, 0 or more", 2)
   end
   local ok, trouble = state.bell:wait(max_wait or 0)
   if not ok then error("tuya.home:tick: " .. tostring(trouble), 2) end
   if state.message then return nil, state.message, state.detail end
   return true
end

--- Waits until something holds of the home. In a task of a scheduler that suspends the task until something changes.
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
   local now = state.context.monotonic
   local stop, seen = timeout and now() + timeout or math.huge, nil
   while true do
      if seen ~= state.version then
         seen = state.version
         local value = holds(self)
         if value then return value end
      end
      local left = stop - now()
      if left <= 0 or state.closed then return nil end
      if seen == state.version then
         local ok, trouble = state.bell:wait(left)
         if not ok then error("tuya.home:wait: " .. tostring(trouble), 2) end
      end
   end
end

--- How it stands.
-- @treturn table that of the stream (`events:status()`), with `fresh` (nothing can have been lost since the state was
-- read), `gaps` (how often something can have been), `readings` (how often it was read), `read_error` (why the last
-- one failed)
function methods:status()
   local state = state_of(self, "status")
   local status = state.events:status()
   status.fresh, status.gaps, status.readings, status.read_error = is_fresh(state), state.gaps, state.readings,
      state.message
   return status
end

--- Ends it; what is known stays.
function methods:close()
   state_of(self, "close").ticked:close()
end

metatable.__close = methods.close

return mirror

--- events.lua: what the cloud pushes, handed to whoever asked for it.
-- The idea: a channel brings messages; here each is opened, read, sieved and handed to its handlers, and only then
-- acknowledged. What nobody is there to take stays where it is. A channel is made by `new(context, given, lent)`, has
-- a `stream` (events/stream.lua), and `tick`, `open(found)`, `done(found)`, `flush`, `timeout`, `fds` and `close`.
-- The danger: a handler that raises. Its message is not acknowledged, and when the cloud delivers it again only the
-- handlers that have not had it get it. And a program that takes events itself, by `each` or `next`: what nobody asks
-- for waits, or a handler would get what the loop never sees.
-- @module tuya.events

local bell = require("tuya.events.bell")
local drive = require("tuya.drive")
local json = require("tuya.json")
local mqtt = require("tuya.events.mqtt")
local options = require("tuya.options")
local pulsar = require("tuya.events.pulsar")
local read = require("tuya.events.read")
local sieve = require("tuya.events.sieve")
local typed = require("tuya.events.typed")

local events = {}

local gsub = string.gsub

local OPTIONS = options.known {
   via = "string", environment = "string", url = "string", ping = "number", uid = "string", version = "string",
}
local HANDLER = options.known {
   device = "string", code = "string", kind = "string", fn = "function", [1] = "function",
}
local KINDS = {
   status = true, online = true, offline = true, renamed = true, bound = true, unbound = true, upgrade = true,
   scene = true, other = true,
}
local CHANNELS = { pulsar = pulsar, mqtt = mqtt }
local FAILED = 1024 -- messages of which is known which handlers have had them

-- --- handing out ---

local function fits(handler, event)
   return (not handler.device or handler.device == event.device)
      and (not handler.kind or handler.kind == event.kind)
      and (not handler.code or event.changes[handler.code] ~= nil)
end

local function traceback(trouble)
   return debug and debug.traceback(tostring(trouble), 2) or tostring(trouble)
end

-- A set of those of a list that are not in another set.
local function without(list, set)
   local others = {}
   for i = 1, #list do others[list[i]] = not set[list[i]] end
   return others
end

-- Notes which handlers have had an event that comes again: those that did not fail.
local function note_had(self, event, failed)
   if not event.id then return end
   self.has_partly = true
   self.partly:put(event.id, without(self.handlers, failed))
end

-- Hands an event to all handlers that have not had it; whether all of them returned.
local function hand_out(self, event, report)
   local had, list, failed = self.has_partly and event.id and self.partly:get(event.id), self.handlers, nil
   for i = 1, #list do
      local handler = list[i]
      if fits(handler, event) and not (had and had[handler]) then
         handler.event = event
         local ok, trouble = xpcall(handler.call, traceback)
         if not ok then
            report(trouble)
            failed = failed or {}
            failed[handler] = true
         end
      end
   end
   if failed then note_had(self, event, failed) end
   return failed == nil
end

-- A message that is done with, and counted.
local function settle(self, found, count)
   self[count] = self[count] + 1
   if found.event then self.sieve:done(found) end
   self.channel:done(found)
end

-- Whether somebody who asks has been given this very event and is at it still. It is not acknowledged then: when it is
-- delivered again, it is known what has become of that.
local function is_out(self, found)
   for _, other in next, self.given do
      if found.id and other.id == found.id or found.name and other.name == found.name then return true end
   end
   return false
end

-- Reads a message; false where there is nothing to hand out, and then it is settled.
local function look_into(self, found)
   local text, envelope, detail = self.channel:open(found)
   local said = text and json.decode(text)
   if type(said) ~= "table" then
      if self.context.log then
         self.context.log { event = "refused", via = self.via, code = detail and detail.code or "text",
            message = detail and detail.message or "a message: its text is not JSON" }
      end
      settle(self, found, "refused")
      return false
   end
   read.event(said, self.via, found, envelope)
   if is_out(self, found) then return false end
   local passed, why = self.sieve:pass(found)
   if not passed then settle(self, found, why == "late" and "late" or "duplicates") end
   return passed
end

-- The next message that can be handed out, with its event; one whose product is still being asked for is held.
local function next_event(self)
   local found = self.held
   while not self.closed do
      if not found then
         found = self.channel.stream:take()
         if not found then return nil end
         if not look_into(self, found) then found = nil end
      end
      if found then
         local is_ready = self.typed:prepare(found.event)
         self.held = not is_ready and found or nil
         if is_ready then return found.event, found end
         return nil
      end
   end
end

-- --- who takes events itself ---

-- Whether somebody does: an open loop, or a coroutine that has asked by `next`.
local function is_pulled(self)
   for key in next, self.pullers do
      if type(key) ~= "thread" or coroutine.status(key) ~= "dead" then return true end
      self.pullers[key] = nil
   end
   return false
end

-- Whether messages wait that a tick would hand out.
local function has_work(self)
   if self.closed or not self.handlers[1] or self.typed.is_reading or is_pulled(self) then return false end
   return self.held ~= nil or not self.channel.stream:is_empty()
end

-- --- what the ticker sees ---

local ticked = {}
local ticked_metatable = { __index = ticked }

function ticked:tick(stop, report)
   self.channel:tick()
   local told, may_go_on = false, has_work(self)
   while may_go_on do
      local event, found = next_event(self)
      if not event then break end
      if hand_out(self, event, report) then settle(self, found, "handled") else self.failed = self.failed + 1 end
      told = true
      may_go_on = self.handlers[1] and not self.closed and self.context.transport:now() < stop
   end
   if not self.typed.is_reading and (self.held or not self.channel.stream:is_empty()) then self.bell:ring() end
   if not self.closed then self.channel:flush() end
   self.context.flush()
   return told
end

function ticked:timeout()
   return has_work(self) and 0 or self.channel:timeout()
end

function ticked:fds()
   return self.channel:fds()
end

function ticked:close()
   if self.closed then return end
   self.closed = true
   self.ticker:detach(self)
   self.channel:close()
   self.bell:ring()
end

-- --- the face ---

local private = {}
local methods = {}
local metatable = {
   __name = "tuya.events",
   __index = methods,
   __tostring = function(self)
      return "tuya.events (" .. self.open(private).channel.stream.state .. ")"
   end,
}

local function state_of(self, name)
   if getmetatable(self) ~= metatable then
      error(("tuya.events:%s: self: call it with a colon, events:%s()"):format(name, name), 3)
   end
   return self.open(private)
end

--- Makes events: `client:events` without the raise.
-- @tparam table context the client's
-- @tparam table its the client's ticker
-- @tparam table given as for `client:events`
-- @tparam table lent what the client lends: `start(spec, on_done)` starts a call, and `run(flow, on_done)` a flow of
-- calls, called with an `inner` and the client; `uid(on_done)` asks whose token it is, `endpoint(on_done)`, of who
-- logs in, where the account is. None waits, and all answer as `client:start`
-- @treturn ?table what the ticker ticks, with its `face` for the program; nil and the rule that is broken
function events.new(context, its, given, lent)
   local rule = options.broken(given, OPTIONS)
   if rule then return nil, rule end
   local kind = CHANNELS[given.via]
   if not kind then return nil, 'via: "pulsar" or "mqtt" expected' end
   local channel
   channel, rule = kind.new(context, given, lent)
   if not channel then return nil, rule end
   local its_bell = bell.new(context, its)
   local self = setmetatable({
      via = given.via, context = context, ticker = its, channel = channel, bell = its_bell,
      typed = typed.new(context, lent, function() its_bell:ring() end),
      sieve = sieve.new(), partly = sieve.recent(FAILED), has_partly = false, handlers = {},
      pullers = setmetatable({}, { __mode = "k" }), -- a loop that is left in the middle is collected, in the end
      given = setmetatable({}, { __mode = "k" }), -- by puller: the message that it has been given
      handled = 0, duplicates = 0, late = 0, refused = 0, failed = 0,
   }, ticked_metatable)
   self.face = setmetatable({
      open = function(key)
         return key == private and self or nil
      end,
   }, metatable)
   return self
end

local function broken_handler(given)
   local rule = options.broken(given, HANDLER)
   if rule then return rule end
   if (given[1] == nil) == (given.fn == nil) then return "fn: one function expected, as { fn } or fn =" end
   if not given.kind or KINDS[given.kind] then return nil end
   return "kind: " .. options.unknown("kind of event", given.kind, KINDS)
end

--- Calls a function with each event that fits.
-- @tparam table given the function; and `device`, `code` (of a data point that changed), `kind`, where only such
-- events are wanted. A function that raises gets the event again, when the cloud delivers it again; others do not
-- @treturn function ends it
-- @raise when it breaks a rule, at the caller's line
-- @usage events:on { device = id, code = "switch", function(event) print(event.changes.switch) end }
function methods:on(given)
   local state, rule = state_of(self, "on"), broken_handler(given)
   if rule then error("tuya.events:on: " .. rule, 2) end
   local handler, fn = { device = given.device, code = given.code, kind = given.kind }, given.fn or given[1]
   local function hand() fn(handler.event) end
   -- made once: xpcall hands on no arguments on 5.1. One that yielded would suspend whoever ticks, for ever if he lets
   -- go; gsub calls it, since nothing yields over that
   function handler.call() gsub("x", "x", hand) end
   local function others()
      local list = {} -- a list of its own: the old one may be gone over just now
      for _, one in ipairs(state.handlers) do
         if one ~= handler then list[#list + 1] = one end
      end
      return list
   end
   local list = others()
   list[#list + 1] = handler
   state.handlers = list
   return function() state.handlers = others() end
end

-- A message that was given to whoever asks is done with when the next is asked for.
local function settle_given(state, key)
   local found = state.given[key]
   state.given[key] = nil
   if found then settle(state, found, "handled") end
end

-- Waits for a message that can be handed out: its event and it; nil, nil and what was raised, where that cannot be.
local function wait_for_event(state, until_then)
   while not state.closed do
      local event, found = next_event(state)
      if event then return event, found end
      local left = until_then - state.context.transport:now()
      if left <= 0 or state.closed then return nil end
      local ok, trouble = state.bell:wait(left)
      if not ok then return nil, nil, trouble end
   end
end

-- The next event for whoever asks; nil ends the asking.
local function pull(state, key, until_then)
   settle_given(state, key)
   state.pullers[key] = true
   local function report(trouble)
      if state.context.log then state.context.log { event = "error", message = trouble } end
   end
   local event, found, trouble = wait_for_event(state, until_then)
   while event and not hand_out(state, event, report) do
      state.failed = state.failed + 1
      event, found, trouble = wait_for_event(state, until_then)
   end
   if event then
      -- should it never be settled, it comes again, and not to those who have had it
      note_had(state, event, {})
      state.given[key] = found
      return event
   end
   state.pullers[key] = nil
   if trouble then error(trouble, 0) end
   if not state.closed then state.channel:flush() end
end

local function until_when(state, timeout)
   if timeout == nil then return math.huge end
   if type(timeout) == "number" and timeout >= 0 then return state.context.transport:now() + timeout end
   return nil, "timeout: seconds expected, 0 or more"
end

-- Stands for the main program, which has no coroutine on Lua 5.1.
local main = {}

--- The next event; waits for it, and calls go on meanwhile. In a task of a scheduler it suspends the task until one
-- comes. An event counts as handled when the next one is asked for. Handlers given to `on` get it first; one that
-- raised keeps it back, until the cloud delivers it again. Whoever has asked goes on until nil comes: meanwhile
-- handlers get nothing but what is asked for. Not from within a tick.
-- @tparam[opt] number timeout seconds; nil: until the stream is closed
-- @treturn ?event nil at the timeout, and once the stream is closed
-- @usage local event = events:next(10)
function methods:next(timeout)
   local state = state_of(self, "next")
   local until_then, rule = until_when(state, timeout)
   if rule then error("tuya.events:next: " .. rule, 2) end
   return pull(state, coroutine.running() or main, until_then)
end

local is_old = _VERSION == "Lua 5.1" and not rawget(_G, "jit") -- where an iterator cannot wait in a task

--- Loops over events as they come, as `next` gives them.
-- @tparam[opt] number timeout seconds after which the loop ends; nil: with `close`
-- @treturn function an iterator
-- @raise in a task of a scheduler on PUC Lua 5.1, where an iterator cannot wait: `next` can
-- @usage for event in events:each() do print(event.device, event.kind) end
function methods:each(timeout)
   local state = state_of(self, "each")
   local until_then, rule = until_when(state, timeout)
   if not rule and is_old and drive.pick(state.context) then
      rule = "on Lua 5.1 a loop cannot wait in a task: ask by events:next()"
   end
   if rule then error("tuya.events:each: " .. rule, 2) end
   local loop = {}
   local function following() return pull(state, loop, until_then) end
   local function leave() state.pullers[loop], state.given[loop] = nil, nil end
   return following, nil, nil, setmetatable({}, { __close = leave }) -- 5.4 calls it when the loop is left
end

--- How the stream stands.
-- @treturn table `state`: "connecting"; "open"; "silent" (open for a minute, and never a message); "waiting" (it
-- failed, and is tried again in `retry_in` s); "closed". Of the last failure `error` ("dns" "connect" "tls"
-- "timeout" "reset" "http" "protocol" "closed" "silent"; over MQTT also "refused" and "api", "budget", "lookup" of the
-- call that asks where to connect), `code`, `message`, `advice`. Counted: `connects`,
-- `received`, `handled`, `duplicates`, `late`, `refused` (did not verify), `failed` (a handler raised), `odd` (frames
-- that are no messages)
function methods:status()
   local state = state_of(self, "status")
   local status = state.channel.stream:status()
   for _, name in ipairs { "handled", "duplicates", "late", "refused", "failed" } do status[name] = state[name] end
   return status
end

--- Ends the stream. A second time does nothing.
function methods:close()
   state_of(self, "close"):close()
end

metatable.__close = methods.close

return events

--- events.lua: what the cloud pushes, handed to whoever asked for it.
-- The idea: a channel brings messages; here each is opened, read, sieved and handed to its handlers, and only then
-- acknowledged. What nobody is there to take stays where it is. A channel is made by `new(context, given, lent)`, has
-- a `stream` (events/stream.lua), and `tick`, `open(found)`, `done(found)`, `flush`, `timeout`, `fds` and `close`.
-- The danger: a handler that raises. Its message is not acknowledged, and when the cloud delivers it again only the
-- handlers that have not had it get it.
-- @module tuya.events

local drive = require("tuya.drive")
local json = require("tuya.json")
local mqtt = require("tuya.events.mqtt")
local op = require("tuya.op")
local options = require("tuya.options")
local pulsar = require("tuya.events.pulsar")
local read = require("tuya.events.read")
local sieve = require("tuya.events.sieve")
local specifications = require("tuya.specifications")

local events = {}

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

-- Values as programs write them, where the client has read the product's specification: nothing is asked for here.
local function typed(self, event)
   local known = self.context.known
   if not event.device or not known then return event.changes end
   known:learn_product(event.device, event.product)
   local product = known:product_of(event.device)
   return specifications.decode(known.specifications[product] or known.models[product], event.changes)
end

-- What a handler gets: without what only the sieve needs.
local function shown(self, event)
   return {
      kind = event.kind, device = event.device, product = event.product, name = event.name,
      changes = typed(self, event),
      time = event.time, id = event.id, via = event.via, raw = event.raw,
   }
end

-- A set of those of a list that are not in another set.
local function without(list, set)
   local others = {}
   for i = 1, #list do others[list[i]] = not set[list[i]] end
   return others
end

-- Hands an event to all handlers that have not had it; whether all of them returned.
local function hand_out(self, event, report)
   local had, list, failed = event.id and self.partly:get(event.id), self.handlers, nil
   local given = shown(self, event)
   for i = 1, #list do
      local handler = list[i]
      if fits(handler, event) and not (had and had[handler]) then
         local ok, trouble = xpcall(function() handler.fn(given) end, traceback)
         if not ok then
            report(trouble)
            failed = failed or {}
            failed[handler] = true
         end
      end
   end
   if failed and event.id then self.partly:put(event.id, without(list, failed)) end
   return failed == nil
end

-- A message that is done with, and counted.
local function settle(self, found, event, count)
   self[count] = self[count] + 1
   if event then self.sieve:done(event) end
   self.channel:done(found)
end

-- The event of a message; nil where none is to be handed out, and then the message is settled.
local function event_of(self, found)
   local text, envelope, detail = self.channel:open(found)
   local said = text and json.decode(text)
   if type(said) ~= "table" then
      if self.context.log then
         self.context.log { event = "refused", via = self.via, code = detail and detail.code or "text",
            message = detail and detail.message or "a message: its text is not JSON" }
      end
      settle(self, found, nil, "refused")
      return nil
   end
   local event = read.event(said, { via = self.via, id = found.id, number = envelope.protocol, t = envelope.t })
   local passed, why = self.sieve:pass(event)
   if passed then return event end
   settle(self, found, event, why == "late" and "late" or "duplicates")
end

-- The next event to hand out, and its message.
local function next_event(self)
   while not self.closed do
      local found = self.channel.stream:take()
      if not found then return nil end
      local event = event_of(self, found)
      if event then return event, found end
   end
end

-- --- what the ticker sees ---

local ticked = {}
local ticked_metatable = { __index = ticked }

function ticked:tick(stop, report)
   self.channel:tick()
   local told = false
   while not self.closed and not self.pulled and self.handlers[1] do
      local event, found = next_event(self)
      if not event then break end
      if hand_out(self, event, report) then settle(self, found, event, "handled") else self.failed = self.failed + 1 end
      told = true
      if self.context.transport:now() >= stop then break end
   end
   if not self.closed then self.channel:flush() end
   self.context.flush()
   return told
end

function ticked:timeout()
   return self.channel:timeout()
end

function ticked:fds()
   return self.channel:fds()
end

function ticked:close()
   if self.closed then return end
   self.closed = true
   self.ticker:detach(self)
   self.channel:close()
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
-- calls, called with an `inner` and the client; neither waits, and both answer as `client:start`
-- @treturn ?table what the ticker ticks, with its `face` for the program; nil and the rule that is broken
function events.new(context, its, given, lent)
   local rule = options.broken(given, OPTIONS)
   if rule then return nil, rule end
   local kind = CHANNELS[given.via]
   if not kind then return nil, 'via: "pulsar" or "mqtt" expected' end
   local channel
   channel, rule = kind.new(context, given, lent)
   if not channel then return nil, rule end
   local self = setmetatable({
      via = given.via, context = context, ticker = its, channel = channel,
      sieve = sieve.new(), partly = sieve.recent(FAILED), handlers = {},
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
   local handler = { device = given.device, code = given.code, kind = given.kind, fn = given.fn or given[1] }
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

local LOOK = 1 -- s between looks while nothing comes
local LOOK_IN_TASK = 0.01 -- s, in a task or wherever else a call does not block: there somebody else ticks

local function sleep(seconds)
   return op.yield("sleep", seconds)
end

--- Lets a moment pass, in which the stream moves on.
-- @tparam table context the client's
-- @tparam table its the client's ticker
-- @tparam number seconds at most
-- @treturn boolean false with what was raised
function events.wait(context, its, seconds)
   if drive.pick(context) then return drive.run(context, op.new(sleep, math.min(seconds, LOOK_IN_TASK)), LOOK) end
   if its.is_ticking then return false, "waits for events, called from within a tick" end
   return pcall(its.tick, its, seconds)
end

-- Waits for an event that nobody is called with.
local function pull(state, until_then)
   while not state.closed do
      local event, found = next_event(state)
      if event then return event, found end
      local left = until_then - state.context.transport:now()
      if left <= 0 or state.closed then return nil end
      state.pulled = true
      local ok, trouble = events.wait(state.context, state.ticker, math.min(left, LOOK))
      state.pulled = false
      if not ok then error(trouble, 0) end
   end
end

--- Loops over events as they come, and waits for them; calls go on meanwhile. An event counts as handled when the
-- next one is asked for. Handlers given to `on` get it first; one that raised keeps it from the loop, until the cloud
-- delivers it again. Not from within a tick.
-- @tparam[opt] number timeout seconds after which the loop ends; nil: with `close`
-- @treturn function an iterator
-- In a task of a scheduler it suspends the task; not on PUC Lua 5.1, where an iterator cannot.
-- @usage for event in events:each() do print(event.device, event.kind) end
function methods:each(timeout)
   local state = state_of(self, "each")
   if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
      error("tuya.events:each: timeout: seconds expected, 0 or more", 2)
   end
   local until_then = timeout and state.context.transport:now() + timeout or math.huge
   local event, found
   local function report(trouble)
      if state.context.log then state.context.log { event = "error", message = trouble } end
   end
   return function()
      if event then settle(state, found, event, "handled") end
      event, found = pull(state, until_then)
      while event and not hand_out(state, event, report) do
         state.failed = state.failed + 1
         event, found = pull(state, until_then)
      end
      if event then
         -- should the loop be left here, the event comes again, and not to those who have had it
         if event.id then state.partly:put(event.id, without(state.handlers, {})) end
         return shown(state, event)
      end
      state.channel:flush()
   end
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

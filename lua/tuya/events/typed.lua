--- typed.lua: the values of events as programs write them.
-- The idea: the specification of a product is read once, when one of its devices first tells something. Until it has
-- come, that event waits, and all behind it, so that their order stays.
-- The danger: a cloud that pushes and answers no calls, or whose calls are spent. Then values are handed out as the
-- cloud wrote them, which the event says, and a minute later it is tried again.
-- @module tuya.events.typed

local known = require("tuya.known")
local specifications = require("tuya.specifications")

local typed = {}

local AGAIN = 60 -- s after which a reading that failed is tried again

local methods = {}
local metatable = { __name = "tuya.events.typed", __index = methods }

--- Makes one for a stream.
-- @tparam table context the client's
-- @tparam ?table lent what the client lends; nil: nothing is asked for
-- @tparam function wake called when a reading is over
-- @treturn typed
function typed.new(context, lent, wake)
   return setmetatable({ context = context, known = known.of(context), lent = lent, wake = wake, due = {} }, metatable)
end

local function tell(self, product, message)
   local write = self.context.log
   if write then write { event = "untyped", product = product, message = message } end
end

-- Begins to read the specification of a product, if no reading is under way.
local function ask(self, device, product)
   if self.is_reading then return end
   local function done(specification, message)
      self.is_reading = false
      self.due[product] = specification ~= nil and math.huge or self.context.monotonic() + AGAIN
      if specification == nil then tell(self, product, message) end
      self.wake()
   end
   -- nil when too many calls wait already: then the next tick tries it again
   self.is_reading = self.lent.run(function(inner, client)
      return specifications.of(inner, client, device)
   end, done) ~= nil
end

-- What a program makes of the event is not to reach the sieve, which knows what came.
local function copy_of(values)
   local copy = {}
   for code, value in next, values do copy[code] = value end
   return copy
end

--- Types the values of an event; or says that it has to wait, and asks for what is missing.
-- @tparam event event `untyped` of it says that the specification cannot be read
-- @treturn boolean whether it can be handed out
function methods:prepare(event)
   local device, learnt = event.device, self.known
   if not device or not self.lent or next(event.changes) == nil then return true end
   learnt:learn_product(device, event.product)
   local specification = specifications.recall(learnt, device)
   if specification then
      event.changes = specifications.decode(specification, event.changes)
      return true
   end
   local product = learnt:product_of(device)
   if specification == nil and self.context.monotonic() >= (self.due[product] or 0) then
      ask(self, device, product)
      return false
   end
   event.changes, event.untyped = copy_of(event.changes), specification == nil or nil
   return true
end

return typed

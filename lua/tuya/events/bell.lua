--- bell.lua: waits until something is told.
-- The idea: in a task of a scheduler a wait is a pause that a ring ends early, so that nobody looks again and again;
-- where calls block it is a tick of the client, which returns when something has happened.
-- The danger: a task that was cancelled in its wait never comes back; nothing here may count on that.
-- @module tuya.events.bell

local drive = require("tuya.drive")
local op = require("tuya.op")

local bell = {}

local LONGEST = 3600 -- s; whoever waits for ever looks up so often
local LOOK = 1 -- s, in a tick

local methods = {}
local metatable = { __name = "tuya.events.bell", __index = methods }

--- Makes one.
-- @tparam table context the client's
-- @tparam table its the client's ticker
-- @treturn bell
function bell.new(context, its)
   return setmetatable({ context = context, ticker = its, waiting = {} }, metatable)
end

--- Ends all waits.
function methods:ring()
   local list = self.waiting
   if not list[1] then return end
   self.waiting = {}
   for i = 1, #list do self.ticker:wake(list[i]) end
end

local function pause(seconds)
   return op.yield("sleep", seconds)
end

local function wait_in_task(self, seconds)
   local its = op.new(pause, seconds)
   self.waiting[#self.waiting + 1] = its
   local ok, what, message, detail = drive.run(self.context, its, seconds + 1)
   for i, other in ipairs(self.waiting) do
      if other == its then table.remove(self.waiting, i) end
   end
   if ok and detail and detail.code == "queue_full" then return false, message end
   return ok, what
end

--- Waits for a ring; everything else goes on meanwhile. It may return early.
-- @tparam number seconds at most
-- @treturn boolean false with what was raised
function methods:wait(seconds)
   if drive.pick(self.context) then return wait_in_task(self, math.min(seconds, LONGEST)) end
   if self.ticker.is_ticking then return false, "waits for events, called from within a tick" end
   return self.ticker:tick(math.min(seconds, LOOK))
end

return bell

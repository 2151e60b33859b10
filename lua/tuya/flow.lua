--- flow.lua: a function of the program's as one op.
-- The idea: whatever makes calls one after the other (a device's `send`, a pager, a rule) is written once, as plain
-- lines. In the coroutine of such an op a call is no op beside it: its effects are handed on as the op's own.
-- The danger: a flow as any (see op.lua): on Lua 5.1 no call in a pcall, an iterator or a metamethod; and the function
-- may yield nothing itself.
-- @module tuya.flow

local drive = require("tuya.drive")
local op = require("tuya.op")

local flow = {}

local yield = op.yield

-- By coroutine, the op that runs in it; held by neither, since the op holds its coroutine.
local running = setmetatable({}, { __mode = "kv" })

-- Hands the effects of an op on, until it is done.
local function hand_on(inner, effect, ...)
   if effect == nil then return end
   return hand_on(inner, inner:step(yield(effect, ...)))
end

-- Carries out a call that is made in a flow; its deadline, and how far it was sent, are the flow's until the next one.
local function join(host, inner, timeout)
   local outer = running[coroutine.running()]
   if outer.host ~= host then return false, "a call of another client; a task of a scheduler may use several" end
   outer.deadline, outer.sent, outer.about = host.transport:now() + timeout, "no", inner.about
   hand_on(inner, inner:step())
   return true, inner:returned()
end

local function pick()
   local thread = coroutine.running()
   local made = thread and running[thread]
   return made and made.thread and join -- one that is over closes what it has to, and calls in there block
end

local is_offered = false

-- The thread goes on to another op.
local function leave(...)
   running[coroutine.running()] = nil
   return ...
end

--- Makes an op of a function.
-- @tparam table host the context of the client whose calls it makes
-- @tparam function fn
-- @treturn op
function flow.new(host, fn)
   if not is_offered then drive.offer(pick) end
   is_offered = true
   local made
   made = op.new(function()
      running[coroutine.running()] = made
      return leave(fn())
   end)
   made.host = host
   return made
end

return flow

--- clock.lua: the cloud's clock, as far as its answers tell.
-- The idea: an answer's `t` was read between sending and receiving, and that span is measured on a clock that is
-- never set. While what we take for the cloud's time lies in the span, it stays; else the middle is taken.
-- The danger: a `t` that is no moment would carry every later signature off; only 13 digits count.
-- @module tuya.clock

local core = require("tuya.core")

local clock = {}

local NOTABLE = 1000 -- ms; a shift of less is no news
local DIGITS = 1e12  -- the first moment of 13 digits

--- The machine's clock, in ms; 31 years ahead where that still is in its first days of 1970: a call must be signed, and
-- for that have a time of 13 digits, to be told what time it is.
-- @treturn integer
function clock.machine()
   local now = core.now()
   return now < DIGITS and now + DIGITS or now
end

--- The cloud's time, in ms.
-- @tparam table context the client's
-- @treturn number
function clock.now(context)
   return context.clock() + context.offset
end

local function tell(context, before)
   local shift = context.offset - before
   if context.log and (shift >= NOTABLE or shift <= -NOTABLE) then
      context.log { event = "skew", offset = context.offset }
   end
end

--- Learns from an answer.
-- @tparam table context the client's
-- @param t what the answer gives as the cloud's time, in ms
-- @tparam number sent_at when its request was sent, by `context.monotonic`
-- @treturn boolean whether it was of use
function clock.learn(context, t, sent_at)
   if type(t) ~= "number" then t = tonumber(t) end
   if not (t and t >= DIGITS and t < 10 * DIGITS) then return false end
   local span = (context.monotonic() - sent_at) * 1000
   local now, before = context.clock(), context.offset
   local late = t + span - (now + before) -- below 0: our time is past anything that the answer allows
   if late < 0 or late > span then
      local offset = t + span / 2 - now
      context.offset = offset - offset % 1 -- a signature takes whole milliseconds
      tell(context, before)
   end
   return true
end

return clock

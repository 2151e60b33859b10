--- lease.lua: the right to renew, held by one of all who share a store.
-- The idea: a text that only its holder knows lies in the store while it renews. Whoever waits and has seen the very
-- same text for a second takes it over, so a holder that was killed holds nobody longer; no clocks are compared.
-- The danger: a holder that is merely slow may be taken over; it asks with `keep` before it does what must not be
-- done twice.
-- @module tuya.lease

local core = require("tuya.core")
local kept = require("tuya.kept")

local lease = {}

local LONGEST = 1 -- seconds
local LIFE = 60   -- seconds after which a store that can drops the lease of a holder that nobody has waited for

-- Whether the lease may be had: nobody's, left behind by ourselves, or seen unchanged for too long.
local function is_free(context, held)
   local now = context.monotonic()
   if held ~= context.lease_seen then context.lease_seen, context.lease_since = held, now end
   return held == nil or held == context.lease or now - context.lease_since >= LONGEST
end

local function swap(context, held, new)
   if not kept.swap(context, context.lease_key, held, new, LIFE) then return false end
   context.lease = new
   return true
end

--- Tries to get the lease, once. A flow.
-- @tparam table context the client's
-- @treturn boolean
function lease.take(context)
   local held = kept.load(context, context.lease_key)
   return is_free(context, held) and swap(context, held, core.nonce())
end

--- Whether it is still ours; if so, for another second.
-- @tparam table context the client's
-- @treturn boolean
function lease.keep(context)
   return swap(context, context.lease, core.nonce())
end

--- Gives it back.
-- @tparam table context the client's
function lease.release(context)
   swap(context, context.lease, nil)
end

return lease

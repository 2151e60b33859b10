--- lease.lua: the right to renew, held by one of all who share a store.
-- The idea: a text that only its holder knows lies in the store while it renews, and says for how long it may stay as
-- it is. Whoever waits and has seen the very same text for so long takes it over, so a holder that was killed holds
-- nobody longer; no clocks are compared.
-- The danger: a holder that is merely slow may be taken over; it asks with `keep` before it does what must not be
-- done twice, for as long as that may take.
-- @module tuya.lease

local core = require("tuya.core")
local kept = require("tuya.kept")

local lease = {}

local PATIENCE = 1 -- seconds, where nothing harmful comes of two who renew
local LIFE = 60    -- seconds after which a store that can drops the lease of a holder that nobody has waited for

-- Seconds for which a lease may stay as it is.
local function patience_of(text)
   return tonumber(text:match(" (%d+)$")) or PATIENCE
end

-- Whether the lease may be had: nobody's, left behind by ourselves, or seen unchanged for too long.
local function is_free(context, held)
   local now = context.monotonic()
   if held ~= context.lease_seen then context.lease_seen, context.lease_since = held, now end
   return held == nil or held == context.lease or now - context.lease_since >= patience_of(held)
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

--- Whether it is still ours; if so, for another while.
-- @tparam table context the client's
-- @tparam[opt=1] number patience whole seconds
-- @treturn boolean
function lease.keep(context, patience)
   return swap(context, context.lease, patience and ("%s %.0f"):format(core.nonce(), patience) or core.nonce())
end

--- Gives it back.
-- @tparam table context the client's
function lease.release(context)
   swap(context, context.lease, nil)
end

return lease

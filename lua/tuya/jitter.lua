--- jitter.lua: pauses drawn at random.
-- The idea: what failed together must not come back together, so a pause is drawn from all of its range.
-- @module tuya.jitter

local core = require("tuya.core")

local jitter = {}

--- A number drawn from 0 up to a bound. A client that was given a source of nonces draws from that, so that a
-- program which brings its own clock and nonces always runs the same.
-- @tparam number most
-- @tparam ?table context the client's
-- @treturn number
function jitter.draw(most, context)
   local given = context and type(context.nonce) == "function" and tostring(context.nonce()):match("^%x%x%x%x%x%x%x%x")
   return tonumber(given or core.nonce():sub(1, 8), 16) / 2 ^ 32 * most
end

return jitter

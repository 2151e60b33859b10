--- jitter.lua: pauses drawn at random.
-- The idea: what failed together must not come back together, so a pause is drawn from all of its range.
-- @module tuya.jitter

local core = require("tuya.core")

local jitter = {}

--- A number drawn from 0 up to a bound.
-- @tparam number most
-- @treturn number
function jitter.draw(most)
   return tonumber(core.nonce():sub(1, 8), 16) / 2 ^ 32 * most
end

return jitter

--- random.lua: hexadecimal digits for tokens and tids, from a seed.
-- The idea: two small congruential generators whose difference is drawn (L'Ecuyer, 1988); every product
-- stays below 2^53, so that all Luas draw the same digits from the same seed.
-- The danger: it can be foretold. It serves a simulated cloud and nothing that is secret.
-- @module tuya.simulator.random

local random = {}

local FIRST, SECOND = 2147483563, 2147483399
local WARM_UP = 32 -- digits thrown away, in which a small seed still shows

--- A function draw(n) that gives the next n hexadecimal digits (n a multiple of 4).
-- @tparam integer a the seed
-- @tparam[opt=1] integer b a second one
function random.new(a, b)
   local one = 1 + a % (FIRST - 1)
   local two = 1 + (b or 1) % (SECOND - 1)
   local function draw(digits)
      local drawn = {}
      for i = 1, digits / 4 do
         one = 40014 * one % FIRST
         two = 40692 * two % SECOND
         drawn[i] = ("%04x"):format(math.floor((one - two) % (FIRST - 1) / 32768) % 65536)
      end
      return table.concat(drawn)
   end
   draw(WARM_UP)
   return draw
end

return random

--- diagnose/pool.lua: candidate texts, by how many wrong choices each took.
-- The idea: a text stands under its best explanation only: fewest choices, then fewest mistakes, then the more usual
-- ones.
-- The danger: two explanations of one text are no two findings; what leaves a text as it was is never a mistake.
-- @module tuya.diagnose.pool

local mistakes = require("tuya.diagnose.mistakes")

local pool = {}

local RANK = {}
for _, entry in ipairs(mistakes) do RANK[entry.slug] = entry.rank end

-- The ranks of an explanation's mistakes, ascending.
local function ranks_of(slugs)
   local ranks, seen = {}, {}
   for _, slug in ipairs(slugs) do
      if not seen[slug] then ranks[#ranks + 1] = RANK[slug] end
      seen[slug] = true
   end
   table.sort(ranks)
   return ranks
end

--- Whether explanation a is to be preferred to b: fewer mistakes, then the more usual ones.
-- @tparam table a slugs
-- @tparam table b slugs
-- @treturn boolean
function pool.is_better(a, b)
   local x, y = ranks_of(a), ranks_of(b)
   if #x ~= #y then return #x < #y end
   for i = 1, #x do
      if x[i] ~= y[i] then return x[i] < y[i] end
   end
   return false
end

--- Two lists, one after the other.
function pool.joined(a, b)
   local out = {}
   for i, item in ipairs(a) do out[i] = item end
   for _, item in ipairs(b) do out[#out + 1] = item end
   return out
end

local methods = {}
local metatable = { __index = methods }

--- Makes an empty pool.
-- @treturn pool `texts[cost]` and `slugs[cost]`, lists side by side
function pool.new()
   return setmetatable({ seen = {}, texts = {}, slugs = {} }, metatable)
end

--- Adds a text under an explanation, unless it stands under a better one.
-- @tparam string text
-- @tparam table slugs one a choice
function methods:add(text, slugs)
   local cost, known = #slugs, self.seen[text]
   if known and known.cost < cost then return end
   if known and known.cost == cost then
      local list = self.slugs[cost]
      if pool.is_better(slugs, list[known.at]) then list[known.at] = slugs end
      return
   end
   self.texts[cost], self.slugs[cost] = self.texts[cost] or {}, self.slugs[cost] or {}
   local texts = self.texts[cost]
   texts[#texts + 1], self.slugs[cost][#texts + 1] = text, slugs
   self.seen[text] = { cost = cost, at = #texts }
end

--- The texts whose mistakes are all allowed.
-- @tparam table allowed set of slugs
-- @treturn pool
function methods:only(allowed)
   local out = pool.new()
   for cost, texts in pairs(self.texts) do
      for at, text in ipairs(texts) do
         local fits = true
         for _, slug in ipairs(self.slugs[cost][at]) do fits = fits and allowed[slug] end
         if fits then out:add(text, self.slugs[cost][at]) end
      end
   end
   return out
end

--- A pool of one text that took no choice.
-- @tparam string text
-- @treturn pool
function pool.of(text)
   local made = pool.new()
   made:add(text, {})
   return made
end

return pool

--- kept.lua: the store as flows use it, which goes on without one.
-- The idea: a store that is busy is asked again; one that is lost is left alone for a second, and what was last seen
-- of it, here, stands for it. Where that was changed meanwhile it is put back once the store is there again,
-- unless the store has something newer.
-- The danger: a flow (see op.lua): it yields, so no pcall, iterator or metamethod in the way.
-- @module tuya.kept

local jitter = require("tuya.jitter")
local op = require("tuya.op")

local yield = op.yield

local kept = {}

local BUSY = 1         -- seconds after which a busy store counts as lost
local LOST = 1         -- seconds for which a lost store is left alone
local LATELY = 5       -- seconds after which all have noticed that it is there again
local PAUSE = 0.01     -- seconds at most between two tries of a busy one
local NOTHING = {}     -- stands for nil in a table

--- What `load` and `swap` need of a context.
-- @treturn table
function kept.new()
   return { texts = {}, changed = {}, lost_at = nil, lost_until = nil, lost_by = nil }
end

local function is_lost(context)
   local lost_until = context.kept.lost_until
   return lost_until ~= nil and context.monotonic() < lost_until
end

--- Whether others who share the store may have gone on without it lately: each renews for itself then.
-- @tparam table context the client's
-- @treturn boolean
function kept.was_lost(context)
   local at = context.kept.lost_at
   return at ~= nil and context.monotonic() - at < LATELY
end

local function tell(context, state, message)
   if context.log then context.log { event = "store", state = state, message = message } end
end

local function lose(context, effect, message)
   local mine = context.kept
   if not mine.lost_until then tell(context, "lost", tostring(message)) end
   mine.lost_at, mine.lost_by = context.monotonic(), effect
   mine.lost_until = mine.lost_at + LOST
end

-- A store that can be read is not found again while it cannot be written.
local function find(context, effect)
   local mine = context.kept
   if effect == "load" and mine.lost_by == "swap" then return end
   tell(context, "found")
   mine.lost_until = nil
end

-- Asks the store until it is not busy, or there is no more time: whether it answered, and the answer.
local function ask(context, effect, key, old, new, life)
   local store, started = context.store, nil
   local is_here = store.is_here
   if not is_here then started = context.monotonic() end
   while true do
      local answer, message
      if is_here then answer, message = store[effect](store, key, old, new, life)
      else answer, message = yield(effect, key, old, new, life) end
      if answer ~= nil or not message then
         if context.kept.lost_until then find(context, effect) end
         return true, answer
      end
      started = started or context.monotonic()
      if message ~= "busy" or context.monotonic() - started >= BUSY then
         lose(context, effect, message)
         return false
      end
      if not yield("sleep", jitter.draw(PAUSE, context)) then return false end
   end
end

-- Puts back what was changed while the store was lost.
local function mend(context, key, base)
   local mine = context.kept
   local answered = ask(context, "swap", key, base ~= NOTHING and base or nil, mine.texts[key])
   if answered then mine.changed[key] = nil end
end

--- The text of a key. A flow.
-- @tparam table context the client's
-- @tparam string key
-- @treturn ?string
function kept.load(context, key)
   local mine = context.kept
   if is_lost(context) then return mine.texts[key] end
   local base = mine.changed[key]
   if base then mend(context, key, base) end
   if base and is_lost(context) then return mine.texts[key] end
   local answered, text = ask(context, "load", key)
   if text ~= nil and type(text) ~= "string" then
      error("store: load gave a " .. type(text) .. "; a text or nil expected", 0)
   end
   if answered then mine.texts[key] = text end
   return mine.texts[key]
end

local function swap_here(mine, key, old, new)
   if mine.texts[key] ~= old then return false end
   mine.texts[key] = new
   mine.changed[key] = mine.changed[key] or old or NOTHING
   return true
end

--- Puts `new` where `old` is. A flow.
-- @tparam table context the client's
-- @tparam string key
-- @tparam ?string old as `load` gave it
-- @tparam ?string new
-- @tparam ?number life seconds after which it may be dropped
-- @treturn boolean false when something else is there
function kept.swap(context, key, old, new, life)
   local mine = context.kept
   if is_lost(context) then return swap_here(mine, key, old, new) end
   local answered, done = ask(context, "swap", key, old, new, life)
   if not answered then return swap_here(mine, key, old, new) end
   if done then mine.texts[key] = new end
   return done
end

return kept

--- store/memory.lua: what a client keeps, in memory and for itself.
-- The idea: texts by key; a swap changes one only if it still is what the caller saw, so that of two
-- renewals the first wins.
-- @module tuya.store.memory

local memory = {}

--- Makes a store. What it holds is out of reach of whoever dumps the table: tokens are secrets.
-- @treturn store with `load(key)` and `swap(key, old, new)`
function memory.new()
   local texts = {}
   local store = { is_here = true } -- an answer costs next to nothing

   --- The text of a key.
   function store.load(_, key)
      return texts[key]
   end

   --- Puts `new` (nil: nothing) where `old` (nil: nothing) is; false when something else is there.
   function store.swap(_, key, old, new)
      if texts[key] ~= old then return false end
      texts[key] = new
      return true
   end

   return store
end

return memory

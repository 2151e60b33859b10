--- store/shm.lua: what all workers of one nginx keep, in a shared dictionary: `store = "shm:NAME"`.
-- The idea: nginx has no way to replace a value only where it is still the old one, so a swap stands under a lock in
-- the dictionary, taken by `add`, which one worker at a time can do.
-- The danger: a worker that is killed holds the lock; it expires after a second.
-- @module tuya.store.shm

local shm = {}

local LOCKED = 1 -- seconds after which the lock of a dead worker is gone

local methods = {}
local metatable = { __name = "tuya.store.shm", __index = methods }

--- Makes a store.
-- @tparam string name of a `lua_shared_dict`
-- @treturn ?store nil and the rule that is broken
function shm.try(name)
   if not ngx or not ngx.shared then return nil, '"shm:..." works inside nginx only' end
   local dictionary = ngx.shared[name]
   if not dictionary then return nil, ("nginx has no lua_shared_dict %s"):format(name) end
   return setmetatable({
      is_here = true, -- an answer costs next to nothing
      open = function()
         return dictionary
      end,
   }, metatable)
end

--- The text of a key.
-- @tparam string key
-- @treturn ?string
function methods:load(key)
   return (self.open():get(key))
end

local function swap_locked(dictionary, key, old, new, life)
   if dictionary:get(key) ~= old then return false end
   local done, message = dictionary:set(key, new, new and life or 0)
   if done then return true end
   return nil, message
end

--- Puts `new` (nil: nothing) where `old` (nil: nothing) is.
-- @tparam string key
-- @tparam ?string old
-- @tparam ?string new
-- @tparam ?number life seconds after which nginx drops it
-- @treturn ?boolean false when something else is there; nil when nothing could be done
-- @treturn ?string "busy": another worker has the lock; or what is wrong
function methods:swap(key, old, new, life)
   local dictionary, lock = self.open(), "lock " .. key
   local locked, message = dictionary:add(lock, true, LOCKED)
   if not locked then return nil, message == "exists" and "busy" or message end
   local done, trouble = swap_locked(dictionary, key, old, new, life)
   dictionary:delete(lock)
   return done, trouble
end

return shm

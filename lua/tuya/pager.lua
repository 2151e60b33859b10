--- pager.lua: lists that come in pages, item by item.
-- The idea: a pager asks for a page when the one before is used up, in whichever way that list is paged; who reads it
-- sees items only, each once, however the list changes meanwhile.
-- The danger: `for item in pager` cannot tell a failure, so it raises it, and on PUC Lua 5.1 it cannot wait
-- inside a scheduler's task; `pager:next()` answers failures, and works everywhere.
-- @module tuya.pager

local edge = require("tuya.edge")
local errors = require("tuya.errors")

local pager = {}

local STALE = 50 -- pages in a row that bring nothing new, after which a list is said not to end

local methods = {}
local metatable = { __index = methods, __name = "tuya.pager" }

--- Makes a pager.
-- @tparam function fetch called with a state (nil at first): true, list, the state of the next page or nil, or
-- true, nil, message, info for a failure; or false, rule
-- @tparam ?function key_of gives what an item is known by: an item seen before is passed over
-- @treturn pager
function pager.new(fetch, key_of)
   return setmetatable({ fetch = fetch, key_of = key_of, page = {}, at = 0, seen = {}, stale = 0 }, metatable)
end

-- Reads the next page: true, or false and what went wrong.
local function turn(self)
   local ok, list, more, info = self.fetch(self.state)
   if not ok then return false, list end
   if list == nil then return true, nil, more, info end
   self.page, self.at, self.state, self.is_last = list, 0, more, more == nil
   return true, true
end

-- A cloud that answers the same page for ever is told of; a program would wait for ever.
local function endless()
   return errors.failure {
      kind = "http", code = "endless", sent = "yes", attempts = STALE,
      message = ("the list does not end: %d pages brought nothing new"):format(STALE),
   }
end

-- The next item of this page that was not seen before; nil: there is none.
local function step(self)
   while self.at < #self.page do
      self.at = self.at + 1
      local item = self.page[self.at]
      local key = self.key_of and self.key_of(item)
      if key == nil or not self.seen[key] then
         if key ~= nil then self.seen[key] = true end
         self.stale = 0
         return item
      end
   end
end

--- The next item, for those inside, who hand a broken rule on to their own caller.
-- @tparam pager self
-- @return true and the item, true and nil at the end, true, nil, message, info for a failure; or false, rule
function pager.following(self)
   while true do
      local item = step(self)
      if item ~= nil or self.is_last then return true, item end
      if self.stale == STALE then
         self.stale = 0
         return true, endless()
      end
      self.stale = self.stale + 1
      local ok, turned, message, info = turn(self)
      if not ok then return false, turned end
      if not turned then return true, nil, message, info end
   end
end

--- The next item.
-- @function next
-- @return the item; nil at the end; nil, message, detail for a failure, after which `next` tries that page again
methods.next = edge.of("tuya.pager:next", pager.following)

--- All items that are left, for those inside.
-- @tparam pager self
-- @return true and a list; true, nil, message, info for a failure; or false, rule
function pager.collect(self)
   local list = {}
   while true do
      local ok, item, message, info = pager.following(self)
      if not ok then return false, item end
      if item == nil and message then return true, nil, message, info end
      if item == nil then return true, list end
      list[#list + 1] = item
   end
end

--- All items that are left.
-- @function all
-- @treturn ?table list; nil, message, detail for a failure
methods.all = edge.of("tuya.pager:all", pager.collect)

--- The next item, for `for item in pager do`.
-- @return the item, nil at the end
-- @raise what `next` answers as a failure
function metatable.__call(self)
   local ok, item, message = pager.following(self)
   if not ok or message then error(tostring(message or item), 2) end
   return item
end

return pager

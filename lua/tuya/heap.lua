--- heap.lua: what is due when.
-- The idea: a binary heap of entries by moment; of two for one moment the one put in first comes first, so that
-- the same program always runs in the same order.
-- @module tuya.heap

local heap = {}

local methods = {}
local metatable = { __name = "tuya.heap", __index = methods }

--- Makes an empty heap.
-- @treturn heap
function heap.new()
   return setmetatable({ n = 0, serial = 0 }, metatable)
end

local function is_before(a, b)
   return a.at < b.at or (a.at == b.at and a.serial < b.serial)
end

local function rise(self, i)
   local entry = self[i]
   while i > 1 do
      local parent = (i - i % 2) / 2
      if not is_before(entry, self[parent]) then break end
      self[i], i = self[parent], parent
   end
   self[i] = entry
end

local function sink(self, i)
   local entry, n = self[i], self.n
   while 2 * i <= n do
      local child = 2 * i
      if child < n and is_before(self[child + 1], self[child]) then child = child + 1 end
      if not is_before(self[child], entry) then break end
      self[i], i = self[child], child
   end
   self[i] = entry
end

--- Puts something in.
-- @tparam number at when it is due
-- @param value
function methods:push(at, value)
   self.serial = self.serial + 1
   self.n = self.n + 1
   self[self.n] = { at = at, serial = self.serial, value = value }
   rise(self, self.n)
end

--- When the first is due.
-- @treturn ?number nil when nothing is in it
-- @return what is due then
function methods:first()
   local entry = self[1]
   if entry then return entry.at, entry.value end
end

--- Takes the first out.
-- @return what was put in; nil when nothing is in it
function methods:pop()
   local entry, last = self[1], self[self.n]
   if not entry then return nil end
   self[self.n] = nil
   self.n = self.n - 1
   if self.n > 0 then
      self[1] = last
      sink(self, 1)
   end
   return entry.value
end

return heap

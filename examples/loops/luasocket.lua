-- luasocket.lua: a client beside LuaSocket's sockets, in one select.
--    local step = require("examples.loops.luasocket")
--    client:start(..., on_done)
--    while step(client, { server }, on_readable) > 0 do end
local socket = require("socket")

-- What LuaSocket selects: an object that knows its descriptor.
local function selectable(entry)
   return {
      getfd = function() return entry.fd end,
      dirty = function() return false end,
   }
end

--- One round: waits for a client, or a scheduler, or whatever else has tick, timeout and fds, and for other sockets.
-- others: sockets of the program's; on_readable: called with each of them that has something to read.
-- Returns how many calls are in flight.
return function(client, others, on_readable)
   local readable, writable, ours = {}, {}, {}
   for i, one in ipairs(others) do readable[i] = one end
   local left = client:tick(0)
   for _, entry in ipairs(client:fds()) do
      local one = selectable(entry)
      ours[one] = true
      if entry.read then readable[#readable + 1] = one end
      if entry.write then writable[#writable + 1] = one end
   end
   local seconds = left > 0 and client:timeout() or 0
   for _, one in ipairs(socket.select(readable, writable, seconds)) do
      if not ours[one] then on_readable(one) end
   end
   return client:tick(0)
end

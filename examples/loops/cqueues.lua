-- cqueues.lua: a client in a cqueues controller: one coroutine of it waits and ticks.
--    client:start(..., on_done)
--    loop:wrap(require("examples.loops.cqueues"), client)
--    assert(loop:loop())              -- the coroutine ends when nothing is in flight
local cqueues = require("cqueues")

local unpack = table.unpack or unpack

-- What cqueues polls: an object that says which descriptor, which events, and how long at most.
local function pollable(entry)
   local events = (entry.read and "r" or "") .. (entry.write and "w" or "")
   return {
      pollfd = function() return entry.fd end,
      events = function() return events end,
      timeout = function() end,
   }
end

--- Ticks a client, or a scheduler: whatever has tick, timeout and fds.
return function(client)
   while client:tick(0) > 0 do
      local list = {}
      for i, entry in ipairs(client:fds()) do list[i] = pollable(entry) end
      list[#list + 1] = client:timeout() -- a number is a timeout to cqueues
      cqueues.poll(unpack(list))
   end
end

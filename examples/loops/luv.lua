-- luv.lua: a client in libuv's loop: one poll handle over the descriptors, one timer over the timeout.
--    local pump = require("examples.loops.luv")(client)
--    client:start(..., on_done)
--    pump()                           -- after a `start`; the rest comes by itself
--    uv.run()                         -- ends when nothing is in flight
local uv = require("luv")

local function events_of(entry)
   return (entry.read and "r" or "") .. (entry.write and "w" or "")
end

--- Makes the pump of a client, or of a scheduler: of whatever has tick, timeout and fds.
return function(client)
   local timer, polls = uv.new_timer(), {}
   local pump

   -- The loop watches what the client waits for now, and no more what it waited for before.
   local function watch()
      local wanted = {}
      for _, entry in ipairs(client:fds()) do
         wanted[entry.fd] = true
         polls[entry.fd] = polls[entry.fd] or uv.new_poll(entry.fd)
         polls[entry.fd]:start(events_of(entry), pump)
      end
      for fd, poll in pairs(polls) do
         if not wanted[fd] then
            poll:stop()
            poll:close()
            polls[fd] = nil
         end
      end
   end

   -- Handles at rest do not keep the loop running.
   local function rest()
      timer:stop()
      for _, poll in pairs(polls) do poll:stop() end
   end

   function pump()
      if client:tick(0) == 0 then return rest() end
      watch()
      local seconds = client:timeout()
      timer:stop()
      if seconds then timer:start(math.ceil(seconds * 1000), 0, pump) end
   end

   return pump
end

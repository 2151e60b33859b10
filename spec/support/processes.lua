-- processes.lua: what specs of several processes share.
local socket = require("socket")

local processes = {}

--- The lines of a file; none where there is no such file.
function processes.lines(path)
   local list = {}
   local file = io.open(path, "rb")
   if not file then return list end
   for line in file:lines() do list[#list + 1] = line end
   file:close()
   return list
end

--- Waits for what other processes do; it has to come within two minutes.
function processes.wait_until(condition)
   local ends = socket.gettime() + 120
   while not condition() do
      assert(socket.gettime() < ends, "it hangs")
      socket.sleep(0.02)
   end
end

return processes

-- dns.lua: a program of support.server; a name server that answers every name with 127.0.0.1. It prints its port.
local socket = require("socket")

local server = assert(socket.udp())
assert(server:setsockname("127.0.0.1", 0))
local _, port = server:getsockname()
print(("%d"):format(port)) io.stdout:flush()
local stdin = { getfd = function() return 0 end, dirty = function() return false end }
while true do
   for _, one in ipairs((socket.select({ stdin, server }))) do
      if one == stdin then os.exit(0) end
      local query, address, from = server:receivefrom()
      local question = query:match("^[^%z]*%z....", 13)
      local head = query:sub(1, 2) .. "\129\128\0\1\0\1\0\0\0\0"
      server:sendto(head .. question .. "\192\12\0\1\0\1\0\0\0\1\0\4\127\0\0\1", address, from)
   end
end

-- tunnel.lua: an HTTP proxy in this process that opens tunnels (CONNECT), moved on by ticks.
local socket = require("socket")

local tunnel = {}

local methods = {}
local metatable = { __index = methods }

--- One that leads to this port of this machine, whatever host it is asked for.
function tunnel.start(port)
   local listener = assert(socket.bind("127.0.0.1", 0))
   listener:settimeout(0)
   local _, own = listener:getsockname()
   return setmetatable({ listener = listener, port = port, own = own, asked = {}, pairs = {} }, metatable)
end

--- Its URL, with an account in it.
function methods:url(account)
   return ("http://%s127.0.0.1:%d"):format(account and account .. "@" or "", self.own)
end

local function open(self, caller)
   local lines = {}
   caller:settimeout(5)
   repeat
      local line = assert(caller:receive("*l"))
      lines[#lines + 1] = line
   until line == ""
   self.asked[#self.asked + 1] = table.concat(lines, "\n")
   local server = assert(socket.connect("127.0.0.1", self.port))
   caller:send("HTTP/1.1 200 Connection established\r\n\r\n")
   caller:settimeout(0)
   server:settimeout(0)
   self.pairs[#self.pairs + 1] = { caller, server }
end

-- Carries what is there; false where the connection is over.
local function carry(from, to)
   local all, why, part = from:receive(65536)
   local bytes = all or part
   while bytes ~= "" do
      local sent, trouble, last = to:send(bytes)
      bytes = bytes:sub((sent or last) + 1)
      if trouble == "closed" then return false end
   end
   return why ~= "closed"
end

--- Moves on what can move.
function methods:tick()
   local caller = self.listener:accept()
   if caller then open(self, caller) end
   for i = #self.pairs, 1, -1 do
      local one, other = self.pairs[i][1], self.pairs[i][2]
      if not (carry(one, other) and carry(other, one)) then
         one:close()
         other:close()
         table.remove(self.pairs, i)
      end
   end
end

function methods:close()
   for _, two in ipairs(self.pairs) do
      two[1]:close()
      two[2]:close()
   end
   self.listener:close()
end

return tunnel

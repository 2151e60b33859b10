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
   return setmetatable({ listener = listener, port = port, own = own, asked = {}, callers = {}, pairs = {} }, metatable)
end

--- Its URL, with an account in it.
function methods:url(account)
   return ("http://%s127.0.0.1:%d"):format(account and account .. "@" or "", self.own)
end

-- Reads what a caller asks for, as far as it has come: the caller is in this process, and not to be waited for.
local function listen_to(self, one)
   local all, why, part = one.caller:receive(1)
   while all do
      one.head = one.head .. all
      if one.head:find("\r\n\r\n", 1, true) then
         self.asked[#self.asked + 1] = one.head
         one.caller:send("HTTP/1.1 200 Connection established\r\n\r\n")
         local server = assert(socket.connect("127.0.0.1", self.port))
         server:settimeout(0)
         self.pairs[#self.pairs + 1] = { one.caller, server }
         return true
      end
      all, why, part = one.caller:receive(1)
   end
   assert(part == "" and why == "timeout", "a caller went away")
   return false
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
   if caller then
      caller:settimeout(0)
      self.callers[#self.callers + 1] = { caller = caller, head = "" }
   end
   for i = #self.callers, 1, -1 do
      if listen_to(self, self.callers[i]) then table.remove(self.callers, i) end
   end
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
   for _, one in ipairs(self.callers) do one.caller:close() end
   for _, two in ipairs(self.pairs) do
      two[1]:close()
      two[2]:close()
   end
   self.listener:close()
end

return tunnel

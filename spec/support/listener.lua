-- listener.lua: a program; an HTTP/1.1 server that keeps every byte that it is sent: lua listener.lua FILE
-- It prints its port, answers every request with the cloud's "true", and appends each raw request to FILE, its
-- length on a line before it. It ends when its stdin does. It shares no code with src/ or lua/.
local socket = require("socket")

local file = assert(io.open(arg[1], "ab"))
local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
print(("%d"):format(port))
io.stdout:flush()

local ANSWER = '{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abcdef0123456789abcdef"}'
local REPLY = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " .. #ANSWER .. "\r\n\r\n" .. ANSWER

-- stdin as something that select can watch
local stdin = { getfd = function() return 0 end, dirty = function() return false end }

local buffers = {}

-- The length of the first whole request in a buffer, or nil.
local function whole(buffer)
   local head = buffer:match("^.-\r\n\r\n")
   if not head then return nil end
   local length = tonumber(head:lower():match("\ncontent%-length:%s*(%d+)") or 0)
   return #buffer >= #head + length and #head + length or nil
end

local function take(client)
   local length = whole(buffers[client])
   while length do
      local raw = buffers[client]:sub(1, length)
      buffers[client] = buffers[client]:sub(length + 1)
      file:write(#raw, "\n", raw)
      file:flush()
      client:send(raw:find("^HEAD ") and REPLY:sub(1, -#ANSWER - 1) or REPLY)
      length = whole(buffers[client])
   end
end

local function receive(client)
   local bytes, trouble, part = client:receive(65536)
   local got = bytes or part
   if trouble == "closed" then
      buffers[client] = nil
      client:close()
      return
   end
   buffers[client] = buffers[client] .. got
   take(client)
end

while true do
   local watched = { stdin, server }
   for client in pairs(buffers) do watched[#watched + 1] = client end
   local ready = socket.select(watched, nil)
   for _, one in ipairs(ready) do
      if one == stdin then os.exit(0) end
      if one == server then
         local client = server:accept()
         client:settimeout(0)
         client:setoption("tcp-nodelay", true)
         buffers[client] = ""
      elseif buffers[one] then receive(one) end
   end
end

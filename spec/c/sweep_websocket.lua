-- sweep_websocket.lua: what sweep.c does while one allocation after the other fails: all of tuya.websocket, both sides.
-- No standard library is open. Returns how many things came out as they should, of how many, and the
-- first that did not; anything may raise.
local open_websocket, upgrade, text, endpoint, nowhere, ca_file, timeout = ...

local good, all, wrong = 0, 0, 0
local function expect(condition)
   all = all + 1
   if condition then
      good = good + 1
   elseif wrong == 0 then
      wrong = all
   end
end

local websocket = open_websocket()
local key = websocket.key()
expect(#key == 24 and websocket.key() ~= key)
expect(websocket.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

local HEAD = "GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
   .. "Sec-WebSocket-Key: "

local function connect(where, its)
   return websocket.connect({
      endpoint = where, request = HEAD .. key .. "\r\n\r\n", key = key, proxy = "", connect_timeout = timeout,
      max_message = 100000, ca_file = its,
   })
end

-- Nobody is there, without and with TLS; each is left to the finalizer.
local places = { "http://" .. nowhere, "https://" .. nowhere }
for i = 1, 2 do
   local none = connect(places[i], ca_file)
   if not none then return good, all + 1, all + 1 end -- out of memory
   while none:tick() == "connecting" do none:wait(1) end
   local why, message, code = none:why()
   expect(why == "connect" and #message > 0 and code == 0)
end

-- Another key's answer.
local other = connect(endpoint)
if not other then return good, all + 1, all + 1 end
while other:tick() == "connecting" do
   upgrade(websocket.accept(websocket.key()))
   other:wait(1)
end
expect(other:why() == "protocol")
other:close()
other:close()
expect(text(other) == "tuya.websocket (closed)")

local client = connect(endpoint)
if not client then return good, all + 1, all + 1 end
expect(text(client) == "tuya.websocket" and not client:take() and client:timeout() and client:fds())
local fd
while client:tick() == "connecting" do
   fd = fd or upgrade(websocket.accept(key))
   client:wait(1)
end
expect(client:tick() == "open" and fd)
if not fd then return good, all + 1, all + 1 end
local server = websocket.adopt(fd, "", 100000)
if not server then return good, all + 1, all + 1 end
expect(#server:fds() == 1)

-- The next message at one side, while both are ticked; nothing where it was lost to short memory, or once it is closed.
local function take(side)
   for _ = 1, timeout / 2 do
      local message, kind = side:take()
      if message then return message, kind end
      if client:tick() == "closed" then return nil end
      if server:tick() == "closed" then return nil end
      client:wait(1)
   end
end

local long = key
for _ = 1, 11 do long = long .. long end -- 49,152 bytes: more than one reading brings
local texts = { "", "short", long }
for i = 1, 3 do
   local one = texts[i]
   expect(client:send(one))
   expect(take(server) == one)
   expect(server:send(one, "binary"))
   local got, kind = take(client)
   expect(got == one and kind == "binary")
end
expect(client:send("x", "ping"))
local pong, kind = take(client)
expect(pong == "x" and kind == "pong")
expect(server:finish(4001) and not server:send("too late"))
for _ = 1, timeout / 2 do
   server:tick()
   if client:tick() == "closed" then break end
   client:wait(1)
end
local why, _, code = client:why()
expect(why == "closed" and code == 4001)
client:close()
return good, all, wrong -- the server's side is left to the finalizer

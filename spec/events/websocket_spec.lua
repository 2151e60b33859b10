-- tuya.websocket: the two sides against each other, over the simulated cloud's listener.
local ok, websocket = pcall(require, "tuya.websocket")
if not ok then
   pending("tuya.websocket is not built: libwslay is not there")
   return
end
local httpd = require("tuya.httpd")
local process = require("spec.support.process")

local function header(headers, name)
   for _, pair in ipairs(headers) do
      if pair[1] == name then return pair[2] end
   end
end

-- A client on a listener that answers as it is told.
local function pair(answer, most)
   local made = { server = assert(httpd.listen { port = 0 }) }
   local key = websocket.key()
   made.client = assert(websocket.connect {
      endpoint = "http://127.0.0.1:" .. made.server:port(), key = key, max_message = most,
      request = "GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " .. key
         .. "\r\nSec-WebSocket-Version: 13\r\n\r\n",
   })
   local id
   for _ = 1, 5000 do
      made.state = made.client:tick()
      made.server:wait(0.001)
      local taken, _, _, headers = made.server:take()
      if taken then
         id = taken
         answer(made.server, id, header(headers, "Sec-WebSocket-Key"))
      end
      local fd, extra
      if id and not made.other then fd, extra = made.server:upgraded(id) end
      if fd then made.other = assert(websocket.adopt(fd, extra)) end
      if made.state == "closed" or (made.other and made.state == "open") then break end
   end
   function made.tick()
      made.server:wait(0.001)
      return made.client:tick(), made.other:tick()
   end
   function made.close()
      if made.other then made.other:close() end
      made.client:close()
      made.server:close()
   end
   return made
end

local function agree(server, id, key)
   server:upgrade(id, { Upgrade = "websocket", ["Sec-WebSocket-Accept"] = websocket.accept(key) })
end

local function take(made, from)
   for _ = 1, 1000 do
      local text, kind = from:take()
      if text then return text, kind end
      made.tick()
   end
end

describe("a WebSocket", function()
   it("has the accept key of RFC 6455", function()
      assert.equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", websocket.accept("dGhlIHNhbXBsZSBub25jZQ=="))
      assert.equal(24, #websocket.key())
      assert.are_not.equal(websocket.key(), websocket.key())
   end)

   it("carries texts of every length both ways, in order", function()
      local made = pair(agree)
      for _, n in ipairs { 0, 1, 125, 126, 127, 65535, 65536, 300000 } do
         local text = ("x"):rep(n)
         assert.is_true(made.client:send(text))
         assert.is_true(made.other:send(text, "binary"))
         local got, kind = take(made, made.other)
         assert.is_true(got == text and kind == "text", n)
         got, kind = take(made, made.client)
         assert.is_true(got == text and kind == "binary", n)
      end
      for i = 1, 500 do made.other:send(tostring(i)) end
      for i = 1, 500 do assert.equal(tostring(i), (take(made, made.client))) end
      made.close()
   end)

   it("answers pings, and closes with a code", function()
      local made = pair(agree)
      made.client:send("are you there", "ping")
      assert.same({ "are you there", "pong" }, { take(made, made.client) })
      made.other:finish(4001)
      for _ = 1, 100 do
         if made.tick() == "closed" then break end
      end
      local why, _, code = made.client:why()
      assert.same({ "closed", 4001 }, { why, code })
      assert.is_false(made.client:send("too late"))
      made.close()
   end)

   it("ends when a message is longer than it may be", function()
      local made = pair(agree, 1000)
      made.other:send(("x"):rep(1000))
      assert.equal(1000, #take(made, made.client))
      made.other:send(("x"):rep(1001))
      for _ = 1, 100 do
         if made.tick() == "closed" then break end
      end
      assert.equal("protocol", (made.client:why()))
      made.close()
   end)

   it("is not opened by an answer to another key, nor by one that is none", function()
      for name, answer in pairs {
         protocol = function(server, id)
            server:upgrade(id, { Upgrade = "websocket", ["Sec-WebSocket-Accept"] = websocket.accept("another") })
         end,
         http = function(server, id) server:reply(id, 200, {}, "a portal") end,
         reset = function(server, id) server:fail(id, "reset") end,
      } do
         local made = pair(answer)
         assert.equal(name, (made.client:why()))
         made.close()
      end
   end)

   it("reads no more than is taken", function()
      local made = pair(agree)
      for _ = 1, 3000 do made.other:send(("x"):rep(5000)) end
      for _ = 1, 200 do made.tick() end
      assert.is_true(made.other:pending() > 0)
      for i = 1, 3000 do assert.equal(5000, #take(made, made.client), i) end
      made.close()
   end)

   it("tells what a loop waits for", function()
      local made = pair(agree)
      assert.is_true(#made.client:fds() >= 1)
      assert.is_nil(made.client:timeout())
      made.close()
      assert.has_error(function() made.client:tick() end)
      assert.equal("tuya.websocket (closed)", tostring(made.client))
   end)

   it("is of the process that made it, and closed by no other", function()
      local made = pair(agree)
      local child = process.fork()
      if child == 0 then
         local refused = 0
         for name, argument in pairs { tick = 0, take = 0, send = "x", finish = 1000, fds = 0, wait = 0, why = 0 } do
            local fine, message = pcall(made.client[name], made.client, argument)
            if not fine and message:find("before a fork", 1, true) then refused = refused + 1 end
         end
         made.client:close()
         process.leave(refused == 7 and 0 or 1)
      end
      assert.equal(0, process.wait(child))
      made.client:send("still here")
      assert.equal("still here", (take(made, made.other)))
      made.close()
   end)

   it("raises for wrong arguments", function()
      for _, given in ipairs { {}, { endpoint = 7 }, { endpoint = "http://x", request = "x", key = "short" } } do
         assert.has_error(function() websocket.connect(given) end)
      end
      assert.has_error(function() websocket.connect() end)
      assert.has_error(function() websocket.adopt("x") end)
   end)
end)

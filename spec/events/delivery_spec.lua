-- At least once from the cloud, once to the handler, in order: against a topic that the spec fills by hand, on a clock
-- that stands still.
local core = require("tuya.core")
local fake = require("tuya.transport.fake")
local json = require("tuya.json")
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local ID, SECRET = "ak0123456789abcdef01", "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"
local T = 1700000000000
local key = core.key(SECRET)

-- A topic with one consumer: what is not acknowledged comes again over the next connection.
local function new_topic()
   local topic = { list = {}, next = 1, serial = 0, connects = 0 }
   function topic.connect()
      local peer = {}
      topic.next, topic.connects, topic.peer = 1, topic.connects + 1, peer
      function peer.take()
         local frame = topic.list[topic.next]
         if frame then topic.next = topic.next + 1 end
         return frame and frame.text
      end
      function peer.hear(text)
         local id = json.decode(text).messageId
         for i, frame in ipairs(topic.list) do
            if frame.id == id then
               table.remove(topic.list, i)
               if i < topic.next then topic.next = topic.next - 1 end
               return
            end
         end
      end
      function peer.is_over() return peer.over == true end
      function peer.close() peer.over = true end
      return peer
   end
   function topic.put(text, id)
      topic.serial = topic.serial + 1
      id = id or "M" .. topic.serial
      topic.list[#topic.list + 1] = { id = id, text = text:gsub("ID", id) }
   end
   return topic
end

-- A frame around an envelope's text; around what a message says.
local function frame(payload, em)
   return json.encode { messageId = "ID", payload = payload, properties = { em = em or "aes_gcm" } }
end

local function sealed(said, number)
   local text = type(said) == "string" and said or json.encode(said)
   local data = key:make_message(text, "pulsar", "gcm", nil, core.nonce():sub(1, 12))
   return frame(core.to_base64(json.encode { data = data, protocol = number or 4, pv = "2.0", t = T, sign = "" }))
end

local function status(data_id, ...)
   local list = {}
   for i, item in ipairs { ... } do list[i] = { code = item[1], value = item[2], t = item[3] } end
   return { dataId = data_id, devId = "d", productKey = "p", status = list }
end

describe("the delivery of events", function()
   local topic, transport, client, stream, seen, logged

   before_each(function()
      local cloud = assert(simulator.new { access_id = ID, access_secret = SECRET, seed = 1 })
      topic, seen, logged = new_topic(), {}, {}
      transport = fake.new(function(request) return cloud:handle(request) end, T, topic.connect)
      cloud._clock = transport:clock()
      client = tuya.client { access_id = ID, access_secret = SECRET, endpoint = "https://cloud.test",
         transport = transport, clock = transport:clock(), log = function(event) table.insert(logged, event) end }
      stream = client:events { via = "pulsar" }
      stream:on { function(event) table.insert(seen, event) end }
   end)

   after_each(function()
      client:close()
   end)

   local function run(seconds)
      local stop = transport:now() + (seconds or 3)
      while transport:now() < stop do
         client:tick(0.1)
         transport:sleep(0.01)
      end
   end

   local function cut()
      topic.peer.over = true
      run(3)
   end

   -- The values that were handed out for a data point, in order.
   local function values(code)
      local list = {}
      for _, event in ipairs(seen) do list[#list + 1] = event.changes[code] end
      return list
   end

   it("hands out once what comes again over the next connection, and acknowledges it then", function()
      run(1)
      local text = sealed(status("a", { "x", 1, T + 1 }))
      topic.put(text)
      run(1)
      assert.same({}, topic.list)
      topic.put(text, "M1") -- the acknowledgement was lost
      topic.put(text) -- and it was published a second time
      cut()
      assert.same({ 1 }, values("x"))
      assert.same({}, topic.list)
      assert.same({ 1, 2, 2 }, { stream:status().handled, stream:status().duplicates, stream:status().connects })
   end)

   it("drops an old value that comes behind a newer one, also over the next connection", function()
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      run(1)
      topic.put(sealed(status("a", { "x", 1, T + 1 }, { "y", 1, T + 1 })))
      cut()
      assert.same({ 2 }, values("x"))
      assert.same({ 1 }, values("y"))
   end)

   it("takes the newer of two values of a data point in one message", function()
      topic.put(sealed(status("a", { "x", 2, T + 2 }, { "x", 1, T + 1 }, { "y", 1, T + 1 }, { "y", 2, T + 2 })))
      topic.put(sealed(status("b", { "y", 9, T + 1 })))
      run()
      assert.same({ { x = 2, y = 2 } }, { seen[1].changes })
      assert.equal(1, #seen)
      assert.equal(T + 2, seen[1].time)
   end)

   it("orders each data point by its own moment, and has the newest of them for the event's", function()
      topic.put(sealed(status("a", { "x", 1, T + 5 }, { "y", 1, T + 1 })))
      topic.put(sealed(status("b", { "y", 2, T + 3 }, { "x", 9, T + 4 })))
      run()
      assert.same({ { x = 1, y = 1 }, { y = 2 } }, { seen[1].changes, seen[2].changes })
      assert.equal(T + 5, seen[1].time)
   end)

   it("takes no value without a moment of its own for one that was told already", function()
      topic.put(sealed(status("a", { "x", 1 })))
      topic.put(sealed(status("b", { "x", 1 }))) -- pressed again
      run()
      assert.same({ 1, 1 }, values("x"))
   end)

   it("hands out different values of one moment, in the order of their arrival", function()
      topic.put(sealed(status("a", { "x", 1, T })))
      topic.put(sealed(status("b", { "x", 2, T })))
      run()
      assert.same({ 1, 2 }, values("x"))
   end)

   it("bears moments that are missing, in seconds, as text, or none at all", function()
      topic.put(sealed(status("a", { "x", 1 })))
      topic.put(sealed(status("b", { "x", 2, T / 1000 + 5 })))
      topic.put(sealed(status("c", { "x", 3, ("%.0f"):format(T + 6000) })))
      topic.put(sealed(status("d", { "x", 4, "yesterday" }))) -- the envelope's, which is before
      topic.put(sealed(status("e", { "x", 5, T + 7000 })))
      run()
      assert.same({ 1, 2, 3, 5 }, values("x"))
      assert.same({ T, T + 5000, T + 6000, T + 7000 }, { seen[1].time, seen[2].time, seen[3].time, seen[4].time })
   end)

   it("knows a message without a data id by its own, and both without by what they tell", function()
      local text = sealed(status(nil, { "x", 1, T + 1 }))
      topic.put(text, "M1")
      run(1)
      topic.put(text, "M1")
      topic.put(text, "M2") -- that very change again
      topic.put(sealed(status(nil, { "x", 1, T + 2 })), "M3")
      cut()
      assert.same({ 1, 1 }, values("x"))
      assert.same({ 2, 1, 1 }, { stream:status().handled, stream:status().duplicates, stream:status().late })
   end)

   it("refuses what does not verify, goes on behind it, and does not want it again", function()
      local good = sealed(status("a", { "x", 1, T + 1 }))
      local payload = json.decode(good).payload
      topic.put(frame("not base64 at all!"))
      topic.put(frame(core.to_base64("not JSON")))
      topic.put(frame(core.to_base64('{"data":7}')))
      topic.put(frame(core.to_base64('{"data":"AAAA","t":"now"}')))
      topic.put(frame(payload:sub(1, -9)))
      topic.put(frame(payload, "aes_ctr"))
      topic.put(sealed("no JSON"))
      topic.put(sealed("7"))
      topic.put(good)
      run()
      assert.same({ 1 }, values("x"))
      assert.equal(8, stream:status().refused)
      assert.same({}, topic.list)
      local codes = {}
      for _, event in ipairs(logged) do
         if event.event == "refused" then codes[#codes + 1] = event.code end
         assert.is_nil(tostring(event.message):find(SECRET, 1, true))
      end
      assert.same({ "envelope", "envelope", "envelope", "envelope", "envelope", "scheme", "text", "text" }, codes)
   end)

   it("counts frames that are no messages, and goes on behind them", function()
      for _, text in ipairs { "", "{", "[]", "7", '{"payload":"x"}', '{"messageId":7,"payload":"x"}' } do
         topic.put(text)
      end
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      run()
      assert.same({ 1 }, values("x"))
      assert.equal(6, stream:status().odd)
   end)

   it("hands out a message of a megabyte", function()
      topic.put(sealed(status("a", { "x", ("y"):rep(1000000), T + 1 })))
      run()
      assert.equal(1000000, #seen[1].changes.x)
      assert.same({}, topic.list)
   end)

   it("passes numbers and kinds that are not known as other", function()
      topic.put(sealed({ devId = "d", bizCode = "deviceDances", bizData = {} }, 4711))
      topic.put(sealed({ anything = true }, 1010))
      run()
      assert.same({ "other", "other" }, { seen[1].kind, seen[2].kind })
      assert.is_true(seen[2].raw.anything)
   end)

   it("is repeated for a handler that raises, and for no other; the next events do not wait for that", function()
      local tries = {}
      stream:on { code = "x", function(event)
         tries[#tries + 1] = event.changes.x
         if #tries < 3 then error("not yet") end
      end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      topic.put(sealed(status("b", { "y", 1, T + 1 })))
      run(1)
      assert.equal(1, #topic.list)
      assert.same({ 1, 1 }, { #values("x"), #values("y") })
      cut()
      cut()
      assert.same({ 1, 1, 1 }, tries)
      assert.same({ 1, 1 }, { #values("x"), #values("y") })
      assert.same({}, topic.list)
      assert.same({ 2, 2 }, { stream:status().failed, stream:status().handled })
   end)

   it("does not overwrite a newer value with one whose handler failed", function()
      local last, failing = nil, true
      stream:on { function(event)
         if failing and event.changes.x == 1 then error("not yet") end
         last = event.changes.x
      end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      run(1)
      failing = false
      cut()
      assert.equal(2, last)
      assert.equal(1, stream:status().late)
   end)

   it("takes a handler that yields for one that raises", function()
      local tries = 0
      stream:on { function()
         tries = tries + 1
         if tries == 1 then coroutine.yield() end
      end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      run(1)
      cut()
      assert.same({ 2, 1, 1 }, { tries, #seen, stream:status().failed })
   end)

   it("never suspends who ticks in a coroutine for a handler that yields", function()
      local tries = 0
      stream:on { function()
         tries = tries + 1
         if tries == 1 then coroutine.yield("from the handler") end
      end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      local host = coroutine.create(function()
         run(1)
         return "from the host"
      end)
      assert.same({ true, "from the host" }, { coroutine.resume(host) })
      assert.equal(1, stream:status().failed)
      cut()
      assert.same({ 2, 1 }, { tries, stream:status().handled })
   end)

   it("ends for a handler that closes the stream, and not for those before it in the same event", function()
      local after = 0
      stream:on { function() stream:close() end }
      stream:on { function() after = after + 1 end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      run()
      assert.same({ 1 }, values("x"))
      assert.equal(1, after)
      assert.equal("closed", stream:status().state)
   end)

   it("keeps what a handler does to an event from the others' order", function()
      stream:on { function(event) event.changes.x = nil end }
      local text = sealed(status(nil, { "x", 1, T + 1 }))
      topic.put(text)
      topic.put(sealed(status("old", { "x", 0, T })))
      run()
      assert.equal(1, #seen)
      assert.equal(1, stream:status().late)
   end)

   it("goes on with the handlers when a loop is left in the middle, whose event comes again and not to them", function()
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      for event in stream:each(10) do
         if event.changes.x == 1 then break end
      end
      collectgarbage() -- before 5.4 only that tells that the loop is over
      collectgarbage()
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      run()
      assert.same({ 1, 2 }, values("x"))
      assert.equal(1, #topic.list)
      cut()
      assert.same({}, topic.list)
      assert.same({ 1, 2 }, values("x"))
      assert.equal(1, stream:status().late) -- the newer value has been handled
   end)

   it("goes to no handler twice when the loop that it was given to as well was left in it", function()
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      for event in stream:each(10) do
         if event.changes.x == 1 then break end
      end
      collectgarbage()
      collectgarbage()
      cut()
      assert.same({ 1 }, values("x"))
      assert.same({}, topic.list)
   end)

   it("gives each event to one of several tasks that ask, also what is delivered again while one is at it", function()
      local tasks = require("tuya.scheduler").new(client)
      local got = {}
      for name = 1, 2 do
         tasks:spawn(function()
            while true do
               local event = stream:next(20)
               if not event then return end
               got[#got + 1] = event.changes.x .. " " .. name
               tasks:sleep(1)
            end
         end)
      end
      local text = sealed(status("a", { "x", 1, T + 1 }))
      topic.put(text)
      topic.put(text)
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      assert(tasks:run(10))
      topic.peer.over = true
      assert(tasks:run())
      assert.same({ "1 1", "2 2" }, got)
      assert.same({}, topic.list)
      assert.same({ 2, 1 }, { stream:status().handled, stream:status().duplicates })
   end)

   it("gives nobody who asks what a handler has raised for, and counts that", function()
      local tries = 0
      stream:on { function()
         tries = tries + 1
         if tries == 1 then error("not yet") end
      end }
      topic.put(sealed(status("a", { "x", 1, T + 1 })))
      topic.put(sealed(status("b", { "x", 2, T + 2 })))
      assert.equal(2, stream:next(10).changes.x)
      assert.equal(1, stream:status().failed)
   end)

   it("hands out what waited in the order in which it came, in ticks that are short", function()
      for i = 1, 1000 do topic.put(sealed(status("a" .. i, { "x", i, T + i }))) end
      local stop = os.time() + 20
      while #seen < 1000 and os.time() < stop do client:tick(0.001, 0) end
      for i, value in ipairs(values("x")) do assert.equal(i, value) end
      assert.equal(1000, #seen)
      client:tick(0.001)
      assert.same({}, topic.list)
   end)
end)

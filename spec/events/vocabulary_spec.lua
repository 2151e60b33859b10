-- Events: both families of messages in one shape, each change once, and none that is late.
local json = require("tuya.json")
local messages = require("spec.support.messages")
local random = require("spec.support.random")
local read = require("tuya.events.read")
local sieve = require("tuya.events.sieve")

-- What the sieve gets, in which the event can be seen.
local function event(text, from)
   from = from or { via = "pulsar" }
   local said = type(text) == "table" and text or json.decode(text)
   local found = { id = from.id }
   local made = read.event(said, from.via, found, { protocol = from.number, t = from.t })
   return setmetatable(found, { __index = function(_, name)
      if name ~= "id" and name ~= "name" then return made[name] end -- the message has those of its own
   end })
end

describe("a message", function()
   it("of the older family says what changed", function()
      local text = messages["pulsar-ecb-constructed"].text
      local got = event(text, { via = "pulsar", number = 4, t = 1628229842700, id = "m1" })
      assert.equal("status", got.kind)
      assert.equal("vdevo000000000001", got.device)
      assert.equal("awgmk9pixxx", got.product)
      assert.same({ switch_1 = false }, got.changes)
      assert.equal(1628229842692, got.time)
      assert.equal("AAXI3c1i6xxx", got.event.id)
      assert.equal("pulsar", got.via)
      assert.equal("vdevo000000000001", got.raw.devId)
   end)

   it("of the older family may have its t in seconds, as text, and its value as JSON in text", function()
      local got = event(messages["mqtt-gcm-2.0-published"].text, { via = "mqtt" })
      assert.same({ colour_data = '{"h":258,"s":553,"v":136}' }, got.changes)
      assert.equal(1636568272000, got.time)
      assert.is_true(got.coarse.colour_data)
   end)

   it("of the newer family says the same in the same shape", function()
      local got = event [[{"bizCode":"devicePropertyMessage","ts":1700000000500,"bizData":{"dataId":"d7","devId":"dev1",
         "productId":"p1","properties":[{"code":"switch_1","dpId":1,"time":1700000000001,"value":true},
         {"code":"countdown_1","dpId":9,"time":1700000000002,"value":0}]}}]]
      assert.equal("status", got.kind)
      assert.same({ "dev1", "p1", "d7" }, { got.device, got.product, got.event.id })
      assert.same({ switch_1 = true, countdown_1 = 0 }, got.changes)
      assert.equal(1700000000002, got.time)
      assert.is_nil(got.coarse)
   end)

   it("has one kind whatever the family calls it", function()
      for biz, kind in pairs {
         online = "online", deviceOnline = "online", offline = "offline", deviceOffline = "offline",
         nameUpdate = "renamed", deviceNameUpdate = "renamed", bindUser = "bound", deviceBindSpace = "bound",
         delete = "unbound", deviceUnbindSpace = "unbound", upgradeStatus = "upgrade", deviceOtaProgress = "upgrade",
         sceneExecute = "scene", dpNameUpdate = "other", deviceDpInfoUpdate = "other", spaceCreate = "other",
         deviceFreeze = "other", ["what comes next year"] = "other",
      } do
         local got = event { devId = "dev1", bizCode = biz, bizData = { time = 1700000000001, name = "Lamp" } }
         assert.equal(kind, got.kind, biz)
         assert.equal("dev1", got.device)
         assert.equal(1700000000001, got.time)
         assert.same({}, got.changes)
         assert.equal(kind == "renamed" and "Lamp" or nil, got.event.name)
      end
      assert.equal("scene", event({ any = 1 }, { via = "mqtt", number = 25 }).kind)
      assert.equal("other", event({ any = 1 }, { via = "mqtt", number = 43 }).kind)
      assert.equal("scene", event({ any = 1 }, { via = "mqtt", number = 22 }).kind)
   end)

   it("of a product without codes is known by the numbers of its data points", function()
      assert.same({ ["24"] = "on" }, event { devId = "d", status = { { ["24"] = "on", t = 1700000000001 } } }.changes)
   end)

   it("keeps the newer of two values of a data point, the later of two as old", function()
      local function of(...)
         local list = {}
         for i, pair in ipairs { ... } do list[i] = { code = "x", t = pair[1], value = pair[2] } end
         return event({ devId = "d", status = list }).changes.x
      end
      assert.equal(2, of({ 1700000000002, 2 }, { 1700000000001, 1 }))
      assert.equal(2, of({ 1700000000001, 1 }, { 1700000000002, 2 }))
      assert.equal(2, of({ 1700000000001, 1 }, { 1700000000001, 2 }))
   end)

   it("takes the message's moment where a data point has none", function()
      local got = event({ devId = "d", status = { { code = "x", value = 1 } } }, { via = "mqtt", t = 1700000000 })
      assert.equal(1700000000000, got.time)
      assert.is_nil(got.times) -- that of the event
      assert.is_true(got.coarse.x)
      assert.is_nil(event { devId = "d", status = { { code = "x", value = 1 } } }.time)
   end)

   it("is an event whatever is odd in it", function()
      local odd = { json.null, true, 7, "text", {}, { {} }, { 1 }, { code = 7 }, { code = "x" } }
      for _, name in ipairs { "devId", "productKey", "dataId", "status", "bizCode", "bizData", "ts" } do
         for _, value in ipairs(odd) do
            local got = event { devId = "d", [name] = value }
            assert.is_string(got.kind)
            assert.is_table(got.changes)
            assert.is_true(got.device == nil or type(got.device) == "string")
            assert.is_true(got.time == nil or type(got.time) == "number")
         end
      end
   end)
end)

local function status(data_id, t, values, message_id)
   local list = {}
   for code, value in pairs(values) do list[#list + 1] = { code = code, value = value, t = t } end
   return event({ dataId = data_id, devId = "d", status = list }, { via = "pulsar", id = message_id })
end

local T = 1700000000000

describe("a sieve", function()
   local made
   before_each(function() made = sieve.new() end)

   local function take(one)
      local passed, why = made:pass(one)
      if passed then made:done(one) end
      return passed and one.changes or why
   end

   it("lets a change through once, by message and by data", function()
      assert.same({ x = 1 }, take(status("a", T, { x = 1 }, "m1")))
      assert.equal("duplicate", take(status("a", T, { x = 1 }, "m1")))
      assert.equal("duplicate", take(status("a", T, { x = 1 }, "m2"))) -- sent again
      assert.equal("duplicate", take(status("b", T, { x = 1 }, "m1"))) -- delivered again
      assert.same({ x = 1 }, take(status("b", T + 1, { x = 1 }, "m3")))
   end)

   it("lets a change through once when both families bring it", function()
      assert.same({ x = 1 }, take(status("a", T, { x = 1 }, "m1")))
      assert.equal("late", take(event({ bizCode = "devicePropertyMessage", bizData = { dataId = "other", devId = "d",
         properties = { { code = "x", value = 1, time = T } } } }, { via = "pulsar", id = "m2" })))
      local online = { devId = "d", bizCode = "online", bizData = { time = T } }
      local online_too = { bizCode = "deviceOnline", bizData = { devId = "d", time = T } }
      assert.same({}, take(event(online)))
      assert.equal("duplicate", take(event(online_too)))
   end)

   it("lets an event through again whose handler failed", function()
      assert.is_truthy(made:pass(status("a", T, { x = 1 }, "m1")))
      assert.same({ x = 1 }, take(status("a", T, { x = 1 }, "m1")))
      assert.equal("duplicate", take(status("a", T, { x = 1 }, "m1")))
   end)

   it("takes out what is late, and keeps what is not", function()
      assert.same({ x = 5 }, take(status("a", T + 5, { x = 5 })))
      assert.same({ y = 4 }, take(status("b", T + 4, { x = 4, y = 4 })))
      assert.equal("late", take(status("c", T + 3, { x = 3, y = 3 })))
      assert.same({ x = 6, y = 6 }, take(status("d", T + 6, { x = 6, y = 6 })))
   end)

   it("tells no two changes of one second apart by their moment", function()
      local seconds = T / 1000
      assert.same({ x = true }, take(status("a", seconds, { x = true })))
      assert.same({ x = false }, take(status("b", seconds, { x = false })))
      assert.same({ x = true }, take(status("c", seconds, { x = true })))
      assert.same({ x = true }, take(status("d", seconds, { x = true })))
      assert.equal("late", take(status("e", seconds - 1, { x = false })))
   end)

   it("orders online and offline, and names, by time", function()
      local function biz(code, t)
         return take(event { devId = "d", bizCode = code, bizData = { time = t, name = "n" } })
      end
      assert.same({}, biz("offline", T + 2))
      assert.equal("late", biz("online", T + 1))
      assert.same({}, biz("deviceOnline", T + 3))
      assert.same({}, biz("nameUpdate", T + 2))
      assert.equal("late", biz("deviceNameUpdate", T + 1))
   end)

   it("does not lose the last of online, offline, online within a second", function()
      for _, code in ipairs { "online", "offline", "online" } do
         assert.same({}, take(event { devId = "d", bizCode = code, bizData = { time = T / 1000 } }))
      end
   end)

   it("lets data points through that one moment brings in two messages without ids", function()
      assert.same({ x = 1 }, take(status(nil, T, { x = 1 })))
      assert.same({ y = 1 }, take(status(nil, T, { y = 1 })))
      assert.equal("late", take(status(nil, T, { y = 1 })))
   end)

   it("keeps devices apart", function()
      assert.same({ x = 1 }, take(status("a", T + 9, { x = 1 })))
      local other = event { dataId = "a", devId = "e", status = { { code = "x", value = 1, t = T } } }
      assert.same({ x = 1 }, take(other))
   end)

   it("lets everything of kind other through that no id makes a duplicate", function()
      for _ = 1, 2 do assert.same({}, take(event { devId = "d", bizCode = "new", ts = T })) end
      assert.same({}, take(event({ bizCode = "new" }, { via = "pulsar", id = "m" })))
      assert.equal("duplicate", take(event({ bizCode = "new" }, { via = "pulsar", id = "m" })))
   end)

   it("remembers no more than it may, and no less", function()
      made = sieve.new { ids = 100, points = 10 }
      for i = 1, 10000 do
         take(event { dataId = "a" .. i, devId = "d" .. i, status = { { code = "x", value = i, t = T } } })
      end
      local function held(of)
         local n = 0
         for _, generation in ipairs { of.young, of.old } do
            for _ in pairs(generation) do n = n + 1 end
         end
         return n
      end
      assert.is_true(held(made.ids) <= 200 and held(made.ids) >= 100)
      assert.is_true(held(made.points) <= 20 and held(made.points) >= 10)
      for i = 9901, 10000 do assert.is_true(made.ids:get("d" .. i .. "\0a" .. i)) end
   end)

   it("does not forget what it is asked about again and again", function()
      made = sieve.new { ids = 10 }
      assert.same({ x = 1 }, take(status("a", T, { x = 1 }, "kept")))
      for i = 1, 100 do
         take(status("b" .. i, T + i, { y = i }, "m" .. i))
         local again = status("a", T, { x = 1 }, "kept")
         assert.equal("duplicate", select(2, made:pass(again)))
         made:done(again) -- let fall
      end
   end)

   it("does not forget the moment of a data point that late values ask for again and again", function()
      made = sieve.new { points = 2 }
      take(status("a", T + 100, { x = 1 }))
      for i = 1, 50 do
         take(status("b" .. i, T + i, { ["y" .. i] = i }))
         assert.equal("late", take(status("c" .. i, T + i, { x = 0 })))
      end
   end)

   it("does not go back in time by a slow handler of an older event", function()
      local older, newer = status("a", T + 1, { x = 1 }), status("b", T + 3, { x = 3 })
      assert.is_truthy(made:pass(older))
      assert.is_truthy(made:pass(newer))
      made:done(newer)
      made:done(older)
      assert.equal("late", take(status("c", T + 2, { x = 2 })))
   end)

   it("comes to the newest state from any order with any duplicates", function()
      local draw = random.new(8)
      for _ = 1, 50 do
         made = sieve.new()
         local sent, newest, state, handled = {}, {}, {}, {}
         for i = 1, 60 do
            local code, t = "c" .. draw(3), T + i
            sent[#sent + 1] = { "a" .. i, t, { [code] = i } }
            if draw(5) == 1 then sent[#sent + 1] = sent[#sent] end
            newest[code] = i
         end
         while #sent > 0 do
            local one = table.remove(sent, draw(#sent))
            local changes = take(status(one[1], one[2], one[3]))
            if type(changes) == "table" then
               assert.is_nil(handled[one[1]])
               handled[one[1]] = true
               for code, value in pairs(changes) do state[code] = value end
            end
         end
         assert.same(newest, state)
      end
   end)
end)

describe("a stream", function()
   local stream = require("tuya.events.stream")

   -- The pauses of a stream that fails again and again.
   local function pauses(nonce)
      local now, list = 1000, {}
      local made = stream.new({ monotonic = function() return now end, nonce = nonce }, "pulsar", {})
      for i = 1, 8 do
         made:fail("reset", "cut")
         list[i] = made:status().retry_in
         now = now + 100
      end
      return list
   end

   it("is not taken for good because it opened: it has to bring something, or to hold", function()
      local now = 1000
      local made = stream.new({ monotonic = function() return now end }, "pulsar", {})
      local function opens_for(seconds, message)
         made:opened()
         now = now + seconds
         if message then made:put(message) end
         made:fail("reset", "cut")
         return made:status().retry_in
      end
      for _ = 1, 5 do opens_for(1) end
      assert.is_true(opens_for(1) >= 16)
      assert.is_true(opens_for(1, {}) <= 1)
      for _ = 1, 5 do opens_for(1) end
      assert.is_true(opens_for(30) <= 1)
   end)

   it("lets go what nobody has taken when it fails, since that comes again; and keeps it where it does not", function()
      for _, keeps in ipairs { false, true } do
         local made = stream.new({ monotonic = function() return 0 end }, "pulsar", {})
         made.keeps = keeps
         made:put {}
         made:fail("reset", "cut")
         assert.equal(not keeps, made:is_empty())
         assert.equal(keeps and 255 or 256, made:room())
      end
   end)

   it("comes back after pauses that the client's own nonces draw", function()
      local function digits()
         local draw = random.new(3)
         return function() return ("%08x"):format(draw(2 ^ 32 - 1)):rep(4) end
      end
      assert.same(pauses(digits()), pauses(digits()))
      assert.are_not.same(pauses(digits()), pauses(nil))
   end)
end)

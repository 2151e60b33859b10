-- Events over MQTT: the simulated cloud, a real broker, the client.
if not pcall(require, "tuya.mqtt") then
   pending("tuya.mqtt is not built: libmosquitto is not there")
   return
end
local broker = require("spec.support.mosquitto")
if broker.missing() then
   pending(broker.missing())
   return
end
local child = require("spec.support.child")
local core = require("tuya.core")
local hub = require("tuya.events.hub")
local json = require("tuya.json")
local mqtt = require("tuya.events.mqtt")
local pushing = require("spec.support.pushing")
local tuya = require("tuya")

local SOCKET = pushing.SOCKET
local CONFIG = "POST /v1.0/iot-03/open-hub/access-config: "

describe("events over MQTT", function()
   local server, made

   setup(function() server = broker.start() end)
   teardown(function() server.stop() end)

   -- A simulated cloud that pushes to the broker, and a client; both are ticked.
   local function new(changes, of_broker)
      local options = { ca_file = server.ca_file }
      for name, value in pairs(changes or {}) do options[name] = value end
      made = pushing.new(options)
      local given = { url = "ssl://localhost:" .. server.port, username = broker.USER, password = broker.PASSWORD,
         ca_file = server.ca_file }
      for name, value in pairs(of_broker or {}) do given[name] = value end
      made.sim:broker(given)
      return made
   end

   local function start(changes, of_broker, given)
      given = given or {}
      given.via = "mqtt"
      return new(changes, of_broker):receive(given)
   end

   local function count(n)
      return made:until_so(function() return #made.events >= n end)
   end

   -- The calls for a configuration that the cloud has seen, each with its code.
   local function configurations()
      local list = {}
      for _, entry in ipairs(made.sim:log()) do
         if entry.path:find("open-hub", 1, true) then list[#list + 1] = entry.code end
      end
      return list
   end

   after_each(function()
      if made then made:close() end
      made = nil
   end)

   it("bring each change, in both families, once", function()
      local stream = start()
      for n, family in ipairs { "old", "new", "both" } do
         made.sim:messages { family = family }
         made.sim:set(SOCKET, "countdown_1", 10 + n)
         assert.is_true(count(n))
         local event = made.events[n]
         assert.same({ countdown_1 = 10 + n }, event.changes)
         assert.same({ "status", SOCKET, "mqtt" }, { event.kind, event.device, event.via })
      end
      assert.is_true(made:until_so(function() return stream:status().received == 4 end))
      local status = stream:status()
      assert.same({ 3, 0, 0 }, { status.handled, status.refused, status.failed })
      made.sim:set_online(SOCKET, false)
      assert.is_true(count(4))
      assert.equal("offline", made.events[4].kind)
      assert.same({ 0 }, configurations())
   end)

   it("bring them in the older encryption too", function()
      start(nil, nil, { version = "1.0" })
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
      assert.same({ switch = true }, made.events[1].changes)
   end)

   it("survive duplicates, late messages and restarts of the broker: each change once, and the last state right #once",
      function()
         local stream = start()
         made.sim:messages { duplicates = 0.2, late = 0.2 }
         local state = made:each_once(stream)
         made:count_down(function(i)
            if i == 130 or i == 290 then server.restart() end
         end)
         made.sim:messages { late = 0 }
         for i = 401, 410 do made.sim:set(SOCKET, "countdown_1", i) end
         assert.is_true(made:until_so(function() return state.countdown_1 == 410 end))
         assert.is_true(stream:status().connects >= 2)
         assert.is_true(stream:status().duplicates > 20)
         assert.equal(0, stream:status().failed)
         assert.same({ 0 }, configurations()) -- the configuration still holds
      end)

   for name, renames in pairs { ["the same name"] = false, ["another name"] = true } do
      it("go on while the configuration is renewed, before it ends, under " .. name .. " #once", function()
         local stream = start(nil, { life = 2, renames = renames })
         local sent, stop = 0, core.monotonic() + 5
         made:until_so(function()
            sent = sent + 1
            made.sim:set(SOCKET, "countdown_1", sent)
            return core.monotonic() >= stop
         end)
         assert.is_true(made:until_so(function() return #made.events >= sent end))
         assert.is_true(#configurations() >= 3)
         local last = 0
         for _, event in ipairs(made.events) do
            assert.equal(last + 1, event.changes.countdown_1)
            last = event.changes.countdown_1
         end
         assert.equal("open", stream:status().state)
         if renames then assert.equal(1, stream:status().connects) end
      end)
   end

   it("ask for another configuration when the broker refuses the account", function()
      local stream = new(nil, { password = ("wrong"):rep(6) }).client:events { via = "mqtt" }
      assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
      local status = stream:status()
      assert.same({ "waiting", "refused", 5 }, { status.state, status.error, status.code })
      assert.matches("new one is asked for", status.advice)
      assert.is_nil(status.message:find("wrong", 1, true))
      made.sim:broker { password = broker.PASSWORD }
      assert.is_true(made:until_so(function() return stream:status().state == "open" end))
      assert.same({ 0, 0 }, configurations())
   end)

   it("come back by the same configuration when the connection is lost", function()
      local stream = start()
      server.restart()
      assert.is_true(made:until_so(function() return stream:status().state ~= "open" end))
      assert.equal("reset", stream:status().error)
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
      assert.is_true(made:until_so(function() return stream:status().connects == 2 end))
      assert.same({ 0 }, configurations())
   end)

   it("tell what the open hub refuses", function()
      local function fails(fault)
         new()
         if fault then made.sim:fault(CONFIG .. fault) end
         local stream = made.client:events { via = "mqtt" }
         assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
         local status = stream:status()
         made:close()
         made = nil
         return status
      end
      local status = fails("28841101")
      assert.same({ "waiting", "api", 28841101 }, { status.state, status.error, status.code })
      assert.matches("Device Status Notification", status.advice)
      assert.equal("http", fails("html").error)
      status = fails("1004") -- of a call it says what the call would
      assert.matches("check the access secret", status.advice)
      new { endpoint = "http://no-such-host.invalid", proxy = "" }
      local stream = made.client:events { via = "mqtt" }
      assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
      assert.equal("dns", stream:status().error)
      assert.is_nil(stream:status().advice:find("broker", 1, true))
   end)

   it("come from the other path where the first is not known", function()
      new()
      made.sim:fault(CONFIG .. "1108")
      made.stream = made.client:events { via = "mqtt" }
      assert.is_true(made:until_so(function() return made.stream:status().state == "open" end))
      assert.same({ 1108, 0 }, configurations())
   end)

   it("tell what is wrong with the broker's certificate #once", function()
      local function fails(changes, of_broker)
         local stream = new(changes, of_broker).client:events { via = "mqtt" }
         assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
         local status = stream:status()
         made:close()
         made = nil
         assert.is_string(status.advice)
         return { status.error, status.code }
      end
      assert.same({ "tls", "untrusted" }, fails { ca_file = "spec/c/ca.pem" })
      for wanted, pem in pairs {
         expired = { broker.certificate("localhost", -86400, -86340) },
         host = { broker.certificate("broker.example", -60, 86400) },
      } do
         local other = broker.start { ca = pem[1], cert = pem[2], key = pem[3] }
         local got = fails({ ca_file = other.ca_file }, { url = "ssl://localhost:" .. other.port })
         other.stop()
         assert.same({ "tls", wanted }, got)
      end
   end)

   it("reach every stream, each of which has a link of its own", function()
      local stream, others = start(), 0
      local other = made.client:events { via = "mqtt" }
      other:on { function() others = others + 1 end }
      assert.is_true(made:until_so(function() return other:status().state == "open" end))
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
      assert.is_true(made:until_so(function() return others == 1 end))
      assert.same({ 1, 1 }, { stream:status().received, other:status().received })
      other:close()
      made.sim:set(SOCKET, "switch", false)
      assert.is_true(count(2))
      assert.equal(1, others)
   end)

   it("come without TLS from a cloud without TLS alone", function()
      start(nil, { url = "tcp://localhost:" .. server.plain })
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
   end)

   it("raise for the program's mistakes, at its line", function()
      made = pushing.new()
      for rule, given in pairs {
         ["url: "] = { url = "ssl://x:1" }, ["environment: "] = { environment = "event" }, ["ping: "] = { ping = 2 },
         ["version: "] = { version = "3.0" },
      } do
         given.via = "mqtt"
         local ok, message = pcall(function() made.client:events(given) end)
         assert.is_false(ok)
         assert.matches("mqtt_spec.lua:%d+: tuya.client:events: ", message)
         assert.is_truthy(message:find(rule, 1, true), message)
      end
      assert.has_error(function() made.client:events { via = "pulsar", uid = "x" } end)
      made:close()
      made = pushing.new { proxy = "http://user:S3CRETpw@127.0.0.1:1" }
      local refused, about = pcall(function() made.client:events { via = "mqtt" } end)
      assert.is_false(refused)
      assert.matches("tuya.client:events: proxy: MQTT goes through none", about)
      assert.is_nil(about:find("S3CRETpw", 1, true))
      made:close()
      made = pushing.new { proxy = "" } -- as libcurl has it: no proxy
      assert.is_table(made.client:events { via = "mqtt" })
      local client = tuya.client { access_id = "x", access_secret = "y", endpoint = "http://127.0.0.1:1",
         ca_file = "no such file" }
      local ok, message = pcall(client.events, client, { via = "mqtt" })
      assert.is_false(ok)
      assert.matches("ca_file", message)
      client:close()
   end)
end)

-- As a program has it: the cloud is elsewhere, and nobody ticks it.
describe("a home kept by MQTT #once", function()
   it("is read again after the broker was away, and serves tasks", function()
      local server = broker.start()
      local cloud = child.start(child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet",
         "--mqtt", "localhost:" .. server.port, "--mqtt-ca", server.ca_file },
         child.command { "TUYA_ACCESS_ID=" .. pushing.ID, "TUYA_ACCESS_SECRET=" .. pushing.SECRET,
            "TUYA_MQTT_USERNAME=" .. broker.USER, "TUYA_MQTT_PASSWORD=" .. broker.PASSWORD })
      local client = tuya.client { access_id = pushing.ID, access_secret = pushing.SECRET,
         endpoint = "http://127.0.0.1:" .. cloud.line, ca_file = server.ca_file }
      local home = assert(client:home { via = "mqtt" })
      local plug = client:device(SOCKET)
      local function arrives(n)
         assert(plug:send { countdown_1 = n })
         return home:wait(function(h) return h:device(SOCKET).countdown_1 == n end, 20)
      end
      assert.is_true(arrives(42))
      server.restart()
      local stop = os.time() + 20
      repeat home:tick(0.1) until home:status().connects == 2 and home:status().fresh or os.time() > stop
      assert.same({ 2, true }, { home:status().connects, home:status().fresh })
      assert.is_true(arrives(43))
      local stream, got = client:events { via = "mqtt" }, nil
      stream:on { function(event) got = event.changes.countdown_1 end }
      local scheduler = require("tuya.scheduler").new(client)
      scheduler:spawn(function()
         while stream:status().state ~= "open" do scheduler:sleep(0.05) end
         assert(plug:send { countdown_1 = 44 })
         while got ~= 44 do scheduler:sleep(0.05) end
      end)
      repeat local left = scheduler:tick(0.1) until left == 0 or os.time() > stop + 20
      assert.equal(44, got)
      client:close()
      cloud:stop()
      server.stop()
   end)
end)

-- A channel on a clock that the spec sets, over the real broker, with an open hub that the spec plays.
describe("an MQTT channel", function()
   local server, channel, t, asked, answer, publisher

   setup(function() server = broker.start() end)
   teardown(function() server.stop() end)

   before_each(function()
      t, asked = 1000, {}
      answer = {
         url = "ssl://localhost:" .. server.port, client_id = core.nonce(), username = broker.USER,
         password = broker.PASSWORD, source_topic = { device = "in/device", ipc = "in/ipc" }, expire_time = 7200,
      }
      local lent = {
         uid = function(on_done)
            on_done("somebody")
            return true
         end,
         start = function(spec, on_done)
            asked[#asked + 1] = spec
            on_done(answer)
            return true
         end,
      }
      channel = assert(mqtt.new({
         monotonic = function() return t end, connect_timeout = 5,
         wire = { endpoint = "https://openapi.tuyaeu.com", ca_file = server.ca_file },
      }, { via = "mqtt" }, lent))
      publisher = nil
   end)

   after_each(function()
      channel:close()
      if publisher then publisher:close() end
   end)

   local function until_so(condition)
      local stop = os.time() + 20
      while not condition() and os.time() < stop do
         channel:tick()
         if publisher then publisher:tick() end
         core.wait(channel:fds(), 0.005)
      end
      return condition()
   end

   local function state(wanted)
      return until_so(function() return channel.stream:status().state == wanted end)
   end

   local function publish(topic, text)
      publisher = publisher or assert(require("tuya.mqtt").connect { host = "127.0.0.1", port = server.plain,
         client_id = core.nonce(), username = broker.USER, password = broker.PASSWORD })
      assert.is_true(until_so(function() return publisher:tick() == "open" end))
      assert.is_true(publisher:publish(topic, text))
   end

   it("asks for the user, then for a configuration with a link of its own, and subscribes to every topic", function()
      assert.is_true(state("open"))
      assert.equal(1, #asked)
      local body = asked[1].body
      assert.same({ "somebody", "mqtt", "device", "2.0" },
         { body.uid, body.link_type, body.topics, body.msg_encrypted_version })
      assert.matches("^lua%-tuya%.%x+$", body.link_id)
      publish("in/device", "1")
      publish("in/ipc", "2")
      assert.is_true(until_so(function() return channel.stream:status().received == 2 end))
   end)

   it("wonders about a stream that has never brought anything", function()
      assert.is_true(state("open"))
      t = t + 61
      local status = channel.stream:status()
      assert.equal("silent", status.state)
      assert.matches("Device Status Notification", status.advice)
   end)

   it("offers a message again that nobody was done with, and not one that somebody was", function()
      assert.is_true(state("open"))
      publish("in/device", "one")
      publish("in/device", "two")
      assert.is_true(until_so(function() return channel.stream:status().received == 2 end))
      channel:done(channel.stream:take())
      assert.equal("two", channel.stream:take().payload)
      for _ = 1, 40 do
         channel:tick()
         assert.is_true(channel:timeout() <= 1)
         t = t + 1
      end
      local again = channel.stream:take()
      assert.equal("two", again.payload)
      assert.is_nil(channel.stream:take())
      channel:done(again)
      t = t + 100
      channel:tick()
      assert.is_nil(channel.stream:take())
   end)

   it("keeps what nobody has taken when the connection is lost", function()
      assert.is_true(state("open"))
      publish("in/device", "one")
      assert.is_true(until_so(function() return channel.stream:status().received == 1 end))
      server.restart()
      assert.is_true(state("waiting"))
      assert.equal("one", channel.stream:take().payload)
   end)

   it("leaves nothing behind at the broker when it is closed", function()
      assert.is_true(state("open"))
      channel:close()
      publish("in/device", "to nobody")
      assert.is_true(until_so(function() return publisher:acknowledged() == 1 end))
      local again = assert(require("tuya.mqtt").connect { host = "127.0.0.1", port = server.plain, kept = true,
         client_id = answer.client_id, username = broker.USER, password = broker.PASSWORD })
      assert.is_true(until_so(function() return again:tick() == "open" end))
      assert.is_true(again:subscribe("control"))
      assert.is_true(until_so(function() return again:tick() == "open" and again:subscriptions() == 1 end))
      publish("control", "to us")
      local payload
      assert.is_true(until_so(function()
         again:tick()
         payload = payload or select(2, again:take())
         return payload ~= nil
      end))
      again:close()
      assert.equal("to us", payload)
   end)

   it("renews before the end, and puts it off when that fails", function()
      assert.is_true(state("open"))
      local good, due = answer, channel:timeout()
      assert.is_true(due <= 7.5)
      t = t + 7200 - 91
      channel:tick()
      assert.equal(1, #asked)
      answer = "nonsense"
      t = t + 31
      channel:tick()
      assert.equal(2, #asked)
      channel:tick()
      assert.equal(2, #asked)
      assert.equal("open", channel.stream.state)
      answer = good
      t = t + 30
      channel:tick()
      assert.equal(3, #asked)
      assert.is_true(until_so(function() return channel.renewals == 1 end))
   end)

   it("asks anew once the configuration in hand has ended", function()
      assert.is_true(state("open"))
      server.restart()
      assert.is_true(state("waiting"))
      t = t + 7200
      assert.is_true(state("open"))
      assert.equal(2, #asked)
   end)

   it("spends ever fewer calls on configurations that come to nothing", function()
      answer = "nonsense"
      for n = 1, 14 do
         channel:tick()
         local status = channel.stream:status()
         assert.same({ n, "http", "config" }, { #asked, status.error, status.code })
         assert.is_true(status.retry_in <= 600)
         t = t + status.retry_in
      end
      assert.is_true(channel.stream:status().retry_in == 0)
      channel:tick()
      assert.is_true(channel.stream:status().retry_in >= 300)
   end)

   -- Plays the session of a broker that answers subscriptions so; answers what has been done to it.
   local function play(granted, refused)
      local its = { topics = {}, closed = 0, messages = 0 }
      local session = {
         tick = function() return "open" end, subscriptions = function() return granted, refused end,
         subscribe = function(_, topic) table.insert(its.topics, topic) end, unsubscribe = function() end,
         take = function()
            if its.messages == 0 then return nil end
            its.messages = its.messages - 1
            return "in/device", "message " .. its.messages
         end,
         close = function() its.closed = its.closed + 1 end,
         timeout = function() return 1000 end, fds = function() return {} end,
      }
      channel.module = { connect = function() return session end }
      return its
   end

   it("offers no more messages again than it may keep", function()
      local its = play(2, 0)
      its.messages = 1100
      local function taken()
         local n = 0
         while channel.stream:take() do n = n + 1 end
         return n
      end
      local first = 0
      while first < 1100 do
         channel:tick()
         first = first + taken()
      end
      for _ = 1, 32 do
         channel:tick()
         t = t + 1
      end
      assert.equal(1024, taken())
   end)

   it("asks for another configuration where the broker refuses one of its topics", function()
      local its = play(1, 1)
      channel:tick()
      local status = channel.stream:status()
      assert.same({ "waiting", "refused", "subscription" }, { status.state, status.error, status.code })
      assert.matches("refuses a topic", status.advice)
      assert.same({ { "in/device", "in/ipc" }, 1, 1 }, { its.topics, its.closed, #asked })
      t = t + status.retry_in
      channel:tick()
      assert.equal(2, #asked)
   end)

   it("hangs up on a broker that never answers its subscriptions, and comes back by the same configuration", function()
      local its = play(1, 0)
      channel:tick()
      assert.equal("connecting", channel.stream:status().state)
      t = t + 5
      channel:tick()
      local status = channel.stream:status()
      assert.same({ "waiting", "timeout", 1 }, { status.state, status.error, its.closed })
      t = t + status.retry_in
      channel:tick()
      assert.equal(1, #asked)
   end)

   it("takes no configuration that it cannot trust", function()
      local function with(changes)
         local copy = {}
         for name, value in pairs(answer) do copy[name] = value end
         for name, value in pairs(changes) do copy[name] = value ~= json.null and value or nil end
         return copy
      end
      assert.is_table(hub.read(answer, false))
      assert.is_table(hub.read(with { url = "tcp://x:1883" }, true))
      assert.equal("::1", hub.read(with { url = "ssl://[::1]:8883" }, false).host)
      for _, changes in ipairs {
         { url = "tcp://x:1883" }, { url = "ssl://x" }, { url = "ssl://x:0" }, { url = "ssl://x y:1" }, { url = 7 },
         { client_id = "" }, { username = 7 }, { password = "short" }, { source_topic = {} }, { source_topic = "x" },
         { expire_time = "soon" }, { expire_time = -1 },
      } do
         local none, message, detail = hub.read(with(changes), false)
         assert.is_nil(none)
         assert.equal("config", detail.code)
         assert.is_nil(message:find("short", 1, true))
      end
      assert.is_nil((hub.read(true, false)))
   end)
end)

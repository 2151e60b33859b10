-- tuya.mqtt against a real broker.
local ok, mqtt = pcall(require, "tuya.mqtt")
if not ok then
   pending("tuya.mqtt is not built: libmosquitto is not there")
   return
end
local broker = require("spec.support.mosquitto")
if broker.missing() then
   pending(broker.missing())
   return
end
local core = require("tuya.core")
local process = require("spec.support.process")
local redis = require("spec.support.redis")

describe("a session", function()
   local server, trust, sessions

   setup(function()
      server = broker.start()
      trust = assert(mqtt.trust(server.ca_file))
   end)

   teardown(function() server.stop() end)

   before_each(function() sessions = {} end)

   after_each(function()
      for _, session in ipairs(sessions) do session:close() end
   end)

   local function connect(changes)
      local given = {
         host = server.host, port = server.port, trust = trust, client_id = core.nonce(), username = broker.USER,
         password = broker.PASSWORD,
      }
      for name, value in pairs(changes or {}) do given[name] = value or nil end
      local session = assert(mqtt.connect(given))
      sessions[#sessions + 1] = session
      return session
   end

   local function fds_of(list)
      local fds = {}
      for _, session in ipairs(list) do
         for _, entry in ipairs(session:fds()) do fds[#fds + 1] = entry end
      end
      return fds
   end

   -- Ticks all of them until the condition holds; false when it does not within 20 s.
   local function until_so(condition)
      local stop = os.time() + 20
      while not condition() do
         if os.time() > stop then return false end
         for _, session in ipairs(sessions) do session:tick() end
         core.wait(fds_of(sessions), 0.005)
      end
      return true
   end

   local function open(changes)
      local session = connect(changes)
      assert(until_so(function() return session:tick() ~= "connecting" end))
      assert(session:tick() == "open", (select(2, session:why())))
      return session
   end

   local function subscribe(session, topic)
      assert.is_true(session:subscribe(topic, 1))
      assert.is_true(until_so(function() return session:subscriptions() == 1 end))
   end

   local function fails(changes)
      local session = connect(changes)
      assert.is_true(until_so(function() return session:tick() == "closed" end))
      return session:why()
   end

   it("carries messages over TLS, of every length, in order, and tells what was acknowledged", function()
      local one, other = open(), open()
      subscribe(one, "a/#")
      local sizes = { 0, 1, 127, 128, 5000, 300000 }
      for _, n in ipairs(sizes) do assert.is_true(other:publish("a/b", ("x"):rep(n), 1)) end
      for i = 1, 500 do other:publish("a/c", tostring(i), i % 2) end
      local got = {}
      assert.is_true(until_so(function()
         for topic, payload in one.take, one do got[#got + 1] = { topic, payload } end
         return #got == 506
      end))
      for i, n in ipairs(sizes) do assert.is_true(got[i][1] == "a/b" and got[i][2] == ("x"):rep(n)) end
      local last = { [0] = 0, 0 } -- of each qos in its order
      for i = 7, 506 do
         local n = tonumber(got[i][2])
         assert.is_true(n > last[n % 2])
         last[n % 2] = n
      end
      assert.is_true(until_so(function() return other:acknowledged() == 506 end))
   end)

   it("takes packets of up to a MiB, wherever they are cut, and hangs up on a longer one before it has come", function()
      local one, other = open(), open()
      subscribe(one, "long")
      local sizes, got = { 1000000 }, {}
      for n = 16370, 16390 do sizes[#sizes + 1] = n end
      for n = 1, 300 do sizes[#sizes + 1] = n * 7919 % 20000 end
      for _, n in ipairs(sizes) do assert.is_true(other:publish("long", ("x"):rep(n), 1)) end
      assert.is_true(until_so(function()
         for _, payload in one.take, one do got[#got + 1] = #payload end
         return #got >= #sizes
      end))
      assert.same(sizes, got)
      other:publish("long", "short")
      other:publish("long", ("x"):rep(1048576))
      assert.is_true(until_so(function() return one:tick() == "closed" end))
      assert.same({ "protocol", "a packet is longer than 1 MiB" }, { one:why() })
      assert.equal("short", select(2, one:take()))
      assert.is_nil(one:take())
   end)

   it("does without TLS where nobody is trusted", function()
      local one = open { port = server.plain, trust = false }
      subscribe(one, "plain")
      one:publish("plain", "text", 1)
      local topic, payload
      assert.is_true(until_so(function()
         topic, payload = one:take()
         return topic
      end))
      assert.same({ "plain", "text" }, { topic, payload })
   end)

   it("gets afterwards what came while it was away, where the broker is to keep it", function()
      local id = core.nonce()
      local one = open { client_id = id, kept = true }
      subscribe(one, "kept")
      one:close()
      table.remove(sessions, 1)
      local other = open()
      for i = 1, 10 do other:publish("kept", tostring(i), 1) end
      assert.is_true(until_so(function() return other:acknowledged() == 10 end))
      one = open { client_id = id, kept = true }
      local got = {}
      assert.is_true(until_so(function()
         got[#got + 1] = select(2, one:take())
         return #got == 10
      end))
      assert.same({ "1", "10" }, { got[1], got[10] })
   end)

   it("reads no more than is taken", function()
      local one, other = open(), open()
      subscribe(one, "much")
      for i = 1, 2000 do other:publish("much", tostring(i), 1) end
      assert.is_true(until_so(function() return other:acknowledged() == 2000 end))
      for _ = 1, 100 do one:tick() end
      local writes_only = true
      for _, entry in ipairs(one:fds()) do writes_only = writes_only and not entry.read end
      assert.is_true(writes_only)
      local n = 0
      assert.is_true(until_so(function()
         for _, payload in one.take, one do
            n = n + 1
            assert(payload == tostring(n))
         end
         return n == 2000
      end))
   end)

   it("tells that the password is wrong, or that nobody listens", function()
      local kind, message, code = fails { password = "wrong" }
      assert.same({ "refused", 5 }, { kind, code })
      assert.is_string(message)
      kind, message = fails { host = "127.0.0.1", port = 1 }
      assert.equal("connect", kind)
      assert.matches("refused", message)
      assert.equal("dns", (fails { host = "no-such-host.invalid" }))
   end)

   it("tells what is wrong with a certificate #once", function()
      local kind, _, code = fails { trust = mqtt.trust("spec/c/ca.pem") }
      assert.same({ "tls", "untrusted" }, { kind, code })
      for wanted, pem in pairs {
         expired = { broker.certificate("localhost", -86400, -86340) },
         host = { broker.certificate("broker.example", -60, 86400) },
      } do
         local other = broker.start { ca = pem[1], cert = pem[2], key = pem[3] }
         kind, _, code = fails { port = other.port, trust = assert(mqtt.trust(other.ca_file)) }
         other.stop()
         assert.same({ "tls", wanted }, { kind, code })
      end
   end)

   it("tells a server that has many names which one is meant, and never an address #once", function()
      local port, log = redis.free_port(), os.tmpname()
      os.execute(([[sleep 20 | openssl s_server -accept 127.0.0.1:%s -cert %s/cert.pem -key %s/key.pem -tlsextdebug \
         -naccept 2 > %s 2>&1 &]]):format(port, server.directory, server.directory, log))
      local function count(text)
         local file = assert(io.open(log))
         local found = select(2, file:read("*a"):gsub(text, ""))
         file:close()
         return found
      end
      assert.is_true(until_so(function() return count("ACCEPT") > 0 end))
      for n, host in ipairs { "localhost", "127.0.0.1" } do
         local one = connect { host = host, port = tonumber(port) }
         assert.is_true(until_so(function() return count("extension \"EC point formats\"") == n end))
         table.remove(sessions):close()
         assert.equal("tuya.mqtt (closed)", tostring(one))
      end
      assert.equal(1, count("extension \"server name\""))
      assert.equal(1, count("localhost"))
      os.remove(log)
   end)

   it("takes a plain port for no TLS", function()
      local kind = fails { port = server.plain }
      assert.is_true(kind == "tls" or kind == "reset" or kind == "connect", kind) -- as far as it got
   end)

   it("tells that the connection has ended", function()
      local one = open()
      server.restart()
      assert.is_true(until_so(function() return one:tick() == "closed" end))
      assert.equal("reset", (one:why()))
      assert.is_false(one:subscribe("x"))
      assert.is_false(one:publish("x", "y"))
      assert.equal(0, one:timeout())
   end)

   it("notices a broker that says nothing any more #slow", function()
      local one = open { keepalive = 5 }
      server.signal("STOP")
      local closed = until_so(function() return one:tick() == "closed" end)
      server.signal("CONT")
      assert.is_true(closed)
      assert.equal("silent", (one:why()))
   end)

   it("gives up on a host that does not answer", function()
      local other = connect { host = "198.51.100.1", connect_timeout = 50 } -- nobody's; unreachable here, or silent
      assert.is_true(until_so(function() return other:tick() == "closed" end))
      local kind = other:why()
      assert.is_true(kind == "timeout" or kind == "connect", kind)
   end)

   it("leaves the host's SIGPIPE alone", function()
      process.hear_pipe()
      local one = open { port = server.plain, trust = false }
      server.restart()
      for _ = 1, 5 do
         one:publish("x", ("y"):rep(100000), 0)
         core.wait({}, 0.01)
      end
      assert.is_true(until_so(function() return one:tick() == "closed" end))
      assert.equal(0, process.heard())
      process.raise_pipe()
      assert.equal(1, process.heard())
      process.unhear_pipe()
   end)

   it("is of the process that made it", function()
      local one = open()
      subscribe(one, "fork")
      local child = process.fork()
      if child == 0 then
         local fine, message = pcall(one.tick, one)
         pcall(one.close, one) -- which must not end the parent's
         process.leave(not fine and message:find("before a fork", 1, true) and 0 or 1)
      end
      assert.equal(0, process.wait(child))
      one:publish("fork", "still here", 1)
      assert.is_true(until_so(function() return one:take() ~= nil end))
   end)

   it("raises for wrong arguments, and when it is closed", function()
      for _, given in ipairs {
         {}, { host = "x" }, { host = 7, client_id = "x" }, { host = "a b", client_id = "x" },
         { host = "x", client_id = "x", port = 0 }, { host = "x", client_id = "x", port = 65536 },
         { host = "x", client_id = "x", keepalive = 1 }, { host = "x", client_id = "x", trust = {} },
         { host = "x", client_id = "x", password = "p" }, { host = "x", client_id = "a\0b" },
         { host = "x", client_id = "" },
      } do
         assert.has_error(function() mqtt.connect(given) end)
      end
      assert.has_error(function() mqtt.connect() end)
      assert.is_nil((mqtt.trust("no such file")))
      assert.is_nil((mqtt.connect { host = "127.0.0.1", client_id = "\255" }))
      local one = connect()
      assert.equal("tuya.mqtt", tostring(one))
      assert.has_error(function() one:subscribe("x", 2) end)
      assert.has_error(function() one:publish("x", {}) end)
      one:close()
      one:close()
      assert.has_error(function() one:tick() end)
      assert.equal("tuya.mqtt (closed)", tostring(one))
      table.remove(sessions)
   end)
end)

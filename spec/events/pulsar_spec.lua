-- Events over Pulsar's WebSocket, from the simulated cloud.
local child = require("spec.support.child")
local json = require("tuya.json")
local pulsar = require("tuya.events.pulsar")
local process = require("spec.support.process")
local pushing = require("spec.support.pushing")
local regions = require("tuya.regions")
local tunnel = require("spec.support.tunnel")
local tuya = require("tuya")

if not pcall(require, "tuya.websocket") then
   pending("tuya.websocket is not built: libwslay is not there")
   return
end

local SOCKET = pushing.SOCKET

describe("events over Pulsar", function()
   local made

   local function start(given, changes, how)
      made = pushing.new(changes, how)
      return made:receive(given)
   end

   local function count(n)
      return made:until_so(function() return #made.events >= n end)
   end

   after_each(function()
      if made then made:close() end
      made = nil
   end)

   it("bring each change, in both families and both schemes, once", function()
      local stream = start()
      local n = 0
      for _, family in ipairs { "old", "new", "both" } do
         for _, em in ipairs { "aes_ecb", "aes_gcm" } do
            made.sim:messages { family = family, em = em }
            made.sim:set(SOCKET, "countdown_1", 10 + n)
            n = n + 1
            assert.is_true(count(n))
            local event = made.events[n]
            assert.same({ countdown_1 = 9 + n }, event.changes)
            assert.same({ "status", SOCKET, "pulsar" }, { event.kind, event.device, event.via })
            assert.is_table(event.raw)
            -- the second message of `both` is in the same reading or the next; either way it is no event
            made:until_so(function()
               local status = stream:status()
               return status.handled + status.late >= (n <= 4 and n or 4 + 2 * (n - 4))
            end)
         end
      end
      local status = stream:status()
      assert.equal(6, #made.events)
      assert.same({ 8, 6, 2, 0, 0 }, { status.received, status.handled, status.late, status.refused, status.failed })
   end)

   it("bring what else happens to a device", function()
      start()
      made.sim:set_online(SOCKET, false)
      made.sim:messages { family = "new" }
      made.sim:set_online(SOCKET, true)
      assert.is_true(count(2))
      assert.equal("offline", made.events[1].kind)
      assert.equal("online", made.events[2].kind)
   end)

   it("bring what a command has changed", function()
      start()
      local accepted
      made.client:start({ method = "POST", path = "/v1.0/devices/" .. SOCKET .. "/commands",
         body = { commands = { { code = "switch", value = true } } } }, function(result) accepted = result end)
      assert.is_true(count(1))
      assert.is_true(made:until_so(function() return accepted ~= nil end))
      assert.same({ switch = true }, made.events[1].changes)
   end)

   it("go to those that asked for such", function()
      local stream = start()
      local seen = {}
      local function note(name)
         return function() seen[name] = (seen[name] or 0) + 1 end
      end
      stream:on { device = SOCKET, note("device") }
      stream:on { device = "another", note("another") }
      stream:on { code = "switch", note("code") }
      stream:on { code = "countdown_1", fn = note("other code") }
      stream:on { kind = "offline", note("kind") }
      local off = stream:on { note("ended") }
      off()
      made.sim:set(SOCKET, "switch", true)
      made.sim:set_online(SOCKET, false)
      assert.is_true(count(2))
      assert.same({ device = 2, code = 1, kind = 1 }, seen)
   end)

   it("are acknowledged when their handler has returned, and come again when it raised, to that one alone", function()
      made = pushing.new()
      local stream = made.client:events { via = "pulsar" }
      local first, second = 0, 0
      stream:on { function() first = first + 1 end }
      stream:on { function()
         second = second + 1
         if second == 1 then error("not yet") end
      end }
      assert(made:until_so(function() return stream:status().state == "open" end))
      made.listener:tick(0.01)
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(made:until_so(function() return made.raised end))
      assert.matches("not yet", made.raised[1])
      assert.same({ 1, 1, 1 }, { first, second, stream:status().failed })
      made.listener:cut() -- what was not acknowledged comes again at once over the next connection
      assert.is_true(made:until_so(function() return second == 2 end))
      assert.same({ 1, 1 }, { first, stream:status().handled })
      made.listener:tick(0.02) -- hears that it is acknowledged
      made.listener:cut() -- and now it does not
      assert.is_true(made:until_so(function() return stream:status().connects == 3 end))
      made.sim:set(SOCKET, "switch", false)
      assert.is_true(made:until_so(function() return second == 3 end))
      assert.same({ 2, 3 }, { first, stream:status().received })
   end)

   it("wait while there is nobody to take them, and lose none", function()
      made = pushing.new()
      local stream = made.client:events { via = "pulsar" }
      assert(made:until_so(function() return stream:status().state == "open" end))
      made.listener:tick(0.01)
      for i = 1, 600 do made.sim:set(SOCKET, "countdown_1", i) end
      assert.is_true(made:until_so(function() return stream:status().received >= 256 end))
      for _ = 1, 20 do
         made.listener:tick(0.001)
         made.client:tick(0.001)
      end
      assert.equal(256, stream:status().received) -- the others wait at the cloud
      assert.is_nil(made.client:timeout()) -- nothing is due: a host's timer takes no infinity
      local last
      stream:on { function(event) last = event.changes.countdown_1 end }
      assert.is_true(made:until_so(function() return last == 600 end))
   end)

   it("loop, beside the handlers", function()
      local stream = start()
      made.sim:set(SOCKET, "countdown_1", 9)
      assert.is_true(count(1)) -- the product is known
      for i = 1, 5 do made.sim:set(SOCKET, "countdown_1", i) end
      for _ = 1, 20 do made.listener:tick(0.001) end
      local looped = {}
      for event in stream:each(0.3) do
         looped[#looped + 1] = event.changes.countdown_1
         made.listener:tick(0)
      end
      assert.same({ 1, 2, 3, 4, 5 }, looped)
      assert.equal(6, #made.events)
      assert.equal(6, stream:status().handled)
   end)

   -- How often the cloud was asked for specifications.
   local function readings()
      local n = 0
      for _, entry in ipairs(made.sim:log()) do
         if entry.path:find("specification", 1, true) or entry.path:find("/model", 1, true) then n = n + 1 end
      end
      return n
   end

   it("are typed by the specification, which is read once per product, and keep their order meanwhile", function()
      start()
      local thermostat = "vdevo161563811262431"
      made.sim:set(thermostat, "temp_set", 220)
      made.sim:set_online(SOCKET, false) -- behind it, and wants no specification
      made.sim:set(thermostat, "temp_set", 225)
      made.sim:set_online(thermostat, false)
      assert.is_true(count(4))
      assert.same({ "status", "offline", "status", "offline" },
         { made.events[1].kind, made.events[2].kind, made.events[3].kind, made.events[4].kind })
      assert.same({ 22, 22.5 }, { made.events[1].changes.temp_set, made.events[3].changes.temp_set })
      assert.is_nil(made.events[1].untyped)
      assert.equal(220, made.events[1].raw.status[1].value)
      assert.equal(1, readings())
      made.sim:set(SOCKET, "countdown_1", 5)
      assert.is_true(count(5))
      assert.equal(2, readings())
   end)

   it("come as the cloud wrote them where the specification cannot be read", function()
      start(nil, { retries = 0 })
      made.sim:fault("GET /v1.0/devices/**: code=28841004")
      local thermostat = "vdevo161563811262431"
      for i = 1, 3 do made.sim:set(thermostat, "temp_set", 210 + i) end
      assert.is_true(count(3))
      for i = 1, 3 do assert.same({ temp_set = 210 + i }, made.events[i].changes) end
      assert.is_true(made.events[1].untyped)
      local told
      for _, entry in ipairs(made.log) do told = told or entry.event == "untyped" and entry end
      assert.is_string(told.message)
      assert.equal(1, readings())
   end)

   local is_old = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

   -- Runs functions as tasks, with the cloud beside them; what they failed of fails the spec.
   local function tasks(...)
      local scheduler, list = require("tuya.scheduler").new(made.client), {}
      for i, fn in ipairs { ... } do list[i] = scheduler:spawn(fn, scheduler) end
      local stop, ticks = os.time() + 20, 0
      while scheduler:tick(0.002) > 0 and os.time() < stop do
         made.listener:tick(0.001)
         ticks = ticks + 1
      end
      for _, task in ipairs(list) do
         local status, trouble = task:status()
         assert.equal("done", status, trouble)
      end
      return ticks
   end

   it("suspend the task that asks for them, and wake it when one comes", function()
      start()
      local asked, other = {}, 0
      tasks(function()
         while #asked < 3 do asked[#asked + 1] = assert(made.stream:next(10)).changes.countdown_1 end
         assert.is_nil(made.stream:next(0.02))
      end, function(scheduler)
         for i = 1, 3 do
            scheduler:sleep(0.03)
            other = other + 1
            made.sim:set(SOCKET, "countdown_1", i)
         end
      end)
      assert.same({ 1, 2, 3 }, asked)
      assert.equal(3, other)
      assert.same({ 3, 3 }, { #made.events, made.stream:status().handled })
      made.sim:set(SOCKET, "countdown_1", 4) -- nobody asks any more: the handlers get it
      assert.is_true(count(4))
   end)

   it("loop in a task, but on Lua 5.1, where that raises and says what helps", function()
      start()
      local looped = {}
      tasks(function()
         if is_old then
            local ok, message = pcall(made.stream.each, made.stream)
            assert.is_false(ok)
            assert.matches("events:next%(%)", message)
            return
         end
         for event in made.stream:each() do
            looped[#looped + 1] = event.changes.countdown_1
            if #looped == 3 then return end
         end
      end, function(scheduler)
         for i = 1, 3 do
            scheduler:sleep(0.01)
            made.sim:set(SOCKET, "countdown_1", i)
         end
      end)
      if not is_old then assert.same({ 1, 2, 3 }, looped) end
   end)

   it("are waited for without looking again and again", function()
      local stream = start()
      local steps = 0
      tasks(function()
         assert.is_nil(stream:next(0.3))
      end, function(scheduler)
         for _ = 1, 3 do
            scheduler:sleep(0.05)
            steps = steps + (scheduler:timeout() > 0.02 and 1 or 0) -- nothing is due but the others' pauses
         end
      end)
      assert.equal(3, steps)
   end)

   it("are not taken by handlers while a loop is busy with the one before", function()
      start()
      local asked = {}
      tasks(function(scheduler)
         for _ = 1, 4 do
            asked[#asked + 1] = assert(made.stream:next(10)).changes.countdown_1
            scheduler:sleep(0.02)
         end
         assert.is_nil(made.stream:next(0.01))
      end, function()
         for i = 1, 4 do made.sim:set(SOCKET, "countdown_1", i) end
      end)
      assert.same({ 1, 2, 3, 4 }, asked)
      assert.equal(4, #made.events)
   end)

   it("go on to the handlers when a task that asks is cancelled", function()
      start()
      local scheduler = require("tuya.scheduler").new(made.client)
      local task = scheduler:spawn(function() made.stream:next() end)
      for _ = 1, 5 do scheduler:tick(0.001) end
      task:cancel()
      task = nil -- luacheck: ignore 311
      collectgarbage() -- before 5.4 only that tells that its coroutine is gone
      collectgarbage()
      made.sim:set(SOCKET, "countdown_1", 1)
      assert.is_true(count(1))
   end)

   it("are asked for by a client that is closed meanwhile, which ends that", function()
      start()
      local ended = false
      local scheduler = require("tuya.scheduler").new(made.client)
      local task = scheduler:spawn(function()
         assert.is_nil(made.stream:next())
         ended = true
      end)
      for _ = 1, 3 do scheduler:tick(0.001) end
      made.stream:close()
      for _ = 1, 3 do scheduler:tick(0.001) end
      assert.equal("done", (task:status()))
      assert.is_true(ended)
   end)

   it("belong to the process that opened their stream: a child that was forked off can only close it", function()
      start()
      local pid = process.fork()
      if pid == 0 then
         local fine, message = pcall(made.client.tick, made.client)
         local closed = pcall(made.client.close, made.client)
         collectgarbage()
         process.leave(not fine and closed and message:find("before a fork", 1, true) and 0 or 1)
      end
      assert.equal(0, process.wait(pid))
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
      assert.equal(1, made.stream:status().connects)
   end)

   it("survive duplicates, late messages and cut connections: each change once, and the last state right", function()
      local stream = start()
      made.sim:messages { duplicates = 0.2, late = 0.2, em = "aes_gcm" }
      local state = made:each_once(stream)
      made:count_down(function(i)
         if i ~= 130 and i ~= 290 then return end
         made.listener:cut()
         local before = stream:status().connects
         assert.is_true(made:until_so(function() return stream:status().connects > before end))
      end)
      made.sim:messages { late = 0 }
      for i = 401, 405 do made.sim:set(SOCKET, "countdown_1", i) end
      assert.is_true(made:until_so(function() return state.countdown_1 == 405 end))
      assert.equal(3, stream:status().connects)
      assert.is_true(stream:status().duplicates > 20)
      assert.is_true(stream:status().late > 5)
      assert.equal(0, stream:status().failed)
   end)

   it("come over TLS, from a cloud whose certificate is good", function()
      start(nil, nil, { tls = true })
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(count(1))
   end)

   it("go through the client's proxy, by a tunnel that is asked for the host", function()
      local proxy = tunnel.start()
      made = pushing.new({ proxy = proxy:url() }, { tls = true })
      proxy.port = made.listener.port
      local stream = made.client:events { via = "pulsar" }
      stream:on { function(event) table.insert(made.events, event) end }
      local function until_so(condition)
         return made:until_so(function()
            proxy:tick()
            return condition()
         end)
      end
      assert.is_true(until_so(function() return stream:status().state == "open" end))
      assert.matches("^CONNECT [%w.]+:" .. proxy.port .. " HTTP/1.1\r\n", proxy.asked[1])
      made.listener:tick(0.01)
      made.sim:set(SOCKET, "switch", true)
      assert.is_true(until_so(function() return made.events[1] ~= nil end))
      assert.same({ switch = true }, made.events[1].changes)
      proxy:close()
   end)

   it("never tell the proxy's password, though libcurl quotes the URL that it cannot understand", function()
      for _, proxy in ipairs { "http://user:S3CR ETpw@h:1", "http://user:S3CRETpw@h:99999", "bad://user:S3CR@h:1",
         "http://user:S3CR@127.0.0.1:1" } do
         made = pushing.new { proxy = proxy }
         local stream = made.client:events { via = "pulsar" }
         assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
         local told = json.encode { stream:status(), made.log }
         assert.is_nil(told:find("S3CR", 1, true), told)
         made:close()
         made = nil
      end
   end)

   it("tell why they do not come", function()
      local function fails(changes, how, given)
         made = pushing.new(changes, how)
         given = given or {}
         given.via = "pulsar"
         local stream = made.client:events(given)
         assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
         local status = stream:status()
         made:close()
         made = nil
         assert.equal("waiting", status.state)
         assert.is_true(status.retry_in <= 1)
         assert.is_nil(status.message:find(pushing.SECRET, 1, true))
         return status
      end
      local status
      for _, how in ipairs { {}, { tls = true } } do
         status = fails({ access_secret = ("x"):rep(32) }, how)
         assert.same({ "http", 401 }, { status.error, status.code })
         assert.matches("access id and secret", status.advice)
      end
      status = fails({ ca_file = "spec/c/ca.pem" }, { tls = true })
      assert.same({ "tls", "untrusted" }, { status.error, status.code })
      assert.is_string(status.advice)
      status = fails(nil, nil, { url = "ws://127.0.0.1:1" })
      assert.equal("connect", status.error)
      assert.matches("firewall", status.advice)
   end)

   it("refuse a certificate that has expired", function()
      -- made yesterday for a minute, by itself; it is trusted
      local x509 = require("openssl.x509")
      local key = require("openssl.pkey").new { type = "EC", curve = "prime256v1" }
      local name, names = require("openssl.x509.name").new(), require("openssl.x509.altname").new()
      name:add("CN", "localhost")
      names:add("IP", "127.0.0.1")
      local leaf = x509.new()
      leaf:setVersion(3)
      leaf:setSerial(1)
      leaf:setSubject(name)
      leaf:setIssuer(name)
      leaf:setSubjectAlt(names)
      leaf:setLifetime(os.time() - 86400, os.time() - 86340)
      leaf:setPublicKey(key)
      leaf:sign(key)
      local path = os.tmpname()
      local file = io.open(path, "w")
      file:write(leaf:toPEM())
      file:close()
      made = pushing.new({ ca_file = path }, { tls = true, cert = leaf:toPEM(), key = key:toPEM("private") })
      local stream = made.client:events { via = "pulsar" }
      assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
      os.remove(path)
      assert.same({ "tls", "expired" }, { stream:status().error, stream:status().code })
      assert.matches("expired", stream:status().message)
   end)

   it("refuse a certificate for another host", function()
      made = pushing.new(nil, { tls = true }) -- which is good for localhost and 127.0.0.1
      local stream = made.client:events { via = "pulsar", url = "wss://other.localhost:" .. made.listener.port }
      assert.is_true(made:until_so(function() return stream:status().error ~= nil end))
      assert.same({ "tls", "host" }, { stream:status().error, stream:status().code })
      assert.matches("other.localhost", stream:status().message)
   end)

   it("raise for the program's mistakes, at its line", function()
      made = pushing.new()
      for rule, given in pairs {
         ["via: "] = {}, ["unknown option"] = { via = "pulsar", topic = "x" },
         ["environment: "] = { via = "pulsar", environment = "prod" }, ["url: "] = { via = "pulsar", url = "http://x" },
         ["ping: "] = { via = "pulsar", ping = 0 },
      } do
         local ok, message = pcall(function() made.client:events(given) end)
         assert.is_false(ok)
         assert.matches("pulsar_spec.lua:%d+: tuya.client:events: ", message)
         assert.is_truthy(message:find(rule, 1, true), message)
      end
      local stream = made.client:events { via = "pulsar" }
      for _, given in ipairs { {}, { 7 }, { print, fn = print }, { kind = "no such", print }, { print, print } } do
         assert.has_error(function() stream:on(given) end)
      end
      stream:close()
      stream:close()
      assert.equal("closed", stream:status().state)
   end)

   it("want a secret that is long enough", function()
      local client = tuya.client { access_id = "x", access_secret = "short", endpoint = "http://127.0.0.1:1" }
      local ok, message = pcall(client.events, client, { via = "pulsar" })
      assert.is_false(ok)
      assert.matches("24 bytes", message)
      client:close()
   end)

   it("come from the message host of the data centre", function()
      assert.equal("wss://mqe.tuyaeu.com:8285", regions.messages(regions.endpoint("eu")))
      assert.equal("wss://mqe.tuyaus.com:8285", regions.messages(regions.endpoint("us-e")))
      assert.equal("wss://mqe-sg.iotbing.com:8285", regions.messages(regions.endpoint("sg")))
      for _, endpoint in pairs(regions.endpoints) do
         assert.matches("^wss://mqe[%w%.%-]+:8285$", regions.messages(endpoint))
      end
      assert.equal("ws://127.0.0.1:99", regions.messages("http://127.0.0.1:99"))
      assert.equal("wss://cloud.test", regions.messages("https://cloud.test"))
   end)
end)

-- A channel on a clock that the spec sets, over the real listener.
describe("a channel", function()
   local made, t, channel

   local function open(how)
      made, t = pushing.new(nil, how), 1000
      local context = {
         access_id = pushing.ID, key = tuya.key(pushing.SECRET), monotonic = function() return t end,
         connect_timeout = 5, wire = { endpoint = made.listener.url, ca_file = made.ca_file },
      }
      channel = assert(pulsar.new(context, { via = "pulsar" }))
   end

   before_each(function() open() end)

   after_each(function()
      channel:close()
      made:close()
   end)

   local function state(wanted)
      local stop = os.time() + 20
      while channel.stream:status().state ~= wanted and os.time() < stop do
         channel:tick()
         made.listener:tick(0.001)
      end
      return channel.stream:status().state
   end

   it("wonders about a stream that has never brought anything, over TLS: no messaging rule is on", function()
      channel:close()
      made:close()
      open { tls = true }
      made.sim:messages { rule = false }
      assert.equal("open", state("open"))
      made.sim:set(SOCKET, "switch", true)
      t = t + 59
      assert.equal("open", channel.stream:status().state)
      t = t + 1
      assert.equal("silent", channel.stream:status().state)
      assert.matches("messaging rule", channel.stream:status().advice)
   end)

   it("asks whether the other side lives, and hangs up when it does not answer", function()
      assert.equal("open", state("open"))
      t = t + 30
      channel:tick() -- asks
      for _ = 1, 50 do
         made.listener:tick(0.001) -- answers
         channel:tick()
      end
      t = t + 29
      channel:tick()
      assert.equal("open", channel.stream:status().state)
      t = t + 1
      channel:tick() -- asks, and nobody ticks the listener
      t = t + 15
      channel:tick()
      assert.same({ "waiting", "silent" }, { channel.stream:status().state, channel.stream:status().error })
   end)

   it("waits longer each time, up to a minute, and anew once a connection has held", function()
      channel:close()
      channel = assert(pulsar.new({
         access_id = pushing.ID, key = tuya.key(pushing.SECRET), monotonic = function() return t end,
         connect_timeout = 5, wire = { endpoint = "http://127.0.0.1:1" },
      }, { via = "pulsar" }))
      for i = 1, 10 do
         t = t + 100
         repeat channel:tick() until channel.stream.failures == i
         local most = math.min(60, 2 ^ (i - 1))
         local wait = channel.stream:status().retry_in
         assert.is_true(wait >= most / 2 and wait <= most, i .. ": " .. wait)
      end
   end)
end)

local MODULES = os.getenv("TUYA_NODE_MODULES")

-- An independent peer: the `ws` client and Node's crypto.
local PROGRAM = [[
const WebSocket = require(process.argv[1] + "/ws"), crypto = require("crypto");
const [, , base, id, secret, wanted] = process.argv;
const md5 = (s) => crypto.createHash("md5").update(s).digest("hex");
const url = `${base}/ws/v2/consumer/persistent/${id}/out/event/${id}-sub`
  + "?ackTimeoutMillis=3000&subscriptionType=Failover";
const ws = new WebSocket(url, { headers: { username: id, password: md5(id + md5(secret)).slice(8, 24) } });
const texts = [];
let pong = false;
function finish() { ws.close(1000); }
ws.on("open", () => { ws.ping("x"); if (wanted == 0) setTimeout(finish, 300); });
ws.on("pong", (data) => { pong = data.toString() === "x"; });
ws.on("message", (data) => {
  const frame = JSON.parse(data.toString()), envelope = JSON.parse(Buffer.from(frame.payload, "base64").toString());
  const key = Buffer.from(secret.slice(8, 24)), bytes = Buffer.from(envelope.data, "base64");
  let text;
  if (frame.properties.em === "aes_gcm") {
    const d = crypto.createDecipheriv("aes-128-gcm", key, bytes.subarray(0, 12));
    d.setAuthTag(bytes.subarray(-16));
    text = d.update(bytes.subarray(12, -16)).toString() + d.final().toString();
  } else {
    const d = crypto.createDecipheriv("aes-128-ecb", key, null);
    text = d.update(bytes).toString() + d.final().toString();
  }
  texts.push(JSON.parse(text));
  ws.send(JSON.stringify({ messageId: frame.messageId }));
  if (texts.length == wanted) setTimeout(finish, 100);
});
ws.on("close", (code) => { console.log(JSON.stringify({ code, pong, texts })); });
ws.on("error", (e) => { console.log(JSON.stringify({ error: String(e), texts })); });
setTimeout(() => { console.log(JSON.stringify({ error: "timeout", texts })); process.exit(1); }, 15000).unref();
]]

describe("the simulated cloud's messages, with the client ws from npm", function()
   if not (MODULES and io.open(MODULES .. "/ws/package.json")) then
      pending("npm is not there: set TUYA_NODE_MODULES, or run make test where npm is")
      return
   end

   it("come framed as they should, open with Node's crypto, and are gone once acknowledged", function()
      local words = { os.getenv("LUA"), "bin/tuya", "simulate" }
      local environment = ("TUYA_ACCESS_ID=%s TUYA_ACCESS_SECRET=%s"):format(pushing.ID, pushing.SECRET)
      local cloud = child.start(child.command(words), environment)
      local function consume(wanted, secret)
         local pipe = io.popen(child.command { "node", "-e", PROGRAM, MODULES, "ws://127.0.0.1:" .. cloud.line,
            pushing.ID, secret or pushing.SECRET, tostring(wanted) })
         local text = pipe:read("*a")
         pipe:close()
         return assert(json.decode(text:match("[^\n]+") or text))
      end
      assert.same({ code = 1000, pong = true, texts = {} }, consume(0)) -- subscribes
      local client = tuya.client { access_id = pushing.ID, access_secret = pushing.SECRET,
         endpoint = "http://127.0.0.1:" .. cloud.line }
      for i = 1, 20 do assert(client:device(SOCKET):send { countdown_1 = i }) end
      local got = consume(20)
      assert.same({ 1000, true, 20 }, { got.code, got.pong, #got.texts })
      for i, text in ipairs(got.texts) do assert.equal(i, text.status[1].value) end
      assert.same({ code = 1000, pong = true, texts = {} }, consume(0)) -- all were acknowledged
      assert.matches("401", consume(0, ("x"):rep(32)).error)
      client:close()
      cloud:stop()
   end)
end)

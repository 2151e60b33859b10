-- Many calls at once: started, ticked, cancelled; on the simulated cloud and a clock that stands still.
local cloud = require("spec.support.cloud")
local tuya = require("tuya")
local count = cloud.count

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET
local GET = { method = "GET", path = DEVICE }

-- A client whose cloud takes some seconds to answer: a number, or a function of the request.
local function new(changes, delay, intercept)
   return cloud.new(changes, function(request, answer)
      local reply, code, sent
      if intercept then reply, code, sent = intercept(request, answer) else reply = answer() end
      if reply then reply.delay = type(delay) == "function" and delay(request) or delay or 0.05 end
      return reply, code, sent
   end)
end

-- Ticks until nothing is in flight; the messages of what was raised.
local function run(client)
   local raised = {}
   for _ = 1, 10000 do
      local n, messages = client:tick(1)
      for _, message in ipairs(messages or {}) do raised[#raised + 1] = message end
      if n == 0 then return raised end
   end
   error("it never ends")
end

-- A function that keeps what it was called with, and the list that it keeps it in.
local function collector()
   local calls = {}
   return function(...) calls[#calls + 1] = { ... } end, calls
end

local function nothing() end

describe("client:start", function()
   it("answers in a tick, with what a blocking call returns", function()
      local made = new()
      local keep, calls = collector()
      local handle = made.client:start(GET, keep)
      assert.equal("table", type(handle))
      assert.equal(0, #made.transport.requests)
      assert.equal(1, made.client:tick())
      assert.equal(0, #calls)
      run(made.client)
      assert.equal(1, #calls)
      assert.equal(cloud.SOCKET, calls[1][1].id)
      assert.is_nil(calls[1][2])
      assert.equal(200, calls[1][3].status)
   end)

   it("tells of a failure with message and detail", function()
      local made = new()
      local keep, calls = collector()
      made.client:start({ method = "GET", path = "/v1.0/devices/unknown" }, keep)
      run(made.client)
      local result, message, detail = calls[1][1], calls[1][2], calls[1][3]
      assert.is_nil(result)
      assert.matches("permission deny", message, 1, true)
      assert.equal("api 1106 yes", detail.kind .. " " .. detail.code .. " " .. detail.sent)
   end)

   it("carries many at once, with one token for all", function()
      local made = new()
      local started, done = made.transport:now(), 0
      for _ = 1, 100 do
         made.client:start(GET, function(result)
            assert(result)
            done = done + 1
         end)
      end
      assert.same({}, run(made.client))
      assert.equal(100, done)
      assert.equal(1, count(made, "token"))
      assert.is_true(made.transport:now() - started < 0.15) -- the token, then all of them
   end)

   it("calls nobody before the next tick", function()
      local made = new(nil, 0)
      made.client:start(GET, error)
      made.client:get(DEVICE)
      assert.equal(1, count(made, DEVICE))
   end)

   it("lets its function start, cancel and close", function()
      local delay = 0.05
      local made = new(nil, function(request) return request.target == DEVICE .. "/status" and 5 or delay end)
      local order = {}
      local function note(name) return function(result, _, info)
         order[#order + 1] = name .. " " .. tostring(result and "ok" or info.kind)
      end end
      local third
      made.client:start(GET, function()
         note "first"(true)
         made.client:start(GET, function()
            note "second"(true)
            made.client:close()
         end)
         assert.is_true(third:cancel())
      end)
      delay = 0.1
      third = made.client:start({ method = "GET", path = DEVICE .. "/status", timeout = 60 }, note "third")
      made.client:start({ method = "GET", path = DEVICE .. "/status", timeout = 60 }, note "fourth")
      for _ = 1, 8 do if made.client.open then made.client:tick(10) end end
      assert.same({ "first ok", "third cancelled", "second ok", "fourth cancelled" }, order)
      assert.equal("tuya.client (closed)", tostring(made.client))
   end)

   it("may block in its function", function()
      local made = new()
      local inner
      made.client:start(GET, function() inner = made.client:get(DEVICE) end)
      made.client:start(GET, nothing)
      assert.same({}, run(made.client))
      assert.equal(cloud.SOCKET, inner.id)
   end)

   it("reports what its function raises, to the log and from tick, and harms no other call", function()
      local events = {}
      local made = new { log = function(event) if event.event == "error" then events[#events + 1] = event end end }
      local keep, calls = collector()
      made.client:start(GET, function() error("my own fault") end)
      made.client:start(GET, keep)
      local raised = run(made.client)
      assert.equal(1, #raised)
      assert.matches("20_ticks_spec.lua:%d+: my own fault\n.*traceback", raised[1])
      assert.equal(raised[1], events[1].message)
      assert.equal(1, #calls)
   end)

   it("raises where its function yields, and is ticked on when the host lets go of who ticked", function()
      local made = new()
      local keep, calls = collector()
      made.client:start(GET, function() coroutine.yield() end)
      made.client:start(GET, keep)
      local host = coroutine.create(function() return run(made.client) end)
      local raised
      repeat
         local ok, list = coroutine.resume(host)
         assert.is_true(ok, list)
         raised = list
      until coroutine.status(host) == "dead"
      assert.equal(1, #raised)
      assert.matches("yield across", raised[1])
      assert.equal(1, #calls)
      assert.equal(0, (made.client:tick(0)))
   end)

   it("tells of what raised in a call", function()
      local made = new { json = { encode = tuya.json.encode, decode = function() error("no such number") end } }
      local keep, calls = collector()
      made.client:start(GET, keep)
      run(made.client)
      assert.equal(1, #calls)
      assert.is_nil(calls[1][1])
      assert.is_table(calls[1][3])
   end)

   it("raises at the caller's line", function()
      local client = new().client
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() client:start(GET) end)
      assert.matches("20_ticks_spec.lua:" .. line .. ": tuya.client:start: on_done: a function", message, 1, true)
      assert.error_matches(function() client:start({ method = "GET", path = "x" }, nothing) end, "path", 1, true)
      assert.error_matches(function() client:start({ pth = "x" }, nothing) end, "did you mean path?", 1, true)
      assert.error_matches(function() client:tick(-1) end, "max_wait: seconds expected", 1, true)
      assert.error_matches(function() client:tick(0, "1") end, "time_budget: seconds expected", 1, true)
      client:close()
      assert.error_matches(function() client:start(GET, nothing) end, "closed client", 1, true)
      assert.error_matches(function() client:tick() end, "closed client", 1, true)
   end)

   it("refuses a tick within a tick", function()
      local client = new().client
      client:start(GET, function() client:tick() end)
      assert.matches("called from within a tick", run(client)[1], 1, true)
      assert.equal(0, client:tick())
   end)

   it("wants a transport that can do it", function()
      local blocking = { send = nothing, now = os.clock, sleep = nothing }
      local client = tuya.client { access_id = "x", access_secret = "y", region = "eu", transport = blocking }
      assert.error_matches(function() client:start(GET, nothing) end, "it has no function start", 1, true)
   end)
end)

describe("handle:cancel", function()
   it("ends a call in the next tick, before it is sent and after", function()
      local made = new()
      for ticks = 0, 2 do
         local keep, calls = collector()
         local before = count(made, DEVICE)
         local handle = made.client:start(GET, keep)
         for _ = 1, ticks do made.client:tick() end
         assert.is_true(handle:cancel())
         assert.is_false(handle:cancel())
         assert.equal(0, #calls)
         assert.equal(0, made.client:tick())
         assert.equal(1, #calls)
         local detail, was_sent = calls[1][3], count(made, DEVICE) > before
         assert.equal("cancelled " .. (was_sent and "maybe" or "no"), detail.kind .. " " .. detail.sent)
         assert.matches("^GET " .. DEVICE:gsub("%p", "%%%0") .. ": cancelled", calls[1][2])
         made.transport:sleep(1)
         made.client:tick()
         assert.equal(1, #calls)
      end
   end)

   it("tells how far the call got in all its tries: one that was refused reached the cloud", function()
      local refused = false
      local made = new(nil, 0.05, function(request, answer)
         if refused or request.target:find("token", 1, true) then return answer() end
         refused = true
         return { status = 200, headers = {}, body = '{"success":false,"code":1010,"msg":"token invalid"}' }
      end)
      local keep, calls = collector()
      local handle = made.client:start(GET, keep)
      repeat made.client:tick(0.01) until count(made, DEVICE) == 2 -- refused, and on its way again
      assert.is_true(handle:cancel())
      run(made.client)
      assert.equal("cancelled yes", calls[1][3].kind .. " " .. calls[1][3].sent)
   end)

   it("is too late once the function was called", function()
      local made = new()
      local handle = made.client:start(GET, nothing)
      run(made.client)
      assert.is_false(handle:cancel())
   end)

   it("leaves the renewal to those who also wait for it", function()
      local made = new()
      local keep, calls = collector()
      local first = made.client:start(GET, nothing)
      made.client:start(GET, keep)
      made.client:tick()
      first:cancel()
      run(made.client)
      assert.equal(cloud.SOCKET, calls[1][1].id)
      assert.equal(1, count(made, "token"))
   end)

   it("is called on a handle", function()
      local made = new()
      local handle = made.client:start(GET, nothing)
      assert.error_matches(function() handle.cancel() end, "call it with a colon", 1, true)
   end)
end)

describe("a tick", function()
   it("without anything in flight does not wait", function()
      local made = new()
      local before = made.transport:now()
      assert.equal(0, made.client:tick(10))
      assert.equal(before, made.transport:now())
   end)

   it("waits for at most what it was given", function()
      local made = new(nil, 3)
      made.client:start(GET, nothing)
      local before = made.transport:now()
      assert.equal(1, made.client:tick(0.5))
      assert.is_true(math.abs(made.transport:now() - before - 0.5) < 1e-3)
   end)

   it("that has worked for its time tells of nothing more, and the next one begins with that", function()
      local made, signed, told
      made = new { nonce = function() -- signing takes a second
         if signed then made.transport:sleep(1) end
         signed = (signed or 0) + 1
         return ("%032d"):format(signed)
      end }
      made.client:start(GET, function() told = signed end)
      repeat made.client:tick(0.01) until count(made, DEVICE) == 1
      for _ = 1, 2 do made.client:start(GET, nothing) end
      local before = signed
      assert.equal(3, made.client:tick())
      assert.same({ 1, nil }, { signed - before, told })
      assert.equal(2, made.client:tick())
      assert.equal(before + 1, told)
      made.client:close()
   end)

   it("that has worked for its time, and has told of the last call, leaves nothing to wait for", function()
      local made = new()
      made.client:start(GET, function() made.transport:sleep(1) end)
      run(made.client)
      assert.is_nil(made.client:timeout())
   end)

   it("keeps deadlines, of calls that wait for a token too", function()
      local made = new(nil, 5)
      local keep, calls = collector()
      local before = made.transport:now()
      made.client:start({ method = "GET", path = DEVICE, timeout = 2, retries = 0 }, keep)
      made.client:start({ method = "GET", path = DEVICE, timeout = 3, retries = 0 }, keep)
      run(made.client)
      assert.is_true(math.abs(made.transport:now() - before - 3) < 1e-3)
      for i = 1, 2 do assert.equal("network timeout no", ("%s %s %s"):format(
         calls[i][3].kind, calls[i][3].code, calls[i][3].sent)) end
   end)

   it("repeats what did not leave, after pauses, each time signed anew", function()
      local fails = 2
      local made = new(nil, 0, function(request, answer)
         if request.target ~= DEVICE or fails == 0 then return answer() end
         fails = fails - 1
         return nil, "connect", "no"
      end)
      local keep, calls = collector()
      made.client:start(GET, keep)
      run(made.client)
      assert.equal(cloud.SOCKET, calls[1][1].id)
      assert.equal(3, count(made, DEVICE))
   end)

   it("does not begin a pause that a call has no time for", function()
      local made = new(nil, 0.05, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         return { status = 429, headers = { ["Retry-After"] = "60" }, body = "" }
      end)
      local keep, calls = collector()
      local before = made.transport:now()
      made.client:start({ method = "GET", path = DEVICE, timeout = 5 }, keep)
      run(made.client)
      assert.same({ "http", 429 }, { calls[1][3].kind, calls[1][3].code })
      assert.is_true(made.transport:now() - before < 1)
   end)

   it("renews the token once however many calls are refused for it", function()
      local made = new()
      run(made.client)
      assert(made.client:get(DEVICE))
      made.simulator:expire_token()
      local ok = 0
      for _ = 1, 20 do made.client:start(GET, function(result) ok = ok + (result and 1 or 0) end) end
      run(made.client)
      assert.equal(20, ok)
      assert.equal(2, count(made, "GET /v1.0/token$"))
   end)

   it("answers no more calls than max_queue lets wait", function()
      local made = new { max_connections = 1, max_queue = 2 }
      for _ = 1, 3 do assert.is_table(made.client:start(GET, nothing)) end
      local handle, message, detail = made.client:start(GET, nothing)
      assert.is_nil(handle)
      assert.matches("the queue is full", message, 1, true)
      assert.equal("network queue_full no", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      run(made.client)
      assert.is_table(made.client:start(GET, nothing))
   end)

   it("serves a blocking call beside those in flight, and one that waits for their renewal", function()
      local made = new()
      local keep, calls = collector()
      made.client:start(GET, keep)
      made.client:tick() -- its renewal is under way
      assert.equal(cloud.SOCKET, made.client:get(DEVICE).id)
      assert.equal(1, count(made, "token"))
      assert.equal(0, #calls)
      run(made.client)
      assert.equal(cloud.SOCKET, calls[1][1].id)
   end)

   it("serves a blocking call that waits for a renewal longer than others have time", function()
      local made = new(nil, function(request) return request.target:find("token", 1, true) and 5 or 0 end)
      local message
      made.client:start({ method = "GET", path = DEVICE, timeout = 1 }, function(_, why) message = why end)
      made.client:tick()
      local looks, wait = 0, made.transport.wait
      function made.transport.wait(...)
         looks = looks + 1
         if looks > 100 then error("it waits for nothing, again and again") end
         return wait(...)
      end
      assert(made.client:get(DEVICE))
      made.client:tick()
      assert.matches("no time left", message, 1, true)
   end)

   it("says so where a call in what the renewal itself uses would wait for that", function()
      local made, trouble
      made = cloud.new { nonce = function()
         if not trouble then
            trouble = "none"
            trouble = select(2, pcall(made.client.get, made.client, DEVICE))
         end
         return ("0"):rep(32)
      end }
      local result
      made.client:start({ method = "GET", path = DEVICE }, function(what) result = what end)
      for _ = 1, 5 do made.client:tick(1) end
      assert.matches("would wait for ever", trouble, 1, true)
      assert.equal(cloud.SOCKET, result.id)
   end)

   it("closed in the middle calls everybody once", function()
      local made = new()
      local n = 0
      for i = 1, 10 do
         made.client:start(GET, function(_, _, info)
            n = n + 1
            if i == 5 then made.client:close() end
            if i > 5 then assert(info.kind == "cancelled") end
         end)
      end
      while made.client.open do made.client:tick(1) end
      assert.equal(10, n)
   end)
end)

describe("a tick over libcurl", function()
   local nginx = require("spec.support.nginx")
   local socket = require("socket")
   local server

   setup(function() server = nginx.start() end)
   teardown(function() server.stop() end)

   local function connect(endpoint, options)
      options = options or {}
      options.access_id, options.access_secret, options.endpoint = "id", "secret", endpoint
      options.ca_file, options.proxy = server.ca_file, ""
      return tuya.client(options)
   end

   -- A server that accepts, and never says a word.
   local function mute()
      local made = assert(socket.bind("127.0.0.1", 0))
      local _, port = made:getsockname()
      return made, ("http://127.0.0.1:%d"):format(port)
   end

   it("carries many calls over few connections, by HTTP/1.1 and HTTP/2", function()
      for protocol, endpoint in pairs { ["HTTP/1.1"] = server.http, ["HTTP/2.0"] = server.https } do
         local client = connect(endpoint)
         local connections, done, n = {}, 0, 0
         for _ = 1, 60 do
            client:start({ method = "GET", path = "/saw" }, function(result, message)
               assert(result, message)
               assert(result.protocol == protocol)
               if not connections[result.connection] then n = n + 1 end
               connections[result.connection] = true
               done = done + 1
            end)
         end
         assert.same({}, run(client))
         assert.equal(60, done)
         assert.is_true(n <= 4)
         client:close()
      end
   end)

   it("moves on by tick(0) alone, and says what to wait for", function()
      local client = connect(server.https)
      local keep, calls = collector()
      assert.is_nil(client:timeout())
      client:start({ method = "GET", path = "/saw" }, keep)
      assert.equal(0, client:timeout())
      while client:tick(0) > 0 do
         local fds, readable, writable = client:fds(), {}, {}
         for i, entry in ipairs(fds) do
            local one = { getfd = function() return entry.fd end, dirty = function() return false end }
            if entry.read then readable[i] = one end
            if entry.write then writable[#writable + 1] = one end
         end
         socket.select(readable, writable, client:timeout() or 1)
      end
      assert.equal(1, #calls)
      assert.equal("HTTP/2.0", calls[1][1].protocol)
   end)

   it("tells how far a cancelled call got, and frees its connection", function()
      local silent, endpoint = mute()
      local client = connect(endpoint, { max_connections = 1 })
      local keep, calls = collector()
      local handle = client:start({ method = "GET", path = "/v1.0/token" }, keep)
      for _ = 1, 5 do client:tick(0.01) end
      local queued = client:start({ method = "GET", path = "/v1.0/token" }, keep)
      client:tick()
      queued:cancel()
      handle:cancel()
      assert.equal(0, client:tick())
      assert.equal("no", calls[1][3].sent)
      assert.equal("maybe", calls[2][3].sent)
      client:close()
      silent:close()
   end)

   it("keeps its deadline against a server that says nothing", function()
      local silent, endpoint = mute()
      local client = connect(endpoint)
      local keep, calls = collector()
      client:start({ method = "POST", path = "/v1.0/token", timeout = 0.05, retries = 0 }, keep)
      run(client)
      assert.equal("network timeout maybe", ("%s %s %s"):format(calls[1][3].kind, calls[1][3].code, calls[1][3].sent))
      client:close()
      silent:close()
   end)

   it("takes no replies of another client on the same transport", function()
      local transport = require("tuya.transport.curl").new { endpoint = server.http, proxy = "" }
      local clients, got = {}, { 0, 0 }
      for i = 1, 2 do
         clients[i] = connect(server.http, { transport = transport })
         for _ = 1, 20 do
            clients[i]:start({ method = "GET", path = "/saw" }, function(result)
               got[i] = got[i] + (result and 1 or 0)
            end)
         end
      end
      while clients[1]:tick() + clients[2]:tick() > 0 do assert(transport:send(tuya.sign(
         { method = "GET", path = "/saw" }, { access_id = "id", key = tuya.key("secret") }))) end
      assert.same({ 20, 20 }, got)
      transport:close()
   end)

   it("ends calls in flight when the client is closed, and survives a client that is dropped with some", function()
      local silent, endpoint = mute()
      local client = connect(endpoint)
      local keep, calls = collector()
      client:start({ method = "GET", path = "/v1.0/token" }, keep)
      client:tick(0.01)
      client:close()
      assert.equal("cancelled", calls[1][3].kind)
      client = connect(endpoint)
      client:start({ method = "GET", path = "/v1.0/token" }, keep)
      client:tick(0.01)
      client = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.equal(1, #calls)
      silent:close()
   end)
end)

describe("what is due at one moment", function()
   it("comes in the order in which it was put in", function()
      local list = require("tuya.heap").new()
      for i = 1, 50 do list:push(i % 3, i) end
      local got = {}
      for i = 1, 50 do got[i] = list:pop() end
      local expected = {}
      for _, rest in ipairs { 0, 1, 2 } do
         for i = 1, 50 do
            if i % 3 == rest then expected[#expected + 1] = i end
         end
      end
      assert.same(expected, got)
   end)
end)

-- The client: what a program calls, on the simulated cloud.
local cloud = require("spec.support.cloud")
local tuya = require("tuya")

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET

local function options(changes)
   local given = { access_id = cloud.ID, access_secret = cloud.SECRET, region = "eu" }
   for name, value in pairs(changes or {}) do given[name] = value end
   return given
end

local function without(name)
   local given = options()
   given[name] = nil
   return given
end

local function refused(given, rule)
   assert.error_matches(function() tuya.client(given) end, rule, 1, true)
end

describe("tuya.client", function()
   it("wants an id, a secret and a place", function()
      refused(without("access_id"), "access_id: missing, and no TUYA_ACCESS_ID in the environment")
      refused(without("access_secret"), "access_secret: missing, and no TUYA_ACCESS_SECRET in the environment")
      refused(without("region"), "region: missing, and no TUYA_REGION in the environment")
      refused(nil, "access_id: missing")
   end)

   it("names an unknown option and the near one", function()
      refused(options { time_out = 5 }, "time_out: unknown option (did you mean timeout?)")
      refused(options { access_sceret = "x" }, "access_sceret: unknown option (did you mean access_secret?)")
      refused(options { [1] = "x" }, "1: unknown option")
   end)

   it("checks options that a metatable lends as it does plain ones", function()
      local function frozen(given)
         return setmetatable({}, { __index = given, __newindex = function() error("frozen") end })
      end
      tuya.client(frozen(options())):close()
      refused(frozen(options { timeout = "5" }), "timeout: number expected, got string")
      refused(frozen(options { time_out = 5 }), "time_out: unknown option (did you mean timeout?)")
      refused(frozen(frozen(options { time_out = 5 })), "time_out: unknown option (did you mean timeout?)")
      local class = { timeout = 5, describe = function() end } -- an object of the program's that has methods besides
      class.__index = class
      tuya.client(setmetatable(options(), class)):close()
   end)

   it("takes a call's options that a metatable lends, which were passed over, wrong ones too", function()
      local made = cloud.new(nil, function(request, answer)
         if request.method == "POST" then return nil, "connect", "no" end
         return answer()
      end)
      local client, plug = made.client, made.client:device(cloud.SOCKET)
      local function frozen(given)
         return setmetatable({}, { __index = given, __newindex = function() error("frozen") end })
      end
      for _, call in ipairs {
         function(given) return client:post("/v1.0/x", {}, given) end,
         function(given) return plug:send({ switch = true }, given) end,
      } do
         for rule, wrong in pairs {
            ["timeout: number expected, got string"] = { timeout = "5" }, ["did you mean timeout?"] = { timout = 5 },
         } do
            assert.error_matches(function() call(frozen(wrong)) end, rule, 1, true)
         end
         local _, _, detail = call(frozen { retries = 0 })
         assert.equal(1, detail.attempts)
      end
   end)

   it("does not quote a name of a million bytes", function()
      local long = ("x"):rep(1e6)
      refused(options { [long] = 1 }, ("x"):rep(60) .. "...: unknown option")
      assert.error_matches(function() tuya.request { method = "GET", path = "/x", headers = { [long] = "v" } } end,
         'header name: too long, over 128 ("' .. ("x"):rep(60) .. '...")', 1, true)
      refused(options { region = long }, "region: " .. ("x"):rep(60) .. "...: unknown data centre")
   end)

   it("refuses wrong values", function()
      refused(options { timeout = 0 }, "timeout: must be more than 0")
      refused(options { timeout = "5" }, "timeout: number expected, got string")
      refused(options { connect_timeout = -1 }, "connect_timeout: must be more than 0")
      refused(options { timeout = 0 / 0 }, "timeout: must be more than 0")
      refused(options { retries = 1.5 }, "retries: 0 or a whole number")
      refused(options { retries = -1 }, "retries: 0 or a whole number")
      refused(options { algorithm = "v3" }, 'algorithm: "v2", or "v1"')
      refused(options { nonce = true }, "nonce: a function, or false for none")
      refused(options { region = "mars" }, "region: mars: unknown data centre")
      refused(options { region = "usa" }, "did you mean us?")
      refused(options { endpoint = "https://x" }, "region: given beside endpoint")
      refused(options { access_secret = "" }, "access_secret: empty")
      refused(options { access_id = "a " }, "access_id: holds CR, LF, NUL or another control byte, or a blank")
      local with_key = without("access_secret")
      with_key.key = io.stdout
      refused(with_key, "key: made by tuya.key")
      refused(options { key = tuya.key("x") }, "access_secret: given beside key")
      refused(options { nonce = tostring, algorithm = "v1" }, "nonce: the old algorithm has none")
      refused(options { lang = "e\n" }, "lang: cannot stand in a header")
      refused(options { clock = os.time }, "clock: ms since 1970, 13 digits, expected; it gave")
      refused(options { clock = function() end }, "it gave nil")
      refused(options { clock = error }, "it gave an error")
      refused(options { transport = {} }, "transport: it has no function send")
      refused(options { store = {} }, "store: it has no function load")
      refused(options { store = "nowhere" }, 'store: "file:...", "redis:...", "shm:..." expected, or an object with')
      refused(options { store = "file:" }, "store: file: a path expected")
      refused(options { store = "file:/no/such/place" }, "store: /no/such/place.lock: No such file")
      refused(options { json = {} }, "json: it has no function encode")
      for _, name in ipairs { "max_connections", "max_queue", "max_reply" } do
         for _, value in ipairs { 0, 0.5, -1, 1 / 0, 1e12 } do
            refused(options { [name] = value }, name .. ": a whole number from 1 to")
         end
      end
      refused(options { user_agent = "a\r\nX-Evil: y" }, "user_agent: holds CR, LF, NUL")
      refused(options { proxy = "a\0b" }, "proxy: holds CR, LF, NUL")
      for _, endpoint in ipairs {
         "openapi.tuyaeu.com", "https://x/y", "ftp://x", "https://u:p@x", "https://x?y", "https://a:b",
         "https://a:99999", "https://a:0", "https://", "https://a b", "https://[::1", "https://a\nb",
      } do
         local given = without("region")
         given.endpoint = endpoint
         refused(given, 'endpoint: "https://host"')
      end
   end)

   it("takes hosts of every kind", function()
      for _, endpoint in ipairs { "http://my_cloud:80", "https://[::1]:8443", "http://127.0.0.1/", "https://x" } do
         local given = without("region")
         given.endpoint = endpoint
         tuya.client(given):close()
      end
   end)

   it("knows Tuya's data centres", function()
      for _, region in ipairs { "cn", "us", "us-e", "eu", "eu-w", "in", "sg" } do
         tuya.client(options { region = region }):close()
      end
   end)

   it("takes a key instead of a secret, and leaves it open when closed", function()
      local key = tuya.key(cloud.SECRET)
      local given = without("access_secret")
      given.key = key
      tuya.client(given):close()
      assert.equal("tuya.key (redacted)", tostring(key))
   end)

   it("raises at the caller's line", function()
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() tuya.client { region = "eu", access_id = 1 } end)
      assert.matches("07_client_spec.lua:" .. line .. ": tuya.client: access_id: string expected", message, 1, true)
   end)
end)

describe("a call", function()
   it("answers the result and the envelope", function()
      local client = cloud.new().client
      local result, message, info = client:get(DEVICE)
      assert.equal(cloud.SOCKET, result.id)
      assert.is_nil(message)
      assert.matches("^%x+$", info.tid)
      assert.equal(200, info.status)
      assert.equal("1700000000000", ("%s"):format(info.t))
   end)

   it("answers nil, a line and a table when the cloud refuses", function()
      local client = cloud.new().client
      local result, message, detail = client:get("/v1.0/devices/unknown")
      assert.is_nil(result)
      assert.matches("^GET /v1.0/devices/unknown: permission deny %(1106, tid %x+%)$", message)
      assert.equal("api", detail.kind)
      assert.equal(1106, detail.code)
      assert.equal("permission deny", detail.message)
      assert.equal("GET", detail.method)
      assert.equal("/v1.0/devices/unknown", detail.path)
      assert.equal(200, detail.status)
      assert.equal(1, detail.attempts)
      assert.equal("yes", detail.sent)
      assert.matches("link the app account", detail.advice, 1, true)
      assert.error_matches(function() assert(client:get("/v1.0/devices/unknown")) end, "permission deny", 1, true)
   end)

   it("goes by every verb, with a query, a body and signed headers", function()
      local made = cloud.new()
      local client = made.client
      assert(client:get("/v1.0/devices", { device_ids = { cloud.SOCKET } }, { headers = { area_id = "x" } }))
      assert(client:post(DEVICE .. "/commands", { commands = { { code = "switch", value = true } } }))
      assert(client:put(DEVICE, { name = "Küche" }))
      assert(client:delete(DEVICE))
      local _, message = client:patch(DEVICE, "{}", { content_type = "text/plain", query = { a = 1 } })
      assert.matches("^PATCH " .. DEVICE:gsub("%p", "%%%0") .. ": uri path invalid", message)
      local requests = made.transport.requests
      assert.equal("/v1.0/devices?device_ids=" .. cloud.SOCKET, requests[2].target)
      assert.equal("area_id", requests[2].headers["Signature-Headers"])
      assert.same({ commands = { { code = "switch", value = true } } }, tuya.json.decode(requests[3].body))
      assert.equal("application/json", requests[3].headers["Content-Type"])
      assert.equal("", requests[5].body)
      assert.equal("text/plain", requests[6].headers["Content-Type"])
      assert.equal(DEVICE .. "?a=1", requests[6].target)
   end)

   it("can be given whole", function()
      local client = cloud.new().client
      local given = { method = "get", path = "/v1.0/devices", query = { device_ids = cloud.SOCKET } }
      local result = assert(client:request(given))
      assert.equal(1, #result.devices)
   end)

   it("carries no body on GET and DELETE unless asked", function()
      local made = cloud.new()
      made.client:get(DEVICE)
      made.client:delete(DEVICE)
      made.client:get(DEVICE, nil, { body = {} })
      local requests = made.transport.requests
      assert.equal("", requests[2].body)
      assert.is_nil(requests[2].headers["Content-Type"])
      assert.equal("", requests[3].body)
      assert.equal("{}", requests[4].body)
   end)

   it("is accepted whatever the name, value and body", function()
      local made = cloud.new()
      for _, value in ipairs { "", " ", "a+b", "a&b=c%25", "客厅", "'()*!~", "\\\"", "/?#[]@" } do
         local _, _, detail = made.client:get("/v1.0/devices", { device_ids = value, zz = "1", Aa = "" })
         assert.not_equal(1004, detail.code)
         _, _, detail = made.client:post(DEVICE .. "/commands", value .. "x", { query = { [value .. "k"] = value } })
         assert.not_equal(1004, detail.code)
      end
   end)

   it("sends lang, user's t and nonce", function()
      local made = cloud.new { lang = "en", nonce = function() return "my-nonce" end }
      made.client:get(DEVICE)
      local headers = made.transport.requests[2].headers
      assert.equal("en", headers.lang)
      assert.equal("my-nonce", headers.nonce)
      assert.equal("1700000000000", headers.t)
      made = cloud.new { nonce = false }
      made.client:get(DEVICE)
      assert.is_nil(made.transport.requests[2].headers.nonce)
   end)

   it("raises what is the program's mistake, at its line", function()
      local client = cloud.new().client
      local here = debug.getinfo(1, "l").currentline
      local mistakes = {
         function() client:get("no slash") end,
         function() client:post("/x", 5) end,
         function() client:put("/x", {}, { timout = 1 }) end,
         function() client:delete("/x", { a = 1.5 }) end,
         function() client:request { method = "NOPE", path = "/x" } end,
         function() client:get("/x", { a = 1 }, { query = { a = 2 } }) end,
         function() client:get("/x", nil, 5) end,
         function() client:device("a/b") end,
         function() client:device(cloud.SOCKET):send {} end,
         function() client:device(cloud.SOCKET):send("on") end,
         function() client:device(cloud.SOCKET):send { { value = 1 } } end,
         function() client:device(cloud.SOCKET):send { { code = "switch", value = true }, countdown_1 = 5 } end,
         function() client:device(cloud.SOCKET):send { [""] = 1, switch = true } end,
         function() client.get("/x") end,
      }
      for i, mistake in ipairs(mistakes) do
         local ok, message = pcall(mistake)
         assert.is_false(ok)
         assert.matches("07_client_spec.lua:" .. here + 1 + i .. ": tuya.", message, 1, true)
      end
   end)

   it("on a closed client raises", function()
      local client = cloud.new().client
      client:close()
      client:close()
      assert.equal("tuya.client (closed)", tostring(client))
      assert.error_matches(function() client:get("/x") end, "tuya.client:get: attempt to use a closed client", 1, true)
   end)

   it("works inside a coroutine and inside pcall", function()
      local client = cloud.new().client
      local thread = coroutine.wrap(function()
         coroutine.yield("started")
         return client:get(DEVICE)
      end)
      assert.equal("started", thread())
      assert.equal(cloud.SOCKET, thread().id)
      local ok, result = pcall(client.get, client, DEVICE)
      assert.is_true(ok)
      assert.equal(cloud.SOCKET, result.id)
   end)
end)

describe("retries", function()
   -- a cloud whose first `failures` answers to business calls fail in one way
   local function failing(failures, code, sent)
      return cloud.new(nil, function(request, answer)
         if request.target:find("token", 1, true) or failures == 0 then return answer() end
         failures = failures - 1
         return nil, code, sent
      end)
   end

   local function sends(made)
      return #made.transport.requests - 1 -- without the token call
   end

   it("repeat what did not leave, each time signed anew", function()
      local made = failing(2, "connect", "no")
      assert(made.client:post(DEVICE .. "/commands", { commands = { { code = "switch", value = true } } }))
      assert.equal(3, sends(made))
      local first, last = made.transport.requests[2].headers, made.transport.requests[4].headers
      assert.not_equal(first.nonce, last.nonce)
      assert.not_equal(first.sign, last.sign)
      assert.is_true(tonumber(last.t) > tonumber(first.t))
   end)

   it("never repeat a command that may have arrived", function()
      local made = failing(1, "reset", "maybe")
      local result, message, detail = made.client:post(DEVICE .. "/commands", { commands = {} })
      assert.is_nil(result)
      assert.equal("POST " .. DEVICE .. "/commands: the fake transport was told to fail", message)
      assert.equal("network", detail.kind)
      assert.equal("reset", detail.code)
      assert.equal("maybe", detail.sent)
      assert.equal(1, detail.attempts)
      assert.equal(1, sends(made))
   end)

   it("repeat a GET, and a command marked idempotent", function()
      local made = failing(1, "reset", "maybe")
      assert(made.client:get(DEVICE))
      assert.equal(2, sends(made))
      made = failing(1, "reset", "maybe")
      assert(made.client:post(DEVICE .. "/commands", { commands = { { code = "switch", value = true } } },
         { idempotent = true }))
      assert.equal(2, sends(made))
      made = failing(1, "reset", "maybe")
      assert.is_nil((made.client:get(DEVICE, nil, { idempotent = false })))
   end)

   it("end after `retries`", function()
      local made = failing(100, "connect", "no")
      local _, _, detail = made.client:get(DEVICE)
      assert.equal(4, detail.attempts)
      assert.equal(4, sends(made))
      made = failing(100, "connect", "no")
      _, _, detail = made.client:get(DEVICE, nil, { retries = 0 })
      assert.equal(1, detail.attempts)
   end)

   it("end at the timeout, with the last real failure", function()
      local made = cloud.new(nil, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         return nil, "dns", "no"
      end)
      local _, _, detail = made.client:get(DEVICE, nil, { retries = 1000, timeout = 3 })
      assert.equal("dns", detail.code)
      assert.is_true(made.transport:now() - 1700000000 <= 3.001)
   end)
end)

describe("a device", function()
   it("is switched and read by names", function()
      local made = cloud.new()
      local plug = made.client:device(cloud.SOCKET)
      assert.is_true(plug:send { switch = true, countdown_1 = 60 })
      local status = assert(plug:status())
      assert.is_true(status.switch)
      assert.equal(60, status.countdown_1)
      assert.is_true(plug:send { { code = "switch", value = false } })
      assert.is_false(plug:status().switch)
   end)

   it("sends the same table as the same body, sorted by code", function()
      local made = cloud.new()
      made.client:device(cloud.SOCKET):send { switch = true, countdown_1 = 60 }
      local body = require("tuya.json").decode(made.transport.requests[3].body)
      assert.same({ commands = { { code = "countdown_1", value = 60 }, { code = "switch", value = true } } }, body)
   end)

   it("passes on what the cloud refuses", function()
      local plug = cloud.new().client:device(cloud.SOCKET)
      local result, _, detail = plug:send({ nonsense = 1 }, { check = false })
      assert.is_nil(result)
      assert.equal(2008, detail.code)
      result, _, detail = cloud.new().client:device("unknown"):status()
      assert.is_nil(result)
      assert.equal(1106, detail.code)
   end)
end)

describe("log", function()
   it("tells of calls, replies, renewals and retries, and may call the client itself", function()
      local events = {}
      local made
      made = cloud.new({ log = function(event)
         events[#events + 1] = event.event
         if #events == 1 then made.client:get(DEVICE) end
      end })
      assert(made.client:get(DEVICE))
      local seen = {}
      for _, event in ipairs(events) do seen[event] = true end
      assert.same({ renew = true, call = true, reply = true }, seen)
   end)

   it("that raises harms no call", function()
      local made = cloud.new { log = function() error("no disk") end }
      assert(made.client:get(DEVICE))
   end)
end)

describe("a function of the caller's that fails in mid-call", function()
   local function client_with(changes)
      local made = cloud.new()
      local options_given = {
         access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT, transport = made.transport,
         clock = made.transport:clock(),
      }
      for name, value in pairs(changes) do options_given[name] = value end
      return tuya.client(options_given)
   end

   it("ends that call alone, at the caller's line", function()
      local broken
      local client = client_with {
         clock = function() return broken == "clock" and 5 or 1700000000000 end,
         nonce = function()
            if broken == "nonce" then error("no nonce") end
            return broken == "number" and 5 or "n"
         end,
      }
      local texts = { clock = "t: must be milliseconds", nonce = "no nonce", number = "nonce: a string expected" }
      for what, text in pairs(texts) do
         broken = what
         local line = debug.getinfo(1, "l").currentline + 1
         local _, message = pcall(function() client:get(DEVICE) end)
         assert.matches("07_client_spec.lua:" .. line .. ": tuya.client:get: ", message, 1, true)
         assert.matches(text, message, 1, true)
         assert.is_nil(message:find("\n", 1, true))
         broken = nil
         assert(client:get(DEVICE))
      end
   end)

   it("and a clock with fractions is taken by its milliseconds", function()
      assert(client_with({ clock = function() return 1700000000000.75 end }):get(DEVICE))
   end)
end)

describe("a client that nobody holds", function()
   it("is not collected, and closed, in mid-call", function()
      local made = cloud.new()
      local junk
      for _ = 1, 400 do
         local function make()
            return tuya.client {
               access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT,
               transport = made.transport, clock = made.transport:clock(),
            }
         end
         assert(make():get(DEVICE))
         assert(make():device(cloud.SOCKET):status())
         junk = { {}, {}, {} }
      end
      assert.is_table(junk)
   end)
end)

describe("what the world sends", function()
   local function answering(body)
      return cloud.new(nil, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         return { status = 200, headers = {}, body = body }
      end).client
   end

   it("never raises: odd lists, odd trace ids, no body", function()
      for _, result in ipairs { "true", "5", '"x"', "[1]", '[{"value":1}]', "false" } do
         local values, message, detail = answering('{"success":true,"result":' .. result .. "}"):device("x"):status()
         assert.is_nil(values)
         assert.matches("the answer has not the form that this call answers in", message, 1, true)
         assert.equal("http", detail.kind)
      end
      local _, message = answering('{"success":false,"code":5,"msg":"a\\nb","tid":{}}'):get("/x")
      assert.equal("GET /x: a b (5)", message)
      _, message = answering(nil):get("/x")
      assert.equal("GET /x: HTTP 200: an empty answer", message)
   end)

   it("may be the answer to a HEAD, without a body", function()
      assert.is_true((answering(""):request { method = "HEAD", path = "/x" }))
   end)

   it("may be a refresh token that fits no path", function()
      local made = cloud.new(nil, function(_, answer)
         local reply = answer()
         reply.body = reply.body:gsub('"refresh_token":"%x+"', '"refresh_token":"a/../b?c"')
         return reply
      end)
      assert(made.client:get(DEVICE))
      made.simulator:expire_token()
      assert(made.client:get(DEVICE))
   end)
end)

describe("detail.sent", function()
   it("tells how far the call got in any of its tries", function()
      local tries = 0
      local made = cloud.new(nil, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         tries = tries + 1
         if tries == 1 then return nil, "reset", "yes" end
         return nil, "connect", "no"
      end)
      local _, _, detail = made.client:request { method = "POST", path = "/x", idempotent = true }
      assert.equal("yes", detail.sent)
      assert.equal(4, detail.attempts)
   end)
end)

describe("a log function", function()
   it("that yields is left where it stands", function()
      local made = cloud.new { log = function() coroutine.yield() end }
      coroutine.wrap(function() made.client:get(DEVICE) end)()
      assert(made.client:get(DEVICE))
   end)
end)

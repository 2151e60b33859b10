-- Logging in: an app account, a user of an industry project, and an owner who authorizes, as ways to a token.
local cloud = require("spec.support.cloud")
local json = require("tuya.json")
local tuya = require("tuya")
local count = cloud.count

local STATUS = "/v1.0/devices/" .. cloud.SOCKET .. "/status"
local LOGIN = "/v1.0/iot-01/associated-users/actions/authorized-login"
local LOGINS = LOGIN:gsub("%-", "%%-")
local UID = "bay1563811262429Simu"
local PASSWORD = "a house in 2024"

local function account(changes)
   local given = { username = "owner@example.com", password = PASSWORD, country_code = "49", schema = "tuyaSmart" }
   for name, value in pairs(changes or {}) do given[name] = value or nil end
   return given
end

local function refusing(code, message, wanted)
   return function(sent, answer)
      if not sent.target:find(wanted, 1, true) then return answer() end
      return { status = 200, headers = {}, body = json.encode { success = false, code = code, msg = message, t = 1 } }
   end
end

-- A second client of the same project, store and simulated cloud.
local function another(made, login)
   return tuya.client {
      access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT, transport = made.transport,
      clock = made.transport:clock(), store = made.store, login = login,
   }
end

describe("an app account", function()
   it("logs in where a token is first needed, once, with the password's MD5", function()
      local made = cloud.new { login = account() }
      assert(made.client:get(STATUS))
      assert(made.client:get(STATUS))
      assert.same({ "POST " .. LOGIN, "GET " .. STATUS, "GET " .. STATUS }, cloud.sent(made))
      local first = made.transport.requests[1]
      assert.same({
         username = "owner@example.com", country_code = 49, schema = "tuyaSmart",
         password = require("tuya.core").md5(PASSWORD),
      }, json.decode(first.body))
      assert.is_nil(first.headers.access_token)
   end)

   it("says whose token it is", function()
      local made = cloud.new { login = account() }
      assert.equal(UID, made.client:uid())
      assert.equal(1, #made.transport.requests)
      assert.is_table(made.client:devices({ uid = made.client:uid() }):all())
      assert.equal("1001", made.client:homes()[1].id)
      assert.equal("GET /v1.0/users/" .. UID .. "/homes", cloud.sent(made)[#made.transport.requests])
   end)

   it("is renewed by its refresh token", function()
      local made = cloud.new { login = account() }
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      assert(made.client:get(STATUS))
      assert.equal(1, count(made, LOGINS))
      assert.equal(1, count(made, "GET /v1.0/token/%x+$"))
      assert.equal(0, count(made, "GET /v1.0/token$"))
      assert.equal(UID, made.client:uid())
   end)

   it("logs in again by itself where the refresh token is used up", function()
      local made = cloud.new { login = account() }
      assert(made.client:get(STATUS))
      made.simulator:expire_login(UID, true)
      assert(made.client:get(STATUS))
      assert.same({
         "POST " .. LOGIN, "GET " .. STATUS,
         "GET " .. STATUS, "GET " .. cloud.sent(made)[4]:match("/.*"), "POST " .. LOGIN, "GET " .. STATUS,
      }, cloud.sent(made))
   end)

   it("whose token another log-in has revoked comes through", function()
      local made = cloud.new { login = account() }
      assert(made.client:get(STATUS))
      local other = cloud.new { login = account() }
      other.simulator = made.simulator -- another program, with a store of its own
      assert(other.client:get(STATUS))
      assert(made.client:get(STATUS))
   end)

   it("is shared by the clients of a store, and apart from other accounts and the project's own token", function()
      local made = cloud.new { login = account() }
      assert(made.client:get(STATUS))
      assert(another(made, account()):get(STATUS))
      assert(another(made, account { password = false }):get(STATUS))
      assert.equal(1, count(made, LOGINS))
      assert(another(made, nil):get(STATUS))
      assert.equal(1, count(made, "GET /v1.0/token$"))
      local _, _, detail = another(made, account { country_code = "1", password = false }):get(STATUS)
      assert.equal("login password", detail.kind .. " " .. detail.code)
      assert.matches("log in", detail.advice)
   end)

   it("does not refresh where a signature is refused", function()
      local made = cloud.new({ login = account() }, refusing(1004, "sign invalid", "status"))
      local _, _, detail = made.client:get(STATUS)
      assert.equal(1004, detail.code)
      assert.equal(0, count(made, "/token/"))
      assert.equal(1, count(made, LOGINS))
   end)

   local REFUSALS = {
      { "a wrong password", account { password = "wrong" }, 2401, "username or password wrong", "country code" },
      { "an unknown user name", account { username = "nobody" }, 2401, "username or password wrong", "country code" },
      { "another country's code", account { country_code = 1 }, 2402, "country code", "app account was made" },
      { "another app's schema", account { schema = "smartlife" }, 2017, "schema does not exist", "schema" },
   }
   for _, case in ipairs(REFUSALS) do
      it("with " .. case[1] .. " is refused, with advice, and not tried again for a minute", function()
         local made = cloud.new { login = case[2] }
         for _ = 1, 3 do
            local result, message, detail = made.client:get(STATUS)
            assert.is_nil(result)
            assert.equal(case[3], detail.code)
            assert.equal("no", detail.sent)
            assert.matches("^POST " .. LOGINS .. ": " .. case[4], message)
            assert.matches(case[5], detail.advice, 1, true)
         end
         made.transport:sleep(58)
         made.client:get(STATUS)
         assert.equal(1, #made.transport.requests)
         made.transport:sleep(3)
         made.client:get(STATUS)
         assert.equal(2, #made.transport.requests)
      end)
   end

   it("logs in again where nobody knows whether it has: a password works twice", function()
      local is_cut = true
      local made = cloud.new({ login = account() }, function(sent, answer)
         if not is_cut or not sent.target:find(LOGIN, 1, true) then return answer() end
         is_cut = false
         return nil, "reset", "maybe"
      end)
      assert(made.client:get(STATUS))
      assert.equal(2, count(made, LOGINS))
   end)

   it("waits ten seconds for a refresh, by when others may take it over, once more, and no longer", function()
      local made = cloud.new({ login = account() }, function(sent, answer)
         local reply = answer()
         if sent.target:find("/token/", 1, true) then reply.delay = 40 end
         return reply
      end)
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      local before = made.transport:now()
      assert.equal("timeout", select(3, made.client:get(STATUS, nil, { timeout = 60 })).code)
      assert.is_true(made.transport:now() - before < 21)
   end)

   it("that is not linked to the project is told what helps", function()
      local made = cloud.new({ login = account() }, refusing(2406, "skill id invalid", LOGIN))
      local _, _, detail = made.client:get(STATUS)
      assert.equal(2406, detail.code)
      assert.matches("data centre", detail.advice)
      assert.matches("linked", detail.advice)
   end)

   it("is tried again at once where the cloud was only busy", function()
      local made = cloud.new({ login = account(), retries = 0 }, refusing(1111, "system busy", LOGIN))
      made.client:get(STATUS)
      made.client:get(STATUS)
      assert.equal(2, #made.transport.requests)
   end)

   it("logs in, in the same call, where the answer to a refresh was lost", function()
      local lost = false
      local made = cloud.new({ login = account() }, function(sent, answer)
         local reply = answer()
         if lost or not sent.target:find("/token/", 1, true) then return reply end
         lost = true
         return nil, "reset", "maybe"
      end)
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      assert(made.client:get(STATUS))
      assert.equal(2, count(made, "/token/"))
      assert.equal(2, count(made, LOGINS))
   end)

   it("is not taken over in a refresh that takes seconds: a refresh token works once", function()
      local made = cloud.new({ login = account() }, function(sent, answer)
         local reply = answer()
         if sent.target:find("/token/", 1, true) then reply.delay = 8 end
         return reply
      end)
      local other = another(made, account { password = false })
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      local answered = 0
      for _, client in ipairs { made.client, other } do
         client:start({ method = "GET", path = STATUS }, function(result) answered = answered + (result and 1 or 0) end)
      end
      while made.client:tick() + other:tick() > 0 do made.transport:sleep(0.05) end
      assert.equal(2, answered)
      assert.equal(1, count(made, "/token/"))
   end)

   it("sees the own home, and no other user's", function()
      local made = cloud.new { login = account() }
      assert(made.client:get("/v1.0/users/" .. UID .. "/homes"))
      local _, _, detail = made.client:get("/v1.0/users/somebody/homes")
      assert.equal(1106, detail.code)
   end)

   it("logs in on a clock that is an hour off, as every call does", function()
      for _, off in ipairs { -3600000, 3600000 } do
         local made = cloud.new { login = account(), clock = function() return 1700000000000 + off end }
         assert(made.client:get(STATUS))
         assert.same({ "POST " .. LOGIN, "POST " .. LOGIN, "GET " .. STATUS }, cloud.sent(made))
      end
   end)

   it("logs in in tasks, once for all of them", function()
      local made = cloud.new { login = account() }
      local tasks, uids = require("tuya.scheduler").new(made.client), {}
      for i = 1, 5 do tasks:spawn(function() uids[i] = made.client:uid() end) end
      while tasks:tick(1) > 0 do end -- luacheck: ignore 542
      assert.same({ UID, UID, UID, UID, UID }, uids)
      assert.equal(1, #made.transport.requests)
   end)

   it("logs in in ticks too, once for many", function()
      local made = cloud.new { login = account() }
      local answered = 0
      for _ = 1, 20 do
         made.client:start({ method = "GET", path = STATUS }, function(result)
            answered = answered + (result and 1 or 0)
         end)
      end
      while made.client:tick(1) > 0 do end -- luacheck: ignore 542
      assert.equal(20, answered)
      assert.equal(1, count(made, LOGINS))
   end)
end)

describe("the data centre of an account", function()
   local function moved(endpoint, platform_url)
      local seen = {}
      local made = cloud.new({ login = account(), endpoint = endpoint }, function(sent, answer)
         seen[#seen + 1] = (sent.endpoint or "own") .. " " .. sent.target:match("^[^?]*")
         if not sent.target:find(LOGIN, 1, true) then return answer() end
         local reply = answer()
         local body = json.decode(reply.body)
         body.result.platform_url = platform_url
         reply.body = json.encode(body)
         return reply
      end)
      return made, seen
   end

   it("is asked first by the country, where nothing else says so", function()
      local regions = require("tuya.regions")
      assert.equal("eu", regions.of_country("49"))
      assert.equal("us", regions.of_country("1"))
      assert.equal("cn", regions.of_country("86"))
      assert.equal("in", regions.of_country("91"))
      assert.is_nil(regions.of_country("4"))
      local login = require("tuya.login")
      assert.equal("https://openapi.tuyaeu.com", login.endpoint(account { country_code = "+49" }))
      assert.is_nil(login.endpoint(account { country_code = 4 }))
   end)

   it("is moved to where the answer says, by later clients too, and the refresh goes there", function()
      local made, seen = moved("https://openapi.tuyaus.com", "https://openapi.tuyaeu.com/")
      assert(made.client:get(STATUS))
      assert.same({ "own " .. LOGIN, "https://openapi.tuyaeu.com " .. STATUS }, seen)
      local later = tuya.client {
         access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = "https://openapi.tuyaus.com",
         transport = made.transport, clock = made.transport:clock(), store = made.store, login = account(),
      }
      assert(later:get(STATUS))
      assert.equal("https://openapi.tuyaeu.com " .. STATUS, seen[3])
      made.transport:sleep(7201)
      assert(later:get(STATUS))
      assert.matches("^https://openapi.tuyaeu.com /v1.0/token/%x+$", seen[4])
      assert.equal("https://openapi.tuyaeu.com " .. STATUS, seen[5])
   end)

   local STRANGERS = {
      "https://openapi.tuyaeu.com.evil.example", "https://openapi.tuyaeu.com@evil.example", "http://openapi.tuyaeu.com",
      "https://evil.example/openapi.tuyaeu.com", "https://127.0.0.1", "openapi.tuyaeu.com",
      "https://openapi.tuyaeu.com:444", "javascript:alert(1)", "https://evil.example#https://openapi.tuyaeu.com",
   }
   for _, stranger in ipairs(STRANGERS) do
      it("is never one that the answer makes up: " .. stranger, function()
         local made, seen = moved("https://openapi.tuyaus.com", stranger)
         local result, message, detail = made.client:get(STATUS)
         assert.is_nil(result)
         assert.equal("login platform_url", detail.kind .. " " .. detail.code)
         assert.matches(stranger, message, 1, true)
         assert.matches("endpoint", detail.advice)
         assert.same({ "own " .. LOGIN }, seen)
      end)
   end

   local PLACES = { -- own, named, where the call goes
      { "https://cloud.test", "https://openapi.tuyaeu.com", "own" }, -- a proxy of one's own
      { "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:2" }, -- two simulated clouds
      { "http://127.0.0.1:1", "http://127.0.0.1:1/", "own" },
      { "http://127.0.0.1:1", "https://127.0.0.1:2", "own" },
      { "http://127.0.0.1:1", "https://openapi.tuyaeu.com", "own" },
      { "http://127.0.0.1:1", "http://evil.example", "own" },
      { "https://openapi.tuyaus.com/", "https://openapi.tuyaus.com:443", "own" },
      { "https://openapi.tuyaus.com", "HTTPS://OpenAPI.TuyaEU.com", "https://openapi.tuyaeu.com" },
   }
   for _, case in ipairs(PLACES) do
      it(("at %s that names %s is at %s"):format(case[1], case[2], case[3]), function()
         local made, seen = moved(case[1], case[2])
         assert(made.client:get(STATUS))
         assert.equal(case[3] .. " " .. STATUS, seen[2])
      end)
   end
end)

describe("messages of an account", function()
   -- The host that a client's events connect to, and how their stream stands.
   local function host_of(login, endpoint, platform_url, intercept)
      local hosts = {}
      local made = cloud.new({ login = login, endpoint = endpoint }, function(sent, answer)
         local reply = intercept and intercept(sent) or answer()
         return reply
      end)
      made.simulator._platform_url = platform_url
      made.transport.websocket = require("tuya.transport.fake").new(function() end, nil, function(request)
         hosts[#hosts + 1] = request.headers.host
         local function nothing() end
         return { take = nothing, hear = nothing, is_over = nothing, close = nothing }
      end).websocket
      local stream = made.client:events { via = "pulsar" }
      for _ = 1, 5 do made.client:tick(0) end
      return hosts, stream, made
   end

   it("come from the data centre that it is at, not from the one that was asked first", function()
      for platform, host in pairs {
         ["https://openapi.tuyaeu.com"] = "mqe.tuyaeu.com:8285", ["https://openapi.tuyacn.com"] = "mqe.tuyacn.com:8285",
         ["https://openapi-weaz.tuyaeu.com"] = "mqe.tuyaeu.com:8285",
         ["https://openapi.tuyain.com"] = "mqe.tuyain.com:8285",
         ["https://openapi-sg.iotbing.com"] = "mqe-sg.iotbing.com:8285",
         ["https://openapi-ueaz.tuyaus.com"] = "mqe.tuyaus.com:8285",
      } do
         local hosts, stream = host_of(account(), "https://openapi.tuyaus.com", platform)
         assert.same({ host }, hosts)
         assert.equal("open", stream:status().state)
      end
      assert.same({ "mqe.tuyaus.com:8285" }, (host_of(account(), "https://openapi.tuyaus.com", nil)))
      assert.same({ "127.0.0.1:2" }, (host_of(account(), "http://127.0.0.1:1", "http://127.0.0.1:2")))
   end)

   it("are asked for where the program says so, and by the project's own token at the first", function()
      local hosts, _, made = host_of(nil, "https://openapi.tuyaus.com", "https://openapi.tuyaeu.com")
      assert.same({ "mqe.tuyaus.com:8285" }, hosts)
      assert.same({}, cloud.sent(made)) -- and no token is needed for that
   end)

   it("wait for a log-in that is refused: nobody knows where they are", function()
      local refused = true
      local hosts, stream, made = host_of(account(), "https://openapi.tuyaus.com", "https://openapi.tuyaeu.com",
         function(sent)
            if not refused or not sent.target:find(LOGIN, 1, true) then return nil end
            return { status = 200, headers = {}, body = '{"success":false,"code":2401,"msg":"wrong"}' }
         end)
      assert.same({}, hosts)
      local status = stream:status()
      assert.same({ "waiting", "api", 2401 }, { status.state, status.error, status.code })
      refused = false
      made.transport:sleep(120)
      for _ = 1, 5 do made.client:tick(0) end
      assert.same({ "mqe.tuyaeu.com:8285" }, hosts)
      stream:close()
   end)
end)

describe("an owner who authorizes", function()
   local REDIRECT = "https://home.example/back"

   local function by_code(changes, intercept)
      local made = cloud.new(nil, intercept)
      made.code = made.simulator:authorize()
      changes = changes or {}
      changes.code = made.code
      made.own = another(made, changes)
      return made
   end

   it("gives a code that is used once, and the token is refreshed after that", function()
      local made = by_code()
      assert(made.own:get(STATUS))
      assert.equal(UID, made.own:uid())
      assert.equal("/v1.0/token?code=" .. made.code .. "&grant_type=2", made.transport.requests[1].target)
      made.transport:sleep(7201)
      assert(made.own:get(STATUS))
      assert.equal(1, count(made, "GET /v1.0/token$"))
      assert.equal(1, count(made, "GET /v1.0/token/%x+$"))
   end)

   it("need not again after a restart with the same code", function()
      local made = by_code()
      assert(made.own:get(STATUS))
      assert(another(made, { code = made.code }):get(STATUS))
      made.transport:sleep(7201)
      assert(another(made, { code = made.code }):get(STATUS))
      assert(another(made, { code = made.code }):get(STATUS)) -- after a refresh, too
      assert.equal(1, count(made, "GET /v1.0/token$"))
   end)

   it("is asked by a new code at once, though the token of an old one lives", function()
      local made = by_code { account = "anna" }
      assert(made.own:get(STATUS))
      assert(another(made, { account = "anna", code = made.simulator:authorize() }):get(STATUS))
      assert.equal(2, count(made, "GET /v1.0/token$"))
   end)

   it("is found under a name of one's own", function()
      local made = by_code { account = "anna" }
      assert(made.own:get(STATUS))
      assert(another(made, { account = "anna" }):get(STATUS))
      assert.equal(1, count(made, "GET /v1.0/token"))
      local _, _, detail = another(made, { account = "bert" }):get(STATUS)
      assert.equal("login authorize", detail.kind .. " " .. detail.code)
      assert.matches("authoriz", detail.advice)
   end)

   it("has to again where the refresh token is used up, and a new code is taken", function()
      local made = by_code { account = "anna" }
      assert(made.own:get(STATUS))
      made.simulator:expire_login(UID, true)
      local result, message, detail = made.own:get(STATUS)
      assert.is_nil(result)
      assert.equal("login authorize", detail.kind .. " " .. detail.code)
      assert.equal(1010, detail.cause)
      local sent = #made.transport.requests
      made.transport:sleep(7201)
      assert.equal("authorize", select(3, made.own:get(STATUS)).code)
      assert.equal(sent, #made.transport.requests) -- no word of the cloud would be another
      assert.matches("the owner has to authorize again: token invalid", message, 1, true)
      local code = made.simulator:authorize()
      assert(another(made, { account = "anna", code = code }):get(STATUS))
      assert(made.own:get(STATUS))
   end)

   -- The first answers to a refresh are lost; `arrives`: the cloud has carried it out all the same.
   local function losing(answers, arrives)
      local lost = 0
      local made = by_code(nil, function(sent, answer)
         if not sent.target:find("/token/", 1, true) or lost == answers then return answer() end
         lost = lost + 1
         if arrives then answer() end
         return nil, "timeout", "maybe"
      end)
      assert(made.own:get(STATUS))
      made.transport:sleep(7201)
      return made
   end

   it("need not again where a refresh was lost on its way: it is sent once more, in the same call", function()
      local made = losing(1, false)
      assert(made.own:get(STATUS))
      assert.equal(2, count(made, "GET /v1.0/token/%x+$"))
      assert(made.own:get(STATUS))
      assert.equal(2, count(made, "GET /v1.0/token/%x+$"))
      made = losing(2, false)
      assert.equal("timeout", select(3, made.own:get(STATUS)).code)
      assert.equal(2, count(made, "GET /v1.0/token/%x+$"))
      assert(made.own:get(STATUS))
   end)

   it("has to again where the answer to a refresh was lost, and is told so", function()
      local made = losing(1, true)
      local _, message, detail = made.own:get(STATUS)
      assert.equal("login authorize", detail.kind .. " " .. detail.code)
      assert.matches("the answer to a refresh was lost", message, 1, true)
      assert.equal(2, count(made, "GET /v1.0/token/%x+$"))
      assert.equal("authorize", select(3, made.own:get(STATUS)).code)
      assert.equal(2, count(made, "GET /v1.0/token/%x+$"))
      made = losing(2, true) -- as many as a call sends: the next call finds out
      assert.equal("timeout", select(3, made.own:get(STATUS)).code)
      _, message = made.own:get(STATUS)
      assert.matches("the answer to a refresh was lost", message, 1, true)
   end)

   it("with a code that is used up goes on by what the store has, if it has anything", function()
      local made = by_code { account = "anna" }
      assert(made.own:get(STATUS))
      assert(another(made, { account = "anna", code = "0123456789abcdef" }):get(STATUS))
      assert.equal(0, count(made, "GET /v1.0/token/%x+$")) -- that is good as it is
      local _, message, detail = another(made, { code = "0123456789abcdef" }):get(STATUS)
      assert.equal("login authorize", detail.kind .. " " .. detail.code)
      assert.equal(1107, detail.cause)
      assert.matches("code invalid", message)
      assert.is_nil(message:find("0123456789abcdef", 1, true))
   end)

   it("has 300 s for it", function()
      local made = by_code()
      made.transport:sleep(301)
      local _, _, detail = made.own:get(STATUS)
      assert.equal(1107, detail.cause)
   end)

   it("is not asked again for what passes: the code is kept", function()
      local failing = true
      local made
      made = by_code(nil, function(_, answer)
         if failing then return nil, "connect", "no" end
         return answer()
      end)
      local _, _, detail = made.own:get(STATUS)
      assert.equal("network", detail.kind)
      failing = false
      assert(made.own:get(STATUS))
   end)

   it("may bring a refresh token from elsewhere instead", function()
      local made = by_code()
      assert(made.own:get(STATUS))
      local refresh = json.decode(made.simulator:handle {
         method = "GET", target = made.transport.requests[2].target, headers = made.transport.requests[2].headers,
      }.body) and made.store:load("token " .. cloud.ID .. " " .. cloud.ENDPOINT)
      assert.is_nil(refresh) -- the project's own record is another's
      local fresh = cloud.new()
      local pair = fresh.simulator._projects.list[1].sessions:open(UID, "code", fresh.transport:clock()())
      local own = another(fresh, { refresh_token = pair.refresh_token })
      assert(own:get(STATUS))
      assert(another(fresh, { refresh_token = pair.refresh_token }):get(STATUS))
      assert.equal(1, count(fresh, "/token/"))
   end)

   it("comes from a page that redirects with a code and what it was given", function()
      local made = cloud.new()
      local sim = require("tuya.simulator").new {
         access_id = cloud.ID, access_secret = cloud.SECRET, clock = made.transport:clock(), callback_url = REDIRECT,
      }
      made.simulator = sim
      local function visit(query) return sim:handle { method = "GET", target = "/login?" .. query, headers = {} } end
      local reply = visit("client_id=" .. cloud.ID .. "&redirect_uri=https%3A%2F%2Fhome.example%2Fback&state=a%20b")
      assert.equal(302, reply.status)
      local code = reply.headers.Location:match("^https://home.example/back%?code=(%x+)&state=a%%20b$")
      assert(another(made, { code = code }):get(STATUS))
      local url = made.client:authorization_url { redirect_uri = REDIRECT, state = "a b" }
      assert.equal(302, visit(url:match("^https://cloud.test/login%?(.*)$")).status)
      assert.equal(400, visit("client_id=" .. cloud.ID .. "&redirect_uri=https%3A%2F%2Fevil.example").status)
      assert.equal(400, visit("client_id=other&redirect_uri=https%3A%2F%2Fhome.example%2Fback").status)
   end)
end)

describe("the page of authorization", function()
   it("wants a callback URL and a state", function()
      local client = cloud.new().client
      for given, rule in pairs {
         [{ state = "x" }] = "redirect_uri", [{ redirect_uri = "x", state = "x" }] = "redirect_uri",
         [{ redirect_uri = "https://x" }] = "state: a word", [{ uri = "https://x" }] = "uri: unknown option",
         [{ redirect_uri = "https://x", state = "" }] = "state: 1 to 256 bytes", [5] = "a table of options expected",
      } do
         local ok, message = pcall(client.authorization_url, client, given)
         assert.is_false(ok)
         assert.matches("tuya.client:authorization_url: .*" .. rule, message)
      end
   end)
end)

describe("a user of an industry project", function()
   it("logs in with the password's SHA-256, and is refreshed by the call of its own", function()
      local home = {
         uid = "user1", account = { username = "janitor", password = "keys" },
         devices = require("tuya.simulator.small_home").devices,
      }
      local made = cloud.new({ login = { username = "janitor", password = "keys" } }, nil, home)
      assert(made.client:get(STATUS))
      assert.equal("user1", made.client:uid())
      local body = json.decode(made.transport.requests[1].body)
      assert.same({ username = "janitor", password = require("tuya.core").sha256("keys") }, body)
      made.transport:sleep(7201)
      assert(made.client:get(STATUS))
      local sent = cloud.sent(made)
      assert.equal("POST /v1.0/iot-03/users/login", sent[1])
      assert.matches("^POST /v1.0/iot%-03/users/token/%x+$", sent[3])
   end)
end)

describe("what logs in", function()
   local WRONG = {
      { {}, "one of username, code, refresh_token and account" },
      { { usernam = "x" }, "did you mean username?" },
      { { username = 1 }, "username: string expected" },
      { { username = "x", country_code = "49" }, "both" },
      { { username = "x", schema = "y" }, "both" },
      { { username = "x", country_code = "Germany", schema = "y" }, "the number that people dial" },
      { { username = "x", country_code = 4.5, schema = "y" }, "the number that people dial" },
      { { username = "x", country_code = "4912345", schema = "y" }, "the number that people dial" },
      { { username = "x", country_code = -49, schema = "y" }, "the number that people dial" },
      { { username = "", password = "y" }, "username: 1 to 256 bytes" },
      { { username = "x", password = "" }, "password: 1 to 256 bytes" },
      { { username = "x", password = "a\nb" }, "without control bytes" },
      { { username = "x", code = "y" }, "given beside username" },
      { { code = "x", refresh_token = "y" }, "given beside refresh_token" },
      { { code = "x", password = "y" }, "goes with username" },
      { { refresh_token = "a/b" }, "what no token has" },
   }
   for _, case in ipairs(WRONG) do
      it("is refused at the caller's line: " .. case[2], function()
         local ok, message = pcall(cloud.new, { login = case[1] })
         assert.is_false(ok)
         assert.matches("login: ", message, 1, true)
         assert.matches(case[2], message, 1, true)
         assert.is_nil(message:find("a/b", 1, true))
      end)
   end

   it("is a table", function()
      assert.has_error(function() cloud.new { login = "x" } end, "tuya.client: login: table expected, got string")
   end)
end)

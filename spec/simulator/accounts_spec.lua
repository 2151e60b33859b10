-- Accounts, codes and sessions of the simulated cloud, asked by requests that luaossl signs.
local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")
local digest = require("openssl.digest")

local LOGIN = "/v1.0/iot-01/associated-users/actions/authorized-login"
local STATUS = "/v1.0/devices/" .. support.SOCKET .. "/status"

local function md5(text)
   return (digest.new("md5"):final(text):gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
   end))
end

local function body(changes)
   local given = {
      username = "owner@example.com", password = md5("a house in 2024"), country_code = 49, schema = "tuyaSmart",
   }
   for name, value in pairs(changes or {}) do
      given[name] = value or nil
   end
   return support.encode(given)
end

local function log_in(client, changes, token)
   return client:ask({ method = "POST", target = LOGIN, body = body(changes), token = token or "" })
end

describe("an account of the simulated cloud", function()
   local client, told

   before_each(function()
      client = support.client({
         console = function(line)
            told = line
         end,
      })
   end)

   local function as(session, target)
      return client:ask({ target = target or STATUS, token = session.access_token })
   end

   it("logs in without a token, by an empty header or by none", function()
      local session = log_in(client).result
      assert.equal(support.UID, session.uid)
      assert.equal(7200, session.expire_time)
      assert.is_nil(session.platform_url)
      local request = support.signed({ method = "POST", target = LOGIN, body = body(), t = client.now })
      assert.is_nil(request.headers.access_token)
      assert.is_true(client:handle(request).success)
      assert.equal(1010, log_in(client, nil, "made up").code)
      assert.equal(1004, client:handle(support.signed({
         method = "POST", target = LOGIN, body = body(), t = client.now, token = "", secret = ("x"):rep(32),
      })).code)
   end)

   it("is refused for each thing that is wrong, and the console says what", function()
      for code, changes in pairs({
         [2401] = { password = md5("another") }, [2402] = { country_code = 1 }, [2017] = { schema = "smartlife" },
         [1109] = { password = false },
      }) do
         assert.equal(code, log_in(client, changes).code)
      end
      assert.equal(2401, log_in(client, { password = "a house in 2024" }).code)
      assert.matches("no digest", told)
      assert.is_nil(told:find("a house in 2024", 1, true))
      assert.equal(2401, log_in(client, { password = md5("a house in 2024"):upper() }).code)
      assert.equal(2402, log_in(client, { country_code = false }).code)
      assert.is_true(log_in(client, { country_code = "49" }).success)
   end)

   it("has one session, which the next log-in ends", function()
      local first = log_in(client).result
      assert.is_true(as(first).success)
      local second = log_in(client).result
      assert.equal(1010, as(first).code)
      assert.is_true(as(second).success)
      assert.is_true(client:get(STATUS).success) -- the project's own token is another
   end)

   it("has a refresh token that works once", function()
      local session = log_in(client).result
      local function refresh()
         return client:ask({ target = "/v1.0/token/" .. session.refresh_token })
      end
      local renewed = refresh().result
      assert.equal(support.UID, renewed.uid)
      assert.equal(1010, as(session).code)
      assert.is_true(as(renewed).success)
      assert.equal(1010, refresh().code)
      assert.equal(1010, client:ask({
         method = "POST", target = "/v1.0/iot-03/users/token/" .. renewed.refresh_token, token = "",
      }).code)
   end)

   it("keeps its session, and codes, in the state, and its password nowhere", function()
      local session = log_in(client).result
      local code = client.sim:authorize()
      local state = client.sim:state()
      assert.is_nil(state:find(md5("a house in 2024"), 1, true))
      client = support.client({ state = state })
      assert.is_true(as(session).success)
      assert.is_true(log_in(client).success)
      assert.is_true(client:ask({ target = "/v1.0/token?code=" .. code .. "&grant_type=2" }).success)
   end)

   it("that the project is not linked to, or that lives elsewhere, gets 2406", function()
      local function home(uid, account, data_centre)
         return { uid = uid, account = account, data_centre = data_centre, devices = {} }
      end
      local function account(name)
         return { username = name, password = "a house in 2024", country_code = "49", schema = "tuyaSmart" }
      end
      client = support.client({
         data_centre = "eu",
         projects = {
            users = { home("a", account("anna")), home("b", account("bert")), home("c", account("carl"), "us") },
            projects = { { access_id = support.ID, access_secret = support.SECRET, users = { "a", "c" } } },
         },
      })
      assert.is_true(log_in(client, { username = "anna" }).success)
      assert.equal(2406, log_in(client, { username = "bert" }).code)
      assert.equal(2406, log_in(client, { username = "carl" }).code)
   end)

   it("is refused where its description is not right", function()
      for rule, account in pairs({
         ["'password' is missing"] = { username = "x" },
         ["unknown member 'name'"] = { username = "x", password = "y", name = "z" },
         ["neither"] = { username = "x", password = "y", schema = "z" },
      }) do
         local made, message = require("tuya.simulator").new({
            access_id = "a", access_secret = "b", home = { devices = {}, account = account },
         })
         assert.is_nil(made)
         assert.matches(rule, message, 1, true)
      end
   end)
end)

describe("a code of the simulated cloud", function()
   it("works once, for its project, within 300 s", function()
      local client = support.client()
      local function use(code)
         return client:ask({ target = "/v1.0/token?code=" .. code .. "&grant_type=2" })
      end
      local code, late = client.sim:authorize(), client.sim:authorize(support.UID, support.ID)
      assert.equal(support.UID, use(code).result.uid)
      assert.equal(1107, use(code).code)
      assert.equal(1107, use("").code)
      assert.equal(1107, client:ask({ target = "/v1.0/token?grant_type=2" }).code)
      client.now = client.now + 300000
      assert.equal(1107, use(late).code)
      assert.has_error(function()
         client.sim:authorize("nobody")
      end, "no user 'nobody' in project 'nil'")
   end)
end)

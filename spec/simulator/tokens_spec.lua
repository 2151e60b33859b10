local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local signed = support.signed

describe("simulator: tokens", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   local function refresh(refresh_token)
      return cloud:handle(signed({ target = "/v1.0/token/" .. refresh_token, t = cloud.now }))
   end

   --- The code of a business call with this token; nil when it is taken.
   local function code_with(token)
      return cloud:ask({ target = "/v1.0/devices", token = token }).code
   end

   it("are a pair with its lifetime and the user", function()
      local envelope, reply = cloud:get("/v1.0/token?grant_type=1")
      local pair = envelope.result
      assert.truthy(pair.access_token:find("^[0-9a-f]+$"))
      assert.equal(32, #pair.access_token)
      assert.equal(32, #pair.refresh_token)
      assert.not_equal(pair.access_token, pair.refresh_token)
      assert.equal(support.UID, pair.uid)
      assert.truthy(reply.body:find('"expire_time":7200[,}]'))
   end)

   it("stay the same while they live, with the seconds that remain", function()
      local first = cloud:tokens()
      cloud.now = cloud.now + 6000000
      local second = cloud:tokens()
      assert.equal(first.access_token, second.access_token)
      assert.equal(first.refresh_token, second.refresh_token)
      assert.equal(1200, second.expire_time)
   end)

   it("die when their time is over, and then a get makes new ones", function()
      local first = cloud:tokens()
      cloud.now = cloud.now + 7199999
      assert.is_nil(code_with(first.access_token))
      cloud.now = cloud.now + 1
      assert.equal(1010, code_with(first.access_token))
      local second = cloud:tokens()
      assert.not_equal(first.access_token, second.access_token)
      assert.equal(7200, second.expire_time)
      assert.is_nil(code_with(second.access_token))
   end)

   it("never promise 0 seconds", function()
      local first = cloud:tokens()
      cloud.now = cloud.now + 7199500
      local second = cloud:tokens()
      assert.not_equal(first.access_token, second.access_token)
      assert.equal(7200, second.expire_time)
   end)

   it("live as long as token_ttl says", function()
      cloud = support.client({ token_ttl = 5 })
      assert.equal(5, cloud:tokens().expire_time)
      local token = cloud:token()
      cloud.now = cloud.now + 5000
      assert.equal(1010, code_with(token))
   end)

   it("are swapped by a refresh, which kills the pair before", function()
      local first = cloud:tokens()
      local second = refresh(first.refresh_token).result
      assert.not_equal(first.access_token, second.access_token)
      assert.not_equal(first.refresh_token, second.refresh_token)
      assert.equal(7200, second.expire_time)
      assert.equal(1010, code_with(first.access_token))
      assert.is_nil(code_with(second.access_token))
      assert.equal(1010, refresh(first.refresh_token).code)
      assert.equal(second.access_token, cloud:token())
   end)

   it("can be refreshed after their time, once", function()
      local first = cloud:tokens()
      cloud.now = cloud.now + 9000000
      assert.is_true(refresh(first.refresh_token).success)
      assert.equal(1010, refresh(first.refresh_token).code)
   end)

   it("are not refreshed by what is no refresh token", function()
      assert.equal(1010, refresh("x").code)
      local pair = cloud:tokens()
      assert.equal(1010, refresh(pair.access_token).code)
      assert.is_nil(code_with(pair.access_token))
   end)

   it("are got with a slash at the end too", function()
      assert.equal(cloud:token(), cloud:get("/v1.0/token/?grant_type=1").result.access_token)
   end)

   it("need grant_type 1", function()
      assert.equal(1003, cloud:get("/v1.0/token?grant_type=9").code)
      assert.equal(1003, cloud:get("/v1.0/token").code)
      assert.equal(1107, cloud:get("/v1.0/token?code=x&grant_type=2").code)
      assert.equal(1107, cloud:handle(signed({ target = "/v1.0/authorize_token?code=x" })).code)
   end)

   it("are not got by POST", function()
      assert.equal(1108, cloud:post("/v1.0/token?grant_type=1").code)
   end)

   it("die at expire_token, and their refresh token works on", function()
      local first = cloud:tokens()
      cloud.sim:expire_token()
      assert.equal(1010, code_with(first.access_token))
      assert.is_true(refresh(first.refresh_token).success)
      cloud.sim:expire_token()
      assert.is_nil(code_with(cloud:token()))
   end)

   it("may come from elsewhere", function()
      cloud = support.client({ accept_token = "issued-elsewhere" })
      assert.is_nil(code_with("issued-elsewhere"))
      assert.equal("issued-elsewhere", cloud:token())
      cloud.now = cloud.now + 7200000
      assert.equal(1010, code_with("issued-elsewhere"))
   end)

   it("are the same in each run with the same seed, and others with another", function()
      local again, other = support.client(), support.client({ seed = 2 })
      local token = cloud:token()
      assert.equal(token, again:token())
      assert.not_equal(token, other:token())
      assert.equal("664fe68b2f01cdffeb5cd477e1e225a8", cloud:tokens().refresh_token)
   end)

   it("are others in each run without a seed", function()
      local made = {}
      for i = 1, 2 do
         local sim = require("tuya.simulator").new({
            access_id = support.ID,
            access_secret = support.SECRET,
            clock = function()
               return support.START
            end,
         })
         local reply = sim:handle(signed({ target = "/v1.0/token?grant_type=1" }))
         made[i] = support.decode(reply.body).result.access_token
      end
      assert.not_equal(made[1], made[2])
   end)

   it("leave Lua's own random numbers alone", function()
      math.randomseed(42)
      local expected = { math.random(1000000), math.random(1000000) }
      math.randomseed(42)
      local first = math.random(1000000)
      cloud:tokens()
      assert.same(expected, { first, math.random(1000000) })
   end)
end)

describe("simulator: its log", function()
   it("lists method, path, code and t of each request, and what tells it from others", function()
      local cloud = support.client()
      local token = cloud:token()
      cloud.now = cloud.now + 5
      cloud:ask({ target = "/v1.0/devices?page_size=1", token = token })
      cloud:ask({ target = "/v1.0/nowhere", token = token })
      local signed_one = signed({
         method = "POST", target = "/x", token = token, nonce = "n1", body = "{}", t = cloud.now,
      })
      cloud:handle(signed_one)
      local log = cloud.sim:log()
      for i, entry in ipairs(log) do
         assert.equal(8, #entry.sign)
         log[i] = { entry.method, entry.path, entry.code, entry.t, entry.done, entry.bytes, entry.nonce }
      end
      assert.same({
         { "GET", "/v1.0/token", 0, support.START, true, 0 },
         { "GET", "/v1.0/devices", 0, support.START + 5, true, 0 },
         { "GET", "/v1.0/nowhere", 1108, support.START + 5, false, 0 },
         { "POST", "/x", 1108, support.START + 5, false, 2, "n1" },
      }, log)
      assert.equal(signed_one.headers.sign:sub(1, 8), cloud.sim:log()[4].sign)
   end)

   it("goes to a function too, before the answer is given", function()
      local entries = {}
      local cloud = support.client({
         log = function(entry)
            entries[#entries + 1] = entry
         end,
      })
      cloud:token()
      assert.same(cloud.sim:log(), entries)
   end)

   it("keeps the last thousand", function()
      local cloud = support.client()
      for i = 1, 1010 do
         cloud.sim:handle({ method = "GET", target = "/" .. i, headers = {} })
      end
      local log = cloud.sim:log()
      assert.equal(1000, #log)
      assert.equal("/11", log[1].path)
      assert.equal("/1010", log[1000].path)
   end)
end)

describe("simulator: its console", function()
   it("gets a line for each request, with nothing secret", function()
      local lines = {}
      local cloud = support.client({
         console = function(line)
            lines[#lines + 1] = line
         end,
      })
      local pair = cloud:tokens()
      cloud:ask({ target = "/v1.0/devices?page_size=1", token = pair.access_token })
      cloud:handle(signed({ target = "/v1.0/token/" .. pair.refresh_token, secret = "another" }))
      cloud:handle({ method = "GET", target = "/\27[31m", headers = {
         client_id = support.ID, t = "1700000000000", sign_method = "HMAC-SHA256", access_token = pair.access_token,
      } })
      assert.same({
         "GET /v1.0/token ok",
         "GET /v1.0/devices ok",
         "GET /v1.0/token/" .. pair.refresh_token:sub(1, 4) .. "... 1004 sign invalid (no known mistake explains it; "
            .. "most likely another secret was used)",
         "GET /?[31m 1105 missing the header (there is no header sign)",
      }, lines)
   end)
end)

local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local COMMANDS = "/v1.0/devices/" .. support.SOCKET .. "/commands"
local BODY = '{"commands":[{"code":"switch","value":true}]}'

--- A cloud that keeps its console's lines.
local function listening(options)
   local lines = {}
   local all = { console = function(line) lines[#lines + 1] = line end }
   for name, value in pairs(options or {}) do
      all[name] = value
   end
   return support.client(all), lines
end

--- A command whose body the signer has not seen.
local function unsigned_body(token)
   local request = support.signed({ method = "POST", target = COMMANDS, token = token, body = "{}" })
   request.body = BODY
   return request
end

describe("simulator: a refused call", function()
   it("says which mistake made its signature, in the envelope and on the console", function()
      local cloud, lines = listening()
      local envelope = cloud:handle(unsigned_body(cloud:token()))
      assert.equal(1004, envelope.code)
      assert.equal("sign invalid", envelope.msg)
      local diagnosis = envelope.diagnosis
      assert.equal("wrong", diagnosis.verdict)
      assert.same({ "signed-empty-object-but-real-body-sent" }, support.pluck(diagnosis.mistakes, "slug"))
      assert.truthy(diagnosis.text:find("mend: hand the signer the very bytes that are sent", 1, true))
      assert.equal(
         "POST " .. COMMANDS .. " 1004 sign invalid (a body is sent, and the hash of {} is signed: the signer was "
            .. "called without the body)",
         lines[#lines]
      )
      local log = cloud.sim:log()
      assert.same({ "signed-empty-object-but-real-body-sent" }, log[#log].mistakes)
   end)

   it("shows what was signed and what should have been, without secret and whole token", function()
      local cloud = listening()
      local token = cloud:token()
      local _, reply = cloud:handle(unsigned_body(token))
      local diagnosis = support.decode(reply.body).diagnosis
      assert.truthy(diagnosis.signed:find(support.sha256("{}"), 1, true))
      assert.truthy(diagnosis.expected:find(support.sha256(BODY), 1, true))
      assert.is_nil(reply.body:find(support.SECRET, 1, true))
      assert.is_nil(reply.body:find(token, 1, true))
   end)

   it("has lists where it has nothing to list", function()
      local cloud = listening()
      local _, reply = cloud:handle(unsigned_body(cloud:token()))
      assert.truthy(reply.body:find('"warnings":[]', 1, true))
      assert.truthy(reply.body:find('"suspects":[]', 1, true))
   end)

   it("stays JSON whatever bytes it sent", function()
      local cloud = listening()
      for _, path in ipairs({ "/v1.0/\255\254", "/v1.0/\195", "/v1.0/\0\1\"\\", "/v1.0/%FF?\240\159\128=\128" }) do
         local request = support.signed({ target = path, token = cloud:token(), secret = "another" })
         local envelope, reply = cloud:handle(request)
         assert.equal("unexplained", envelope.diagnosis.verdict)
         local iterate = utf8 and utf8.len or function() return true end -- luacheck: ignore 113
         assert.truthy(iterate(reply.body))
      end
   end)

   it("is explained where the time, the token or a header is the mistake", function()
      local cloud, lines = listening()
      local token = cloud:token()
      local late = cloud:handle(support.signed({ target = "/v1.0/devices", token = token, t = cloud.now - 400000 }))
      assert.equal(1013, late.code)
      assert.same({ "t-outside-window" }, support.pluck(late.diagnosis.mistakes, "slug"))
      local placeholder = cloud:handle(support.signed({ target = "/v1.0/devices", token = support.SECRET }))
      assert.equal(1010, placeholder.code)
      assert.same({ "access-token-not-issued" }, support.pluck(placeholder.diagnosis.mistakes, "slug"))
      local bare = support.signed({ target = "/v1.0/devices", token = token })
      bare.headers.sign_method = nil
      assert.same({ "sign-method-header-missing" }, support.pluck(cloud:handle(bare).diagnosis.mistakes, "slug"))
      assert.truthy(lines[#lines]:find("1105 missing the header (there is no header sign_method)", 1, true))
   end)

   it("is right in its signature where only the token is stale", function()
      local cloud, lines = listening()
      local stale = cloud:token()
      cloud.sim:expire_token()
      local envelope = cloud:handle(support.signed({ target = "/v1.0/devices", token = stale }))
      assert.equal(1010, envelope.code)
      assert.equal("ok", envelope.diagnosis.verdict)
      assert.equal("GET /v1.0/devices 1010 token invalid", lines[#lines])
   end)

   it("is not explained where no project is known, or nothing is wrong with it", function()
      local cloud = listening()
      assert.is_nil(cloud:handle(support.signed({ target = "/v1.0/devices", token = "x", id = "nobody" })).diagnosis)
      assert.is_nil(cloud:ask({ target = "/v1.0/nowhere" }).diagnosis)
      assert.is_nil(cloud:ask({ target = "/v1.0/devices" }).diagnosis)
   end)

   it("knows the bundle id of an app-authorization key", function()
      local cloud = listening({ bundle_id = "app.home" })
      local envelope = cloud:handle(support.signed({ target = "/v1.0/token?grant_type=1" }))
      assert.equal(1004, envelope.code)
      assert.same({ "bundle-id-not-signed" }, support.pluck(envelope.diagnosis.mistakes, "slug"))
      local text = support.ID .. envelope.t .. "app.homeGET\n"
      assert.truthy(envelope.diagnosis.expected:find("app.homeGET\n", 1, true), text)
   end)

   it("takes t as it comes where the clock is not checked", function()
      local cloud = listening({ check_clock = false })
      local token = cloud:token()
      local request = support.signed({ target = "/v1.0/devices", token = token, t = cloud.now - 900000, secret = "no" })
      assert.equal("unexplained", cloud:handle(request).diagnosis.verdict)
   end)
end)

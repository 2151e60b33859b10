-- No right request is called wrong: 10,000 random ones, sealed by the core, which shares no code with the diagnosis.
local random = require("spec.support.random")
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local REQUESTS = 10000 -- over the five Luas together
local SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"
local ID = "ak0123456789abcdef01"

local function random_signer(draw, key, is_token_call)
   return {
      access_id = ID,
      key = key,
      access_token = not is_token_call and ("tok%07d"):format(draw(9999999)) or nil,
      nonce = ({ false, nil, "n-" .. draw(1000) })[draw(3)],
   }
end

local function random_request(draw)
   local request = random.request(draw)
   local is_token_call = draw(10) == 1
   if is_token_call then request.method, request.path, request.body = "GET", "/v1.0/token", nil end
   return request, is_token_call
end

describe("diagnose, of right requests,", function()
   it("says ok, " .. REQUESTS / 5 .. " times", function()
      local draw, key = random.new(31), tuya.key(SECRET)
      local known = { secret = SECRET, access_id = ID }
      local tried = 0
      for i = 1, REQUESTS do
         local request, is_token_call = random_request(draw)
         local signer = random_signer(draw, key, is_token_call)
         if support.is_ours(i) then
            tried = tried + 1
            local sealed = tuya.sign(request, signer)
            local report = assert(tuya.diagnose({
               method = sealed:method(), target = sealed:target(), headers = sealed:headers(), body = sealed:body(),
            }, known))
            assert.equal("ok", report.verdict, i .. ": " .. report.text)
            assert.same({}, report.mistakes)
            assert.equal(sealed:headers().sign, report.expected_sign)
         end
      end
      assert.equal(REQUESTS / 5, tried)
   end)

   it("shows what was signed where the sender read a plus as the cloud may, as a blank", function()
      local sealed = tuya.sign({ method = "GET", path = "/v1.0/users", query = { name = "a b" } },
         { access_id = ID, key = tuya.key(SECRET), access_token = "tok0123" })
      local report = tuya.diagnose({ method = "GET", target = "/v1.0/users?name=a+b", headers = sealed:headers() },
         { secret = SECRET })
      assert.equal("ok", report.verdict)
      assert.matches("name=a b", report.expected, 1, true)
      assert.same({ report.signed, report.sign }, { report.expected, report.expected_sign })
   end)

   it("names what remains", function()
      local sealed = tuya.sign({ method = "GET", path = "/v1.0/users" },
         { access_id = ID, key = tuya.key(SECRET), access_token = "tok0123" })
      local captured = { method = "GET", target = sealed:target(), headers = sealed:headers() }
      local report = tuya.diagnose(captured, { secret = SECRET })
      local _, names = support.slugs(report.suspects)
      assert.equal("data-centre project t-outside-window token wrong-secret", names)
      assert.is_truthy(report.text:find("The signature is right.", 1, true))
   end)

   it("says nothing of the clock where the cloud's is known, and the machine's is never asked", function()
      local old = tuya.sign({ method = "GET", path = "/v1.0/users" },
         { access_id = ID, key = tuya.key(SECRET), access_token = "tok0123", t = 1600000000000 })
      local captured = { method = "GET", target = old:target(), headers = old:headers() }
      assert.equal("ok", tuya.diagnose(captured, { secret = SECRET }).verdict)
      assert.equal("ok", tuya.diagnose(captured, { secret = SECRET, server_time = 1600000300000 }).verdict)
      local late = tuya.diagnose(captured, { secret = SECRET, server_time = 1600000300001 })
      assert.equal("wrong", late.verdict)
      assert.equal("t-outside-window", late.mistakes[1].slug)
      assert.is_nil(late.mistakes[2])
   end)
end)

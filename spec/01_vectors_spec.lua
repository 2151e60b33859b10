-- Published and constructed vectors, and real requests of other clients signed again from their parts.
local core = require("tuya.core")
local tuya = require("tuya")
local vectors = require("spec.support.vectors")

local function sign(case)
   local signer = case.signer
   return tuya.sign(case.request, {
      access_id = signer.client_id,
      key = tuya.key(signer.secret),
      access_token = signer.access_token,
      t = signer.t,
      nonce = signer.nonce or false,
      bundle_id = signer.bundle_id,
      algorithm = signer.algorithm,
   })
end

describe("vectors", function()
   local cases = vectors.cases()

   it("are all there", function()
      assert.is_true(#cases >= 24)
   end)

   for _, case in ipairs(cases) do
      if case.fault then
         it("refuses " .. case.name, function()
            assert.error_matches(function() sign(case) end, case.fault, 1, true)
         end)
      else
         it("signs " .. case.name, function()
            local sealed = sign(case)
            assert.equal(case.canonical, sealed:canonical())
            assert.equal(case.target, sealed:target())
            assert.equal(case.sign, sealed:headers().sign)
            assert.equal(case.request.body or "", sealed:body())
         end)
      end
   end

   it("does not sign as the Java connector does, without the newline after the last signed header", function()
      local sealed
      for _, case in ipairs(cases) do
         if case.name == "docs-new-token" then sealed = sign(case) end
      end
      local wrong = "0BDAB2B79347E4FD29ACF522683154D1ADEF2D1D364FAD5740A649C025DB0370"
      assert.not_equal(wrong, sealed:headers().sign)
      -- and that is what that mistake makes of it
      local text = "1KAD46OrT9HafiKdsXeg15889257780005138cc3a9033d69856923fd07b491173"
         .. sealed:canonical():gsub("\n\n/", "\n/")
      assert.equal(wrong, core.key("4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"):mac(text))
   end)
end)

-- The parts of a recorded request, as a program would give them.
local function parts(capture)
   local sent = capture.sent
   local request = { method = sent.method, path = sent.target, body = sent.body, headers = {} }
   if capture.verdict == "accepted-if-plus-is-space" then request.path = request.path:gsub("%+", "%%20") end
   for name in (sent.headers["signature-headers"] or ""):gmatch("[^:]+") do
      request.headers[#request.headers + 1] = { name, sent.headers[name:lower()] or "" }
   end
   return request
end

describe("recorded requests", function()
   local counted = 0

   for _, capture in ipairs(vectors.captures()) do
      if capture.verdict ~= "refused" then
         counted = counted + 1
         it("signs " .. capture.name .. " to the very sign that was sent", function()
            local sent = capture.sent
            local request = parts(capture)
            local token = sent.headers.access_token
            if token == "" or core.is_token_call(request.path:match("^[^?]*")) then token = nil end
            local sealed = tuya.sign(request, {
               access_id = sent.headers.client_id,
               key = tuya.key(capture.secret),
               access_token = token,
               t = sent.headers.t,
               nonce = sent.headers.nonce or false,
            })
            assert.equal(sent.headers.sign, sealed:headers().sign)
         end)
      end
   end

   it("are all there", function()
      assert.equal(63, counted)
   end)
end)

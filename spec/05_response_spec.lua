-- What came back: an envelope, or something that is named for what it is.
local errors = require("tuya.errors")
local json = require("tuya.json")
local response = require("tuya.response")

local function read(status, body, content_type)
   return response.read({ status = status, body = body, headers = { ["content-type"] = content_type } }, json)
end

describe("response.read", function()
   it("gives the result and the envelope", function()
      local result, info = read(200, '{"result":{"id":"x"},"success":true,"t":1700000000000,"tid":"abc"}')
      assert.same({ id = "x" }, result)
      assert.same({ t = 1700000000000, tid = "abc", status = 200 }, info)
   end)

   it("gives true where the cloud sends success without a result", function()
      assert.is_true((read(200, '{"success":true,"t":1}')))
      assert.is_true((read(200, '{"success":true,"result":null}')))
      assert.is_false((read(200, '{"success":true,"result":false}')))
   end)

   it("gives code, message and trace of a refusal", function()
      local result, info = read(200, '{"code":1010,"msg":"token invalid","success":false,"t":5,"tid":"abc"}')
      assert.is_nil(result)
      assert.same({
         kind = "api", code = 1010, message = "token invalid", status = 200, t = 5, tid = "abc", sent = "yes",
      }, info)
   end)

   it("takes a code that came as text", function()
      local _, info = read(200, '{"code":"1010","msg":"x","success":false}')
      assert.equal(1010, info.code)
   end)

   it("names what is no envelope", function()
      local function told(...)
         local result, info = read(...)
         assert.is_nil(result)
         assert.equal("http", info.kind)
         assert.equal("maybe", info.sent) -- a proxy on the way may have answered
         return info.code .. ": " .. info.message
      end
      assert.equal("502: HTTP 502: the answer is not the cloud's JSON (text/html, 6 bytes)",
         told(502, "<html>", "text/html; x"))
      assert.equal("200: HTTP 200: the answer is not the cloud's JSON (no content type, 2 bytes)", told(200, "[]"))
      assert.equal("200: HTTP 200: the answer is not the cloud's JSON (application/json, 4 bytes)",
         told(200, "null", "application/json"))
      assert.equal("200: HTTP 200: an empty answer", told(200, ""))
      assert.equal("302: HTTP 302: a redirect, which is refused", told(302, "", "text/html"))
   end)

   it("survives a codec that raises", function()
      local result, info = response.read({ status = 200, body = "x", headers = {} }, { decode = error })
      assert.is_nil(result)
      assert.equal("http", info.kind)
   end)
end)

describe("a failure", function()
   it("is nil, a line for the log, and a table for code", function()
      local nothing, message, detail = errors.failure {
         kind = "api", code = 2001, message = "device is offline", method = "POST", path = "/x", tid = "abc",
      }
      assert.is_nil(nothing)
      assert.equal("POST /x: device is offline (2001, tid abc)", message)
      assert.equal(message, tostring(detail))
      assert.equal("device is offline", detail.message)
      assert.is_string(detail.advice)
   end)

   it("shows no refresh token", function()
      local _, message, detail = errors.failure {
         kind = "network", code = "reset", message = "gone", method = "GET", path = "/v1.0/token/0123456789abcdef?x=1",
      }
      assert.equal("GET /v1.0/token/0123...?x=1: gone", message)
      assert.equal("/v1.0/token/0123...?x=1", detail.path)
      assert.equal("/v1.0/token", errors.mask_path("/v1.0/token"))
      assert.equal("/v1.0/iot-03/users/token/abcd...", errors.mask_path("/v1.0/iot-03/users/token/abcdef"))
   end)
end)

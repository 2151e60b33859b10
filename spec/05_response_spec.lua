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

   it("takes nothing but true for a success", function()
      for _, success in ipairs { '"true"', "1", "{}", '"no"' } do
         local result, info = read(200, '{"success":' .. success .. ',"result":{"id":"x"},"code":7,"msg":"odd"}')
         assert.is_nil(result)
         assert.same({ "api", 7 }, { info.kind, info.code })
      end
   end)

   it("follows no redirect, whichever it is, though an envelope came with it", function()
      for status = 300, 308 do
         local result, info = read(status, '{"success":true,"result":{"id":"x"}}', "application/json")
         assert.is_nil(result)
         assert.matches("a redirect", info.message, 1, true)
      end
   end)

   it("waits for no moment that has passed", function()
      local _, info = response.read({ status = 429, body = "", headers = {
         ["retry-after"] = "Wed, 01 Jan 2025 00:00:00 GMT", date = "Wed, 01 Jan 2025 00:00:07 GMT",
      } }, json)
      assert.equal(0, info.retry_after)
   end)

   it("takes a code that came as text", function()
      local _, info = read(200, '{"code":"1010","msg":"x","success":false}')
      assert.equal(1010, info.code)
   end)

   -- What a failure is called: the status as code and the message, for a reply that is no envelope.
   local function told(...)
      local result, info = read(...)
      assert.is_nil(result)
      assert.same({ "http", info.status, "maybe" }, { info.kind, info.code, info.sent })
      return info.message
   end

   it("names a captive portal's page, by its title", function()
      assert.equal('HTTP 200: an HTML page "Hotel & Guests" instead of the cloud\'s JSON (47 bytes), '
         .. "perhaps of a captive portal or a proxy",
         told(200, "<html><TITLE x>\n Hotel &\tGuests\27</TITLE></html>", "Text/HTML; charset=x"))
      assert.matches("^HTTP 502: an HTML page instead of the cloud's JSON %(6 bytes%)", told(502, "<html>"))
      assert.matches('"' .. ("x"):rep(80) .. '..."', told(200, "<title>" .. ("x"):rep(81) .. "</title>", "text/html"),
         1, true)
   end)

   it("names a redirect and where it leads, without what may be secret there", function()
      local function redirect(to)
         local _, info = response.read({ status = 302, body = '{"success":true}', headers = { location = to } }, json)
         return info.message
      end
      assert.equal("HTTP 302: a redirect, which is refused", told(302, "", "text/html"))
      assert.equal("HTTP 302: a redirect to https://portal.example/in, which is refused",
         redirect("https://me:word@portal.example/in?token=abc#x"))
      assert.equal("HTTP 302: a redirect to /x y, which is refused", redirect("/x\27y"))
   end)

   it("names another type, even around what looks like an envelope", function()
      assert.equal("HTTP 200: text/plain instead of the cloud's JSON (16 bytes)",
         told(200, '{"success":true}', "text/plain; charset=utf-8"))
      assert.is_true((read(200, '{"success":true}', "application/json;charset=UTF-8")))
      assert.is_true((read(200, '{"success":true}', "application/problem+json")))
      assert.is_true((read(200, '{"success":true}')))
      assert.is_true((read(200, '{"success":true}', "")))
      assert.is_true((read(200, '{"success":true}', "application/json, application/json")))
   end)

   it("takes nothing into a detail that is neither text nor number", function()
      local _, info = read(200, '{"success":false,"code":{"a":1},"msg":[1],"tid":{},"t":true}')
      assert.same({ kind = "api", message = "no message", status = 200, sent = "yes" }, info)
      _, info = read(200, '{"success":true,"tid":{},"t":[]}')
      assert.same({ status = 200 }, info)
   end)

   it("names what is not JSON, no envelope, empty or nested too deeply", function()
      assert.equal("HTTP 200: JSON that is not the cloud's envelope (no content type, 2 bytes)", told(200, "[]"))
      assert.equal("HTTP 200: JSON that is not the cloud's envelope (application/json, 4 bytes)",
         told(200, "null", "application/json"))
      assert.equal("HTTP 200: an answer that is not JSON (application/json, 16 bytes)",
         told(200, '{"success":true,', "application/json"))
      assert.equal("HTTP 200: an empty answer", told(200, ""))
      assert.equal("HTTP 200: JSON that is nested too deeply (application/json, 100000 bytes)",
         told(200, ("["):rep(100000), "application/json"))
   end)

   it("repeats nothing of a body that the codec quotes", function()
      local codec = { decode = function(text) return nil, "what is " .. text end }
      local _, info = response.read({ status = 200, body = "a-token", headers = {} }, codec)
      assert.equal("HTTP 200: an answer that is not JSON (no content type, 7 bytes)", info.message)
   end)

   it("names an answer that broke off, by the status that came", function()
      local function broken(code, sent, status)
         local info = response.broken("libcurl's words", { code = code, sent = sent, status = status })
         return ("%s %s %s: %s"):format(info.kind, tostring(info.code), info.sent, info.message)
      end
      assert.equal("http 200 maybe: HTTP 200: an answer that is larger than max_reply", broken("too_large", "yes", 200))
      assert.equal("http 502 maybe: HTTP 502: an answer that is cut off", broken("reset", "yes", 502))
      assert.equal("http 200 maybe: HTTP 200: an answer that cannot be decoded", broken("protocol", "yes", 200))
      assert.equal("network reset maybe: libcurl's words", broken("reset", "maybe"))
      assert.equal("network timeout yes: libcurl's words", broken("timeout", "yes", 200))
      assert.equal("network dns no: libcurl's words", broken("dns", "no"))
      assert.equal("maybe", response.broken("x").sent)
   end)

   it("takes what a transport of the caller's own did not make rightly for an answer that is none", function()
      local GET, EMPTY = "GET", { status = 200, headers = {}, body = "" }
      for _, reply in ipairs {
         true, 5, "x", { status = "x" }, { status = 200.5, headers = {}, body = "" },
         { status = 200, headers = "x", body = "" }, { status = 200, headers = {}, body = 5 },
         { status = 200, headers = {}, body = {} }, EMPTY,
      } do
         local result, detail = response.read(response.whole(reply), json, GET)
         assert.is_nil(result)
         assert.same({ "http", "maybe" }, { detail.kind, detail.sent })
         assert.matches("an empty answer$", detail.message)
      end
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

   it("has advice for what users met", function()
      local function advice(kind, code)
         return (select(3, errors.failure { kind = kind, code = code, message = "x" })).advice
      end
      for _, code in ipairs {
         500, 1001, 1004, 1005, 1010, 1011, 1013, 1106, 1108, 1114, 1199, 2001, 2007, 2008, 2009, 2017, 2401, 2406,
         28841001, 28841002, 28841003, 28841004, 28841101, 28841102, 28841103, 28841104, 28841105, 28841106, 28841107,
         40001900, 60001001,
      } do
         assert.is_string(advice("api", code), code)
         assert.is_nil(advice("api", code):find("[\n%c]"), code)
      end
      for _, code in ipairs { "dns", "connect", "tls" } do assert.is_string(advice("network", code), code) end
      assert.is_nil(advice("api", 7654321))
      assert.is_nil(advice("http", 500)) -- a status, and no code of Tuya's
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

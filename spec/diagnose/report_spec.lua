-- What a report says and what it never says; what is the program's mistake, and what is only an unreadable text.
local core = require("tuya.core")
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local SECRET = "4c1d7e90b2aa4f63958e07d1c6ab32ff"
local TOKEN = "7b0e5d3c9a1f4826b7d0e9c85a63f214"
local ID = "p8x3kq7wn2v5t9r4ymse"
local T = "1763816415477"
local BODY = '{"commands":[{"code":"switch","value":true}]}'

-- A command whose sign was made of this text.
local function command(text, more)
   local headers = { client_id = ID, access_token = TOKEN, t = T, sign_method = "HMAC-SHA256" }
   for name, value in pairs(more or {}) do headers[name] = value end
   headers.sign = headers.sign or core.key(SECRET):mac(text)
   return { method = "POST", target = "/v1.0/devices/1/commands", headers = headers, body = BODY }
end

local function text_with(body)
   return ID .. TOKEN .. T .. "POST\n" .. core.sha256(body) .. "\n\n/v1.0/devices/1/commands"
end

describe("the report of the founding case", function()
   local report = tuya.diagnose(command(text_with("{}")), { secret = SECRET })

   it("names it and says how to mend it", function()
      assert.equal("wrong", report.verdict)
      assert.equal("signed-empty-object-but-real-body-sent", report.mistakes[1].slug)
      assert.is_nil(report.mistakes[2])
      assert.is_truthy(report.text:find(report.mistakes[1].what, 1, true))
      assert.is_truthy(report.text:find("mend: " .. report.mistakes[1].fix, 1, true))
   end)

   it("has what was signed beside what the cloud builds, and both signs", function()
      assert.is_truthy(report.signed:find("\n" .. core.sha256("{}") .. "\n", 1, true))
      assert.is_truthy(report.expected:find("\n" .. core.sha256(BODY) .. "\n", 1, true))
      assert.equal(core.key(SECRET):mac(text_with("{}")), report.sign)
      assert.equal(core.key(SECRET):mac(text_with(BODY)), report.expected_sign)
   end)

   it("marks the first difference when printed", function()
      local shown = tostring(report)
      assert.equal(report.text, shown)
      assert.is_truthy(shown:find("\n  > " .. core.sha256("{}") .. "\n    ^ the first difference\n", 1, true))
      assert.is_truthy(shown:find("\n  > " .. core.sha256(BODY) .. "\n    ^ the first difference\n", 1, true))
   end)
end)

describe("a report", function()
   local function everything(report)
      local all = { report.text, report.signed or "", report.expected, report.sign or "" }
      for _, list in ipairs { report.mistakes, report.warnings, report.suspects } do
         for _, finding in ipairs(list) do all[#all + 1] = finding.what .. (finding.fix or "") end
      end
      return table.concat(all, "\n")
   end

   it("holds neither secret nor whole token, wherever they were put", function()
      local known = { secret = SECRET, access_token = TOKEN }
      for _, text in ipairs {
         text_with(BODY), text_with("{}"), ID .. SECRET .. T, ID .. TOKEN .. T, SECRET .. ID .. TOKEN .. T, "nothing",
      } do
         for _, more in ipairs {
            {}, { access_token = SECRET }, { sign = SECRET }, { sign = TOKEN }, { nonce = SECRET },
            { client_id = SECRET }, { access_token = "another0another0another0another0" },
         } do
            local shown = everything(tuya.diagnose(command(text, more), known))
            assert.is_nil(shown:find(SECRET, 1, true))
            assert.is_nil(shown:find(TOKEN, 1, true))
            assert.is_nil(shown:find("another0another0", 1, true))
         end
      end
   end)

   it("says where a secret was signed, without showing it", function()
      local report = tuya.diagnose(command(ID .. SECRET .. T), { secret = SECRET })
      assert.is_true(support.slugs(report.mistakes)["secret-in-signed-text"])
      assert.is_truthy(report.signed:find("(access secret)", 1, true))
   end)

   it("holds no control byte but its line ends when printed", function()
      local captured = command(text_with(BODY), { nonce = "\27[31m\7" })
      captured.target = "/v1.0/\27[2J"
      assert.is_nil(tuya.diagnose(captured, { secret = SECRET }).text:find("[%z\1-\9\11-\31\127]"))
   end)

   it("is unexplained when nothing known made the sign, and then claims nothing", function()
      local report = tuya.diagnose(command("no such text"), { secret = SECRET })
      assert.equal("unexplained", report.verdict)
      assert.same({}, report.mistakes)
      assert.is_nil(report.signed)
      assert.is_true(support.slugs(report.suspects)["wrong-secret"])
      assert.is_truthy(report.text:find("another secret", 1, true))
      assert.is_truthy(report.text:find(core.sha256(BODY), 1, true))
   end)

   it("is unexplained, too, with another secret than the sender's", function()
      assert.equal("unexplained", tuya.diagnose(command(text_with("{}")), { secret = SECRET:upper() }).verdict)
   end)

   it("does not tell what a stale token is as a mistake, but as a suspect", function()
      local report = tuya.diagnose(command(text_with(BODY)), { secret = SECRET, access_token = "newer0newer0newer0" })
      assert.equal("ok", report.verdict)
      assert.is_true(support.slugs(report.suspects).token)
   end)

   it("takes headers in any case, as a list, and a method as it stands", function()
      local sign = core.key(SECRET):mac(text_with(BODY))
      local report = tuya.diagnose({
         method = "POST", target = "/v1.0/devices/1/commands", body = BODY,
         headers = {
            { "CLIENT_ID", ID }, { "Access_Token", TOKEN }, { "T", T }, { "Sign_Method", "HMAC-SHA256" },
            { "SIGN", sign },
         },
      }, { secret = SECRET })
      assert.equal("ok", report.verdict)
   end)
end)

describe("diagnose, wrongly called,", function()
   local function raised(captured, known)
      local ok, message = pcall(function() tuya.diagnose(captured, known) end)
      assert.is_false(ok)
      assert.is_truthy(message:find("^spec/diagnose/report_spec.lua:%d+: tuya.diagnose: "), message)
      return (message:gsub("^.-tuya.diagnose: ", ""))
   end

   it("raises at the caller's line, with the rule", function()
      local fine = command("x")
      assert.equal("captured: a table or a string expected, got nil", raised(nil, { secret = SECRET }))
      assert.equal("known: secret: missing", raised(fine, {}))
      assert.is_truthy(raised(fine, nil):find("known", 1, true))
      assert.is_truthy(raised(fine, { secret = 1 }):find("known: secret", 1, true))
      assert.is_truthy(raised(fine, { secret = "" }):find("known: ", 1, true))
      assert.is_truthy(raised(fine, { secret = SECRET, server_time = "1" }):find("known: server_time", 1, true))
      assert.is_truthy(raised(fine, { secret = SECRET, token = "x" }):find("known: token", 1, true))
      assert.equal("captured.method: missing", raised({ target = "/" }, { secret = SECRET }))
      assert.equal("captured.target: missing", raised({ method = "GET" }, { secret = SECRET }))
      assert.equal("captured.body: string expected, got table",
         raised({ method = "GET", target = "/", body = {} }, { secret = SECRET }))
   end)

   it("does not take headers that are none for an error of its own", function()
      for _, headers in ipairs { { { "a" } }, { [2] = "x", sign = "y" }, { sign = true }, { [true] = "x" } } do
         assert.equal("captured.headers: a table name = value, or a list of pairs of strings",
            raised({ method = "GET", target = "/", headers = headers }, { secret = SECRET }))
      end
   end)

   it("does not overlook a misspelt field", function()
      assert.equal("captured.boddy: unknown field (did you mean body?)",
         raised({ method = "POST", target = "/", boddy = "{}" }, { secret = SECRET }))
   end)

   it("does not take seconds for milliseconds", function()
      for _, moment in ipairs { 1763816415, 0 / 0, 1 / 0, -1 } do
         assert.equal("known: server_time: ms since 1970, 13 digits, expected",
            raised(command("x"), { secret = SECRET, server_time = moment }))
      end
   end)

   it("returns nil and a message for a text that is no request", function()
      local report, message = tuya.diagnose("hello", { secret = SECRET })
      assert.is_nil(report)
      assert.equal("neither a raw HTTP request nor a curl command", message)
   end)
end)

-- Requests that public code makes: each wrong one is named, no right one is called wrong.
local lfs = require("lfs")

local cjson = require("cjson")
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local FOLDER = "spec/wrong-signatures/"

local function set(...)
   local out = {}
   for _, list in ipairs { ... } do
      for _, name in ipairs(list) do out[name] = true end
   end
   return out
end

local function list(value)
   return type(value) == "table" and value or {}
end

local function text(value)
   return type(value) == "string" and value or nil
end

local names = {}
for file in lfs.dir(FOLDER) do
   local name = file:match("^(%d+)%.json$")
   if name then names[#names + 1] = name end
end
table.sort(names)

local function load(name)
   local case = cjson.decode(support.read(FOLDER .. name .. ".json"))
   case.raw = support.read(FOLDER .. name .. ".http")
   case.known = {
      secret = case.secret, access_id = case.client_id, access_token = text(case.issued_access_token),
      server_time = case.server_time_ms,
   }
   return case
end

-- A text of a report with its credentials put back.
local function unmasked(shown, case)
   local headers = "\n" .. case.raw
   local sent = headers:match("\n[Aa]ccess_[Tt]oken: ([^\r\n]*)") or headers:match("\n[Aa]ccess%-[Tt]oken: ([^\r\n]*)")
   return (shown:gsub("%((%w+ %w+)[^()]*%)", {
      ["access secret"] = case.secret, ["access token"] = sent, ["issued token"] = text(case.issued_access_token),
   }))
end

-- What was named wrongly; nil: nothing.
local function fault_of(case, report)
   local named, as_text = support.slugs(report.mistakes)
   local allowed = set(list(case.mistakes), list(case.latent_mistakes))
   for slug in pairs(named) do
      if not allowed[slug] then return slug .. " is named, which it is not: " .. as_text end
   end
   if case.provable_from_request == false then return nil end
   for _, slug in ipairs(list(case.core_mistakes)) do
      if not named[slug] then return slug .. " is not named: " .. as_text end
   end
   return nil
end

local UNPROVED = { ["012"] = "nonce-signed-not-sent", ["191"] = "nonce-signed-not-sent", ["198"] = "path-differs" }

describe("diagnose, of requests that public code makes,", function()
   assert(#names == 100, "spec/wrong-signatures is not whole")
   for _, name in ipairs(names) do
      local case = load(name)
      it(("names what is wrong in %s: %s"):format(name, table.concat(list(case.mistakes), " ")), function()
         local report = assert(tuya.diagnose(case.raw, case.known))
         assert.is_nil(fault_of(case, report))
         if case.verdict == "ok" then
            assert.equal("ok", report.verdict)
         elseif not UNPROVED[name] then
            assert.equal("wrong", report.verdict)
         end
      end)

      it("shows what was signed in " .. name .. ", and what the cloud builds, and neither secret nor token", function()
         local report = assert(tuya.diagnose(case.raw, case.known))
         local token = text(case.issued_access_token)
         for _, shown in ipairs { report.signed or "", report.expected, report.text } do
            assert.is_nil(shown:find(case.secret, 1, true))
            assert.is_nil(token and shown:find(token, 1, true))
         end
         if case.verdict == "ok" then
            assert.equal(report.expected, report.signed)
            assert.equal(report.expected_sign, report.sign)
         end
      end)
   end

   for name, slug in pairs(UNPROVED) do
      it("claims nothing where the request does not hold it, and says what may be: " .. name, function()
         local case = load(name)
         local report = assert(tuya.diagnose(case.raw, case.known))
         assert.is_nil(report.signed)
         assert.is_true(support.slugs(report.suspects)[slug])
      end)
   end

   it("rebuilds the very texts that were signed and that the cloud builds", function()
      local signed, expected = 0, 0
      for _, name in ipairs(names) do
         local case = load(name)
         local report = assert(tuya.diagnose(case.raw, case.known))
         if report.signed and case.truth.hmac_key == case.secret then
            signed = signed + 1
            assert.equal(case.truth.signed_text, unmasked(report.signed, case), name)
         end
         -- an id that was not sent is filled in: the truth leaves its place empty
         if case.truth.expected_text and case.raw:lower():find("\nclient_id:", 1, true) then
            expected = expected + 1
            assert.equal(case.truth.expected_text, unmasked(report.expected, case), name)
            assert.equal(case.truth.expected_sign, report.expected_sign, name)
         end
      end
      assert.is_true(signed > 90 and expected > 95, "too few to tell: " .. signed .. ", " .. expected)
   end)

   it("says the same of a request whose fields are given as a table", function()
      local capture = require("tuya.diagnose.capture")
      for _, name in ipairs { "004", "006", "008" } do
         local case = load(name)
         local fields = assert(capture.parse(case.raw))
         local given = { method = fields.method, target = fields.target, headers = fields.headers, body = fields.body }
         assert.equal(assert(tuya.diagnose(case.raw, case.known)).text, assert(tuya.diagnose(given, case.known)).text)
      end
   end)
end)

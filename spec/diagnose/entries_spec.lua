-- Every entry of the table of mistakes, applied to random right requests, is named exactly; and every pair of them.
-- An answer that is simpler than what was applied is right too, where it makes the same text; those stand in SIMPLER.
local build = require("tuya.diagnose.build")
local capture = require("tuya.diagnose.capture")
local bytes = require("tuya.bytes")
local core = require("tuya.core")
local facts = require("tuya.diagnose.facts")
local mistakes = require("tuya.diagnose.mistakes")
local pool = require("tuya.diagnose.pool")
local random = require("spec.support.random")
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local SECRET = "4c1d7e90b2aa4f63958e07d1c6ab32ff"
local ID = "p8x3kq7wn2v5t9r4ymse"
local TOKEN = "7b0e5d3c9a1f4826b7d0e9c85a63f214"
local T = 1763816415477
local KNOWN = { secret = SECRET, access_id = ID, server_time = T + 300, bundle_id = "app.home" }

-- The raw body of no body is the empty line that a missing hash leaves.
local SIMPLER = {
   ["body-raw-instead-of-hash signed-empty-body-but-body-sent"] = "body-hash-missing",
}

-- {{{ right requests that have something for every entry to go wrong with

local draw = random.new(4711)

local function hex(length)
   local text = {}
   for i = 1, length do text[i] = ("0123456789abcdef"):sub(draw(16)):sub(1, 1) end
   return table.concat(text)
end

local function base(method, target, headers, body)
   local all = {
      { "client_id", ID }, { "t", ("%.0f"):format(T) }, { "sign_method", "HMAC-SHA256" }, { "access_token", TOKEN },
      { "Host", "openapi.tuyaeu.com" },
   }
   for _, header in ipairs(headers) do all[#all + 1] = header end
   return { method = method, target = target, headers = all, body = body or "" }
end

local BASES = {
   base("GET", "/v1.0/iot-03/devices?size=2" .. draw(9) .. "&device_ids=" .. hex(5)
      .. "%2Cb%20c&last_row_key=&page_no=1", { { "nonce", hex(8) }, { "mode", "cors" } }),
   base("POST", "/v1.0/devices/bf" .. hex(18) .. "/commands",
      { { "Content-Type", "application/json" }, { "lang", "en" } },
      '{"commands":[{"code":"switch_1","value":"\195\169/' .. hex(4) .. '"}]}'),
   base("GET", "/v1.0/token?grant_type=1",
      { { "Signature-Headers", "area_id:call_id" }, { "area_id", hex(3) }, { "call_id", hex(4) } }),
   base("POST", "/v1.0/users/" .. hex(6) .. "?b=1&a=x%2By", { { "Signature-Headers", "area_id" }, { "area_id", "9" } },
      '"{\\"name\\":\\"' .. hex(6) .. '\\"}"'),
   base("PUT", "//v1.0/devices/" .. hex(12) .. "?a=1&b&a=1", { { "nonce", hex(12) }, { "Content-Type", "text/plain" } },
      "caf\233 " .. hex(4)),
   base("POST", "/v1.0/homes/" .. hex(8), {}, "{}"),
}

local function facts_of(request)
   return facts.of(capture.normalise(request), KNOWN)
end

local function text_of(f, choice)
   local tail = build.tail(f, choice)
   return tail and build.head(f, choice) .. tail
end

-- }}}

-- {{{ asking

-- The request with a sign, and with what else is changed in its headers (false: left out).
local function signed(request, sign, changes)
   local headers = {}
   for _, header in ipairs(request.headers) do
      local value = (changes or {})[header[1]]
      if value == nil then value = header[2] end
      if value then headers[#headers + 1] = { header[1], value } end
   end
   if sign then headers[#headers + 1] = { "sign", sign } end
   return { method = request.method, target = request.target, headers = headers, body = request.body }
end

local function names_of(report)
   local _, names = support.slugs(report.mistakes)
   return names
end

local function joined(a, b)
   local both = b and { a, b } or { a }
   table.sort(both, bytes.before)
   return table.concat(both, " ")
end

-- The names that are right for a text made by `wanted`; false where another answer came.
local function judge(request, text, wanted)
   local names = names_of(tuya.diagnose(signed(request, core.key(SECRET):mac(text)), KNOWN))
   return names == wanted or SIMPLER[wanted] == names and pool.is_better({ names }, { wanted }) or false, names
end

-- A pair of which one is simpler by itself is so with any other too.
local function simpler_pair(a, b)
   if SIMPLER[joined(a, b)] then return SIMPLER[joined(a, b)] end
   if SIMPLER[a] then return joined(SIMPLER[a], b) end
   if SIMPLER[b] then return joined(a, SIMPLER[b]) end
end

-- }}}

local covered = {} -- slugs of which at least one case was tried

-- The entries that choose a part of this request, with what they choose.
local function choosing(f)
   local list = {}
   for _, entry in ipairs(mistakes) do
      local values = entry.part and entry.choices(f) or {}
      if values[1] ~= nil then list[#list + 1] = { entry = entry, part = entry.part, values = values } end
   end
   return list
end

-- The entry with its rarer values too.
local function all_values(f, one)
   local out = {}
   for _, value in ipairs(one.values) do out[#out + 1] = value end
   for _, value in ipairs(one.entry.more and one.entry.more(f) or {}) do out[#out + 1] = value end
   return out
end

local MOST = 12 -- values of one entry on one request; the families of lines have hundreds

local function each_single(visit)
   for _, request in ipairs(BASES) do
      local f = facts_of(request)
      local right = text_of(f, {})
      for _, one in ipairs(choosing(f)) do
         local values = all_values(f, one)
         for i = 1, #values, math.max(1, math.ceil(#values / MOST)) do
            local text = text_of(f, { [one.part] = values[i] })
            if text and text ~= right then visit(request, text, one.entry.slug) end
         end
      end
   end
end

local function can_meet(a, b)
   local x, y = a.entry, b.entry
   if a.part == b.part or x.rare and y.rare then return false end
   return (not x.rare or x.with and x.with[y.slug]) and (not y.rare or y.with and y.with[x.slug])
end

-- Each pair on the first request where both change something.
local function each_pair(visit)
   local seen = {}
   for _, request in ipairs(BASES) do
      local f = facts_of(request)
      local right, list = text_of(f, {}), choosing(f)
      for i, a in ipairs(list) do
         for j = i + 1, #list do
            local b = list[j]
            local names = joined(a.entry.slug, b.entry.slug)
            if can_meet(a, b) and not seen[names] then
               local v, w = a.values[#a.values], b.values[1]
               local text = text_of(f, { [a.part] = v, [b.part] = w })
               local differs = text and text ~= right and text ~= text_of(f, { [a.part] = v })
                  and text ~= text_of(f, { [b.part] = w })
               if differs then
                  seen[names] = true
                  visit(request, text, a.entry.slug, b.entry.slug)
               end
            end
         end
      end
   end
end

describe("diagnose, of one mistake in a right request,", function()
   for _, request in ipairs(BASES) do
      it("says ok before: " .. request.method .. " " .. request.target, function()
         assert.equal("ok", tuya.diagnose(signed(request, core.key(SECRET):mac(text_of(facts_of(request), {}))),
            KNOWN).verdict)
      end)
   end

   it("names it", function()
      local number, wrong = 0, {}
      each_single(function(request, text, slug)
         number, covered[slug] = number + 1, true
         if support.is_ours(number) then
            local is_right, names = judge(request, text, slug)
            if not is_right then wrong[#wrong + 1] = slug .. " in " .. request.target .. " named as: " .. names end
         end
      end)
      assert.same({}, wrong)
      assert.is_true(number > 500, number .. " cases")
   end)

   it("names a key that is not the secret, and credentials to which something sticks", function()
      for _, request in ipairs { BASES[1], BASES[2] } do
         local f = facts_of(request)
         for _, entry in ipairs(mistakes) do
            for _, one in ipairs(entry.keys and entry.keys(f) or {}) do
               covered[entry.slug] = true
               local sign = core.key(one.key):mac(text_of(f, { id = one.id }))
               assert.equal(entry.slug, names_of(tuya.diagnose(signed(request, sign), KNOWN)))
            end
         end
      end
   end)

   it("names a layout of another scheme", function()
      local f = facts_of(BASES[2])
      local parts, number = build.tail_parts(f, {}), 0
      for name, value in pairs(build.head_parts(f, {})) do parts[name] = value end
      for _, entry in ipairs(mistakes) do
         for _, layout in ipairs(entry.whole and entry.whole(f) or {}) do
            number, covered[entry.slug] = number + 1, true
            local text, wanted = layout(parts), entry.slug
            if not text then -- a layout without a token is named so
               wanted, parts.token = "access-token-not-signed " .. entry.slug, ""
               text, parts.token = layout(parts), f.right.token
            end
            if support.is_ours(number) then
               local _, names = judge(BASES[2], text, wanted)
               assert.equal(wanted, names)
            end
         end
      end
      assert.is_true(number > 20)
   end)

   it("names the old algorithm, with and without a token", function()
      covered["old-algorithm"] = true
      local f = facts_of(BASES[2])
      assert.is_true(judge(BASES[2], build.head(f, { bundle = "" }), "old-algorithm"))
      local _, names = judge(BASES[2], build.head(f, { bundle = "", token = "" }), "old-algorithm")
      assert.equal("access-token-not-signed old-algorithm", names)
   end)

   it("names a sign that is listed in Signature-Headers, as it cannot be there before it is made", function()
      covered["sign-listed-in-signature-headers"] = true
      local headers = { { "Signature-Headers", "sign:area_id" }, { "area_id", "9" } }
      local request = base("POST", "/v1.0/users/9", headers, "{}")
      assert.is_true(judge(request, text_of(facts_of(request), {}), "sign-listed-in-signature-headers"))
   end)

   it("names the moment when the clock was read twice, up to 5 s off", function()
      covered["t-signed-differs-from-t-sent"] = true
      local f = facts_of(BASES[2])
      for _, off in ipairs { -5000, -1, 1, 2, 1234, 5000 } do
         local text = text_of(f, { t = ("%.0f"):format(T + off) })
         assert.is_true(judge(BASES[2], text, "t-signed-differs-from-t-sent"), off)
      end
      assert.equal("", names_of(tuya.diagnose(signed(BASES[2],
         core.key(SECRET):mac(text_of(f, { t = ("%.0f"):format(T + 5001) }))), KNOWN)))
   end)

   it("names the form of the sign besides", function()
      covered["sign-lowercase-hex"], covered["sign-base64"], covered["sign-not-hmac"] = true, true, true
      local request, f = BASES[2], facts_of(BASES[2])
      local sign = core.key(SECRET):mac(text_of(f, {}))
      local function named(given) return names_of(tuya.diagnose(signed(request, given), KNOWN)) end
      assert.equal("sign-lowercase-hex", named(sign:lower()))
      local digest = sign:gsub("..", function(two) return string.char(tonumber(two, 16)) end)
      local base64 = support.base64(digest)
      assert.equal("sign-base64", named(base64))
      assert.equal("sign-base64", named((base64:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))))
      local text = text_of(f, {})
      for _, other in ipairs { "x", sign:sub(1, 32), sign:sub(1, 40), core.sha256(text):upper(), text } do
         assert.equal("sign-not-hmac", named(other), other)
      end
   end)
end)

describe("diagnose, of what shows without a hash,", function()
   -- slug, the request, the header to change (false: left out)
   local SHOWS = {
      { "t-header-malformed", 2, { t = ("%.0f"):format(T / 1000) } }, { "t-header-malformed", 2, { t = "t" } },
      { "t-header-malformed", 2, { t = "1.763816415477e12" } },
      { "t-outside-window", 2, { t = ("%.0f"):format(T + 300301) } },
      { "t-header-missing", 2, { t = false } }, { "t-header-missing", 2, { t = "" } },
      { "client-id-header-missing", 2, { client_id = false } },
      { "sign-method-header-missing", 2, { sign_method = false } },
      { "access-token-header-missing", 2, { access_token = false } },
      { "access-token-not-issued", 2, { access_token = SECRET } },
      { "access-token-not-issued", 2, { access_token = "undefined" } },
      { "access-token-not-issued", 2, { access_token = "<access_token>" } },
   }
   for _, case in ipairs(SHOWS) do
      local slug, request, changes = case[1], BASES[case[2]], case[3]
      covered[slug] = true
      local name, value = next(changes)
      it(("names %s, %s: %s"):format(slug, name, tostring(value)), function()
         local unsigned = signed(request, nil, changes)
         local f = facts_of(unsigned)
         local report = tuya.diagnose(signed(unsigned, core.key(SECRET):mac(text_of(f, {}))), KNOWN)
         assert.equal(slug, names_of(report))
         assert.equal("wrong", report.verdict)
      end)
   end

   it("names a sign that is not there", function()
      covered["sign-header-missing"] = true
      assert.equal("sign-header-missing", names_of(tuya.diagnose(signed(BASES[2]), KNOWN)))
      assert.equal("sign-header-missing", names_of(tuya.diagnose(signed(BASES[2], ""), KNOWN)))
   end)

   it("names a header t that says t twice", function()
      local sign = core.key(SECRET):mac(text_of(facts_of(BASES[2]), {}))
      local twice = signed(BASES[2], sign)
      twice.headers[#twice.headers + 1] = { "T", ("%.0f"):format(T) }
      assert.equal("t-header-malformed", names_of(tuya.diagnose(twice, KNOWN)))
   end)

   it("finds the signed t around the cloud's clock where the sent one is missing or no number", function()
      local request = BASES[2]
      local text = text_of(facts_of(request), {})
      for slug, changes in pairs {
         ["t-header-missing"] = { t = false }, ["t-header-malformed"] = { t = "t" },
      } do
         local report = tuya.diagnose(signed(signed(request, nil, changes), core.key(SECRET):mac(text)), KNOWN)
         assert.equal(slug, names_of(report))
         assert.is_truthy(report.signed:find(("%.0f"):format(T), 1, true))
      end
   end)

   local REMARKS = {
      { "secret-sent-as-header", BASES[1], { { "X-Secret", SECRET } } },
      { "wrong-http-method", base("POST", "/v1.0/token?grant_type=1", {}, "{}"), {} },
      { "body-mangled-by-shell", base("POST", "/v1.0/x", {}, "{commands:[{code:switch_1}]}"), {} },
      { "body-not-json", base("POST", "/v1.0/x", {}, "a=b"), {} },
      { "get-with-body", base("GET", "/v1.0/x", {}, "{}"), {} },
   }
   for _, case in ipairs(REMARKS) do
      local slug, request, more = case[1], case[2], case[3]
      covered[slug] = true
      it("remarks " .. slug .. ", and calls no mistake what is right", function()
         local sent = signed(request, core.key(SECRET):mac(text_of(facts_of(request), {})))
         for _, header in ipairs(more) do sent.headers[#sent.headers + 1] = header end
         local report = tuya.diagnose(sent, KNOWN)
         assert.equal("ok", report.verdict)
         assert.is_true(support.slugs(report.warnings)[slug])
         assert.is_nil(support.slugs(tuya.diagnose(signed(BASES[6],
            core.key(SECRET):mac(text_of(facts_of(BASES[6]), {}))), KNOWN).warnings)[slug])
      end)
   end
end)

describe("diagnose, of two mistakes in a right request,", function()
   it("names both, or what is simpler and makes the same text", function()
      local number, wrong = 0, {}
      each_pair(function(request, text, a, b)
         number = number + 1
         if support.is_ours(number) then
            local is_right, names = judge(request, text, joined(a, b))
            if not is_right and names ~= simpler_pair(a, b) then
               wrong[#wrong + 1] = joined(a, b) .. " in " .. request.target .. " named as: " .. names
            end
         end
      end)
      assert.same({}, wrong)
      assert.is_true(number >= 290, number .. " cases")
   end)
end)

-- Every n-th of the threes of frequent mistakes whose parts differ, where each changes the text.
local function each_three(n, visit)
   local number = 0
   for _, request in ipairs(BASES) do
      local f = facts_of(request)
      local list = {}
      for _, one in ipairs(choosing(f)) do
         if not one.entry.rare then list[#list + 1] = one end
      end
      local function text_with(...)
         local choice = {}
         for _, one in ipairs { ... } do choice[one.part] = one.values[1] end
         return text_of(f, choice)
      end
      local function take(a, b, c)
         if a.part == b.part or a.part == c.part or b.part == c.part then return end
         number = number + 1
         local text = number % n == 0 and text_with(a, b, c)
         if text and text ~= text_with(a, b) and text ~= text_with(a, c) and text ~= text_with(b, c) then
            visit(request, text, { a.entry.slug, b.entry.slug, c.entry.slug })
         end
      end
      for i = 1, #list do
         for j = i + 1, #list do
            for k = j + 1, #list do take(list[i], list[j], list[k]) end
         end
      end
   end
end

describe("diagnose, of three mistakes in a right request,", function()
   it("names all, or fewer and more usual ones that make the same text", function()
      local number, wrong = 0, {}
      each_three(97, function(request, text, slugs)
         number = number + 1
         if support.is_ours(number) then
            local report = tuya.diagnose(signed(request, core.key(SECRET):mac(text)), KNOWN)
            local got = {}
            for i, mistake in ipairs(report.mistakes) do got[i] = mistake.slug end
            table.sort(slugs)
            local wanted = table.concat(slugs, " ")
            if names_of(report) ~= wanted and not (got[1] and pool.is_better(got, slugs)) then
               wrong[#wrong + 1] = wanted .. " in " .. request.target .. " named as: " .. names_of(report)
            end
         end
      end)
      assert.same({}, wrong)
      assert.is_true(number >= 30, number .. " cases")
   end)
end)

describe("the table of mistakes", function()
   it("has an explanation, and a fix for what is a mistake, and no slug twice", function()
      local seen = {}
      for _, entry in ipairs(mistakes) do
         assert.is_nil(seen[entry.slug])
         seen[entry.slug] = true
         assert.is_truthy(entry.what:find("%a"))
         assert.is_true(entry.warn ~= nil or entry.fix:find("%a") ~= nil)
         for slug in pairs(entry.with or {}) do assert.is_string(slug) end
      end
   end)

   it("has no entry that these specs leave out", function()
      for _, entry in ipairs(mistakes) do assert.is_true(covered[entry.slug], entry.slug) end
   end)

   it("names only partners that there are", function()
      local known = {}
      for _, entry in ipairs(mistakes) do known[entry.slug] = true end
      for _, entry in ipairs(mistakes) do
         for slug in pairs(entry.with or {}) do assert.is_true(known[slug], slug) end
      end
   end)
end)

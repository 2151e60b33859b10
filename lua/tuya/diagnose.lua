--- diagnose.lua: names the mistake that made a signature wrong.
-- The idea: what shows without a hash is said first; then the text that was signed is looked for among the products of
-- known mistakes, and what rebuilds the sent sign is the answer.
-- The danger: a claim that is not proved. What cannot be proved goes to `suspects`.
-- @module tuya.diagnose

local capture = require("tuya.diagnose.capture")
local core = require("tuya.core")
local facts = require("tuya.diagnose.facts")
local mistakes = require("tuya.diagnose.mistakes")
local options = require("tuya.options")
local report = require("tuya.diagnose.report")
local search = require("tuya.diagnose.search")

local diagnose = {}

local KNOWN = options.known {
   secret = "string",
   access_token = "string",
   access_id = "string",
   server_time = "number",
   bundle_id = "string",
}

-- The slugs that show by themselves.
local function visible(f)
   local slugs = {}
   for _, entry in ipairs(mistakes) do
      if entry.visible and entry.visible(f) then slugs[#slugs + 1] = entry.slug end
   end
   if f.form then slugs[#slugs + 1] = f.form end
   return slugs
end

-- What the search has found, and whether there was anything to search for.
local function find(f)
   if not f.sign or f.sign == "" then return nil end
   return f.digest and search.run(f) or search.plain(f)
end

local function warnings(f)
   local list = {}
   for _, entry in ipairs(mistakes) do
      if entry.warn and entry.warn(f) then list[#list + 1] = { slug = entry.slug, what = entry.what } end
   end
   return list
end

-- The entries of the slugs, each once, in the order of the table.
local function entries_of(slugs)
   local wanted, list = {}, {}
   for _, slug in ipairs(slugs) do wanted[slug] = true end
   for _, entry in ipairs(mistakes) do
      if wanted[entry.slug] then list[#list + 1] = { slug = entry.slug, what = entry.what, fix = entry.fix } end
   end
   return list
end

local function verdict_of(f, found, slugs)
   if slugs[1] then return "wrong" end
   if found then return "ok" end
   return f.sign and "unexplained" or "wrong"
end

-- The report of facts.
local function judge(f)
   local slugs, found = visible(f), find(f)
   for _, slug in ipairs(found and found.slugs or {}) do slugs[#slugs + 1] = slug end
   if f.sign and f.sign ~= "" and not f.digest and not found then slugs[#slugs + 1] = "sign-not-hmac" end
   local expected = search.right_texts(f)[1]
   if found and not found.slugs[1] then expected = found.text end
   local verdict = verdict_of(f, found, slugs)
   local made = {
      verdict = verdict,
      mistakes = entries_of(slugs),
      signed = report.mask(f, found and found.text),
      expected = report.mask(f, expected),
      sign = report.mask(f, f.sign),
      expected_sign = core.key(f.secret):mac(expected),
      warnings = warnings(f),
      suspects = report.suspects(f, not found and f.digest and "unexplained" or verdict),
   }
   made.text = report.text(made)
   return setmetatable(made, report.metatable)
end

local function broken(captured, known)
   if type(captured) ~= "string" and type(captured) ~= "table" then
      return "captured: a table or a string expected, got " .. type(captured)
   end
   local rule = options.broken(known, KNOWN)
   if rule then return "known: " .. rule end
   if not known.secret then return "known: secret: missing" end
   local at = known.server_time
   if at and not (at >= 1e12 and at < 1e13) then return "known: server_time: ms since 1970, 13 digits, expected" end
   local key, fault = core.key(known.secret)
   return not key and "known: " .. fault or nil
end

--- Says which mistake made a request's signature: `tuya.diagnose` without the raise.
-- @tparam table|string captured
-- @tparam table known
-- @treturn ?table report; nil and a message when the captured text cannot be read
-- @treturn ?string message
-- @treturn ?boolean true where it is a mistake of the program
function diagnose.run(captured, known)
   local rule = broken(captured, known)
   if rule then return nil, rule, true end
   local given, trouble
   if type(captured) == "string" then given, trouble = capture.parse(captured)
   else given, trouble = capture.normalise(captured) end
   if not given then return nil, trouble, type(captured) == "table" end
   return judge(facts.of(given, known))
end

return diagnose

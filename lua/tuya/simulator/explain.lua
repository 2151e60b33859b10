--- explain.lua: why a call was refused, beyond the cloud's two words.
-- The idea: what was received and the project's secret are all that a diagnosis needs; a refusal that is about
-- the signature and its headers carries it, and the console says it in a sentence.
-- The danger: to contradict the verdict. The diagnosis explains what `verify` has decided, and decides nothing.
-- @module tuya.simulator.explain

local diagnose = require("tuya.diagnose")
local json = require("tuya.json")

local explain = {}

--- The refusals that are explained: sign, token, time, headers.
local EXPLAINED = { [1004] = true, [1010] = true, [1013] = true, [1105] = true }

local SEQUENCES = {
   "^[%z\1-\127]+", "^[\194-\223][\128-\191]", "^[\224-\239][\128-\191][\128-\191]",
   "^[\240-\244][\128-\191][\128-\191][\128-\191]",
}

--- The UTF-8 at this place; nil: there is none.
local function sequence(text, at)
   for _, pattern in ipairs(SEQUENCES) do
      local found = text:match(pattern, at)
      if found then
         return found
      end
   end
   return nil
end

--- The text as JSON may hold it: U+FFFD for each byte that is no UTF-8.
local function utf8_text(text)
   if not text:find("[\128-\255]") then
      return text
   end
   local parts, at = {}, 1
   while at <= #text do
      local found = sequence(text, at)
      parts[#parts + 1] = found or "\239\191\189"
      at = at + (found and #found or 1)
   end
   return table.concat(parts)
end

--- A report as plain data for JSON, its lists written as lists even where they are empty.
local function plain(report)
   local copy = {}
   for name, value in pairs(report) do
      copy[name] = type(value) == "string" and utf8_text(value) or type(value) == "table" and json.array(value) or value
   end
   return copy
end

--- The mistakes in a sentence; nil where there are none.
local function sentence(report)
   local texts = {}
   for i, mistake in ipairs(report.mistakes) do
      texts[i] = mistake.what
   end
   if report.verdict == "unexplained" then
      texts[1] = "no known mistake explains it; most likely another secret was used"
   end
   return texts[1] and (table.concat(texts, "; "))
end

--- Why a request was refused.
-- @tparam integer code of the refusal
-- @tparam table request as it was received
-- @tparam ?table project that it is from
-- @tparam ?integer server_time milliseconds; nil where the clock is not checked
-- @treturn ?table the report as plain data; nil where there is nothing to say of such a refusal
-- @treturn ?string the mistakes in a sentence
-- @treturn ?table their slugs
function explain.refusal(code, request, project, server_time)
   local report = EXPLAINED[code] and project and project.diagnosed(request, server_time)
   if not report then
      return nil
   end
   local slugs = {}
   for i, mistake in ipairs(report.mistakes) do
      slugs[i] = mistake.slug
   end
   return plain(report), sentence(report), slugs
end

--- What diagnoses requests to a project: a function that alone knows the secret.
function explain.new(secret, project)
   return function(request, server_time)
      return (diagnose.run(request, {
         secret = secret,
         access_id = project.access_id,
         access_token = project.tokens:current(),
         server_time = server_time,
         bundle_id = project.bundle_id,
      }))
   end
end

return explain

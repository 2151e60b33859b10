--- diagnose/report.lua: what a diagnosis says.
-- The idea: what is proved is a mistake, what is only likely is a suspect, what matters otherwise is a warning.
-- The danger: reports are pasted into public threads; neither secret nor token appears whole in one.
-- @module tuya.diagnose.report

local report = {}

report.metatable = { __name = "tuya.report", __tostring = function(self) return self.text end }

-- {{{ masking

local function plain_gsub(text, what, by)
   local out, at = {}, 1
   while true do
      local from, to = text:find(what, at, true)
      if not from then return table.concat(out) .. text:sub(at) end
      out[#out + 1] = text:sub(at, from - 1) .. by
      at = to + 1
   end
end

--- A text without whole credentials.
-- @tparam table f facts
-- @tparam ?string text
-- @treturn ?string
function report.mask(f, text)
   if not text then return nil end
   local credentials = { { f.secret, "(access secret)" }, { f.token, "access token" }, { f.issued, "issued token" } }
   for _, credential in ipairs(credentials) do
      local value, name = credential[1], credential[2]
      if value and #value >= 4 then
         text = plain_gsub(text, value, value == f.secret and name or ("(%s %s...)"):format(name, value:sub(1, 4)))
      end
   end
   return text
end

-- }}}

-- {{{ as text

local function lines_of(text)
   local lines = {}
   for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = (line:gsub("[%z\1-\31\127]", "?")) end
   return lines
end

-- The line and column where two texts part.
local function first_difference(a, b)
   local x, y = lines_of(a), lines_of(b)
   for i = 1, math.max(#x, #y) do
      if x[i] ~= y[i] then
         local left, right, column = x[i] or "", y[i] or "", 1
         while left:byte(column) and left:byte(column) == right:byte(column) do column = column + 1 end
         return i, column
      end
   end
end

local function show(out, title, text, row, column)
   out[#out + 1] = title
   for i, line in ipairs(lines_of(text)) do
      out[#out + 1] = (i == row and "  > " or "    ") .. line
      if i == row then out[#out + 1] = "    " .. (" "):rep(column - 1) .. "^ the first difference" end
   end
end

local HEADLINES = {
   ok = "The signature is right.",
   wrong = "The request is wrong:",
   unexplained = "No known mistake explains this signature. Most likely another secret was used than the one given.",
}

--- A report as text.
-- @tparam table made
-- @treturn string
function report.text(made)
   local out = { HEADLINES[made.verdict] }
   for _, mistake in ipairs(made.mistakes) do
      out[#out + 1] = ("  %s: %s"):format(mistake.slug, mistake.what)
      out[#out + 1] = ("    mend: %s"):format(mistake.fix)
   end
   for _, warning in ipairs(made.warnings) do out[#out + 1] = ("  note, %s: %s"):format(warning.slug, warning.what) end
   if made.suspects[1] then
      out[#out + 1] = made.verdict == "ok" and "What remains:" or "Not proved, but worth a look:"
   end
   for _, suspect in ipairs(made.suspects) do out[#out + 1] = ("  %s: %s"):format(suspect.slug, suspect.what) end
   if made.signed and made.signed ~= made.expected then
      local row, column = first_difference(made.signed, made.expected)
      show(out, "What was signed:", made.signed, row, column)
      show(out, "What the cloud builds:", made.expected, row, column)
   elseif made.expected then show(out, "What the cloud builds:", made.expected) end
   if made.sign then out[#out + 1] = "sign sent:     " .. made.sign end
   if made.expected_sign then out[#out + 1] = "sign expected: " .. made.expected_sign end
   return table.concat(out, "\n")
end

-- }}}

-- {{{ suspects

local function suspect(slug, what)
   return { slug = slug, what = what }
end

--- When the signature is right, what else makes the cloud say no.
-- @tparam table f facts: of them `server_time` and `is_token_call`
-- @treturn table of suspects
function report.remaining(f)
   local list = {}
   if not f.server_time then
      list[#list + 1] = suspect("t-outside-window", "the clock: t more than some minutes off is answered 1013")
   end
   if not f.is_token_call then
      list[#list + 1] = suspect("token", "the token: of another project, or revoked by a refresh elsewhere (1010)")
   end
   list[#list + 1] = suspect("data-centre", "the data centre: the project may live in another one")
   list[#list + 1] = suspect("wrong-secret", "the access secret: the cloud may know another one; copy it anew")
   list[#list + 1] = suspect("project", "the project: the key is of another one, of an old one, or of an app")
   return list
end

local function unexplained(f)
   local list = { suspect("wrong-secret", "the access secret: of another project, or changed in the console") }
   if f.right.nonce == "" then
      list[#list + 1] = suspect("nonce-signed-not-sent", "a nonce may have been signed that was not sent")
   end
   if f.right.token ~= "" then
      list[#list + 1] = suspect("signed-other-token", "an older access token may have been signed")
   end
   list[#list + 1] = suspect("path-differs", "another path may have been signed: another device id, another version")
   if f.method == "GET" and not f.is_token_call then
      list[#list + 1] = suspect("query-param-signed-not-sent", "a parameter without a value may have been signed only")
   end
   if f.body ~= "" then
      list[#list + 1] = suspect("body-differs", "other bytes may have been hashed than these: paste them as sent")
   end
   return list
end

-- A token that is not the one last issued is nothing that a signature can prove.
local function stale_token(f)
   if not f.issued or f.is_token_call or (f.token or "") == "" or f.token == f.issued then return nil end
   return suspect("token", "the access token is not the one last issued: of another project, or revoked")
end

--- What has reason, and no proof.
-- @tparam table f facts
-- @tparam string verdict
-- @treturn table
function report.suspects(f, verdict)
   local list = verdict == "ok" and report.remaining(f) or verdict == "unexplained" and unexplained(f) or {}
   list[#list + 1] = stale_token(f)
   return list
end

-- }}}

--- The report on a signature that is right by construction: a client's own, which the cloud has refused.
-- @tparam table f facts: `server_time` and `is_token_call`
-- @treturn table report, without the texts: they were one
function report.of_right(f)
   local made = { verdict = "ok", mistakes = {}, warnings = {}, suspects = report.remaining(f) }
   made.text = report.text(made)
   return setmetatable(made, report.metatable)
end

return report

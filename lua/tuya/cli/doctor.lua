--- cli/doctor.lua: `tuya doctor`: what is wrong with a clock, a key, a data centre or a project.
-- The idea: each finding is "ok", "no" (not so, which may be meant) or "problem", with what to do about it. Data
-- centres are asked for a token, which disturbs nobody, and then for one page of devices.
-- The danger: a doctor that guesses; what the cloud does not tell is said to be unknown.
-- @module tuya.cli.doctor

local account = require("tuya.cli.account")
local core = require("tuya.core")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")
local regions = require("tuya.regions")
local screen = require("tuya.cli.screen")
local token = require("tuya.cli.token")

local doctor = { name = "doctor", summary = "Examine clock, credentials, data centres, token and permissions." }

function doctor.describe(command)
   account.describe_profile(command)
   command:option("--endpoint", "Ask this cloud instead of the data centres; may be given more than once.")
      :argname("<url>"):count("*")
   command:flag("--json", "Write JSON, and nothing else, on stdout.")
   command:epilog("Exit codes: 0 all is well, 1 there is a problem, 3 no data centre could be reached.")
end

local function add(findings, what, state, detail, advice)
   findings[#findings + 1] = { what = what, state = state, detail = detail, advice = advice }
end

-- {{{ credentials

local ID_LENGTH, SECRET_LENGTH = 20, 32 -- of all that were seen

local function shape_of(text, length)
   if text:find("^%s") or text:find("%s$") then return "problem", "blanks around it", "take them away" end
   if text:find("[^%w]") then return "problem", "something else than letters and digits", "copy it anew" end
   if #text == length then return "ok", ("%d letters and digits"):format(#text) end
   return "no", ("%d letters and digits; others have %d"):format(#text, length), "compare it with Tuya's console"
end

local function examine_credentials(findings, settings)
   local id, secret = settings.access_id, settings.access_secret
   if #id == SECRET_LENGTH and #secret == ID_LENGTH then
      add(findings, "credentials", "problem", "id and secret look exchanged", "exchange them")
   end
   add(findings, "access id", shape_of(id, ID_LENGTH))
   add(findings, "access secret", shape_of(secret, SECRET_LENGTH))
end

-- }}}

-- {{{ data centres

local CONNECT_TIMEOUT, TIMEOUT = 5, 10 -- seconds, for each data centre

local PROBE = "/v1.0/iot-01/associated-users/devices"
local NOT_ENABLED = 28841107

-- The places to ask, { name=, endpoint= } each, and the endpoint that is configured.
local function places(given, settings)
   local list, own = {}, settings.endpoint or regions.endpoints[settings.region or ""]
   for i, endpoint in ipairs(given.endpoint) do list[i] = { name = endpoint, endpoint = endpoint } end
   if list[1] then return list, own end
   local is_listed = own == nil
   for i, name in ipairs(account.regions()) do
      list[i] = { name = name, endpoint = regions.endpoints[name] }
      is_listed = is_listed or list[i].endpoint == own
   end
   if not is_listed then table.insert(list, 1, { name = own, endpoint = own }) end
   return list, own
end

local function client_of(settings, endpoint)
   local copy = {}
   for name, value in pairs(settings) do copy[name] = value end
   copy.region, copy.endpoint, copy.retries = nil, endpoint, 0
   copy.login = nil -- the key is the project's
   copy.timeout, copy.connect_timeout = TIMEOUT, CONNECT_TIMEOUT
   return ending.attempt(require("tuya").client, copy)
end

-- Asks one place: what came of it stands in the place.
local function ask(place, settings)
   screen.progress("asking " .. place.name .. "...")
   place.client = client_of(settings, place.endpoint)
   local result, message, info = place.client:get("/v1.0/token", { grant_type = 1 })
   place.offset = info.t and info.t - core.now()
   place.is_reached = result ~= nil or info.kind == "api"
   place.trouble, place.code = message, result == nil and info.code or nil
   if type(result) ~= "table" then return end
   place.token = result
   local _, refusal, detail = place.client:get(PROBE, { size = 1 })
   if refusal and detail.code == NOT_ENABLED then place.token, place.trouble, place.code = nil, refusal, NOT_ENABLED end
end

local MEANINGS = {
   [1004] = "refuses the secret (1004): another secret, or none of this data centre",
   [1005] = "does not know the key (1005)",
   [NOT_ENABLED] = "knows the key; the project has not enabled this data centre (28841107)",
}

local function describe(findings, place)
   if place.token then add(findings, place.name, "ok", "knows the key")
   else add(findings, place.name, "no", MEANINGS[place.code] or place.trouble) end
end

-- The place to go on with: the configured one where it knows the key, else the first that does.
local function choose(findings, list, own)
   local knowing, chosen = {}, nil
   for _, place in ipairs(list) do
      if place.token then
         knowing[#knowing + 1] = place.name
         if not chosen or place.endpoint == own then chosen = place end
      end
   end
   local names = table.concat(knowing, ", ")
   if not chosen then
      add(findings, "data centre", "problem", "none takes the key",
         "check id and secret, and which data centre the project has in Tuya's console")
   elseif not own then
      add(findings, "data centre", "problem", "none is configured", "use " .. names)
   elseif chosen.endpoint ~= own then
      add(findings, "data centre", "problem", own .. " does not take the key", "use " .. names)
   else add(findings, "data centre", "ok", chosen.name) end
   return chosen
end

-- }}}

-- {{{ clock, token, permissions, calls

local WINDOW, NOTABLE = 300000, 30000 -- ms; the cloud's tolerance as an old page of Tuya's gives it

local function examine_clock(findings, list)
   local offset
   for _, place in ipairs(list) do offset = offset or place.offset end
   if not offset then return add(findings, "clock", "no", "unknown: no data centre told its time") end
   local size = math.abs(offset)
   local detail = ("%.1f s %s the cloud's"):format(size / 1000, offset > 0 and "behind" or "ahead of")
   if size > WINDOW then add(findings, "clock", "problem", detail, "set it by NTP: others than lua-tuya get 1013")
   elseif size > NOTABLE then add(findings, "clock", "no", detail, "set it by NTP")
   else add(findings, "clock", "ok", detail) end
end

local function examine_token(findings, place)
   local left = tonumber(place.token.expire_time)
   add(findings, "token", "ok", ("lives %s more, user %s"):format(
      left and token.duration(left) or "?", screen.plain(place.token.uid)))
end

local CALLS = {
   { "devices of app accounts", PROBE, { size = 1 } },
   { "devices of the project", "/v1.0/iot-03/devices", { page_size = 1 } },
   { "thing models", "/v2.0/cloud/thing/device", { page_size = 1 } },
}

local NO_PLAN = { [28841001] = true, [28841002] = true, [28841003] = true, [28841004] = true }

local function examine_permissions(findings, client)
   local allowed = false
   for _, call in ipairs(CALLS) do
      screen.progress("asking for " .. call[1] .. "...")
      local result, message, detail = client:get(call[2], call[3])
      allowed = allowed or result ~= nil
      local state = result ~= nil and "ok" or NO_PLAN[detail.code] and "problem" or "no"
      add(findings, call[1], state, message or "may be called", result == nil and detail.advice or nil)
   end
   if not allowed then add(findings, "permissions", "problem", "the project may call none of these") end
end

local function examine_login(findings, settings)
   if not settings.login then return end
   screen.progress("looking for the account...")
   local client = ending.attempt(require("tuya").client, settings)
   local uid, message, detail = client:uid()
   if uid then add(findings, "login", "ok", "user " .. screen.plain(uid) .. " at " .. token.held(client).endpoint)
   else add(findings, "login", "problem", message, detail.kind == "login" and "run tuya login" or detail.advice) end
   client:close()
end

local function examine_calls(findings, client, settings)
   if not settings.budget then
      return add(findings, "calls left", "no", "unknown: the cloud tells no count",
         "give the profile a budget and a store, and they are counted")
   end
   local month = client:usage().month
   local of = month.limit and (" of %d"):format(month.limit) or ""
   add(findings, "calls left", month.left == 0 and "problem" or "ok", month.left
      and ("%d%s this month"):format(month.left, of) or ("%d used this month"):format(month.used))
end

-- }}}

local COLOURS = { ok = "green", no = "dim", problem = "red" }

local function write(findings)
   for _, finding in ipairs(findings) do
      local state = screen.paint(COLOURS[finding.state], ("%-7s"):format(finding.state))
      screen.write(("%-24s %s  %s\n"):format(finding.what, state, screen.plain(finding.detail)))
      if finding.advice and finding.state ~= "ok" then screen.write((" "):rep(34), finding.advice, "\n") end
   end
end

-- The exit code.
local function judge(findings, list)
   local reached = false
   for _, place in ipairs(list) do reached = reached or place.is_reached end
   if not reached then return ending.NETWORK end
   for _, finding in ipairs(findings) do
      if finding.state == "problem" then return ending.REFUSED end
   end
   return ending.DONE
end

local function examine(findings, list, own, settings)
   examine_credentials(findings, settings)
   for _, place in ipairs(list) do
      ask(place, settings)
      describe(findings, place)
   end
   local chosen = choose(findings, list, own)
   examine_clock(findings, list)
   if chosen then
      examine_token(findings, chosen)
      examine_login(findings, settings)
      examine_permissions(findings, chosen.client)
      examine_calls(findings, chosen.client, settings)
   end
   screen.progress()
   for _, place in ipairs(list) do place.client:close() end
end

function doctor.run(given)
   local settings, findings = account.settings { profile = given.profile }, {}
   local list, own = places(given, settings)
   examine(findings, list, own, settings)
   if given.json then screen.json(raw.encode(findings)) else write(findings) end
   return judge(findings, list)
end

return doctor

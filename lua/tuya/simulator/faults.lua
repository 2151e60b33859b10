--- faults.lua: what goes wrong between a client and the cloud, by rule.
-- The idea: a rule names the calls that it meets and what becomes of them; the first rule that fits and is not
-- used up strikes. Whether the call is carried out is part of the rule: a lost answer is not a lost call.
-- The danger: a rule with a slip in it that never strikes, and a test that passes for it; what is not
-- understood is refused with the rule that it breaks.
-- @module tuya.simulator.faults

local codes = require("tuya.simulator.codes")

local faults = {}

local DELAY_MAX = 60 -- seconds; the listener keeps no request longer

local HTML = { ["Content-Type"] = "text/html" }
local JSON = { ["Content-Type"] = "application/json;charset=UTF-8" }

local function page(title)
   return ("<html>\r\n<head><title>%s</title></head>\r\n<body><h1>%s</h1></body>\r\n</html>\r\n"):format(title, title)
end

--- By deed: `carries` = the call is carried out and its answer used; `ending` = how the connection goes on
-- where not with a reply; `reply` = what comes in the answer's place; `takes` = a duration may be given;
-- `seconds` = it is that where it is not given.
local DEEDS = {
   pass = { carries = true },
   slow = { carries = true, takes = true, seconds = 1 },
   truncate = { carries = true, ending = "truncate" },
   drop = { ending = "drop", takes = true },
   reset = { ending = "reset", takes = true },
   hang = { ending = "hang" },
   empty = { reply = { status = 200, headers = JSON, body = "" } },
   garbage = { reply = { status = 200, headers = JSON, body = '{"result":{"list":[\1\255\254' } },
   html = { reply = { status = 200, headers = HTML, body = page("Sign in to this network") } },
   redirect = { reply = { status = 302, headers = { Location = "/redirected" }, body = "" } },
}

local TITLES = {
   [400] = "Bad Request", [403] = "Forbidden", [404] = "Not Found", [413] = "Content Too Large",
   [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
   [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

--- A status as a proxy in front of the cloud answers it; the duration is its Retry-After.
local function status_deed(status)
   local title = TITLES[status] and status .. " " .. TITLES[status] or tostring(status)
   return { takes = true, retry_after = true, reply = { status = status, headers = HTML, body = page(title) } }
end

local function deed_of(word)
   if DEEDS[word] then
      return DEEDS[word]
   end
   if word:find("^[345]%d%d$") then
      return status_deed(tonumber(word))
   end
   local code = word:match("^code=(%d+)$") or word:match("^%d%d%d%d+$")
   return code and { code = tonumber(code) }
end

--- A pattern of Lua for paths in which `*` stands for anything but a slash, `**` for anything.
local function path_pattern(glob)
   local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*%*?", function(stars)
      return stars == "*" and "[^/]*" or ".*"
   end)
   return "^" .. pattern .. "$"
end

--- The words after the colon: late, the deed, its duration, its count. nil and what is wrong.
local function read_words(text)
   local words = {}
   for word in text:gmatch("%S+") do
      words[#words + 1] = word
   end
   local late = words[1] == "late" and table.remove(words, 1) ~= nil
   local name = table.remove(words, 1) or ""
   local deed = deed_of(name)
   if not deed then
      return nil, "'" .. name .. "' is no fault"
   end
   if late and deed.carries then
      return nil, "'late " .. name .. "': " .. name .. " carries the call out anyway"
   end
   local seconds = words[1] and tonumber(words[1]:match("^([%d.]+)s$"))
   if seconds and (not deed.takes or seconds > DELAY_MAX) then
      return nil, "'" .. words[1] .. "': " .. name .. (deed.takes and " takes at most 60s" or " takes no duration")
   end
   if seconds then
      table.remove(words, 1)
   end
   local count = words[1] and tonumber(words[1]:match("^[1-9]%d*$"))
   if words[count and 2 or 1] then
      return nil, "'" .. words[count and 2 or 1] .. "' is not understood"
   end
   return { name = (late and "late " or "") .. name, late = late, deed = deed, seconds = seconds, count = count }
end

--- Reads a rule: `METHOD PATH: [late] FAULT [SECONDSs] [COUNT]`, docs/simulator.md says it all.
-- @tparam string rule
-- @treturn[1] table fault
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function faults.read(rule)
   local method, glob, rest = rule:match("^%s*(%S+)%s+(%S-):%s+(%S.*)$")
   if not method or not method:find("^%*$") and not method:find("^%u+$") or not glob:find("^[/*]") then
      return nil, "fault '" .. rule .. "': METHOD PATH: FAULT expected, as in 'GET /v1.0/token: drop 2'"
   end
   local words, what = read_words(rest)
   if not words then
      return nil, "fault '" .. rule .. "': " .. what
   end
   return {
      method = method,
      pattern = path_pattern(glob == "*" and "**" or glob),
      name = words.name,
      late = words.late,
      deed = words.deed,
      seconds = words.seconds or words.deed.seconds,
      left = words.count or math.huge,
   }
end

--- The fault that meets this call, counted as used once; nil: none. A rule that passes hides the ones behind it.
function faults.strike(list, method, path)
   for _, fault in ipairs(list) do
      local fits = fault.method == "*" or fault.method == method
      if fits and fault.left > 0 and path:find(fault.pattern) then
         fault.left = fault.left - 1
         return fault
      end
   end
   return nil
end

--- Is the call carried out, though this fault meets it?
function faults.carries(fault)
   return fault.late or fault.deed.carries == true
end

--- The page of a proxy or portal, `{ status =, headers =, body = }`.
local function page_reply(fault)
   local deed, headers = fault.deed, {}
   for name, value in pairs(deed.reply.headers) do
      headers[name] = value
   end
   if deed.retry_after and fault.seconds then
      headers["Retry-After"] = ("%.0f"):format(math.ceil(fault.seconds))
   end
   return { status = deed.reply.status, headers = headers, body = deed.reply.body }
end

--- Does to an outcome what the fault does.
-- @tparam table fault
-- @tparam table outcome gets `fault`, `reply` and `code` where others come in their place, `reply.delay` in seconds,
-- `ending` = "drop", "reset", "hang" or "truncate"
-- @tparam function refuse refuse(code, text) makes the reply that refuses so
function faults.apply(fault, outcome, refuse)
   local deed = fault.deed
   outcome.fault, outcome.ending = fault, deed.ending
   if deed.code then
      outcome.code, outcome.reply = deed.code, refuse(deed.code, codes[deed.code] or "simulated fault")
   elseif deed.reply then
      outcome.code, outcome.reply = nil, page_reply(fault)
   elseif not deed.carries then
      outcome.code, outcome.reply = nil, nil
   end
   outcome.delay = not deed.retry_after and fault.seconds or nil
   if outcome.reply then
      outcome.reply.delay = outcome.delay
   end
end

return faults

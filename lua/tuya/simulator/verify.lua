--- verify.lua: is this request signed as the cloud wants it?
-- The idea: everything is rebuilt from the bytes that were received; no code is shared with the signing half
-- of this library, so the two can only agree by both being right.
-- The danger: to be kinder than the cloud. Where its behaviour is unknown (a `+` in a query), every reading
-- that it may have is accepted and no other.
-- @module tuya.simulator.verify

local bytes = require("tuya.bytes")
local core = require("tuya.core")

local verify = {}

local TOLERANCE = 300 * 1000 -- milliseconds that `t` may be off

--- ASCII lower case, whatever the locale.
local function lower(text)
   return (text:gsub("[A-Z]", function(letter)
      return string.char(letter:byte() + 32)
   end))
end

local function percent_decoded(text)
   return (text:gsub("%%([0-9A-Fa-f][0-9A-Fa-f])", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

--- Header values by lower-case name, from a table name = value or a list of { name, value }; of a repeated
-- header the first.
local function header_values(headers)
   local values = {}
   for name, value in pairs(headers or {}) do
      if type(name) == "string" then
         values[lower(name)] = value
      end
   end
   for _, pair in ipairs(headers or {}) do
      local name = lower(pair[1])
      values[name] = values[name] or pair[2]
   end
   return values
end

--- Takes a request apart: method, path, raw query, headers by lower-case name, body.
function verify.received(request)
   local path, query = request.target:match("^([^?]*)%??(.*)$")
   return {
      method = request.method,
      path = path,
      query = query,
      headers = header_values(request.headers),
      body = request.body or "",
   }
end

--- Calls about tokens are signed without one, whatever the header says.
function verify.is_token_call(path)
   return path == "/v1.0/token" or path:find("/v1.0/token/", 1, true) == 1 or path == "/v1.0/authorize_token"
end

local LOGINS = {
   ["/v1.0/iot-01/associated-users/actions/authorized-login"] = true,
   ["/v1.0/iot-03/users/login"] = true,
}

--- Log-ins, and the refresh of what they give in an industry project, are made without a token, and signed as if it
-- were empty.
function verify.is_login(path)
   return LOGINS[path] or path:find("/v1.0/iot-03/users/token/", 1, true) == 1
end

--- Whether a call may come without a token.
local function needs_none(received)
   local is_empty = (received.headers.access_token or "") == ""
   return verify.is_token_call(received.path) or is_empty and verify.is_login(received.path)
end

--- Splits a raw query into { name =, value = } pairs, decoded; value is nil where there is no `=`.
-- @tparam string query
-- @tparam boolean plus_is_space how to read a `+`
local function query_pairs(query, plus_is_space)
   local list = {}
   if plus_is_space then
      query = query:gsub("%+", " ")
   end
   for part in query:gmatch("[^&]+") do
      local name, value = part:match("^([^=]*)=(.*)$")
      list[#list + 1] = {
         name = percent_decoded(name or part),
         value = value and percent_decoded(value),
         at = #list,
      }
   end
   return list
end

--- The parameters of a received request that nobody has signed.
function verify.query(received)
   return query_pairs(received.query, true)
end

local function signed_url(path, list)
   local sorted, parts = {}, {}
   for i, pair in ipairs(list) do
      sorted[i] = pair
   end
   table.sort(sorted, function(a, b)
      if a.name == b.name then
         return a.at < b.at
      end
      return bytes.before(a.name, b.name)
   end)
   for i, pair in ipairs(sorted) do
      parts[i] = pair.value and pair.name .. "=" .. pair.value or pair.name
   end
   return #parts > 0 and path .. "?" .. table.concat(parts, "&") or path
end

--- One line for each name in Signature-Headers, in its order; an absent header has an empty value.
local function signed_headers(headers)
   local lines = {}
   for name in (headers["signature-headers"] or ""):gmatch("[^:]+") do
      lines[#lines + 1] = name .. ":" .. (headers[lower(name)] or "") .. "\n"
   end
   return table.concat(lines)
end

local is_token_call = verify.is_token_call

local function prefix(received, nonce, bundle_id)
   local headers = received.headers
   return table.concat({
      headers.client_id,
      is_token_call(received.path) and "" or headers.access_token or "",
      headers.t,
      nonce,
      bundle_id,
   })
end

--- The readings that the cloud may have of a query, each as a list of pairs.
local function readings(query)
   local list = { query_pairs(query, true) }
   if query:find("+", 1, true) then
      list[2] = query_pairs(query, false)
   end
   return list
end

--- The pairs of the reading under which the signature is right; nil: under none.
local function signed_pairs(received, project)
   local headers = received.headers
   local all = readings(received.query)
   local start = prefix(received, headers.nonce or "", project.bundle_id or "")
      .. received.method .. "\n"
      .. core.sha256(received.body) .. "\n"
      .. signed_headers(headers) .. "\n"
   for _, list in ipairs(all) do
      if project.key:mac(start .. signed_url(received.path, list)) == headers.sign then
         return list
      end
   end
   if project.algorithm == "v1" and project.key:mac(prefix(received, "", "")) == headers.sign then
      return all[1]
   end
   return nil
end

local function missing_header(received)
   local names = { "client_id", "sign", "t", "sign_method" }
   if not needs_none(received) then
      names[5] = "access_token"
   end
   for _, name in ipairs(names) do
      if not received.headers[name] then
         return name
      end
   end
   return nil
end

local function time_is_right(t, now)
   return #t == 13 and t:find("^[0-9]+$") ~= nil and math.abs(tonumber(t) - now) <= TOLERANCE
end

--- Checks a received request in this simulator's order: headers, client id, time, token, sign.
-- @tparam table received what verify.received gave
-- @tparam table known { projects = by access id, now = milliseconds, check_clock = boolean }
-- @treturn[1] table the project
-- @treturn[1] table its query as decoded { name =, value = } pairs
-- @treturn[2] nil
-- @treturn[2] integer the code
-- @treturn[2] string what was wrong, for the console
function verify.check(received, known)
   local headers = received.headers
   local missing = missing_header(received)
   if missing then
      return nil, 1105, missing
   end
   local project = known.projects[headers.client_id]
   if not project then
      return nil, 1005
   end
   if known.check_clock and not time_is_right(headers.t, known.now) then
      return nil, 1013
   end
   local access = headers.access_token
   local is_known = needs_none(received) or project.tokens:valid(access, known.now)
   if not is_known and not project.sessions:uid_of(access, known.now) then
      return nil, 1010
   end
   local list = signed_pairs(received, project)
   if not list then
      return nil, 1004
   end
   return project, list
end

return verify

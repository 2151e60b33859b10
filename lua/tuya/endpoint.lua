--- endpoint.lua: where a transport connects to, and the bounds that it is given.
-- The idea: every transport takes the same words and refuses the same mistakes.
-- @module tuya.endpoint

local endpoint = {}

-- The greatest that make sense; what is above would not be done.
local MOST = { max_connections = 1000, max_queue = 60000, max_reply = 2 ^ 31 - 1 }

local DEFAULT_PORT = { http = 80, https = 443 }

--- Takes an endpoint apart.
-- @tparam string text "https://host" or "https://host:port", a final slash aside
-- @treturn ?table `bare` (without that slash), `scheme`, `host` (an IPv6 address in its brackets), `port`,
-- `is_default_port`; nil and the rule
function endpoint.parse(text)
   local bare = text:gsub("/$", "")
   local scheme, host, port = bare:match("^(https?)://([^/:?#@%[%]]+)(.*)$")
   if not host then scheme, host, port = bare:match("^(https?)://(%[[%x:.]+%])(.*)$") end
   local number = port == "" and DEFAULT_PORT[scheme] or tonumber((port or ""):match("^:(%d+)$"))
   local fits = host and host:find("^[%w%.%-_%[%]:]+$") and number and number >= 1 and number <= 65535
   if not fits then return nil, 'endpoint: "https://host" or "https://host:port", without a path' end
   return {
      bare = bare,
      scheme = scheme,
      host = host,
      port = number,
      is_default_port = number == DEFAULT_PORT[scheme],
   }
end

--- The rule that one of a transport's options breaks.
-- @tparam table given
-- @treturn ?string
function endpoint.wrong_value(given)
   for _, name in ipairs { "timeout", "connect_timeout" } do
      local value = given[name]
      if value and (value <= 0 or value ~= value) then return name .. ": must be more than 0" end
   end
   for name, most in pairs(MOST) do
      local value = given[name]
      if value and not (value >= 1 and value <= most and value % 1 == 0) then
         return ("%s: a whole number from 1 to %.0f"):format(name, most)
      end
   end
   for _, name in ipairs { "ca_file", "proxy", "user_agent" } do
      local text = given[name] or ""
      if text:find("[%z\1-\31\127]") then return name .. ": holds CR, LF, NUL or another control byte" end
   end
end

local LOOPBACK = { ["localhost"] = true, ["[::1]"] = true }

--- Whether a host is this machine itself.
-- @tparam string host as of `parse`
-- @treturn boolean
function endpoint.is_loopback(host)
   return LOOPBACK[host] or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- Another endpoint may be sent to over the transport's own scheme only: it trusts what it was told to trust.
local function wrong_endpoint(text, scheme)
   local place = type(text) == "string" and endpoint.parse(text)
   if not place or place.scheme ~= scheme or place.bare ~= text then
      return ('endpoint: "%s://host" or "%s://host:port" expected, as the transport\'s own'):format(scheme, scheme)
   end
end

local function is_limit(value)
   return value == nil or (type(value) == "number" and value > 0)
end

--- The rule that the limits of a send break.
-- @param limits
-- @tparam string scheme of the transport
-- @treturn ?string
function endpoint.wrong_limits(limits, scheme)
   if limits == nil then return nil end
   if type(limits) ~= "table" then return "limits: a table expected, got " .. type(limits) end
   if not is_limit(limits.timeout) then return "timeout: a number above 0 expected" end
   if not is_limit(limits.connect_timeout) then return "connect_timeout: a number above 0 expected" end
   if limits.endpoint ~= nil then return wrong_endpoint(limits.endpoint, scheme) end
end

return endpoint

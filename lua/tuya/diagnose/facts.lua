--- diagnose/facts.lua: what is known of a captured request.
-- The idea: everything that a rule or a choice needs is worked out once: the parts as they were sent, and the
-- parts as the cloud builds them.
-- The danger: the judge must not share the signer's code, or it would share its mistakes; this reads what was
-- received.
-- @module tuya.diagnose.facts

local bytes = require("tuya.bytes")
local core = require("tuya.core")

local facts = {}

--- Percent-decodes; a plus stays a plus.
-- @tparam string text
-- @treturn string
function facts.decode(text)
   return (text:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
   end))
end

-- The query, one { raw, name, value, raw_name, raw_value } a parameter; value is nil where there is no "=".
local function parse_query(text)
   local list = {}
   for raw in (text or ""):gmatch("[^&]+") do
      local name, value = raw:match("^([^=]*)=(.*)$")
      list[#list + 1] = {
         raw = raw,
         raw_name = name or raw,
         raw_value = value,
         name = facts.decode(name or raw),
         value = value and facts.decode(value),
      }
   end
   return list
end

--- Sorts parameters by a key, stably.
-- @tparam table list
-- @tparam function key of a parameter
-- @treturn table a new list
function facts.sorted(list, key)
   local keyed = {}
   for i, item in ipairs(list) do keyed[i] = { item = item, key = key(item), at = i } end
   table.sort(keyed, function(a, b)
      if a.key ~= b.key then return bytes.before(a.key, b.key) end
      return a.at < b.at
   end)
   local out = {}
   for i, one in ipairs(keyed) do out[i] = one.item end
   return out
end

--- Parameters as the cloud sorts them.
-- @tparam table list
-- @treturn table a new list
function facts.by_name(list)
   return facts.sorted(list, function(parameter) return parameter.name end)
end

--- A parameter as text.
-- @tparam string name
-- @tparam ?string value
-- @treturn string
function facts.pair(name, value)
   return value and name .. "=" .. value or name
end

--- Path and query joined.
-- @tparam string path
-- @tparam table texts one a parameter
-- @treturn string
function facts.join(path, texts)
   if not texts[1] then return path end
   return path .. "?" .. table.concat(texts, "&")
end

-- The URL that the cloud builds: decoded, sorted by name. A plus may be read either way.
local function right_url(path, list, plus_is_space)
   local texts = {}
   for i, parameter in ipairs(facts.by_name(list)) do
      local name, value = parameter.raw_name, parameter.raw_value
      if plus_is_space then name, value = name:gsub("%+", " "), value and value:gsub("%+", " ") end
      texts[i] = facts.pair(facts.decode(name), value and facts.decode(value))
   end
   return facts.join(path, texts)
end

local function lower_names(headers)
   local by, twice = {}, {}
   for _, header in ipairs(headers) do
      local name = header[1]:lower()
      twice[name] = by[name] ~= nil
      if by[name] == nil then by[name] = header[2] end
   end
   return by, twice
end

-- The names in Signature-Headers, as written.
local function listed_names(text)
   local names = {}
   for name in (text or ""):gmatch("[^:]+") do names[#names + 1] = name end
   return names
end

--- The header block of some names: `name:value` and a newline each; what is absent is empty.
-- @tparam table names
-- @tparam table by_lower_name
-- @treturn string
function facts.block(names, by_lower_name)
   local lines = {}
   for i, name in ipairs(names) do lines[i] = name .. ":" .. (by_lower_name[name:lower()] or "") .. "\n" end
   return table.concat(lines)
end

local function from_base64(text)
   local map = {}
   local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
   for i = 1, #alphabet do map[alphabet:sub(i, i)] = i - 1 end
   local bits, n, out = 0, 0, {}
   for char in text:gsub("-", "+"):gsub("_", "/"):gmatch("[A-Za-z0-9+/]") do
      bits, n = bits * 64 + map[char], n + 6
      if n >= 8 then
         n = n - 8
         out[#out + 1] = string.char(math.floor(bits / 2 ^ n))
         bits = bits % 2 ^ n
      end
   end
   return table.concat(out)
end

--- The digest that a sign carries, and the slug of the form when that is not upper-case hex.
-- @tparam string sign
-- @treturn ?string 32 bytes
-- @treturn ?string slug
function facts.digest_of(sign)
   if #sign == 64 and sign:find("^%x+$") then
      local digest = sign:gsub("..", function(hex)
         return string.char(tonumber(hex, 16))
      end)
      return digest, sign ~= sign:upper() and "sign-lowercase-hex" or nil
   end
   if (#sign == 44 or #sign == 43) and sign:find("^[%w+/_-]+=?$") then
      local digest = from_base64(sign)
      if #digest == 32 then return digest, "sign-base64" end
   end
end

-- What the cloud takes for each part.
local function right_parts(f)
   return {
      id = f.id or "",
      token = f.is_token_call and "" or f.token or "",
      t = f.t or "",
      nonce = f.nonce or "",
      bundle = f.bundle_id or "",
      method = f.method,
      hash = core.sha256(f.body),
      block = facts.block(f.listed, f.by),
      url = right_url(f.path, f.query, false),
      url_plus = right_url(f.path, f.query, true),
   }
end

--- Works out the facts.
-- @tparam table captured as of `capture.normalise`
-- @tparam table known `secret`, `access_token` (issued), `access_id`, `server_time` (ms), `bundle_id`
-- @treturn table
function facts.of(captured, known)
   local by, twice = lower_names(captured.headers)
   local path, query = captured.target:match("^([^?]*)%??(.*)$")
   local f = {
      method = captured.method,
      target = captured.target,
      path = path,
      raw_query = query,
      query = parse_query(query),
      has_query = query ~= "",
      host = captured.host,
      scheme = captured.scheme,
      headers = captured.headers,
      by = by,
      twice = twice,
      body = captured.body,
      id = by.client_id or known.access_id,
      token = by.access_token,
      t = by.t,
      nonce = by.nonce,
      sign = by.sign,
      listed = listed_names(by["signature-headers"]),
      is_token_call = core.is_token_call(path),
      secret = known.secret,
      issued = known.access_token,
      access_id = known.access_id,
      server_time = known.server_time,
      bundle_id = known.bundle_id,
   }
   if f.sign then f.digest, f.form = facts.digest_of(f.sign) end
   f.right = right_parts(f)
   return f
end

return facts

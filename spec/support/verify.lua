-- verify.lua: judges a raw request by the published rule, with luaossl and nothing of this library.
local digest = require("openssl.digest")
local hmac = require("openssl.hmac")

local verify = {}

local function hex(bytes, format)
   return (bytes:gsub(".", function(c)
      return (format or "%02x"):format(c:byte())
   end))
end

--- The parts of a raw HTTP/1.1 request: method, target, headers (lower-case name = value), body, names in order.
function verify.parse(raw)
   local head, body = raw:match("^(.-\r\n)\r\n(.*)$")
   local method, target = head:match("^(%u+) (%S+) HTTP/1.1\r\n")
   local headers, names = {}, {}
   for name, value in head:gmatch("\r\n([^:\r\n]+): ?([^\r\n]*)") do
      assert(headers[name:lower()] == nil, "header sent twice: " .. name)
      headers[name:lower()] = value
      names[#names + 1] = name
   end
   return { method = method, target = target, headers = headers, names = names, body = body }
end

local function decode(text)
   return (text:gsub("%%(%x%x)", function(two)
      return string.char(tonumber(two, 16))
   end))
end

-- Byte by byte: `<` follows the locale.
local function before(a, b)
   for i = 1, math.min(#a, #b) do
      if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
   end
   return #a < #b
end

-- The URL as the cloud rebuilds it: split, decoded, sorted by name, joined.
local function signed_url(target)
   local path, query = target:match("^([^?]*)%??(.*)$")
   if query == "" then return path end
   local pairs_found = {}
   for part in query:gmatch("[^&]+") do
      local name, value = part:match("^([^=]*)=(.*)$")
      pairs_found[#pairs_found + 1] = { name = decode(name), value = decode(value), at = #pairs_found }
   end
   table.sort(pairs_found, function(a, b)
      if a.name ~= b.name then return before(a.name, b.name) end
      return a.at < b.at
   end)
   local texts = {}
   for i, pair in ipairs(pairs_found) do texts[i] = pair.name .. "=" .. pair.value end
   return path .. "?" .. table.concat(texts, "&")
end

--- The sign that the cloud would compute for a parsed request.
function verify.sign(request, secret)
   local block = {}
   for name in (request.headers["signature-headers"] or ""):gmatch("[^:]+") do
      block[#block + 1] = name .. ":" .. (request.headers[name:lower()] or "") .. "\n"
   end
   local canonical = table.concat({
      request.method,
      hex(digest.new("sha256"):final(request.body)),
      table.concat(block),
      signed_url(request.target),
   }, "\n")
   local headers = request.headers
   local text = headers.client_id .. (headers.access_token or "") .. headers.t .. (headers.nonce or "") .. canonical
   return hex(hmac.new(secret, "sha256"):final(text), "%02X")
end

return verify

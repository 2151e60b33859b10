-- vectors.lua: the cases of spec/vectors and the recorded requests of spec/captures, parsed.
local lfs = require("lfs")

local vectors = {}

local function read(path)
   local file = io.open(path, "rb")
   if not file then return nil end
   local text = file:read("*a")
   file:close()
   return text
end

local function parse_request(text)
   local request = { query = {}, headers = {} }
   local at = 1
   while at <= #text do
      local line, after = text:match("^([^\n]*)\n()", at)
      if line == "body" then
         request.body = text:sub(after)
         return request
      end
      local field, value = line:match("^(%S+) (.*)$")
      if field == "query" or field == "header" then
         local list = field == "query" and request.query or request.headers
         list[#list + 1] = { value:match("^([^=]*)=(.*)$") }
      else
         request[field] = value
      end
      at = after
   end
   return request
end

local function parse_signer(text)
   local signer = {}
   for field, value in text:gmatch("(%S+) ([^\n]*)\n") do signer[field] = value end
   return signer
end

local function names(directory, pattern)
   local list = {}
   for name in lfs.dir(directory) do
      local stem = name:match(pattern)
      if stem then list[#list + 1] = stem end
   end
   table.sort(list)
   return list
end

--- The cases of spec/vectors, in order of their names.
function vectors.cases()
   local cases = {}
   for _, name in ipairs(names("spec/vectors", "^([^.].*)$")) do
      local directory = "spec/vectors/" .. name .. "/"
      cases[#cases + 1] = {
         name = name,
         request = parse_request(read(directory .. "request.txt")),
         signer = parse_signer(read(directory .. "signer.txt")),
         canonical = read(directory .. "canonical.txt"),
         target = read(directory .. "target.txt"),
         sign = read(directory .. "sign.txt"),
         fault = read(directory .. "fault.txt"),
      }
   end
   return cases
end

local function dechunk(text)
   local parts, at = {}, 1
   while true do
      local size, after = text:match("^(%x+)[^\r\n]*\r\n()", at)
      size = tonumber(size, 16)
      if size == 0 then return table.concat(parts) end
      parts[#parts + 1] = text:sub(after, after + size - 1)
      at = after + size + 2
   end
end

--- A raw HTTP/1.1 request: method, target, headers (name in lower case = value), body.
function vectors.parse_http(raw)
   local head, body = raw:match("^(.-\r\n)\r\n(.*)$")
   local method, target = head:match("^(%S+) (%S+) ")
   local headers, order = {}, {}
   for name, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
      headers[name:lower()] = value
      order[#order + 1] = { name, value }
   end
   if headers["transfer-encoding"] then body = dechunk(body) end
   return { method = method, target = target, headers = headers, list = order, body = body }
end

--- The recorded requests: the raw request parsed, and what is known beside it.
function vectors.captures()
   local json = require("cjson").new()
   local captures = {}
   for _, name in ipairs(names("spec/captures", "^(.*)%.http$")) do
      local known = json.decode(read("spec/captures/" .. name .. ".json"))
      known.name = name
      known.raw = read("spec/captures/" .. name .. ".http")
      known.sent = vectors.parse_http(known.raw)
      captures[#captures + 1] = known
   end
   return captures
end

return vectors

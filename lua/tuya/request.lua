--- request.lua: step one, what to send.
-- The idea: everything that will be sent is settled here: the query as a list of decoded string pairs,
-- the body as bytes. No clock, no secret, no I/O.
-- The danger: what Lua does to numbers (`2.0`, `1e+15`) must not reach a signature; every value
-- becomes text here, by rules that are stated, or is refused.
-- @module tuya.request

local bytes = require("tuya.bytes")
local core = require("tuya.core")
local json = require("tuya.json")
local options = require("tuya.options")

local request = {}

-- Of what `request.build` makes, and of nothing else; the core seals only that.
local metatable = core.request_metatable

local FIELDS = options.known {
   method = "string",
   path = "string",
   query = "table",
   headers = "table",
   body = "table|string",
   content_type = "string",
   lang = "string",
}

-- As they are mostly given.
local METHODS = { GET = "GET", POST = "POST", PUT = "PUT", DELETE = "DELETE", PATCH = "PATCH", HEAD = "HEAD" }

local EXACT = 2 ^ 53 -- beyond it a float no longer tells neighbouring integers apart

-- The text of a number that is an integer in value.
local function integer_text(n)
   if math.type and math.type(n) == "integer" then return ("%d"):format(n) end
   if n % 1 ~= 0 or n - n ~= 0 then return nil, "a number with a fraction; give it as a string" end
   if n >= EXACT or n <= -EXACT then return nil, "an integer that a float cannot hold exactly; give it as a string" end
   return ("%.0f"):format(n == 0 and 0 or n) -- never "-0"
end

-- The text of a string, integer or boolean; nil and the rule for anything else.
local function scalar_text(value)
   local kind = type(value)
   if kind == "string" then return value end
   if kind == "boolean" then return tostring(value) end
   if kind == "number" then return integer_text(value) end
   return nil, "a string, an integer, a boolean or a list of these expected, got " .. kind
end

-- Whether a table has the keys 1 to n and no other.
local function is_sequence(list, n)
   local count = 0
   for key in next, list do
      if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > n then return false end
      count = count + 1
   end
   return count == n
end

-- A list is joined by commas: that is how the API takes several ids.
local function list_text(list)
   if not is_sequence(list, #list) then return nil, "a list expected, got a table with names or holes" end
   local texts = {}
   for i = 1, #list do
      local text, rule = scalar_text(list[i])
      if not text then return nil, rule end
      texts[i] = text
   end
   return table.concat(texts, ",")
end

local function value_text(value)
   if type(value) == "table" then return list_text(value) end
   return scalar_text(value)
end

-- A table with [1] is a list of pairs.
local function is_list(pairs_given)
   return pairs_given[1] ~= nil
end

-- A table name = value, as a list of pairs in byte order of the names.
local function list_of(map)
   local names, rule = bytes.names(map)
   if not names then return nil, rule end
   local list = {}
   for i, name in ipairs(names) do list[i] = { name, map[name] } end
   return list
end

-- Appends { name, text } to out; seen has the names so far. The rule when it may not.
local function add_pair(out, seen, name, value, what)
   if type(name) ~= "string" then return ("%s: a name must be a string, got %s"):format(what, type(name)) end
   if value == nil or value == json.null then return end
   if seen[name] then return ("%s: %q is given twice"):format(what, options.shown(name)) end
   local text, rule = value_text(value)
   if not text then return ("%s: %q: %s"):format(what, options.shown(name), rule) end
   seen[name] = true
   out[#out + 1] = { name, text }
end

local function is_pair(value)
   if type(value) ~= "table" then return false end
   for key in next, value do
      if key ~= 1 and key ~= 2 then return false end
   end
   return true
end

local function add_pairs(out, seen, given, what)
   local list, behind = given, getmetatable(given)
   if type(behind) == "table" and behind.__index and next(given) == nil then
      return what .. ": a table whose fields a metatable lends; give a plain one"
   end
   if not is_list(given) then
      local rule
      list, rule = list_of(given)
      if not list then return what .. ": " .. rule end
   end
   if not is_sequence(list, #list) then return what .. ": a list with names or holes; give pairs, or name = value" end
   for _, pair in ipairs(list) do
      if not is_pair(pair) then
         return what .. ": a list of { name, value } pairs, or a table name = value"
      end
      local rule = add_pair(out, seen, pair[1], pair[2], what)
      if rule then return rule end
   end
end

-- Percent-decodes; a plus stays a plus. Nil when an escape is broken.
local function decode(text)
   if text:gsub("%%%x%x", ""):find("%", 1, true) then return nil end
   return (text:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
   end))
end

-- Takes the query out of a path into out. The path alone, or nil and the rule.
local function split_path(path, out, seen)
   local at = path:find("?", 1, true)
   if not at then return path end
   if path:find("#", at, true) then return nil, "path: holds '#'; a fragment is never sent" end
   for part in path:sub(at + 1):gmatch("[^&]+") do
      local name, value = part:match("^([^=]*)=?(.*)$")
      name, value = decode(name), decode(value)
      if not name or not value then return nil, "path: its query has a broken percent escape" end
      local rule = add_pair(out, seen, name, value, "query")
      if rule then return nil, rule end
   end
   return path:sub(1, at - 1)
end

-- The pairs of a query that is given and of the one in the path: path, pairs or nil, rule.
local function build_query(path, given)
   if not given and not path:find("?", 1, true) then return path end
   local query, seen = {}, {}
   local bare, rule = split_path(path, query, seen)
   if bare and given then rule = add_pairs(query, seen, given, "query") end
   if rule then return nil, rule end
   return bare, query[1] and query or nil
end

local function build_headers(given)
   local headers = {}
   local rule = add_pairs(headers, {}, given, "headers")
   return headers[1] and headers, rule
end

-- The bytes of a body, encoded once: the bytes that are hashed are the bytes that are sent.
local function build_body(body, codec)
   if body == "" then return nil end
   if type(body) == "string" then return body end
   local ok, text, rule = pcall(codec.encode, body)
   if ok and type(text) == "string" then return text end
   return nil, "body: " .. tostring(ok and rule or text)
end

-- The rule that the core found broken, with what it stands in.
local function core_rule(built, rule, at)
   local list = rule:find("^query %a+:") and built.query or rule:find("^header %a+:") and built.headers
   local pair = list and list[at]
   return pair and ("%s (%q)"):format(rule, options.shown(pair[1])) or rule
end

--- Checks the names and types of a request's fields.
-- @tparam table spec
-- @treturn ?string the rule that is broken
function request.broken(spec)
   return options.broken(spec, FIELDS)
end

--- Builds a request out of a table whose names and types have been checked.
-- @tparam table spec as for `tuya.request`; what it holds besides is left alone
-- @tparam table codec something with `encode`
-- @tparam[opt] string lang where the table gives none
-- @treturn ?request nil and the rule that is broken
function request.build(spec, codec, lang)
   local method, headers, body, rule = spec.method, spec.headers, spec.body, nil
   if not method then return nil, "method: missing" end
   if not spec.path then return nil, "path: missing" end
   local path, query = build_query(spec.path, spec.query)
   if not path then return nil, query end
   if headers then headers, rule = build_headers(headers) end
   if rule then return nil, rule end
   if body ~= nil then body, rule = build_body(body, codec) end
   if rule then return nil, rule end
   local built = {
      method = METHODS[method] or method:upper(), path = path, query = query, headers = headers, body = body,
      content_type = spec.content_type, lang = spec.lang or lang,
   }
   local made, broken, at = core.request(built)
   if not made then return nil, core_rule(built, broken, at) end
   return made
end

--- Whether a value was made by `request.build`.
-- @treturn boolean
function request.is(value)
   return getmetatable(value) == metatable
end

return request

--- diagnose/variants.lua: the same thing written otherwise: JSON, character sets, percent-encoding, orders.
-- The idea: plain functions from text to texts, without a notion of what is right.
-- @module tuya.diagnose.variants

local bytes = require("tuya.bytes")

local variants = {}

-- {{{ permutations and subsets

--- Every order of a list.
-- @tparam table list
-- @treturn table of lists, the given order first
function variants.permutations(list)
   if #list <= 1 then return { list } end
   local out = {}
   for i = 1, #list do
      local rest = {}
      for j, item in ipairs(list) do
         if j ~= i then rest[#rest + 1] = item end
      end
      for _, tail in ipairs(variants.permutations(rest)) do
         table.insert(tail, 1, list[i])
         out[#out + 1] = tail
      end
   end
   return out
end

--- Every selection of 1 to `most` items, their order kept.
-- @tparam table list
-- @tparam number most
-- @treturn table of lists
function variants.subsets(list, most)
   local out = {}
   local function extend(from, chosen)
      for i = from, #list do
         local longer = {}
         for j, item in ipairs(chosen) do longer[j] = item end
         longer[#longer + 1] = list[i]
         out[#out + 1] = longer
         if #longer < most then extend(i + 1, longer) end
      end
   end
   extend(1, {})
   return out
end

-- }}}

-- {{{ JSON, as tokens: an encoder would lose the order of the members

-- The tokens of a JSON text; nil when it is none.
local function tokens_of(text)
   local list, at = {}, 1
   while true do
      at = text:match("^[ \t\r\n]*()", at)
      if at > #text then return list end
      local token = text:match('^[%[%]{}:,]', at) or text:match("^[%w.+-]+", at)
      if not token and text:sub(at, at) == '"' then
         local stop = at
         repeat
            stop = text:find('"', stop + 1, true)
            if not stop then return nil end
         until #text:sub(1, stop - 1):match("\\*$") % 2 == 0
         token = text:sub(at, stop)
      end
      if not token then return nil end
      list[#list + 1] = token
      at = at + #token
   end
end

local parse

local MAX_DEPTH = 100 -- of a body; deeper ones are somebody's trap

local function parse_members(list, at, close, is_object, depth)
   local node = { open = is_object and "{" or "[", close = close }
   if list[at] == close then return node, at + 1 end
   while true do
      local item = {}
      if is_object then
         if list[at + 1] ~= ":" then return nil end
         item.key, at = list[at], at + 2
      end
      item.value, at = parse(list, at, depth)
      if not item.value then return nil end
      node[#node + 1] = item
      if list[at] == close then return node, at + 1 end
      if list[at] ~= "," then return nil end
      at = at + 1
   end
end

-- A tree of strings (scalars, as written) and nodes of members.
function parse(list, at, depth)
   local token = list[at]
   if depth > MAX_DEPTH then return nil end
   if token == "{" then return parse_members(list, at + 1, "}", true, depth + 1) end
   if token == "[" then return parse_members(list, at + 1, "]", false, depth + 1) end
   if not token or token:find("^[%]}:,]") then return nil end
   return token, at + 1
end

local function tree_of(text)
   local list = tokens_of(text)
   if not list then return nil end
   local tree, at = parse(list, 1, 0)
   return tree and at == #list + 1 and tree or nil
end

local function sort_members(node)
   local members = {}
   for i, item in ipairs(node) do members[i] = { item = item, at = i } end
   table.sort(members, function(a, b)
      local x, y = a.item.key or "", b.item.key or ""
      if x ~= y then return bytes.before(x, y) end
      return a.at < b.at
   end)
   local out = {}
   for i, member in ipairs(members) do out[i] = member.item end
   return out
end

-- Writes a tree in a style: comma, colon, indent, sort, scalar.
local function write(node, style, depth)
   if type(node) == "string" then return style.scalar(node) end
   local members = node.open == "{" and style.sort and sort_members(node) or node
   if not members[1] then return node.open .. node.close end
   local texts = {}
   for i, item in ipairs(members) do
      local key = item.key and style.scalar(item.key) .. style.colon or ""
      texts[i] = key .. write(item.value, style, depth + 1)
   end
   if not style.indent then return node.open .. table.concat(texts, style.comma) .. node.close end
   local inner, outer = "\n" .. style.indent:rep(depth + 1), "\n" .. style.indent:rep(depth)
   return node.open .. inner .. table.concat(texts, "," .. inner) .. outer .. node.close
end

local function as_written(token)
   return token
end

local function utf8_points(text)
   return text:gsub("[\194-\223][\128-\191]", function(c)
      local a, b = c:byte(1, 2)
      return ("\\u%04x"):format((a - 0xC0) * 64 + b - 0x80)
   end):gsub("[\224-\239][\128-\191][\128-\191]", function(c)
      local a, b, d = c:byte(1, 3)
      return ("\\u%04x"):format((a - 0xE0) * 4096 + (b - 0x80) * 64 + d - 0x80)
   end)
end

local function ascii(token)
   return (utf8_points(token))
end

local function to_utf8(code)
   if code < 0x80 then return string.char(code) end
   if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
   return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function unescaped(token)
   return (token:gsub("\\/", "/"):gsub("\\u(%x%x%x%x)", function(hex)
      local code = tonumber(hex, 16)
      return code >= 0x20 and code ~= 0x22 and code ~= 0x5C and to_utf8(code) or nil
   end))
end

local function slashed(token)
   return (unescaped(token):gsub("/", "\\/"))
end

local SPACING = {
   { comma = ",", colon = ":" },
   { comma = ", ", colon = ": " },
   { comma = ",", colon = ": " },
   { colon = ": ", indent = "  " },
   { colon = ": ", indent = "    " },
   { colon = ": ", indent = "\t" },
}

--- A JSON text in other spacing, order and escaping; and with and without a final newline.
-- @tparam string text
-- @treturn table of strings
function variants.json(text)
   local out = {}
   for _, tail in ipairs { "\n", "\r\n" } do
      out[#out + 1] = text .. tail
      if text:sub(-#tail) == tail then out[#out + 1] = text:sub(1, -#tail - 1) end
   end
   local tree = tree_of(text)
   if not tree then return out end
   for _, spacing in ipairs(SPACING) do
      for _, scalar in ipairs { as_written, ascii, unescaped, slashed } do
         for _, sort in ipairs { false, true } do
            local style = { scalar = scalar, sort = sort }
            for name, value in pairs(spacing) do style[name] = value end
            out[#out + 1] = write(tree, style, 0)
         end
      end
   end
   return out
end

--- The text within a JSON string that is the whole body.
-- @tparam string text
-- @treturn ?string
function variants.inner_string(text)
   local tree = tree_of(text)
   if type(tree) ~= "string" or tree:sub(1, 1) ~= '"' then return nil end
   local plain = { n = "\n", r = "\r", t = "\t", b = "\b", f = "\f" }
   return (tree:sub(2, -2):gsub("\\u(%x%x%x%x)", function(hex)
      return to_utf8(tonumber(hex, 16))
   end):gsub("\\(.)", function(c)
      return plain[c] or c
   end))
end

-- }}}

-- {{{ character sets

--- The bytes of a Latin-1 text as UTF-8.
-- @tparam string text
-- @treturn string
function variants.latin1_to_utf8(text)
   return (text:gsub("[\128-\255]", function(c)
      return to_utf8(c:byte())
   end))
end

--- The bytes of a UTF-8 text as Latin-1, "?" for what that lacks.
-- @tparam string text
-- @treturn string
function variants.utf8_to_latin1(text)
   return (text:gsub("[\194-\195][\128-\191]", function(c)
      local a, b = c:byte(1, 2)
      return string.char((a - 0xC0) * 64 + b - 0x80)
   end):gsub("[\196-\244][\128-\191]+", "?"))
end

-- }}}

-- {{{ percent-encoding

local function encoder(keep, space, format)
   return function(text)
      return (text:gsub("[^" .. keep .. "]", function(c)
         if c == " " and space then return space end
         return (format or "%%%02X"):format(c:byte())
      end))
   end
end

--- Encoders that libraries have: RFC 3986, the same in lower case, form, encodeURIComponent, Python's quote.
variants.encoders = {
   encoder("A-Za-z0-9%-._~"),
   encoder("A-Za-z0-9%-._~", nil, "%%%02x"),
   encoder("A-Za-z0-9%-._*", "+"),
   encoder("A-Za-z0-9%-._~!'()*"),
   encoder("A-Za-z0-9%-._~/"),
   encoder("A-Za-z0-9%-._~,"),
   encoder("A-Za-z0-9%-._~,", "+"),
   encoder("A-Za-z0-9%-._~:,/", "+"),
   encoder("A-Za-z0-9%-._~:,/$@!;"),
}

-- }}}

return variants

--- diagnose/capture.lua: a request as somebody pasted it, taken apart.
-- The idea: a raw HTTP/1.1 request, a curl command line or a client's log become the same table, `{ method=,
-- target=, headers=, body=, host=, scheme= }`, with header names and bytes as they were.
-- The danger: what people paste is not what a program would write; line ends, quotes and folding vary, and what
-- cannot be read is said, never guessed.
-- @module tuya.diagnose.capture

local bytes = require("tuya.bytes")
local options = require("tuya.options")

local capture = {}

-- A pasted text within a message: one line, and not all of it.
local function quoted(text)
   local shown = text:sub(1, 60):gsub("[%z\1-\31\127]", "?")
   return '"' .. shown .. (#text > 60 and '..."' or '"')
end

-- {{{ raw HTTP/1.1

local function dechunk(text)
   local parts, at = {}, 1
   while true do
      local size, after = text:match("^%s*(%x+)[^\r\n]*\r?\n()", at)
      size = size and #size <= 8 and tonumber(size, 16) -- more digits are more than anybody pastes
      if not size then return nil end
      if size == 0 then return table.concat(parts) end
      parts[#parts + 1] = text:sub(after, after + size - 1)
      at = after + size
      at = text:match("^\r?\n()", at) or at
   end
end

local function parse_headers(head)
   local headers, by_name = {}, {}
   for line in head:gmatch("[^\r\n]+") do
      local folded = line:match("^[ \t]+(.*)$")
      if folded and headers[1] then
         headers[#headers][2] = headers[#headers][2] .. " " .. folded
      else
         local name, value = line:match("^([^:]+):[ \t]*(.-)[ \t]*$")
         if not name then return nil, quoted(line) .. " is no header line" end
         headers[#headers + 1] = { name, value }
         by_name[name:lower()] = value
      end
   end
   return headers, by_name
end

-- The target alone, and the host of an absolute one.
local function split_target(target)
   local scheme, host, rest = target:match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
   if not scheme then return target end
   rest = rest:gsub("#.*$", "")
   if rest:sub(1, 1) ~= "/" then rest = "/" .. rest end
   return rest, host, scheme:lower()
end

local function body_of(rest, by_name)
   if (by_name["transfer-encoding"] or ""):lower():find("chunked", 1, true) then
      local body = dechunk(rest)
      if not body then return nil, "the chunked body is broken" end
      return body
   end
   local length = tonumber(by_name["content-length"] or "")
   if length and #rest > length then
      -- an editor's final newline is no part of a body of that length
      rest = rest:sub(1, length)
   end
   return rest
end

local function parse_raw(text)
   local line, rest = text:match("^%s*([^\r\n]+)\r?\n?(.*)$")
   local method, target = (line or ""):match("^(%a+)[ \t]+(%S+)")
   if not method then return nil, "neither a raw HTTP request nor a curl command" end
   local head, body = ("\n" .. rest):match("^(.-)\r?\n\r?\n(.*)$")
   local headers, by_name = parse_headers(head or rest)
   if not headers then return nil, by_name end
   local trouble
   body, trouble = body_of(body or "", by_name)
   if not body then return nil, trouble end
   local bare, host, scheme = split_target(target)
   return {
      method = method,
      target = bare,
      host = host or by_name.host,
      scheme = scheme,
      headers = headers,
      body = body,
   }
end

-- }}}

-- {{{ a shell's command line

local ANSI = { n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v", e = "\27", E = "\27" }

-- After a backslash within $'...': the bytes, and where to go on.
local function ansi_escape(text, at)
   local hex = text:match("^x(%x%x?)", at)
   if hex then return string.char(tonumber(hex, 16)), at + 1 + #hex end
   local code = text:match("^u(%x%x?%x?%x?)", at)
   if code then return capture.utf8(tonumber(code, 16)), at + 1 + #code end
   local octal = text:match("^[0-7][0-7]?[0-7]?", at)
   if octal then return string.char(tonumber(octal, 8) % 256), at + #octal end
   local char = text:sub(at, at)
   return ANSI[char] or char, at + 1
end

--- The UTF-8 bytes of a code point of the basic plane.
-- @tparam number code
-- @treturn string
function capture.utf8(code)
   if code < 0x80 then return string.char(code) end
   if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
   return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local quotes = {}

quotes["'"] = function(text, at)
   local stop = text:find("'", at, true)
   if not stop then return nil, "a quote is not closed" end
   return text:sub(at, stop - 1), stop + 1
end

quotes['"'] = function(text, at)
   local out = {}
   while true do
      local plain, char = text:match('^([^"\\]*)(["\\]?)', at)
      out[#out + 1] = plain
      at = at + #plain + 1
      if char == "" or char == "\\" and at > #text then return nil, "a quote is not closed" end
      if char == '"' then return table.concat(out), at end
      local escaped = text:sub(at, at)
      -- within double quotes a backslash stays before any other character
      if escaped:find('["\\$`]') then out[#out + 1] = escaped
      elseif escaped ~= "\n" then out[#out + 1] = "\\" .. escaped end
      at = at + 1
   end
end

quotes["$'"] = function(text, at)
   local out = {}
   while true do
      local plain, char = text:match("^([^'\\]*)(['\\]?)", at)
      out[#out + 1] = plain
      at = at + #plain + 1
      if char == "" or char == "\\" and at > #text then return nil, "a quote is not closed" end
      if char == "'" then return table.concat(out), at end
      out[#out + 1], at = ansi_escape(text, at)
   end
end

-- One piece of a word from `at`: its text and where to go on; false at the end of the word.
local function word_piece(text, at)
   local char = text:sub(at, at)
   if char == "" or char:find("%s") then return false end
   local opener = text:sub(at, at + 1) == "$'" and "$'" or char
   if quotes[opener] then return quotes[opener](text, at + #opener) end
   if char == "\\" then
      local after = text:match("^\\\r?\n()", at)
      if after then return "", after end
      return text:sub(at + 1, at + 1), math.min(at + 2, #text + 1)
   end
   return char, at + 1
end

-- The words of a command line; nil and a message.
local function split_words(text)
   local words, at = {}, 1
   while true do
      at = text:match("^%s*()", at)
      at = text:match("^\\\r?\n()", at) or at -- a continued line
      at = text:match("^[\\^`]\r?\n()", at) or at -- of cmd.exe and PowerShell
      local piece, after = word_piece(text, at)
      if piece == false then
         if at > #text then return words end
      elseif not piece then return nil, after
      else
         local word = {}
         while piece do
            word[#word + 1] = piece
            at = after
            piece, after = word_piece(text, at)
            if piece == nil then return nil, after end
         end
         words[#words + 1] = table.concat(word)
      end
   end
end

-- }}}

-- {{{ curl

-- Options of curl that take an argument which is of no interest here.
local IGNORED_WITH_ARGUMENT = {}
for name in ([[
   -A --user-agent -b --cookie -c --cookie-jar -o --output -w --write-out -e --referer -m --max-time -u --user
   -x --proxy -E --cert --key --cacert --capath --connect-timeout --retry --retry-delay --resolve --ciphers -D
   --dump-header --interface --limit-rate -T --upload-file --tls-max --proxy-user --noproxy --unix-socket
]]):gmatch("%S+") do IGNORED_WITH_ARGUMENT[name] = true end

local switches = {}

local function add_data(made, text)
   made.data = made.data and made.data .. "&" .. text or text
end

local function data(made, value)
   if value:sub(1, 1) == "@" then return "the body is in the file " .. quoted(value:sub(2)) .. ", which is not here" end
   add_data(made, value)
end

local function escape(text)
   return (text:gsub("[^A-Za-z0-9%-%._~]", function(c)
      return ("%%%02X"):format(c:byte())
   end))
end

local function set(name)
   return function(made, value)
      made[name] = value
   end
end

switches["-X"] = set("method")
switches["--url"] = set("url")
switches["-d"] = data
switches["--data-raw"] = add_data
switches["-H"] = function(made, value)
   local name, text = value:match("^([^:;\r\n]+)[:;][ \t]*([^\r\n]-)[ \t]*$")
   if not name then return quoted(value) .. " is no header" end
   made.headers[#made.headers + 1] = { name, text }
end
switches["--json"] = function(made, value)
   made.json = true
   return data(made, value)
end
switches["--data-urlencode"] = function(made, value)
   local name, text = value:match("^([^=@]*)=(.*)$")
   if not text then return data(made, escape(value)) end
   add_data(made, name == "" and escape(text) or name .. "=" .. escape(text))
end

local LONG = {
   ["--request"] = "-X", ["--header"] = "-H", ["--data"] = "-d", ["--data-ascii"] = "-d", ["--data-binary"] = "-d",
}

local flags = {
   ["-G"] = set("as_query"), ["--get"] = set("as_query"), ["-I"] = set("head"), ["--head"] = set("head"),
}

-- "-sXPOST" is "-s", "-X", "POST".
local function unbundle(words)
   local out = {}
   for _, word in ipairs(words) do
      if word:find("^%-%a.") then
         local at = 2
         while at <= #word do
            local short = "-" .. word:sub(at, at)
            out[#out + 1] = short
            at = at + 1
            if (switches[short] or IGNORED_WITH_ARGUMENT[short]) and at <= #word then
               out[#out + 1] = word:sub(at)
               break
            end
         end
      elseif word:find("^%-%-%a[%w-]*=") then
         local name, value = word:match("^(%-%-[%w-]+)=(.*)$")
         out[#out + 1] = name
         out[#out + 1] = value
      else out[#out + 1] = word end
   end
   return out
end

local function read_arguments(words, made)
   local i = 2
   while i <= #words do
      local word = words[i]
      local name = LONG[word] or word
      if switches[name] then
         i = i + 1
         if not words[i] then return quoted(word) .. " lacks its argument" end
         local trouble = switches[name](made, words[i])
         if trouble then return trouble end
      elseif IGNORED_WITH_ARGUMENT[name] then i = i + 1
      elseif flags[name] then flags[name](made, true)
      elseif word:sub(1, 1) ~= "-" then made.url = made.url or word end
      i = i + 1
   end
end

local function add_default(headers, name, value)
   for _, header in ipairs(headers) do
      if header[1]:lower() == name:lower() then return end
   end
   headers[#headers + 1] = { name, value }
end

local function finish(made)
   local target, host, scheme = split_target(made.url:find("://", 1, true) and made.url or "http://" .. made.url)
   local body = made.data
   if made.as_query and body then
      target = target .. (target:find("?", 1, true) and "&" or "?") .. body
      body = nil
   end
   if made.json then add_default(made.headers, "Content-Type", "application/json") end
   if body then add_default(made.headers, "Content-Type", "application/x-www-form-urlencoded") end
   return {
      method = made.method or made.head and "HEAD" or body and "POST" or "GET",
      target = target,
      host = host,
      scheme = scheme,
      headers = made.headers,
      body = body or "",
   }
end

local function parse_curl(text)
   local words, trouble = split_words(text)
   if not words then return nil, trouble end
   local made = { headers = {} }
   trouble = read_arguments(unbundle(words), made)
   if trouble then return nil, trouble end
   if not made.url then return nil, "the curl command names no URL" end
   if made.method and not made.method:find("^%a+$") then return nil, quoted(made.method) .. " is no method" end
   return finish(made)
end

-- }}}

-- {{{ what clients log

-- The bytes of a string literal of Python, up to its quote; nil where it is not closed.
local function literal(text, quote)
   local parts, at = {}, 1
   while at <= #text do
      local char = text:sub(at, at)
      if char == quote then return table.concat(parts) end
      at = at + 1
      if char == "\\" then char, at = ansi_escape(text, at) end
      parts[#parts + 1] = char
   end
end

-- What http.client of Python prints at its debuglevel: send: b'POST /v1.0/... HTTP/1.1\\r\\n...', the body likewise.
local function parse_python(text)
   local sent = {}
   for line in text:gmatch("[^\r\n]+") do
      local quote, rest = line:match("^%s*send: b?(['\"])(.*)$")
      if not quote then break end
      local bytes_sent = literal(rest, quote)
      if not bytes_sent then return nil, quoted(line) .. " is no whole line of a log" end
      sent[#sent + 1] = bytes_sent
   end
   return parse_raw(table.concat(sent))
end

-- What curl -v prints of a request: its head, "> " before each line, and no body.
local function parse_verbose(text)
   local lines = {}
   for line in text:gmatch("[^\r\n]+") do
      lines[#lines + 1] = line:match("^> ?(.+)$")
   end
   local made, trouble = parse_raw(table.concat(lines, "\n"))
   for _, header in ipairs(made and made.headers or {}) do
      if header[1]:lower() == "content-length" and header[2] ~= "0" then
         return nil, "curl -v does not print the body: give the curl command itself"
      end
   end
   return made, trouble
end

-- }}}

--- Takes a pasted request apart.
-- @tparam string text a raw HTTP/1.1 request, a curl command line, or what Python's http.client or curl -v logs of one
-- @treturn ?table `{ method=, target=, headers= (a list of pairs), body=, host=, scheme= }`; nil and a message
function capture.parse(text)
   local command = text:match("^%s*%$?%s*(curl%f[%s].*)$") or text:match("^%s*%$?%s*(curl%.exe%f[%s].*)$")
   if command then return parse_curl(command) end
   if text:find("^%s*send: b?['\"]") then return parse_python(text) end
   if text:find("^> %a+ %S+ HTTP/") then return parse_verbose(text) end
   return parse_raw(text)
end

-- Headers as a list of pairs; nil where a name is no string.
local function list_of(headers)
   if headers[1] ~= nil then return headers end
   local names, list = bytes.names(headers), {}
   for i, name in ipairs(names or {}) do
      local value = headers[name]
      list[i] = { name, type(value) == "number" and value % 1 == 0 and ("%.0f"):format(value) or value }
   end
   return names and list
end

local FIELDS = options.known {
   method = "string", target = "string", headers = "table", body = "string", host = "string", scheme = "string",
}

--- A captured table in the form that `parse` gives.
-- @tparam table given `method`, `target`, `headers` (name = value, or a list of pairs), `body`
-- @treturn ?table nil and the rule that is broken
function capture.normalise(given)
   local rule = options.broken(given, FIELDS, "field")
   if rule then return nil, "captured." .. rule end
   for _, name in ipairs { "method", "target" } do
      if not given[name] then return nil, "captured." .. name .. ": missing" end
   end
   local target, host, scheme = split_target(given.target)
   local headers = list_of(given.headers or {})
   for _, header in ipairs(headers or { false }) do
      if type(header) ~= "table" or type(header[1]) ~= "string" or type(header[2]) ~= "string" then
         return nil, "captured.headers: a table name = value, or a list of pairs of strings"
      end
      if header[1]:lower() == "host" then host = host or header[2] end
   end
   return {
      method = given.method,
      target = target,
      host = host or given.host,
      scheme = scheme or given.scheme,
      headers = headers,
      body = given.body or "",
   }
end

return capture

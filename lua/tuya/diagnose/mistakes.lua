--- diagnose/mistakes.lua: every known mistake, one entry each.
-- The idea: a signed text is a product of choices, and each entry knows the wrong choices of one part. Adding a
-- mistake is adding one entry; nothing else.
--
-- An entry has a `slug`, its place by how often public code makes it (`rank`, which settles ties), `what` happened and
-- the `fix`; and one of these:
--
-- - `visible(f)`: true where it shows without a hash.
-- - `part` and `choices(f)`: the wrong values of one part of the text. The parts of the head, who and when, are `id`,
--   `token`, `t`, `nonce`, `bundle` (strings) and `prefix` (a function that joins them); those of the tail, what, are
--   `method`, `body`, `block` (strings), `hash` (body to line), `query`, `order`, `empty` (lists to lists), `encoding`
--   (parameter to text), `path` (URL to URL), `lines` (all of them to one text). Frequent ones combine freely.
-- - `rare = true` besides: many choices, tried alone and with what `with` names; `more(f)`: such ones beside others.
-- - `warn(f)`: a remark, never a mistake of signing.
--
-- The danger: a choice that is a guess. A choice is proved when its text gives the sent sign, and only then named.
-- @module tuya.diagnose.mistakes

local core = require("tuya.core")
local facts = require("tuya.diagnose.facts")
local json = require("tuya.json")
local variants = require("tuya.diagnose.variants")

local WINDOW = 300000 -- ms; our assumption: an old page of Tuya says 5 minutes
local PLACEHOLDERS = {
   "YOUR_ACCESS_TOKEN_HERE", "YOUR_ACCESS_TOKEN", "your_access_token", "ACCESS_TOKEN", "access_token", "<access_token>",
   "{access_token}", "{{access_token}}", "{{easy_access_token}}", "easy_access_token", "$access_token",
   "${access_token}", "$ACCESS_TOKEN", "token", "TOKEN", "<token>", "{token}", "undefined", "null", "None", "nil",
   "NaN", "false", "true", "0", "[object Object]", "[object Promise]", "test",
}

-- What sticks to a text that was read from a file or a form.
local BLANKS = { "\n", "\r\n", " ", "\t", "\r", "\194\160", "\239\187\191" }

-- Calls that log a user in; they too go without a token.
local function is_login(path)
   return path == "/v1.0/iot-01/associated-users/actions/authorized-login" or path == "/v1.0/iot-03/users/login"
      or path:find("^/v1%.0/iot%-03/users/token/") ~= nil
end

local function is_missing(text)
   return text == nil or text == ""
end

local function set(list)
   local out = {}
   for _, item in ipairs(list) do out[item] = true end
   return out
end

local IS_PLACEHOLDER = set(PLACEHOLDERS)

-- Is this what a sample says where a token belongs? Tuya's own are digits and lower-case letters.
local function is_placeholder(text)
   return IS_PLACEHOLDER[text] or text:find("[{}<>$%s]") ~= nil or text:find("^[%u_]+$") ~= nil
      or text:lower():find("your", 1, true) ~= nil
end

-- {{{ the head: who signs, and when

-- A prefix is a list of the names of its parts.
local function prefix_of(names)
   return function(parts)
      local texts = {}
      for i, name in ipairs(names) do texts[i] = parts[name] end
      return table.concat(texts)
   end
end

local function wrong_orders()
   local out = {}
   for i, names in ipairs(variants.permutations { "id", "token", "t", "nonce" }) do
      names[5] = "bundle"
      if i > 1 then out[#out + 1] = prefix_of(names) end
   end
   return out
end

-- The secret at every place of the prefix, whatever the order of the rest.
local function with_secret()
   local out = {}
   for place = 1, 5 do
      local names = { "id", "token", "t", "nonce", "bundle" }
      table.insert(names, place, "secret")
      out[#out + 1] = prefix_of(names)
   end
   return out
end

local function nothing()
   return ""
end

-- }}}

-- {{{ the tail: what is signed

local function luaossl_digest(name)
   local ok, digest = pcall(require, "openssl.digest")
   if not ok then return nil end
   return function(text)
      return digest.new(name):final(text)
   end
end

local function hex(bytes)
   return (bytes:gsub(".", function(c)
      return ("%02x"):format(c:byte())
   end))
end

local function base64(bytes)
   local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
   local padded = bytes .. ("\0"):rep(-#bytes % 3)
   local text = padded:gsub("...", function(three)
      local a, b, c = three:byte(1, 3)
      local n = a * 65536 + b * 256 + c
      local out = {}
      for i = 4, 1, -1 do
         out[i] = alphabet:sub(n % 64 + 1, n % 64 + 1)
         n = math.floor(n / 64)
      end
      return table.concat(out)
   end)
   return text:sub(1, #text - -#bytes % 3) .. ("="):rep(-#bytes % 3)
end

-- The bytes of a text of hexadecimal digits; nil where it is none.
local function unhex(text)
   if #text % 2 ~= 0 or text:find("%X") then return nil end
   return (text:gsub("..", function(two)
      return string.char(tonumber(two, 16))
   end))
end

-- Digests that people take for SHA-256: of what is at hand, so those of luaossl only where it is installed.
local function wrong_functions(f)
   local empty_key, secret_key = core.key("\0"), core.key(f.secret)
   local out = {
      function(body) return empty_key:mac(body):lower() end,
      function(body) return empty_key:mac(body) end,
      function(body) return secret_key:mac(body):lower() end,
      function(body) return secret_key:mac(body) end,
      function(body) return base64(unhex(core.sha256(body))) end,
   }
   for _, name in ipairs { "md5", "sha1", "sha512" } do
      local digest = luaossl_digest(name)
      if digest then
         out[#out + 1] = function(body) return hex(digest(body)) end
         out[#out + 1] = function(body) return hex(digest(body)):upper() end
         out[#out + 1] = function(body) return base64(digest(body)) end
      end
   end
   return out
end

-- Orders of hash, URL and up to three blank lines behind the method, with a hash and a URL in each.
local function misplaced_lines()
   local out = {}
   local function add(order)
      out[#out + 1] = function(parts)
         local texts = { parts.method }
         for _, name in ipairs(order) do texts[#texts + 1] = name == "" and "" or parts[name] end
         return table.concat(texts, "\n")
      end
   end
   for _, pair in ipairs { { "hash", "url" }, { "url", "hash" } } do
      for before = 0, 2 do
         for between = 0, 3 do
            for after = 0, 2 do
               local order = {}
               for _ = 1, before do order[#order + 1] = "" end
               order[#order + 1] = pair[1]
               for _ = 1, between do order[#order + 1] = "" end
               order[#order + 1] = pair[2]
               for _ = 1, after do order[#order + 1] = "" end
               -- without the blank line it is that line which is missing
               local is_right = before == 0 and between == 1 and after == 0 and pair[1] == "hash"
               if before + between + after > 0 and not is_right then add(order) end
            end
         end
      end
   end
   add { "url", "hash" }
   return out
end

-- What other vendors put into the string, of what this request has.
local function foreign_values(f)
   local list = {}
   for _, value in ipairs {
      f.right.t, f.right.nonce, f.by["content-type"] or "application/json", f.right.id, f.right.token,
      f.by.date or "", f.by.sign_method or "HMAC-SHA256",
   } do
      if value ~= "" then list[#list + 1] = value end
   end
   return list
end

-- Every way to put up to `most` blank lines into a list.
local function with_blanks(list, most)
   local out = { list }
   local function insert(lines, from, left)
      for gap = from, left > 0 and #lines + 1 or 0 do
         local longer = {}
         for i, line in ipairs(lines) do longer[i] = line end
         table.insert(longer, gap, "")
         out[#out + 1] = longer
         insert(longer, gap + 1, left - 1)
      end
   end
   insert(list, 1, most)
   return out
end

-- Blank lines by the number of foreign ones; without a hash, whose line may be one of them, there are more.
local BLANK_LINES = { hash = { 3, 1, 0 }, none = { 3, 2, 1 } }

-- Arrangements of the URL, the hash or none, n foreign lines (numbers) and blanks, behind the method.
local function arrangements(n)
   local out = {}
   for _, hash in ipairs { "hash", "none" } do
      local names = { "url", hash == "hash" and hash or nil }
      for i = 1, n do names[#names + 1] = i end
      for _, order in ipairs(variants.permutations(names)) do
         for _, lines in ipairs(with_blanks(order, BLANK_LINES[hash][n])) do out[#out + 1] = lines end
      end
   end
   return out
end

local function foreign_line(chosen, arrangement)
   return function(parts)
      local texts = { parts.method }
      for i, line in ipairs(arrangement) do
         texts[i + 1] = line == "" and "" or parts[line] or chosen[line]
      end
      return table.concat(texts, "\n")
   end
end

local function foreign_lines(f)
   local out, of = {}, {}
   for _, chosen in ipairs(variants.subsets(foreign_values(f), 3)) do
      of[#chosen] = of[#chosen] or arrangements(#chosen)
      -- of three foreign lines one is the moment, in every scheme that was seen
      local is_likely = #chosen < 3 or chosen[1] == f.right.t
      for _, arrangement in ipairs(is_likely and of[#chosen] or {}) do
         out[#out + 1] = foreign_line(chosen, arrangement)
      end
   end
   return out
end

-- A layout without the token is that of a call whose token is not signed, which is a mistake of its own.
local function lacks_token(order, parts)
   if parts.token == "" then return false end
   for _, name in ipairs(order) do
      if name == "token" then return false end
   end
   return true
end

-- Layouts of other schemes: everything joined by one separator, or a prefix and a hash alone.
local function foreign_layouts()
   local out = {}
   local orders = {
      { "id", "t", "nonce", "method", "url", "hash" }, { "id", "t", "nonce", "method", "hash", "url" },
      { "id", "token", "t", "nonce", "method", "hash", "url" },
      { "id", "token", "t", "nonce", "method", "url", "hash" },
      { "method", "url", "t", "nonce", "hash" }, { "method", "url", "hash", "t", "nonce" },
      { "id", "t", "method", "url" }, { "id", "token", "t", "method", "url" }, { "id", "t", "nonce", "hash" },
      { "id", "token", "t", "nonce", "hash" }, { "id", "t", "url", "hash" },
      { "id", "nonce", "t", "method", "url", "hash" },
      { "t", "method", "url", "hash" }, { "t", "nonce", "method", "url", "hash" },
   }
   for _, order in ipairs(orders) do
      -- by newlines and without the id it would be foreign lines behind no prefix
      local separators = { "&", "|", ":", ",", "+", " ", ".", order[1] == "id" and "\n" or nil }
      for _, separator in ipairs(separators) do
         for _, skip_empty in ipairs { true, false } do
            out[#out + 1] = function(parts)
               if lacks_token(order, parts) then return nil end
               local texts = {}
               for _, name in ipairs(order) do
                  if not (skip_empty and parts[name] == "") then texts[#texts + 1] = parts[name] end
               end
               return table.concat(texts, separator)
            end
         end
      end
   end
   for _, name in ipairs { "hash", "url" } do
      out[#out + 1] = prefix_of { "id", "token", "t", "nonce", name }
      out[#out + 1] = prefix_of { "id", "token", "t", name }
   end
   return out
end

-- Header lines that somebody may have put into the string undeclared: those that he sent, in his spelling.
local function undeclared_blocks(f)
   local lines, listed = {}, set(f.listed)
   local BORING = set {
      "host", "content-length", "connection", "accept", "accept-encoding", "accept-language", "user-agent", "sign",
      "signature-headers", "sec-fetch-mode", "cookie", "referer", "origin", "transfer-encoding",
   }
   for _, header in ipairs(f.headers) do
      if not BORING[header[1]:lower()] and not listed[header[1]] and #lines < 8 then
         lines[#lines + 1] = header[1] .. ":" .. header[2] .. "\n"
      end
   end
   local out = {}
   for _, chosen in ipairs(variants.subsets(lines, 4)) do
      local orders = #chosen <= 3 and variants.permutations(chosen) or { chosen }
      for _, order in ipairs(orders) do out[#out + 1] = f.right.block .. table.concat(order) end
   end
   return out
end

-- }}}

-- {{{ query and path

local function first_of_each(list)
   local seen, out = {}, {}
   for _, parameter in ipairs(list) do
      if not seen[parameter.name] then out[#out + 1] = parameter end
      seen[parameter.name] = true
   end
   return out
end

local function copy_with(parameter, changes)
   local out = {}
   for name, value in pairs(parameter) do out[name] = value end
   for name, value in pairs(changes) do out[name] = value end
   return out
end

local function map(list, change)
   local out = {}
   for _, parameter in ipairs(list) do out[#out + 1] = change(parameter) end
   return out
end

local function bare_names(list)
   return map(list, function(p)
      if p.value ~= "" then return p end
      local bare = copy_with(p, { raw = p.raw_name })
      bare.value, bare.raw_value = nil, nil
      return bare
   end)
end

local function with_equals(list)
   return map(list, function(p)
      return p.value and p or copy_with(p, { value = "", raw_value = "", raw = p.raw_name .. "=" })
   end)
end

local function without_empty(list)
   return map(list, function(p)
      if p.value ~= "" and p.value ~= nil then return p end
   end)
end

-- Parameters that a client library drops when they have no value, with the text that a naive signer makes of them.
local function dropped_parameters()
   local out = {}
   for _, name in ipairs {
      "parent_asset_id", "last_row_key", "last_id", "start_row_key", "schema", "product_id", "page_no", "page_size",
      "size", "device_ids", "uid", "name", "category", "source_id", "source_type", "codes", "end_time", "start_time",
   } do
      for _, value in ipairs { "null", "undefined", "None", "nil", "" } do
         local dropped = { name = name, value = value, raw_name = name, raw_value = value, raw = name .. "=" .. value }
         for _, first in ipairs { true, false } do
            out[#out + 1] = function(list)
               local longer = {}
               for i, parameter in ipairs(list) do longer[i] = parameter end
               table.insert(longer, first and 1 or #longer + 1, dropped)
               return longer
            end
         end
      end
   end
   return out
end

local function reversed(list)
   local out = {}
   for i = #list, 1, -1 do out[#out + 1] = list[i] end
   return out
end

local function by(key)
   return function(list)
      return facts.sorted(list, key)
   end
end

local function unsorted_orders()
   return {
      function(list) return list end,
      function(list) return reversed(by(function(p) return p.name end)(list)) end,
      by(function(p) return p.name:lower() end),
      by(function(p) return p.value or "" end),
      by(function(p) return p.raw end),
   }
end

local PERMUTED_MAX = 4 -- parameters of which every order is tried

-- Every order: a client library may have changed the one that was signed.
local function all_orders(count)
   if count < 3 or count > PERMUTED_MAX then return {} end
   local places, out = {}, {}
   for i = 1, count do places[i] = i end
   for _, order in ipairs(variants.permutations(places)) do
      out[#out + 1] = function(list)
         return map(order, function(place) return list[place] end)
      end
   end
   return out
end

-- The query as it was written, and as other encoders write it.
local function encodings()
   local out = { function(p) return p.raw end }
   for _, encode in ipairs(variants.encoders) do
      out[#out + 1] = function(p)
         return facts.pair(encode(p.name), p.value and encode(p.value))
      end
      out[#out + 1] = function(p)
         return facts.pair(p.name, p.value and encode(p.value))
      end
   end
   return out
end

local function full_urls(f)
   local host = f.host or ""
   local out = {}
   for _, prefix in ipairs { "https://" .. host, "http://" .. host, host, "//" .. host } do
      out[#out + 1] = function(url) return prefix .. url end
   end
   return out
end

local function other_paths()
   return {
      function(url) return (url:gsub("^/+", "")) end,
      function(url) return (url:gsub("^([^?]*)/(%?.*)$", "%1%2"):gsub("^([^?]*[^/])/$", "%1")) end,
      function(url) return (url:gsub("^([^?]*[^/?])(%??)", "%1/%2", 1)) end,
      function(url) return (url:gsub("^/v%d%.%d", "")) end,
      -- another generation of the same call
      function(url) return (url:gsub("^/v1%.0/", "/v2.0/")) end,
      function(url) return (url:gsub("^/v[12]%.%d/", "/v1.0/")) end,
      function(url) return (url:gsub("^/v1%.0/iot%-03/", "/v1.0/")) end,
      function(url) return (url:gsub("^/v1%.0/", "/v1.0/iot-03/")) end,
      function(url) return facts.decode(url) end,
   }
end

-- }}}

-- {{{ what can be seen

local function parse_json(body)
   return json.decode(body) ~= nil or body:find("^%s*null%s*$") ~= nil
end

local function has_secret_in(f, names)
   for _, header in ipairs(f.headers) do
      if header[2] == f.secret and (not names or names[header[1]:lower()]) then return true end
   end
   return false
end

local TOKEN_HEADER = { access_token = true }

-- }}}

local mistakes = {
   {
      slug = "old-algorithm", rank = 1,
      what = "the old algorithm was used: client id, token and t alone are signed",
      fix = "sign client_id + [access_token] + t + nonce + stringToSign; newer projects (2021-06-30) take nothing else",
      formula = "old",
   },
   {
      slug = "prefix-missing", rank = 2,
      what = "stringToSign alone is signed, without client id, token, t and nonce in front",
      fix = "put client_id, access_token (not on token calls), t and nonce right in front of stringToSign",
      part = "prefix", choices = function() return { nothing } end,
   },
   {
      slug = "prefix-order-wrong", rank = 41,
      what = "client id, token, t and nonce are signed in another order",
      fix = "the order is client_id, access_token, t, nonce",
      part = "prefix", choices = wrong_orders, rare = true,
      with = set { "old-algorithm", "access-token-not-signed", "nonce-sent-not-signed" },
   },
   {
      slug = "secret-in-signed-text", rank = 42,
      what = "the access secret, already the key of the HMAC, is also part of the text",
      fix = "leave the secret out of the text; it is the key and nothing else",
      part = "prefix", choices = with_secret,
   },
   {
      slug = "access-token-not-signed", rank = 3,
      what = "the access token is sent, and not signed",
      fix = "on every call but token calls the access token stands between client_id and t",
      part = "token", choices = function(f) return f.right.token ~= "" and { "" } or {} end,
   },
   {
      slug = "access-token-in-token-call", rank = 18,
      what = "a token call is signed with an access token",
      fix = "leave the token out of the text on /v1.0/token and below; the header may stay",
      part = "token", choices = function(f)
         if not f.is_token_call then return {} end
         local out = {}
         for _, token in ipairs { f.token or "", f.issued or "" } do
            if token ~= "" then out[#out + 1] = token end
         end
         return out
      end,
   },
   {
      slug = "signed-other-token", rank = 48,
      what = "another token is signed than is sent: a placeholder, or an older one",
      fix = "sign the very token that goes into the access_token header",
      part = "token", rare = true, with = set { "old-algorithm" },
      choices = function(f)
         if f.right.token == "" then return {} end
         local out = { f.issued ~= f.right.token and f.issued or nil }
         for _, text in ipairs(PLACEHOLDERS) do out[#out + 1] = text end
         for _, blank in ipairs(BLANKS) do out[#out + 1] = f.right.token .. blank end
         return out
      end,
   },
   {
      slug = "nonce-sent-not-signed", rank = 57,
      what = "a nonce is sent, and not signed",
      fix = "put the nonce between t and stringToSign, or do not send one",
      part = "nonce", choices = function(f) return f.right.nonce ~= "" and { "" } or {} end,
   },
   {
      slug = "bundle-id-not-signed", rank = 58,
      what = "the key is for app authorization, and the app's bundle id is not signed",
      fix = "put the bundle id (package name) between nonce and stringToSign",
      part = "bundle", choices = function(f) return f.right.bundle ~= "" and { "" } or {} end,
   },
   {
      slug = "t-signed-differs-from-t-sent", rank = 23,
      what = "another t is signed than is sent: the clock was read twice",
      fix = "read the clock once, and sign and send that text",
      -- in seconds, or as a float is printed; the moments around it are searched in C
      part = "t", choices = function(f)
         return f.right.t:find("^%d+$") and #f.right.t == 13 and { f.right.t:sub(1, 10), f.right.t .. ".0" } or {}
      end,
   },
   {
      slug = "foreign-layout", rank = 25,
      what = "the text is laid out by another scheme altogether",
      fix = "sign client_id + [access_token] + t + nonce + stringToSign",
      whole = foreign_layouts,
      with = set { "access-token-not-signed", "body-raw-instead-of-hash", "body-hash-missing" },
   },
   {
      slug = "t-header-malformed", rank = 26,
      what = "the header t is not 13 digits",
      fix = "t is milliseconds since 1970 as 13 digits, without fraction or exponent",
      visible = function(f) return not is_missing(f.t) and (not f.t:find("^%d+$") or #f.t ~= 13 or f.twice.t) end,
   },
   {
      slug = "t-outside-window", rank = 7,
      what = "t is more than 300 s from the cloud's clock",
      fix = "set the clock of the machine, and read it for every call; the cloud answers 1013",
      visible = function(f)
         if not f.server_time or not (f.t or ""):find("^%d+$") or #f.t ~= 13 then return false end
         return math.abs(tonumber(f.t) - f.server_time) > WINDOW
      end,
   },
   {
      slug = "t-header-missing", rank = 6,
      what = "there is no header t",
      fix = "send t, the moment that was signed",
      visible = function(f) return is_missing(f.t) end,
   },
   {
      slug = "sign-header-missing", rank = 5,
      what = "there is no header sign",
      fix = "send the signature as the header sign",
      visible = function(f) return is_missing(f.sign) end,
   },
   {
      slug = "client-id-header-missing", rank = 24,
      what = "there is no header client_id",
      fix = "send the access id as the header client_id",
      visible = function(f) return is_missing(f.by.client_id) end,
   },
   {
      slug = "sign-method-header-missing", rank = 16,
      what = "there is no header sign_method",
      fix = "send sign_method: HMAC-SHA256",
      visible = function(f) return is_missing(f.by.sign_method) end,
   },
   {
      slug = "access-token-header-missing", rank = 30,
      what = "a business call has no header access_token",
      fix = "get a token by GET /v1.0/token?grant_type=1 and send it as access_token",
      visible = function(f)
         local path = f.path:gsub("^//+", "/") -- a slash too many is another mistake
         return is_missing(f.token) and not core.is_token_call(path) and not is_login(path)
      end,
   },
   {
      slug = "access-token-not-issued", rank = 31,
      what = "the header access_token holds what was never issued as a token: the secret, or a placeholder",
      fix = "send the access_token that GET /v1.0/token?grant_type=1 answers",
      visible = function(f)
         return not is_missing(f.token) and not f.is_token_call and f.token ~= f.issued
            and (is_placeholder(f.token) or has_secret_in(f, TOKEN_HEADER))
      end,
   },
   {
      slug = "wrong-secret", rank = 56,
      what = "the key of the HMAC is not the access secret: it is another credential, a variable that was not set, "
         .. "or the secret in quotes or decoded",
      fix = "the key of the HMAC is the access secret, byte for byte as the console shows it",
      keys = function(f)
         local out = {}
         for _, text in ipairs {
            f.id or "", f.token or "", '"' .. f.secret .. '"', "'" .. f.secret .. "'", "undefined", "null", "None",
            "nil", unhex(f.secret),
         } do
            if text ~= "" and text ~= f.secret then out[#out + 1] = { key = text } end
         end
         return out
      end,
   },
   {
      slug = "hmac-key-empty", rank = 17,
      what = "the key of the HMAC is empty: a variable that is not set",
      fix = "see where the access secret should come from",
      keys = function() return { { key = "\0" } } end, -- HMAC pads its key with zeros: this is the empty one
   },
   {
      slug = "credential-whitespace", rank = 34,
      what = "a blank or line end sticks to the access secret or the access id when signing",
      fix = "trim what is read from files and forms",
      keys = function(f)
         local out = {}
         for _, blank in ipairs(BLANKS) do
            for _, stick in ipairs {
               function(text) return text .. blank end, function(text) return blank .. text end,
            } do
               out[#out + 1] = { key = stick(f.secret) }
               out[#out + 1] = { key = f.secret, id = stick(f.right.id) }
               out[#out + 1] = { key = stick(f.secret), id = stick(f.right.id) }
            end
         end
         return out
      end,
   },
   {
      slug = "sign-not-hmac", rank = 45,
      what = "the sign is no HMAC-SHA256",
      fix = "sign = upper-case hex of HMAC-SHA256 over the text, with the access secret as key: 64 digits",
      plain = true,
   },
   {
      slug = "sign-base64", rank = 15,
      what = "the digest is sent in Base64",
      fix = "send it as upper-case hex, 64 digits",
      form = true,
   },
   {
      slug = "sign-lowercase-hex", rank = 10,
      what = "the digest is sent in lower-case hex",
      fix = "send it in upper case",
      form = true,
   },
   {
      slug = "method-lowercase", rank = 38,
      what = "the method is signed in lower case",
      fix = "sign the method in upper case, as it is sent",
      part = "method", choices = function(f)
         local lower = f.method:lower()
         return { lower, (lower:gsub("^%l", string.upper)) }
      end,
   },
   {
      slug = "method-differs", rank = 55,
      what = "another method is signed than is sent",
      fix = "sign the method of the call, not a fixed one",
      part = "method", choices = function() return { "GET", "POST", "PUT", "DELETE", "PATCH" } end,
   },
   {
      slug = "body-hash-missing", rank = 4,
      what = "the line of the body's hash is empty or absent",
      fix = "the second line is the SHA-256 of the body in lower-case hex; of no body it is e3b0c442...",
      part = "hash", choices = function() return { nothing } end,
   },
   {
      slug = "body-hash-uppercase", rank = 32,
      what = "the body's hash is signed in upper case",
      fix = "write the hash of the body in lower case; only the sign itself is upper case",
      part = "hash", choices = function()
         return { function(body) return core.sha256(body):upper() end }
      end,
   },
   {
      slug = "body-hash-wrong-function", rank = 33,
      what = "another digest than SHA-256 stands where the body's hash should",
      fix = "hash the body with plain SHA-256, in lower-case hex",
      part = "hash", choices = wrong_functions, rare = true, with = set { "prefix-missing", "access-token-not-signed" },
   },
   {
      slug = "body-raw-instead-of-hash", rank = 12,
      what = "the body itself stands where its hash should",
      fix = "sign the SHA-256 of the body, in lower-case hex",
      part = "hash", choices = function(f)
         return f.body ~= "" and { function(body) return body end } or {} -- of no body it is a hash that is missing
      end,
   },
   {
      slug = "headers-line-missing", rank = 37,
      what = "the line of the signed headers is absent; without any it is empty, and still there",
      fix = "METHOD LF hash LF LF url: there is a blank line before the URL",
      part = "lines", choices = function()
         return {
            -- with signed headers it is the newline of their block that lacks
            function(parts)
               return parts.block == "" and parts.method .. "\n" .. parts.hash .. "\n" .. parts.url or nil
            end,
            -- an empty hash without its line either
            function(parts) return parts.hash == "" and parts.method .. "\n" .. parts.url or nil end,
         }
      end,
   },
   {
      slug = "newlines-missing", rank = 39,
      what = "the parts of stringToSign are not parted by newlines",
      fix = "METHOD LF hash LF headers LF url; LF is the one byte 10, not the two characters \\n, nor CR LF",
      part = "lines", choices = function()
         local out = {}
         for i, stop in ipairs { "\\n", "\r\n" } do
            out[i] = function(parts)
               return (table.concat({ parts.method, parts.hash, parts.block, parts.url }, stop))
            end
         end
         for _, names in ipairs(variants.permutations { "method", "hash", "url" }) do
            out[#out + 1] = prefix_of(names)
            for at, name in ipairs(names) do
               if name == "hash" then table.insert(names, at + 1, "block") end
            end
            out[#out + 1] = prefix_of(names)
         end
         return out
      end,
   },
   {
      slug = "lines-misplaced", rank = 8,
      what = "the lines of stringToSign stand in another order, or blank lines in the wrong place",
      fix = "METHOD LF hash LF headers LF url",
      part = "lines", choices = misplaced_lines, rare = true,
      with = set { "prefix-missing", "access-token-not-signed", "body-raw-instead-of-hash", "body-hash-uppercase" },
   },
   {
      slug = "foreign-lines-in-string-to-sign", rank = 13,
      what = "stringToSign holds lines that do not belong there: t, nonce, content type",
      fix = "METHOD LF hash LF headers LF url, and nothing else; t and nonce stand in front of it",
      part = "lines", choices = foreign_lines, rare = true,
      with = set { "prefix-missing", "access-token-not-signed", "body-raw-instead-of-hash" },
   },
   {
      slug = "signed-empty-body-but-body-sent", rank = 21,
      what = "a body is sent, and the hash of no body is signed",
      fix = "hash the very bytes that are sent",
      part = "body", choices = function(f) return f.body ~= "" and { "" } or {} end,
   },
   {
      slug = "signed-empty-object-but-no-body-sent", rank = 11,
      what = "no body is sent, and the hash of {}, or of another text for nothing, is signed",
      fix = "without a body sign the hash of nothing, e3b0c442...",
      part = "body", choices = function(f) return f.body == "" and { "{}" } or {} end,
      more = function(f) return f.body == "" and { "[]", "null", '""' } or {} end,
      with = set { "access-token-not-signed", "query-not-sorted" },
   },
   {
      slug = "signed-empty-object-but-real-body-sent", rank = 22,
      what = "a body is sent, and the hash of {} is signed: the signer was called without the body",
      fix = "hand the signer the very bytes that are sent",
      part = "body", choices = function(f) return f.body ~= "" and { "{}" } or {} end,
   },
   {
      slug = "body-reserialized", rank = 35,
      what = "the JSON that was signed and the JSON that was sent differ in blanks, order or escapes",
      fix = "encode the body once, and hash and send those bytes",
      part = "body", rare = true, with = set { "prefix-missing", "access-token-not-signed", "body-hash-uppercase" },
      choices = function(f) return f.body ~= "" and variants.json(f.body) or {} end,
   },
   {
      slug = "body-double-encoded", rank = 53,
      what = "the body is a JSON string that holds the JSON which was signed: it was encoded twice",
      fix = "hand the HTTP library the encoded text as bytes, or the table, and not the text as JSON",
      part = "body", choices = function(f) return { variants.inner_string(f.body) } end,
   },
   {
      slug = "body-charset-differs", rank = 54,
      what = "the body was hashed in another character set than it was sent in",
      fix = "send the body as UTF-8, and hash those bytes",
      part = "body", choices = function(f)
         return { variants.latin1_to_utf8(f.body), variants.utf8_to_latin1(f.body) }
      end,
   },
   {
      slug = "signed-headers-not-declared", rank = 47,
      what = "header lines are signed that Signature-Headers does not name",
      fix = "name every signed header in Signature-Headers, or sign none",
      part = "block", rare = true, choices = undeclared_blocks,
      with = set { "prefix-missing", "access-token-not-signed", "signed-headers-block-newline-missing" },
   },
   {
      slug = "signed-headers-block-newline-missing", rank = 46,
      what = "the last of the signed headers lacks its newline, so that there is no blank line before the URL",
      fix = "each signed header ends its line; then comes the newline before the URL",
      part = "lines", choices = function()
         return { function(parts)
            if parts.block == "" then return nil end
            return parts.method .. "\n" .. parts.hash .. "\n" .. parts.block .. parts.url
         end }
      end,
   },
   {
      slug = "signature-headers-declared-not-signed", rank = 44,
      what = "Signature-Headers names headers, and none is signed",
      fix = "sign name:value and a newline for each, or do not send Signature-Headers",
      part = "block", choices = function(f) return f.listed[1] and { "" } or {} end,
   },
   {
      slug = "sign-listed-in-signature-headers", rank = 43,
      what = "Signature-Headers names sign itself, whose value cannot be known when signing",
      fix = "leave sign out of Signature-Headers",
      part = "block", choices = function(f)
         local without = {}
         for name, value in pairs(f.by) do without[name] = value end
         without.sign = ""
         local others = {}
         for _, name in ipairs(f.listed) do
            if name:lower() ~= "sign" then others[#others + 1] = name end
         end
         return { facts.block(f.listed, without), facts.block(others, without) }
      end,
   },
   {
      slug = "query-not-signed", rank = 14,
      what = "the query is missing from the signed URL",
      fix = "sign path?name=value&..., sorted by name",
      part = "query", choices = function(f)
         return f.has_query and { function() return {} end } or {}
      end,
   },
   {
      slug = "query-not-sorted", rank = 9,
      what = "the query is signed unsorted",
      fix = "sort the parameters by name before signing; how they are sent does not matter",
      part = "order", choices = function(f) return f.query[2] and unsorted_orders() or {} end,
      more = function(f) return all_orders(#f.query) end,
      with = set { "query-encoded-in-signature", "access-token-not-signed", "prefix-missing", "body-hash-missing" },
   },
   {
      slug = "query-encoded-in-signature", rank = 28,
      what = "the query is signed percent-encoded",
      fix = "sign the decoded values, and send them encoded",
      part = "encoding", choices = function(f) return f.has_query and encodings() or {} end,
   },
   {
      slug = "query-duplicated-on-wire", rank = 20,
      what = "parameters are sent twice and were signed once: the HTTP library added them again",
      fix = "put the query into the URL or hand it to the library, not both",
      part = "query", choices = function(f)
         return f.query[2] and { first_of_each } or {}
      end,
   },
   {
      slug = "query-param-signed-not-sent", rank = 29,
      what = "a parameter is signed that was not sent: the HTTP library dropped one without a value",
      fix = "leave out parameters without a value before signing",
      part = "query", choices = dropped_parameters, rare = true, with = set { "query-not-sorted" },
   },
   {
      slug = "empty-query-value-normalised", rank = 52,
      what = "name= is sent and name is signed, or the other way round",
      fix = "sign an empty value as name=",
      part = "empty", choices = function(f)
         return f.has_query and { bare_names, with_equals, without_empty } or {}
      end,
   },
   {
      slug = "full-url-signed", rank = 36,
      what = "the URL is signed with scheme and host",
      fix = "sign path and query only",
      part = "path", choices = full_urls,
   },
   {
      slug = "path-differs", rank = 27,
      what = "another path is signed than is sent",
      fix = "sign the path of the request line, from its first slash on",
      part = "path", choices = other_paths,
   },
   {
      slug = "path-double-slash", rank = 40,
      what = "the path is sent with a double slash and signed with one",
      fix = "join host and path with one slash",
      part = "path", choices = function()
         return { function(url) return (url:gsub("^//+", "/")) end }
      end,
   },
   {
      slug = "secret-sent-as-header",
      what = "the access secret travels in a header; the signature needs it not, and everybody on the way reads it",
      warn = function(f) return has_secret_in(f) end,
   },
   {
      slug = "wrong-http-method",
      what = "a token call is a GET",
      warn = function(f) return f.is_token_call and f.method ~= "GET" end,
   },
   {
      slug = "body-mangled-by-shell",
      what = "the body looks like JSON whose quotes a shell has eaten",
      warn = function(f) return f.body:find("^%s*[{%[]") ~= nil and not f.body:find('"', 1, true)
         and f.body:find("%a") ~= nil and not parse_json(f.body) end,
   },
   {
      slug = "body-not-json",
      what = "the body is not JSON",
      warn = function(f) return f.body ~= "" and not parse_json(f.body) end,
   },
   {
      slug = "get-with-body",
      what = "a GET carries a body, which browsers and proxies drop",
      warn = function(f) return (f.method == "GET" or f.method == "HEAD") and f.body ~= "" end,
   },
}

return mistakes

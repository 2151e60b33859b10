-- Signatures as wrong programs make them, each text written out here by hand: the table of mistakes takes no part in
-- making them, so a choice that it lacks shows.
local core = require("tuya.core")
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local SECRET, ID, TOKEN = "4c1d7e90b2aa4f63958e07d1c6ab32ff", "p8x3kq7wn2v5t9r4ymse", "3f4eda2bdec17232f67c0b188af3eec1"
local T, NONCE = "1763816415227", "5138cc3a9033d69856923fd07b491173"
local KNOWN = { secret = SECRET, access_id = ID, access_token = TOKEN, server_time = 1763816415477 }
local TOKEN_URL, DEVICE, COMMANDS = "/v1.0/token?grant_type=1", "/v1.0/devices/vdevo1", "/v1.0/devices/vdevo1/commands"
local BODY = '{"commands":[{"code":"switch","value":true}]}'
local EMPTY, HASH = core.sha256(""), core.sha256(BODY)
local LIST, LISTED = "/v1.0/iot-03/devices?source_type=a&source_id=b%2Cc&page_size=20", "/v1.0/iot-03/devices?"
local PLAIN, BUSINESS = ID .. T, ID .. TOKEN .. T

local function mac(text, key)
   return core.key(key or SECRET):mac(text)
end

local function lower(text)
   return mac(text):lower()
end

local function base64(text)
   return support.base64((mac(text):gsub("..", function(two) return string.char(tonumber(two, 16)) end)))
end

local function lines(...)
   return table.concat({ ... }, "\n")
end

-- A request; changes: headers to set, false to leave out, and `more`, a list of further ones.
local function request(method, target, body, changes, sign)
   local headers = {}
   local usual = { client_id = ID, t = T, sign_method = "HMAC-SHA256", sign = sign, access_token = TOKEN }
   if target:find("^/+v1%.0/token") then usual.access_token = nil end
   for name, value in pairs(changes or {}) do
      if name ~= "more" then usual[name] = value or nil end
   end
   for name, value in pairs(usual) do headers[#headers + 1] = { name, value } end
   for _, header in ipairs((changes or {}).more or {}) do headers[#headers + 1] = header end
   return { method = method, target = target, headers = headers, body = body }
end

local function token(sign, changes) return request("GET", TOKEN_URL, "", changes, sign) end
local function device(sign, changes) return request("GET", DEVICE, "", changes, sign) end
local function get(target, sign, changes) return request("GET", target, "", changes, sign) end
local function post(sign, changes, body) return request("POST", COMMANDS, body or BODY, changes, sign) end

local JSON_TYPE = { more = { { "Content-Type", "application/json" } }, nonce = NONCE }
local SIGNED_HEADERS = { more = { { "Signature-Headers", "area_id:call_id" }, { "area_id", "1" }, { "call_id", "2" } } }
local UNDECLARED = { more = { { "area_id", "1" }, { "call_id", "2" } } }
local SIGN_LISTED = { more = { { "Signature-Headers", "client_id:sign:t" } } }

-- The slugs, and the request that has them.
local CASES = {
   -- for the shell: the letter t is sent, the secret as the token
   { "access-token-not-issued access-token-not-signed old-algorithm t-header-malformed",
      device(mac(PLAIN), { t = "t", access_token = SECRET }) },
   { "access-token-not-issued access-token-not-signed old-algorithm sign-lowercase-hex t-header-malformed",
      device(lower(PLAIN), { t = "t", access_token = SECRET }) },
   { "access-token-not-signed old-algorithm t-header-malformed", device(mac(PLAIN), { t = "$t" }) },
   { "old-algorithm t-header-malformed", device(mac(BUSINESS), { t = "t" }) },
   { "t-header-malformed", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL)), { t = "t" }) },
   { "old-algorithm t-header-malformed", token(mac(ID .. "1763816415"), { t = "1763816415" }) },
   { "t-header-malformed",
      token(mac(ID .. "1763816415.227" .. lines("GET", EMPTY, "", TOKEN_URL)), { t = "1763816415.227" }) },
   { "old-algorithm t-header-missing", token(mac(PLAIN), { t = false }) },
   -- tokens
   { "access-token-not-issued",
      device(mac(ID .. "YOUR_TOKEN" .. T .. lines("GET", EMPTY, "", DEVICE)), { access_token = "YOUR_TOKEN" }) },
   { "access-token-header-missing", device(mac(PLAIN .. lines("GET", EMPTY, "", DEVICE)), { access_token = false }) },
   { "signed-other-token", device(mac(ID .. TOKEN .. "\n" .. T .. lines("GET", EMPTY, "", DEVICE))) },
   { "old-algorithm signed-other-token", device(mac(ID .. "undefined" .. T)) },
   { "access-token-in-token-call", token(mac(BUSINESS .. lines("GET", EMPTY, "", TOKEN_URL))) },
   { "access-token-in-token-call old-algorithm", token(mac(BUSINESS), { access_token = TOKEN }) },
   -- the key
   { "hmac-key-empty old-algorithm", token(mac(PLAIN, "\0")) },
   { "wrong-secret", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL), "undefined")) },
   { "wrong-secret", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL), '"' .. SECRET .. '"')) },
   { "wrong-secret", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL),
      (SECRET:gsub("..", function(two) return string.char(tonumber(two, 16)) end)))) },
   { "credential-whitespace", token(mac(ID .. "\n" .. T .. lines("GET", EMPTY, "", TOKEN_URL), SECRET .. "\n")) },
   { "credential-whitespace old-algorithm", token(mac(PLAIN, SECRET .. "\n")) },
   -- the clock, and one mistake more
   { "old-algorithm t-signed-differs-from-t-sent", token(mac(ID .. "1763816415226")) },
   { "query-not-sorted t-signed-differs-from-t-sent",
      get("/v1.0/x?b=1&a=2", mac(ID .. TOKEN .. "1763816415187" .. lines("GET", EMPTY, "", "/v1.0/x?b=1&a=2"))) },
   { "old-algorithm t-outside-window", token(mac(ID .. "1763000000000"), { t = "1763000000000" }) },
   -- the hash
   { "body-hash-wrong-function", post(mac(BUSINESS .. lines("POST", mac(BODY, "\0"):lower(), "", COMMANDS))) },
   { "access-token-not-signed body-hash-wrong-function sign-lowercase-hex",
      post(lower(PLAIN .. lines("POST", mac(BODY, "\0"):lower(), "", COMMANDS))) },
   { "body-hash-missing prefix-missing query-not-signed", token(mac(lines("GET", "", "", "/v1.0/token"))) },
   { "body-raw-instead-of-hash access-token-not-signed", post(mac(PLAIN .. lines("POST", BODY, "", COMMANDS))) },
   { "body-hash-uppercase sign-lowercase-hex", token(lower(PLAIN .. lines("GET", EMPTY:upper(), "", TOKEN_URL))) },
   { "signed-empty-object-but-no-body-sent",
      device(mac(BUSINESS .. lines("GET", core.sha256("null"), "", DEVICE))) },
   { "method-lowercase signed-empty-object-but-real-body-sent",
      post(mac(BUSINESS .. lines("post", core.sha256("{}"), "", COMMANDS))) },
   { "body-reserialized", post(mac(BUSINESS .. lines("POST",
      core.sha256('{"commands": [{"code": "switch", "value": true}]}'), "", COMMANDS))) },
   { "body-reserialized", post(mac(BUSINESS .. lines("POST", HASH, "", COMMANDS)), nil, BODY .. "\n") },
   { "body-double-encoded", post(mac(BUSINESS .. lines("POST", HASH, "", COMMANDS)), nil,
      '"{\\"commands\\":[{\\"code\\":\\"switch\\",\\"value\\":true}]}"') },
   -- schemes of others
   { "foreign-lines-in-string-to-sign prefix-missing", token(mac(lines("GET", "", "", T, TOKEN_URL))) },
   { "foreign-lines-in-string-to-sign prefix-missing sign-lowercase-hex",
      token(lower(lines("GET", "", "", T, NONCE, TOKEN_URL)), { nonce = NONCE }) },
   { "foreign-lines-in-string-to-sign prefix-missing sign-base64",
      post(base64(lines("POST", HASH, "application/json", T, NONCE, COMMANDS)), JSON_TYPE) },
   { "body-raw-instead-of-hash foreign-lines-in-string-to-sign prefix-missing sign-base64",
      post(base64(lines("POST", BODY, "application/json", T, NONCE, COMMANDS)), JSON_TYPE) },
   { "foreign-lines-in-string-to-sign", post(mac(BUSINESS .. lines("POST", HASH, "application/json", COMMANDS)),
      { more = JSON_TYPE.more }) },
   { "access-token-not-signed body-raw-instead-of-hash foreign-layout",
      post(mac(lines(ID, T, NONCE, "POST", COMMANDS, BODY)), { nonce = NONCE }) },
   { "body-hash-missing foreign-layout", token(mac(lines(ID, T, NONCE, "GET", TOKEN_URL, "")), { nonce = NONCE }) },
   { "foreign-layout", post(mac(BUSINESS .. HASH)) },
   { "foreign-layout", device(mac(BUSINESS .. DEVICE)) },
   { "body-raw-instead-of-hash foreign-layout", post(mac(BUSINESS .. BODY)) },
   -- lines
   { "newlines-missing", token(mac(PLAIN .. "GET" .. EMPTY .. TOKEN_URL)) },
   { "newlines-missing", token(mac(PLAIN .. "GET\\n" .. EMPTY .. "\\n\\n" .. TOKEN_URL)) },
   { "newlines-missing", token(mac(PLAIN .. "GET\r\n" .. EMPTY .. "\r\n\r\n" .. TOKEN_URL)) },
   { "access-token-not-signed body-hash-missing newlines-missing",
      device(mac(PLAIN .. NONCE .. "GET" .. DEVICE), { nonce = NONCE }) },
   { "body-raw-instead-of-hash newlines-missing", post(mac(BUSINESS .. "POST" .. COMMANDS .. BODY)) },
   { "access-token-not-signed body-hash-missing headers-line-missing", device(mac(PLAIN .. lines("GET", DEVICE))) },
   { "access-token-not-signed headers-line-missing", device(mac(PLAIN .. lines("GET", EMPTY, DEVICE))) },
   { "lines-misplaced", token(mac(PLAIN .. lines("GET", "", EMPTY, TOKEN_URL))) },
   { "lines-misplaced prefix-missing", device(mac(lines("GET", "", EMPTY, DEVICE))) },
   { "lines-misplaced", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL, ""))) },
   { "old-algorithm prefix-order-wrong sign-lowercase-hex", device(lower(ID .. T .. TOKEN)) },
   { "access-token-not-signed secret-in-signed-text",
      device(mac(ID .. SECRET .. T .. lines("GET", EMPTY, "", DEVICE))) },
   -- signed headers
   { "signed-headers-block-newline-missing",
      device(mac(BUSINESS .. lines("GET", EMPTY, "area_id:1\ncall_id:2", DEVICE)), SIGNED_HEADERS) },
   { "signature-headers-declared-not-signed",
      device(mac(BUSINESS .. lines("GET", EMPTY, "", DEVICE)), SIGNED_HEADERS) },
   { "signed-headers-block-newline-missing signed-headers-not-declared",
      device(mac(BUSINESS .. lines("GET", EMPTY, "area_id:1\ncall_id:2", DEVICE)), UNDECLARED) },
   { "sign-listed-in-signature-headers", device(mac(BUSINESS .. lines("GET", EMPTY,
      "client_id:" .. ID .. "\nsign:\nt:" .. T .. "\n", DEVICE)), SIGN_LISTED) },
   { "sign-listed-in-signature-headers", device(mac(BUSINESS .. lines("GET", EMPTY,
      "client_id:" .. ID .. "\nt:" .. T .. "\n", DEVICE)), SIGN_LISTED) },
   -- the URL
   { "query-encoded-in-signature query-not-sorted", get(LIST, mac(BUSINESS .. lines("GET", EMPTY, "", LIST))) },
   { "query-not-sorted", get(LIST, mac(BUSINESS .. lines("GET", EMPTY, "",
      LISTED .. "source_id=b,c&source_type=a&page_size=20"))) },
   { "query-duplicated-on-wire query-not-sorted",
      get("/v1.0/x?b=1&a=2&b=1&a=2", mac(BUSINESS .. lines("GET", EMPTY, "", "/v1.0/x?b=1&a=2"))) },
   { "query-param-signed-not-sent", get("/v1.0/x?page_size=20",
      mac(BUSINESS .. lines("GET", EMPTY, "", "/v1.0/x?page_size=20&parent_asset_id=null"))) },
   { "path-double-slash",
      get("//v1.0/token?grant_type=1", mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL))) },
   { "full-url-signed", token(mac(PLAIN .. lines("GET", EMPTY, "", "https://openapi.tuyaeu.com" .. TOKEN_URL)),
      { more = { { "Host", "openapi.tuyaeu.com" } } }) },
   -- no hash at all
   { "sign-not-hmac", token(core.sha256(ID .. T .. SECRET):upper()) },
   { "client-id-header-missing sign-header-missing sign-method-header-missing t-header-missing",
      request("POST", "/v1.0/token", '{"u":1}', { client_id = false, t = false, sign_method = false }) },
   -- what nothing known made
   { "", token(mac(PLAIN .. lines("GET", EMPTY, "", TOKEN_URL), "ffff7e90b2aa4f63958e07d1c6ab32ff")) },
}

describe("diagnose, of texts written by hand,", function()
   for i, case in ipairs(CASES) do
      if support.is_ours(i) then
         it(("names %d: %s"):format(i, case[1]), function()
            local report = tuya.diagnose(case[2], KNOWN)
            local wanted = {}
            for slug in case[1]:gmatch("%S+") do wanted[#wanted + 1] = { slug = slug } end
            local _, names = support.slugs(wanted)
            local _, got = support.slugs(report.mistakes)
            assert.equal(names, got, report.text)
            assert.equal(names == "" and "unexplained" or "wrong", report.verdict)
         end)
      end
   end

   it("came to an error with a secret that is no hexadecimal", function()
      for _, secret in ipairs { "s3cr3t", "abc", "Z" .. SECRET } do
         local known = { secret = secret, access_id = ID, access_token = TOKEN }
         assert.equal("unexplained", tuya.diagnose(device(mac("what nobody signs")), known).verdict)
      end
   end)

   it("calls no token a placeholder that is the one which was issued", function()
      local known = { secret = SECRET, access_token = "YOUR_TOKEN" }
      local sign = mac(ID .. "YOUR_TOKEN" .. T .. lines("GET", EMPTY, "", DEVICE))
      local sent = device(sign, { access_token = "YOUR_TOKEN" })
      assert.equal("ok", tuya.diagnose(sent, known).verdict)
   end)
end)

describe("what the cloud sorts", function()
   it("keeps its order where two names are the same", function()
      local facts = require("tuya.diagnose.facts")
      local list = {}
      for i = 1, 50 do list[i] = { name = i % 2 == 0 and "a" or "b", at = i } end
      local last = { a = 0, b = 0 }
      for _, one in ipairs(facts.by_name(list)) do
         assert.is_true(one.at > last[one.name])
         last[one.name] = one.at
      end
      assert.same({ a = 50, b = 49 }, last)
   end)
end)

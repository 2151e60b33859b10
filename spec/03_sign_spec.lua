-- Step two: a request and a signer become sealed.
local core = require("tuya.core")
local tuya = require("tuya")

local T = 1588925778000
local key = tuya.key("4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC")

local function signer(changes)
   local made = { access_id = "1KAD46OrT9HafiKdsXeg", key = key, t = T, nonce = false }
   for name, value in pairs(changes or {}) do made[name] = value end
   return made
end

local get = { method = "GET", path = "/v1.0/devices/x" }

local function refused(given, rule, request)
   assert.error_matches(function() tuya.sign(request or get, given) end, rule, 1, true)
end

describe("tuya.sign", function()
   it("takes a request or a table for one", function()
      local a = tuya.sign(get, signer())
      local b = tuya.sign(tuya.request(get), signer())
      assert.same(a:headers(), b:headers())
   end)

   it("tells of the headers what is another each time", function()
      for algorithm, nonce in pairs { v1 = false, v2 = "n0nce" } do
         local sealed = tuya.sign(get, signer { algorithm = algorithm, nonce = nonce })
         local headers = sealed:headers()
         assert.same({ headers.sign, headers.t, nonce or nil }, { sealed:signature() })
      end
   end)

   it("writes the bytes that HTTP/1.1 sends, with a length where there is or usually is a body", function()
      local lengths = { GET = "", HEAD = "", DELETE = "", POST = "0", PUT = "0", PATCH = "0" }
      for method, length in pairs(lengths) do
         for _, body in ipairs { "", method ~= "HEAD" and "with \r\n\0" or nil } do
            local request = { method = method, path = "/x", query = { a = "b c" }, body = body }
            local sealed = tuya.sign(request, signer { access_token = "tok" })
            local head, sent = sealed:wire("Host: h\r\n"):match("^(.-\r\n)\r\n(.*)$")
            assert.equal(body, sent)
            assert.equal(1, (head:find(method .. " /x?a=b%20c HTTP/1.1\r\nHost: h\r\n", 1, true)))
            for name, value in pairs(sealed:headers()) do
               assert.is_truthy(head:find(("\n%s: %s\r\n"):format(name, value), 1, true), name)
            end
            local expected = body == "" and length or ("%d"):format(#body)
            assert.equal(expected, head:match("\nContent%-Length: (%d*)\r\n$") or "")
         end
      end
      assert.has_error(function() tuya.sign(get, signer()):wire() end)
   end)

   it("sends what it signed, and nothing that was not asked for", function()
      local post = { method = "POST", path = "/x", body = "{}" }
      local sealed = tuya.sign(post, signer { access_token = "tok", nonce = "n1" })
      local headers = sealed:headers()
      assert.same({
         client_id = "1KAD46OrT9HafiKdsXeg",
         sign = headers.sign,
         t = "1588925778000",
         sign_method = "HMAC-SHA256",
         access_token = "tok",
         nonce = "n1",
         ["Content-Type"] = "application/json",
      }, headers)
      assert.matches("^%x+$", headers.sign)
      assert.equal(64, #headers.sign)
      assert.equal(headers.sign:upper(), headers.sign)
   end)

   it("is the same for a request of any size: a small one is made on the stack", function()
      for size = 0, 6000, 37 do
         local body = ("%d;"):format(size):rep(size):sub(1, size)
         local sealed = tuya.sign({ method = "POST", path = "/x", body = body }, signer { access_token = "tok" })
         local canonical = "POST\n" .. core.sha256(body) .. "\n\n/x"
         assert.equal(body, sealed:body())
         assert.equal(canonical, sealed:canonical())
         local text = ("1KAD46OrT9HafiKdsXegtok%.0f%s"):format(T, canonical)
         assert.equal(key:mac(text), sealed:headers().sign)
      end
   end)

   it("gives a sealed object of which nothing can be changed", function()
      local sealed = tuya.sign(get, signer())
      sealed:headers().sign = "x"
      assert.not_equal("x", sealed:headers().sign)
      assert.has_error(function() sealed.body = "x" end)
      assert.equal("locked", getmetatable(sealed))
   end)

   it("answers strings", function()
      local sealed = tuya.sign(get, signer())
      assert.equal("GET", sealed:method())
      assert.equal("/v1.0/devices/x", sealed:target())
      assert.equal("", sealed:body())
      assert.equal("GET\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n/v1.0/devices/x",
         sealed:canonical())
      assert.equal("tuya.sealed: GET", tostring(sealed)) -- a target may hold a refresh token
   end)

   it("takes t as an integer, an integral float or 13 digits", function()
      local sign = tuya.sign(get, signer()):headers().sign
      assert.equal(sign, tuya.sign(get, signer { t = T + 0.0 }):headers().sign)
      assert.equal(sign, tuya.sign(get, signer { t = "1588925778000" }):headers().sign)
      assert.equal("1588925778000", tuya.sign(get, signer { t = T + 0.0 }):headers().t)
   end)

   it("refuses a t that is not 13 digits", function()
      for _, t in ipairs {
         1588925778, 1588925778000.5, 10 ^ 13, 10 ^ 12 - 1, -1, 0 / 0, 1 / 0,
         "1588925778", "15889257780000", "158892577800x", " 158892577800", "", true, {},
      } do
         refused(signer { t = t }, "t: must be milliseconds since 1970, 13 digits")
      end
      assert.equal("9999999999999", tuya.sign(get, signer { t = 9999999999999 }):headers().t)
      assert.equal("1000000000000", tuya.sign(get, signer { t = 1e12 }):headers().t)
   end)

   it("takes t from the clock where none is given", function()
      local before = core.now()
      local given = signer()
      given.t = nil
      local t = tonumber(tuya.sign(get, given):headers().t)
      assert.is_true(t >= before and t <= core.now())
   end)

   it("draws 32 hex digits where no nonce is given, other ones every time", function()
      local given, seen = signer(), {}
      given.nonce = nil
      for _ = 1, 100 do
         local nonce = tuya.sign(get, given):headers().nonce
         assert.matches("^[0-9a-f]+$", nonce)
         assert.equal(32, #nonce)
         assert.is_nil(seen[nonce])
         seen[nonce] = true
      end
      assert.is_nil(tuya.sign(get, signer { nonce = false }):headers().nonce)
   end)

   it("signs headers in their order and lists them", function()
      local sealed = tuya.sign({ method = "GET", path = "/x", headers = { { "b", "2" }, { "A", "1" } } }, signer())
      assert.equal("b:A", sealed:headers()["Signature-Headers"])
      assert.equal("2", sealed:headers().b)
      assert.matches("\nb:2\nA:1\n\n/x$", sealed:canonical())
   end)

   it("sends Content-Type once, under the name that was signed", function()
      local post = { method = "POST", path = "/x", body = "a", headers = { ["content-type"] = "text/plain" } }
      local sealed = tuya.sign(post, signer())
      assert.equal("text/plain", sealed:headers()["content-type"])
      assert.is_nil(sealed:headers()["Content-Type"])
      sealed = tuya.sign({ method = "POST", path = "/x", body = "a", content_type = "text/plain" }, signer())
      assert.equal("text/plain", sealed:headers()["Content-Type"])
      assert.is_nil(sealed:headers()["Signature-Headers"])
      assert.is_nil(tuya.sign({ method = "POST", path = "/x" }, signer()):headers()["Content-Type"])
   end)

   it("puts the bundle id between nonce and canonical string, and does not send it", function()
      local sealed = tuya.sign(get, signer { bundle_id = "app.x", nonce = "n" })
      assert.equal(key:mac("1KAD46OrT9HafiKdsXeg" .. "1588925778000" .. "n" .. "app.x" .. sealed:canonical()),
         sealed:headers().sign)
      for _, value in pairs(sealed:headers()) do assert.not_equal("app.x", value) end
   end)

   it("signs by the old algorithm where asked to", function()
      local post = { method = "POST", path = "/x", body = "ignored" }
      local sealed = tuya.sign(post, signer { algorithm = "v1", access_token = "tok" })
      assert.equal(key:mac("1KAD46OrT9HafiKdsXegtok1588925778000"), sealed:headers().sign)
      assert.equal("", sealed:canonical())
      local given = signer { algorithm = "v1" }
      given.nonce = nil
      assert.is_nil(tuya.sign(get, given):headers().nonce)
      assert.same(tuya.sign(get, signer()):headers(), tuya.sign(get, signer { algorithm = "v2" }):headers())
   end)

   it("refuses what the old algorithm does not sign", function()
      refused(signer { algorithm = "v1", nonce = "n" }, "nonce: the old algorithm has none")
      refused(signer { algorithm = "v1", bundle_id = "b" }, "bundle_id: the old algorithm has none")
      refused(signer { algorithm = "v1" }, "header: the old algorithm signs no headers",
         { method = "GET", path = "/x", headers = { h = "1" } })
      refused(signer { algorithm = "v3" }, 'algorithm: "v2", or "v1"')
   end)

   it("refuses a token on a token call, which is signed without one", function()
      for _, path in ipairs { "/v1.0/token", "/v1.0/token/abc", "/v1.0/token?grant_type=1", "/v1.0/authorize_token" } do
         refused(signer { access_token = "tok" }, "access_token: a token call is signed without one",
            { method = "GET", path = path })
      end
      assert.equal("tok", tuya.sign({ method = "GET", path = "/v1.0/tokens" }, signer { access_token = "tok" })
         :headers().access_token)
   end)

   it("refuses CR, LF, NUL and blanks at the ends in every id", function()
      for _, bad in ipairs { "a\r", "a\nb", "\0", " a", "a " } do
         refused(signer { access_id = bad }, "access_id: holds CR, LF, NUL")
         refused(signer { access_token = bad }, "access_token: holds CR, LF, NUL")
         refused(signer { nonce = bad }, "nonce: holds CR, LF, NUL")
         refused(signer { bundle_id = bad }, "bundle_id: holds CR, LF, NUL")
      end
      refused(signer { access_id = "" }, "access_id: empty")
      refused(signer { access_id = ("x"):rep(257) }, "access_id: too long")
      refused(signer { access_token = ("x"):rep(4097) }, "access_token: too long")
   end)

   it("names what is missing, unknown or of the wrong type", function()
      refused({ key = key }, "access_id: empty")
      refused({ access_id = "x" }, "key: make one with tuya.key(secret)")
      refused({ access_id = "x", key = "secret" }, "key: make one with tuya.key(secret)")
      refused({ access_id = "x", key = io.stdout }, "key: make one with tuya.key(secret)")
      refused({ access_id = 5, key = key }, "access_id: a string expected")
      refused(signer { nonce = 5 }, "nonce: a string expected, or false for none")
      refused(signer { nonce = true }, "nonce: a string expected, or false for none")
      refused(signer { acces_token = "x" }, "acces_token: unknown field of a signer (did you mean access_token?)")
      refused(signer { [1] = "x" }, "1: unknown field of a signer")
      refused(signer { access_secret = "x" }, "access_secret: give key = tuya.key(secret)")
      refused(nil, "signer: a table expected")
      refused("x", "signer: a table expected")
   end)

   it("raises at the caller's line", function()
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() tuya.sign(get, {}) end)
      assert.matches("03_sign_spec.lua:" .. line .. ": tuya.sign: ", message, 1, true)
   end)
end)

describe("a request that was changed after it was built", function()
   local function changed(change)
      local request = tuya.request { method = "GET", path = "/x", query = { a = 1 } }
      change(request)
      return request
   end

   it("is refused where it is no longer of its form, at the caller's line", function()
      refused(signer(), "query: a list of { name, value } pairs", changed(function(r) r.query = { page = 1 } end))
      refused(signer(), "query: a list of { name, value } pairs", changed(function(r) r.query = { { "a", 1 } } end))
      refused(signer(), "query: a list of { name, value } pairs", changed(function(r) r.query = "a=1" end))
      refused(signer(), "body: a string expected", changed(function(r) r.body = {} end))
      refused(signer(), "path: a string expected", changed(function(r) r.path = 5 end))
      refused(signer(), "method: must be GET", changed(function(r) r.method = nil end))
      local line = debug.getinfo(1, "l").currentline + 1
      local _, message = pcall(function() tuya.sign(changed(function(r) r.query = 5 end), signer()) end)
      assert.matches("03_sign_spec.lua:" .. line .. ": tuya.sign: query", message, 1, true)
   end)

   it("is signed as it is now where it still is", function()
      local request = changed(function(r) r.query[1][2] = "2" end)
      assert.equal("/x?a=2", tuya.sign(request, signer()):target())
   end)
end)

describe("a key that a finalizer closes in mid-signing", function()
   -- A small one is signed before there is room for it, a large one after.
   for _, size in ipairs { 0, 5000 } do
      it("makes an error, not a wrong signature, of " .. size .. " bytes", function()
         if _VERSION == "Lua 5.1" then return pending("tables have no finalizers on Lua 5.1 and LuaJIT") end
         local request = tuya.request { method = "POST", path = "/x", body = ("x"):rep(size) }
         local right, wrong = tuya.sign(request, signer()):headers().sign, 0
         local function doom(key_to_close)
            setmetatable({}, { __gc = function() key_to_close:close() end })
         end
         -- collect at every allocation, once a new cycle has begun: the first one of a signature is the room for it
         local pause, speed = collectgarbage("setpause", 0), collectgarbage("setstepmul", 1000000)
         collectgarbage()
         for _ = 1, 20 do
            local given = signer { key = tuya.key("4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC") }
            doom(given.key)
            for _ = 1, 10 do
               local ok, one = pcall(tuya.sign, request, given)
               if ok and one:headers().sign ~= right then wrong = wrong + 1 end
            end
            collectgarbage()
            refused(given, "key: attempt to use a closed key")
         end
         collectgarbage("setpause", pause)
         collectgarbage("setstepmul", speed)
         assert.equal(0, wrong)
      end)
   end
end)

describe("tuya.key", function()
   it("takes any secret of 1 to 128 bytes", function()
      local crypto = require("openssl.hmac")
      for _, length in ipairs { 1, 32, 63, 64, 65, 127, 128 } do
         local secret = ("k\0\255"):rep(43):sub(1, length)
         local hex = crypto.new(secret, "sha256"):final("text"):gsub(".", function(c)
            return ("%02X"):format(c:byte())
         end)
         assert.equal(hex, tuya.key(secret):mac("text"))
      end
      assert.error_matches(function() tuya.key("") end, "tuya.key: secret: empty", 1, true)
      assert.error_matches(function() tuya.key(("x"):rep(129)) end, "secret: longer than 128 bytes", 1, true)
      assert.error_matches(function() tuya.key(5) end, "secret: a string expected, got number", 1, true)
   end)

   it("is of no use once closed", function()
      local closed = tuya.key("secret")
      closed:close()
      closed:close()
      assert.equal("tuya.key (closed)", tostring(closed))
      refused({ access_id = "x", key = closed }, "key: attempt to use a closed key")
      assert.error_matches(function() closed:mac("x") end, "attempt to use a closed key", 1, true)
   end)
end)

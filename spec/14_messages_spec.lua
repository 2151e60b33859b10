-- Envelopes of the message service: opened whole, or refused with a name for what is wrong.
local messages = require("spec.support.messages")
local tuya = require("tuya")

local SECRET_OF = { pulsar = "secret", mqtt = "password" }
local EM = { ecb = "aes_ecb", gcm = "aes_gcm" }
local VERSION = { ecb = "1.0", gcm = "2.0" }

local names = {}
for name, case in pairs(messages) do
   if case.data then names[#names + 1] = name end
end
table.sort(names)

local function options(case, more)
   local given = { via = case.via, [SECRET_OF[case.via]] = case.secret }
   for name, value in pairs(more or {}) do given[name] = value end
   return given
end

local function envelope(case)
   return { data = case.data, t = tonumber(case.t), protocol = 4, pv = "2.0" }
end

local function flip(text, bit)
   local at = math.floor(bit / 8) + 1
   local byte, mask = text:byte(at), 2 ^ (bit % 8)
   byte = byte % (2 * mask) >= mask and byte - mask or byte + mask
   return text:sub(1, at - 1) .. string.char(byte) .. text:sub(at + 1)
end

describe("tuya.open_message", function()
   it("has the published and the constructed vectors", function()
      assert.is_true(#names >= 7)
   end)

   for _, name in ipairs(names) do
      local case = messages[name]

      it("opens " .. name .. ", with and without the scheme named", function()
         assert.equal(case.text, tuya.open_message(envelope(case), options(case)))
         assert.equal(case.text, tuya.open_message(envelope(case), options(case, { em = EM[case.cipher] })))
         assert.equal(case.text, tuya.open_message(envelope(case), options(case, { version = VERSION[case.cipher] })))
         assert.equal(case.text, tuya.open_message(envelope(case), { via = case.via, key = tuya.key(case.secret) }))
      end)

      it("opens " .. name .. " as the cloud writes it", function()
         local text = tuya.json.encode(envelope(case))
         assert.equal(case.text, tuya.open_message(text, options(case)))
      end)

      it("refuses " .. name .. " with another secret", function()
         local given = options(case)
         given[SECRET_OF[case.via]] = case.secret:reverse()
         local text, message, detail = tuya.open_message(envelope(case), given)
         assert.is_nil(text)
         assert.equal("message", detail.kind)
         assert.equal("scheme", detail.code)
         assert.is_string(detail.advice)
         assert.is_nil(message:find(case.secret, 1, true))
      end)
   end

   for _, name in ipairs { "mqtt-gcm-2.0-published", "pulsar-gcm-constructed" } do
      local case = messages[name]

      it("refuses every change of one bit in the data of " .. name, function()
         local given, sent = options(case, { em = "aes_gcm" }), envelope(case)
         for bit = 0, 8 * #case.data - 1 do
            sent.data = flip(case.data, bit)
            local text, _, detail = tuya.open_message(sent, given)
            assert.is_nil(text, "bit " .. bit)
            assert.is_truthy(detail.code == "tag" or detail.code == "data")
         end
      end)
   end

   it("refuses a t that the message was not made with, by MQTT", function()
      local case = messages["mqtt-gcm-2.0-published"]
      for _, t in ipairs { 1636568273, "01636568272", "1636568272000", 0 } do
         local text, _, detail = tuya.open_message({ data = case.data, t = t }, options(case, { version = "2.0" }))
         assert.is_nil(text)
         assert.equal("tag", detail.code)
      end
      assert.equal(case.text, tuya.open_message({ data = case.data, t = case.t }, options(case)))
   end)

   it("opens an iv of another length, by MQTT", function()
      -- 00000010, an iv of 16 bytes: made with Node's crypto, key 89abcdef01234567
      local data = "AAAAEAABAgMEBQYHCAkKCwwNDg+RCNFG4/25eNXxTEhuXWQC1d8IFJ3VqQ=="
      local given = { via = "mqtt", password = "0123456789abcdef0123456789abcdef", version = "2.0" }
      assert.equal('{"a":1}', tuya.open_message({ data = data, t = 1700000000000 }, given))
   end)

   it("names what is wrong with an envelope", function()
      local given = { via = "pulsar", secret = messages["pulsar-ecb-constructed"].secret }
      local function code(sent, more)
         for name, value in pairs(given) do more[name] = value end
         local text, message, detail = tuya.open_message(sent, more)
         assert.is_nil(text)
         assert.matches("^a message: ", message)
         return detail.code
      end
      for _, wrong in ipairs { "", "{", "[]", "null", "7", '"data"', "{}", '{"data":7}', '{"data":"AAAA","t":1.5}',
         '{"data":"AAAA","t":-1}', '{"data":"AAAA","t":{}}', '{"data":"AAAA","t":"now"}' } do
         assert.equal("envelope", code(wrong, {}), wrong)
      end
      assert.equal("envelope", code(7, {}))
      assert.equal("envelope", code(nil, {}))
      assert.equal("data", code({ data = "" }, {}))
      assert.equal("data", code({ data = "no base64" }, { em = "aes_gcm" }))
      assert.equal("data", code({ data = "AAAA" }, { em = "aes_ecb" }))
      assert.equal("padding", code({ data = ("A"):rep(22) .. "==" }, { em = "aes_ecb" }))
      assert.equal("tag", code({ data = ("A"):rep(44) }, { em = "aes_gcm" }))
      assert.equal("scheme", code({ data = ("A"):rep(44) }, { em = "sm4_gcm" }))
   end)

   it("raises for the program's mistakes, at its line", function()
      local secret = ("s"):rep(32)
      for rule, given in pairs {
         ["a table of options expected"] = 7,
         ["via: "] = { secret = secret },
         ["secret: missing"] = { via = "pulsar" },
         ["password: missing"] = { via = "mqtt" },
         ["password: messages by pulsar open with secret"] = { via = "pulsar", secret = secret, password = secret },
         ["secret: messages by mqtt open with password"] = { via = "mqtt", secret = secret },
         ["secret: 24 to 128 bytes"] = { via = "pulsar", secret = "too short" },
         ["password: 24 to 128 bytes"] = { via = "mqtt", password = secret:rep(5) },
         ["secret: given beside key"] = { via = "pulsar", secret = secret, key = tuya.key(secret) },
         ["version: \"1.0\" or"] = { via = "pulsar", secret = secret, version = "3.0" },
         ["version: given beside em"] = { via = "pulsar", secret = secret, version = "1.0", em = "aes_ecb" },
         ["unknown option"] = { via = "pulsar", secret = secret, scheme = "ecb" },
      } do
         local ok, message = pcall(function() tuya.open_message("{}", given) end)
         assert.is_false(ok)
         assert.matches("14_messages_spec.lua:%d+: tuya.open_message: ", message)
         assert.is_truthy(message:find(rule, 1, true), message)
      end
   end)

   it("wants an open key that is long enough", function()
      local key = tuya.key("short")
      assert.is_false(key:opens_messages())
      assert.has_error(function() key:open_message("AAAA", "pulsar") end)
      assert.has_error(function() key:pulsar_password("id") end)
      assert.has_error(function() tuya.open_message("{}", { via = "pulsar", key = key }) end)
      key:close()
      assert.has_error(function() tuya.open_message("{}", { via = "pulsar", key = key }) end)
   end)
end)

describe("a key", function()
   it("derives Pulsar's password, as published", function()
      local case = messages["pulsar-password-published"]
      assert.equal(case.pulsar_password, tuya.key(case.secret):pulsar_password(case.access_id))
   end)

   it("makes the very data of the constructed messages again", function()
      local made = 0
      for _, name in ipairs(names) do
         local case = messages[name]
         if case.iv then
            local iv = case.iv:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
            assert.equal(case.data, tuya.key(case.secret):make_message(case.text, case.via, case.cipher, case.t, iv))
            made = made + 1
         end
      end
      assert.equal(2, made)
   end)
end)

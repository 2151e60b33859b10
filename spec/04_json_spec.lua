-- The seam to JSON: what Lua has, written exactly or refused; what the cloud sends, as Lua has it.
local json = require("tuya.json")

-- Numbers are compared as text: 1 and 1.0 are equal in Lua and not the same.
local function shown(value)
   return type(value) == "number" and ("%s"):format(value):gsub(",", ".") or value -- in whatever locale
end

describe("json.encode", function()
   it("writes integers as integers, also where Lua has a float", function()
      assert.equal("[2]", json.encode({ 4 / 2 }))
      assert.equal("[1700000000000]", json.encode({ 1.7e12 }))
      assert.equal("[99999999999999]", json.encode({ 99999999999999 }))
      assert.equal("[-5]", json.encode({ -5 }))
      assert.equal("[0.5]", json.encode({ 0.5 }))
   end)

   it("refuses an integer that the library would change", function()
      local kept = require("cjson").new()
      local exact = kept.encode({ 123456789012345 }) == "[123456789012345]"
      local text, rule = json.encode({ id = 123456789012345 })
      if exact then assert.equal('{"id":123456789012345}', text)
      else assert.matches("cannot write 123456789012345 exactly", rule, 1, true) end
      local big = 2 ^ 62
      local _, why = json.encode({ { deep = big } })
      assert.matches("cannot write 4611686018427387904 exactly", why, 1, true)
   end)

   it("writes an empty list where it is marked, and an object where it is not", function()
      assert.equal("[]", json.encode(json.array()))
      assert.equal('{"commands":[]}', json.encode({ commands = json.array({}) }))
      assert.equal("{}", json.encode({}))
      assert.equal("[1]", json.encode(json.array({ 1 })))
      assert.equal("[[],[]]", json.encode({ json.array(), json.array() }))
   end)

   it("writes null", function()
      assert.equal('{"a":null}', json.encode({ a = json.null }))
      assert.equal("null", tostring(json.null))
   end)

   it("writes null and an empty list however deep they are", function()
      local value, text = { json.null, json.array() }, "[null,[]]"
      for _ = 1, 40 do value, text = { value }, "[" .. text .. "]" end
      assert.equal(text, json.encode(value))
   end)

   it("leaves the given table as it was", function()
      local given = { commands = json.array(), name = json.null, [1] = nil }
      json.encode(given)
      assert.equal(json.null, given.name)
      assert.same({}, given.commands)
   end)

   it("answers nil and the rule for what has no JSON", function()
      for _, value in ipairs { { print }, { 0 / 0 }, { 1 / 0 }, { [true] = 1 } } do
         local text, rule = json.encode(value)
         assert.is_nil(text)
         assert.is_string(rule)
         assert.is_nil(rule:find("json.lua", 1, true)) -- the caller's mistake is not in there
      end
      local own = {}
      own.own = own
      local text, rule = json.encode(own)
      assert.is_nil(text)
      assert.matches("holds itself", rule, 1, true)
   end)

   it("writes a large integer exactly or not at all, on either side of zero", function()
      for _, n in ipairs { 2 ^ 53, 1e15 + 1, 99999999999999, 2 ^ 62 } do
         for _, number in ipairs { n, -n } do
            local text = json.encode({ number })
            if text then assert.equal(("[%.0f]"):format(number), text) end
         end
      end
   end)

   it("writes a point, and reads one, after the host has set a comma", function()
      json.encode({ 1.5 })
      local before = os.setlocale(nil, "numeric")
      local set = os.setlocale("de_DE.UTF-8", "numeric") or os.setlocale("de_DE.utf8", "numeric")
      if not set then return pending("this system has no locale with a decimal comma; make check brings one") end
      local text, value = json.encode({ temp = 21.5 }), json.decode('{"a":1.5}')
      os.setlocale(before, "numeric")
      assert.equal('{"temp":21.5}', text)
      assert.equal(1.5, value.a)
      assert.equal('{"temp":21.5}', json.encode({ temp = 21.5 }))
   end)

   it("sets nothing on the shared library", function()
      local shared = require("cjson")
      local before = shared.encode_number_precision()
      json.encode({ 1 })
      assert.equal(before, shared.encode_number_precision())
      assert.is_true((pcall(shared.decode, "[NaN]")))
   end)
end)

describe("json.decode", function()
   it("gives integers as integers", function()
      local value = json.decode('{"t":1658384161392,"n":-3,"f":0.5,"list":[1,2.0]}')
      assert.equal("1658384161392", ("%s"):format(value.t))
      assert.equal("-3", shown(value.n))
      assert.equal("0.5", shown(value.f))
      assert.equal("1", shown(value.list[1]))
      assert.equal("2", shown(value.list[2]))
   end)

   it("gives null as nil", function()
      local value = json.decode('{"a":null,"b":{"c":null},"d":[null,1]}')
      assert.is_nil(value.a)
      assert.same({}, value.b)
      assert.is_nil(value.d[1])
      assert.equal(1, value.d[2])
   end)

   it("gives integers and null as that however deep they are, and beyond 2^53 what the library made", function()
      local value = json.decode(("["):rep(900) .. '{"a":7,"b":null,"c":1e300,"d":-1.0}' .. ("]"):rep(900))
      for _ = 1, 900 do value = value[1] end
      assert.same({ a = 7, c = 1e300, d = -1 }, value)
      assert.equal("7", shown(value.a))
      assert.equal("-1", shown(value.d))
      assert.equal("3", shown(json.decode("3.0")))
      assert.is_nil(json.decode("null"))
   end)

   it("answers nil and a message for what is no JSON", function()
      for _, text in ipairs { "", "{", "<html>", '{"a":NaN}', ("["):rep(2000) } do
         local value, message = json.decode(text)
         assert.is_nil(value)
         assert.is_string(message)
      end
   end)
end)

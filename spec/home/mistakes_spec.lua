-- Mistakes of people who write rules: each raises at their line, with the rule, before anything is sent.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")

local made = cloud.new(nil, nil, house)
local client = made.client

-- name = { the rule, what was written }
local MISTAKES = {
   ["a number that is none sent as a moment"] = {
      "from: ms since 1970 expected", function() client:device("coffee"):logs { from = 0 / 0 } end },
   ["a moment in seconds, of which no log is"] = {
      "from: ms since 1970 expected, 13 digits", function() client:device("coffee"):logs { from = 1700000000 } end },
   ["a time that ends before it begins"] = {
      "from: after to", function() client:device("coffee"):logs { from = 1700000001000, to = 1700000000000 } end },
   ["a number where codes of logs are expected"] = {
      "codes: a code expected at 1", function() client:device("coffee"):logs { codes = { 1 } } end },
   ["two codes in one text, of which none was found"] = {
      "codes: a code expected at 1", function() client:device("fan"):properties { codes = { "fan_on,pir" } } end },
   ["days that are not said"] = {
      'from and to: both expected, as "20240131"',
      function() client:device("coffee"):statistics { code = "add_ele" } end },
   ["hours that are days"] = { 'from and to: both expected, as "2024013109"', function()
      client:device("coffee"):statistics { code = "add_ele", per = "hours", from = "20240101", to = "20240102" }
   end },
   ["days with dashes"] = {
      'from and to: both expected, as "20240131"',
      function() client:device("coffee"):statistics { code = "add_ele", from = "2024-01-01", to = "2024-01-02" } end },
   ["a list of ids where options are expected"] = {
      "ids: a list of them is given by name, { ids = { ... } }", function() client:devices { "coffee", "fan" } end },
   ["one condition where a list of them is expected, which was left out"] = {
      "conditions: a list expected", function()
         client:space("1001"):create_automation {
            name = "x", conditions = { device = "hall", code = "pir", value = "pir" },
            actions = { { device = "coffee", values = { switch_1 = true } } },
         }
      end },
   ["an automation without a name"] = { "name: a string that is not empty", function()
      client:space("1001"):create_automation { name = "", actions = { { entity_id = "x" } } }
   end },
   ["a page of no logs"] = {
      "size: a whole number from 1 to 100", function() client:device("coffee"):logs { size = 0 } end },
   ["a name where Tuya numbers types of logs"] = {
      "types: a number expected at 1", function() client:device("coffee"):logs { types = { "online" } } end },
   ["a place that is nowhere"] = { "lat: degrees", function() client:weather { lat = 0 / 0, lon = 9 } end },
   ["a longitude from a map of minutes"] = { "lon: degrees", function() client:weather { lat = 53, lon = 900 } end },
   ["a home's id with a fraction, which was rounded"] = { "id: an id expected", function() client:space(1.5) end },
   ["a home's id too large to be exact"] = { "id: an id expected", function() client:space(1e20) end },
   ["a device that is nil in a list, at which the list ended"] = {
      "ids: no id at 1", function() client:statuses { nil, "coffee" } end },
   ["nothing to look for"] = { "a name, or a table", function() client:find(nil) end },
   ["a dot for a colon at a pager"] = { "call it with a colon", function() client:devices().next() end },
   ["a dot for a colon at a pager's all"] = { "call it with a colon", function() client:devices().all() end },
   ["a switch that is misspelt"] = {
      "swich_1: no switch of this device; it has switch_1", function() client:device("coffee"):toggle("swich_1") end },
   ["a list with a hole"] = { "a list with names or holes", function()
      client:device("coffee"):send { { code = "switch_1", value = true }, nil, { code = "countdown_1", value = 1 } }
   end },
   ["nothing at all"] = { "no command given", function() client:device("radiator"):send { temp_set = nil } end },
   ["a number in quotes"] = {
      'countdown_1: a whole number from 0 to 86400 s expected, got "60"; the nearest legal value is 60',
      function() client:device("coffee"):send { countdown_1 = "60" } end },
   ["an integer too large for every JSON library"] = {
      "the nearest legal value is 86400", function() client:device("coffee"):send { countdown_1 = 2 ^ 53 } end },
   ["a handler without a function, whose number was taken for a misspelt name"] = { "cide: unknown option", function()
      client:events { via = "pulsar" }:on { cide = "x" }
   end },
   ["a property that JSON has no form for, of a product without a thing model"] = { "properties: ", function()
      client:device("air"):set_properties({ level = print }, { check = false })
   end },
   ["a device's own table for an id"] = { "id: letters", function() client:device(client:device("coffee")) end },
}

describe("a mistake", function()
   for name, one in pairs(MISTAKES) do
      it("is refused at its line: " .. name, function()
         local before = #made.transport.requests
         local ok, message = pcall(one[2])
         assert.is_false(ok)
         assert.matches("^spec/home/mistakes_spec.lua:%d+: ", message)
         assert.matches(one[1], message, 1, true)
         for i = before + 1, #made.transport.requests do
            assert.not_equal("POST", made.transport.requests[i].method)
         end
      end)
   end

   it("is told at its line when the client of a room was closed", function()
      local own = cloud.new(nil, nil, house)
      local home = own.client:space("1001")
      local room = assert(home:rooms())[1]
      own.client:close()
      for _, one in ipairs { room, home } do
         local ok, message = pcall(function() one:devices() end)
         assert.is_false(ok)
         assert.matches("^spec/home/mistakes_spec.lua:%d+: tuya.%a+:devices: .*closed client$", message)
      end
      local ok, message = pcall(function() own.client:homes() end)
      assert.is_false(ok)
      assert.matches("^spec/home/mistakes_spec.lua:%d+: tuya.client:homes: attempt to use a closed client$", message)
   end)

   it("in a code as long as a book is not told in full", function()
      local coffee, book = client:device("coffee"), ("x"):rep(20000)
      for _, wrong in ipairs { function() coffee:send { [book] = true } end, function() coffee:toggle(book) end } do
         local ok, message = pcall(wrong)
         assert.is_false(ok)
         assert.is_true(#message < 400, #message)
      end
   end)

   it("in a long text is shown in whole characters", function()
      local _, message = pcall(function() client:device("radiator"):send { room_label = ("ä"):rep(40) } end)
      assert.matches('got "' .. ("ä"):rep(18) .. '..."', message, 1, true)
   end)
end)

insulate("in a program that has made no other call", function()
   it("a room is found though nobody has asked for homes, whose part of the library is not loaded then", function()
      for name in pairs(package.loaded) do
         if name:find("^tuya") or name:find("^spec%.support") then package.loaded[name] = nil end
      end
      local own = require("spec.support.cloud").new(nil, nil, require("tuya.simulator.house"))
      assert.equal("coffee", assert(own.client:find { room = "kitchen", category = "cz" }).id)
   end)
end)

describe("what happens meanwhile", function()
   it("a device that was removed is a refusal, not a crash", function()
      local own = cloud.new(nil, nil, house)
      local coffee = own.client:find("Coffee machine")
      assert(coffee:status())
      assert(own.client:delete("/v1.0/devices/coffee"))
      for _, call in ipairs {
         function() return coffee:status() end, function() return coffee:send { switch_1 = true } end,
         function() return coffee:toggle() end, function() return coffee:info() end,
         function() return coffee:send({ switch_1 = true }, { confirm = 3 }) end,
         function() return coffee:logs():next() end, function() return coffee:rename("x") end,
      } do
         local result, message, detail = call()
         assert.is_nil(result)
         assert.is_string(message)
         assert.equal(1106, detail.code)
      end
      assert.is_nil((own.client:find("Coffee machine")))
   end)

   it("names may be said in every script, and twice", function()
      local own = cloud.new(nil, nil, { devices = {
         { id = "a", name = "Küche ☕", product = "socket" }, { id = "b", name = "厨房灯", product = "white_lamp" },
         { id = "c", name = "Lamp", product = "white_lamp" }, { id = "d", name = "Lamp", product = "white_lamp" },
      } })
      assert.equal("a", own.client:find("Küche ☕").id)
      assert.equal("b", own.client:find("厨房").id)
      local _, message, detail = own.client:find("lamp")
      assert.equal('2 devices fit "lamp": Lamp (c), Lamp (d)', message)
      assert.equal("ambiguous", detail.code)
      assert.is_true(own.client:device("b"):rename("卧室灯"))
      assert.equal("b", own.client:find("卧室灯").id)
   end)

   it("names are found whatever their case, in every alphabet that has cases", function()
      for name, asked in pairs {
         ["Küchenlampe"] = "KÜCHENLAMPE", ["ŻYRANDOL"] = "żyrandol", ["Đèn phòng ngủ"] = "ĐÈN PHÒNG NGỦ",
         ["Ÿ ſ ẞ"] = "ÿ s ß", ["ΦΩΣ ΚΟΥΖΊΝΑΣ"] = "φως κουζίνας", ["Ёлка Ґанок"] = "ёЛКА ґАНОК", ["Լամպ"] = "լամպ",
         ["Ｌａｍｐ１"] = "ｌＡＭＰ１", ["厨房灯 A"] = "厨房灯 a", ["\195\40 X"] = "\195\40 x", ["×÷"] = "×÷",
      } do
         local own = cloud.new(nil, nil, { devices = {
            { id = "a", name = name, product = "socket" }, { id = "b", name = "÷×", product = "socket" },
         }, rooms = { { id = "1", name = name, devices = { "b" } } },
            scenes = { { id = "s", name = name, actions = {} } } })
         assert.equal("a", own.client:find(asked).id)
         assert.equal("b", own.client:find({ room = asked }).id)
         assert.is_true(own.client:space("1001"):run(asked))
      end
   end)

   it("success without a result is an empty list, and no state", function()
      local own = cloud.new(nil, function(request, answer)
         if request.target:find("/v1.0/token", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":true}' }
      end, house)
      for _, name in ipairs { "status", "properties", "info" } do
         local values, _, detail = own.client:device("coffee")[name](own.client:device("coffee"))
         assert.is_nil(values)
         assert.equal("http", detail.kind)
      end
      assert.same({}, own.client:device("coffee"):sub_devices())
      assert.same({}, own.client:statuses())
      assert.same({}, own.client:statuses { "coffee" })
      assert.same({}, own.client:device("coffee"):logs():all())
      assert.same({}, own.client:homes("bay1563811262429Simu"))
      local home = own.client:space("1001")
      for _, name in ipairs { "rooms", "members", "scenes", "automations" } do assert.same({}, home[name](home)) end
      assert.same({}, own.client:remotes("hub"))
   end)
end)

-- Data points: there and back is the same value over the whole legal range, and nothing illegal gets through.
local json = require("tuya.json")
local points = require("tuya.points")
local products = require("tuya.simulator.products")
local home = require("tuya.simulator.home")
local shapes = require("tuya.simulator.shapes")
local simulated = require("tuya.simulator.values")
local specification = require("tuya.points.specification")

local random = require("spec.support.random")

local function device_of(name)
   return assert(home.new { devices = { { id = "x", name = name, product = name } } }).devices[1]
end

-- Every data point of every product that is not defined the same elsewhere: { product, point, simulated point }.
local function all_points()
   local list, seen = {}, {}
   for _, name in ipairs(products.NAMES) do
      local device = device_of(name)
      local model = assert(specification.read(shapes.model(device)))
      local standard = specification.read(shapes.specification_with_ids(device)) or { by_code = {} }
      for _, simulated_point in ipairs(device.points) do
         local code = simulated_point.code
         local from = standard.by_code[code] and standard or model
         local values = simulated_point.values
         local bounds = { simulated_point.type, code, values.min or "", values.max or "", values.step or "" }
         local key = table.concat(bounds, " ")
         if not seen[key] then
            seen[key] = true
            from.by_code[code].writable = true -- what only reports has a legal range, too
            list[#list + 1] = { name = name .. "." .. code, code = code, spec = from, sim = simulated_point }
         end
      end
   end
   return list
end

local ALL = all_points()

local function same(a, b)
   if type(a) ~= "table" or type(b) ~= "table" then return a == b end
   for name, value in pairs(a) do
      if not same(value, b[name]) then return false end
   end
   for name in pairs(b) do
      if a[name] == nil then return false end
   end
   return true
end

local legal = {}

function legal.Boolean(_, try)
   try(true)
   try(false)
end

function legal.Integer(limits, try)
   for wire = limits.min, limits.max, limits.step do try(wire) end
end

function legal.Enum(limits, try)
   for _, name in ipairs(limits.range) do try(name) end
end

function legal.Bitmap(limits, try)
   for wire = 0, 2 ^ #limits.label - 1 do try(wire) end
end

local function between(draw, least, most)
   return least + draw(most - least + 1) - 1
end

local function noise(draw, length)
   local made = {}
   for i = 1, length do made[i] = string.char(draw(256) - 1) end
   return table.concat(made)
end

function legal.String(limits, try)
   local draw = random.new(7)
   for length = 0, limits.maxlen or 200 do try(noise(draw, length)) end
end

function legal.Raw(limits, try)
   local draw, base64 = random.new(8), require("tuya.points.text").base64
   for length = 0, (limits.maxlen or 200) / 4 * 3 do try(base64(noise(draw, length))) end
end

-- Each field over its whole range, the others anywhere in theirs.
function legal.Json(_, try, point)
   if not point.is_colour then
      for _, one in ipairs { '{"scene_num":1}', "{}", '{"a":[1,2,{"b":"c"}],"d":true}' } do try(one) end
      return
   end
   local draw = random.new(9)
   for name, field in pairs(point.fields) do
      for value = field.min, field.max do
         local colour = {}
         for other, range in pairs(point.fields) do colour[other] = between(draw, range.min, range.max) end
         colour[name] = value
         try(('{"h":%d,"s":%d,"v":%d}'):format(colour.h, colour.s, colour.v))
      end
   end
end

-- What a program has to see, by the product's own description and nothing of what is tested.
local meant = {}

function meant.Integer(limits, wire)
   return wire / 10 ^ limits.scale
end

function meant.Bitmap(limits, wire)
   local names = {}
   for i, name in ipairs(limits.label) do
      if math.floor(wire / 2 ^ (i - 1)) % 2 == 1 then names[#names + 1] = name end
   end
   return names
end

function meant.Json(_, wire)
   return json.decode(wire)
end

describe("a data point of every product", function()
   for _, one in ipairs(ALL) do
      it("converts there and back over its whole legal range: " .. one.name, function()
         local point, count = one.spec.by_code[one.code], 0
         assert.equal(one.sim.type, one.spec.by_code[one.code].type)
         legal[one.sim.type](one.sim.values, function(wire)
            count = count + 1
            local value = points.decode(one.spec, one.code, wire)
            local sense = meant[one.sim.type]
            if not same(value, sense and sense(one.sim.values, wire) or not sense and wire) then
               error(tostring(wire) .. " is read as " .. points.text(value))
            end
            local back, rule = points.encode(one.spec, one.code, value)
            if back == nil then error(rule) end
            local again = points.decode(one.spec, one.code, back)
            if not same(value, again) or (type(wire) ~= "string" and back ~= wire) then
               error(tostring(wire) .. " came back as " .. tostring(back))
            end
            if simulated.accept(one.sim, back) == nil then error("the cloud refuses " .. tostring(back)) end
         end, point)
         assert.is_true(count > 0)
      end)
   end

   it("sends integers as integers, where there are integers", function()
      local spec = specification.read(shapes.specification(device_of("thermostat")))
      assert.equal("215", tostring(points.encode(spec, "temp_set", 21.5)))
      assert.equal("[215]", json.encode { (points.encode(spec, "temp_set", 21.5)) })
   end)
end)

local ALIENS = { 0 / 0, 1 / 0, -1 / 0, 1e308, "", "no such", 1.0625, {}, { 1 }, { x = 1 }, true, print }

local illegal = {}

function illegal.Boolean(_, try)
   for _, value in ipairs { 0, 1, "true", "off", "", {}, 1 / 0 } do try(value) end
end

function illegal.Integer(limits, try)
   local factor = 10 ^ limits.scale
   for wire = limits.min - 300, limits.max + 300 do
      local inside = wire >= limits.min and wire <= limits.max
      if not inside or (wire - limits.min) % limits.step ~= 0 then try(wire / factor) end
   end
   for wire = limits.min, limits.min + 20 * limits.step, limits.step do try((wire + 0.5) / factor) end
   for _, value in ipairs(ALIENS) do try(value) end
   try(tostring(limits.min / factor))
end

function illegal.Enum(limits, try)
   for _, name in ipairs(limits.range) do
      try(name .. "x")
      if name:upper() ~= name then try(name:upper()) end
   end
   for _, value in ipairs(ALIENS) do try(value) end
end

function illegal.Bitmap(limits, try)
   for _, name in ipairs(limits.label) do
      try { name, name }
      try { name .. "x" }
      try(name)
   end
   try { [2] = limits.label[1] }
   for _, value in ipairs(ALIENS) do
      if not (type(value) == "table" and next(value) == nil) then try(value) end
   end
end

function illegal.String(limits, try)
   if limits.maxlen then try(("x"):rep(limits.maxlen + 1)) end
   for _, value in ipairs { 1, true, {}, print } do try(value) end
end

function illegal.Raw(limits, try)
   illegal.String(limits, try)
   for _, value in ipairs { "A", "AB", "ABC", "A===", "====", "AB==", "ABC=D", "A-_A", "AAB=", "\0\1" } do
      if value ~= "AAB=" then try(value) end
   end
   try("AAF=")
   if limits.maxlen then try(("A"):rep(limits.maxlen + 4)) end
end

function illegal.Json(_, try, point)
   for _, value in ipairs { 1, true, "", "#12", "#12345", "rgb(1,2)", "rgb(256,0,0)", "[", print } do try(value) end
   if not point.is_colour then return end
   for name, field in pairs(point.fields) do
      for _, wrong in ipairs { field.min - 1, field.max + 1, 0.5, 0 / 0, 1 / 0, "1" } do
         local colour = { h = 1, s = 1, v = 1 }
         colour[name] = wrong
         try(colour)
      end
      local colour = { h = 1, s = 1, v = 1 }
      colour[name] = nil
      try(colour)
   end
   try { h = 1, s = 1, v = 1, w = 1 }
   try { 1, 1, 1 }
end

-- The nearest legal value is legal, and of numbers none is nearer.
local function check_nearest(one, value, nearest)
   local wire, rule = points.encode(one.spec, one.code, nearest)
   if wire == nil then error("the nearest value is refused: " .. rule) end
   local limits = one.sim.values
   if one.sim.type ~= "Integer" or type(value) ~= "number" or value ~= value or math.abs(value) > 1e9 then return end
   local wanted = value * 10 ^ limits.scale
   local distance = math.abs(wire - wanted)
   for _, other in ipairs { wire - limits.step, wire + limits.step } do
      if other >= limits.min and other <= limits.max and math.abs(other - wanted) < distance - 1e-6 then
         error(("%s is nearer to %s than %s"):format(other, wanted, wire))
      end
   end
end

describe("an illegal value of every product", function()
   for _, one in ipairs(ALL) do
      it("is refused with code, rule and the nearest legal value: " .. one.name, function()
         local count = 0
         illegal[one.sim.type](one.sim.values, function(value)
            count = count + 1
            local wire, rule, nearest = points.encode(one.spec, one.code, value)
            if wire ~= nil then error(points.text(value) .. " is let through as " .. tostring(wire)) end
            if rule:sub(1, #one.code + 2) ~= one.code .. ": " then error("no code: " .. rule) end
            if not rule:find("expected", 1, true) and not rule:find("unknown field", 1, true) then
               error("no rule: " .. rule)
            end
            if rule:find("\n", 1, true) then error("two lines: " .. rule) end
            if nearest ~= nil then check_nearest(one, value, nearest) end
            if one.sim.type == "Integer" and type(value) == "number" and nearest == nil then error("no nearest") end
         end, one.spec.by_code[one.code])
         assert.is_true(count > 0)
      end)
   end
end)

describe("two values", function()
   it("are the same where they hold the same, and no more", function()
      local is_same = require("tuya.points.same")
      assert.is_true(is_same({ h = 1, list = { 1, 2 } }, { h = 1, list = { 1, 2 } }))
      for _, other in ipairs { {}, { h = 1 }, { h = 1, list = { 1 } }, { h = 1, list = { 1, 2, 3 } },
         { h = 1, list = { 1, 2 }, s = 1 }, { h = 1, list = 1 }, 5 } do
         assert.is_false(is_same({ h = 1, list = { 1, 2 } }, other))
         assert.is_false(is_same(other, { h = 1, list = { 1, 2 } }))
      end
   end)
end)

local function read(list)
   return assert(specification.read { functions = list })
end

describe("a wrong value's message", function()
   local spec = read {
      { code = "temp_set", type = "Integer", values = '{"min":50,"max":350,"scale":1,"step":5,"unit":"℃"}' },
      { code = "switch_1", type = "Boolean", values = "{}" },
      { code = "switch_2", type = "Boolean", values = "{}" },
      { code = "work_mode", type = "Enum", values = '{"range":["white","colour"]}' },
   }

   local function message(code, value)
      return select(2, points.encode(spec, code, value))
   end

   it("says code, rule, what was given and what is near", function()
      assert.equal("temp_set: a number from 5 to 35 ℃ expected, in steps of 0.5, got 21.3; "
         .. "the nearest legal value is 21.5", message("temp_set", 21.3))
      assert.equal('work_mode: one of white, colour expected, got "whit"; the nearest legal value is "white"',
         message("work_mode", "whit"))
      assert.equal('switch_1: true or false expected, got "on"; the nearest legal value is true',
         message("switch_1", "on"))
   end)

   it("offers a boolean for the words that people write for one", function()
      local meant_by = { [true] = { "true", "ON", "1", "yes", 1 }, [false] = { "false", "Off", "0", "no", 0 } }
      for nearest, words in pairs(meant_by) do
         for _, word in ipairs(words) do assert.equal(nearest, (select(3, points.encode(spec, "switch_1", word)))) end
      end
      assert.is_nil((select(3, points.encode(spec, "switch_1", "maybe"))))
      assert.equal("switch_1: true or false expected, got 2", message("switch_1", 2))
   end)

   it("offers a number's text where a text is meant, and nothing for what is no text", function()
      local texts = read { { code = "level", type = "Enum", values = '{"range":["1","2","10"]}' },
         { code = "note", type = "String", values = '{"maxlen":4}' } }
      assert.equal("10", (select(3, points.encode(texts, "level", 10))))
      assert.equal("1234", (select(3, points.encode(texts, "note", 12345))))
      for _, value in ipairs { true, {}, print } do assert.is_nil((select(3, points.encode(texts, "note", value)))) end
   end)

   it("offers base64 that fits for bytes, and for names of faults those that are near", function()
      local odd = read {
         { code = "six", type = "Raw", values = '{"maxlen":6}' },
         { code = "eight", type = "Raw", values = '{"maxlen":8}' },
         { code = "fault", type = "Bitmap", values = '{"label":["low_battery","hot"]}' },
      }
      assert.equal("YWIg", (select(3, points.encode(odd, "six", "ab c"))))
      assert.equal("YWIgYw==", (select(3, points.encode(odd, "eight", "ab c"))))
      for wrong, nearest in pairs { low_batery = { "low_battery" }, hot = { "hot" }, icy = {} } do
         assert.same(nearest, (select(3, points.encode(odd, "fault", wrong))))
         assert.same(nearest, (select(3, points.encode(odd, "fault", { wrong, wrong }))))
      end
      assert.equal("fault: a list of these names expected: low_battery, hot, each once, got { \"icy\" }; "
         .. "the nearest legal value is {}", (select(2, points.encode(odd, "fault", { "icy" }))))
   end)

   it("shows tables by what they hold, one level down, and not all of a long one", function()
      local rule = "temp_set: a number from 5 to 35 ℃ expected, in steps of 0.5, got "
      local cyclic = { a = 1 }
      cyclic.b = cyclic
      for shown, value in pairs {
         ["{ h = 400, s = 1 }"] = { h = 400, s = 1 }, ["{ 1, 2 }"] = { 1, 2 }, ["{}"] = {}, ["null"] = json.null,
         ["{ a = 1, b = a table }"] = cyclic, ['{ a = "x", b = true }'] = { a = "x", b = true },
         ["{ " .. ("1, "):rep(18) .. "1..."] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
      } do
         assert.equal(rule .. shown, message("temp_set", value))
      end
      assert.equal("{ a = { 1.5, { x = null } } }", points.text { a = { 1.5, { x = json.null } } })
   end)

   it("names the last step where the range ends between two", function()
      local odd = read {
         { code = "a", type = "Integer", values = '{"min":0,"max":10,"scale":0,"step":3}' },
         { code = "b", type = "Integer", values = '{"min":-5,"max":9,"scale":1,"step":4}' },
      }
      for value, nearest in pairs { [10] = 9, [12] = 9, [1] = 0, [2] = 3, [7.6] = 9, [-1] = 0, [4.4] = 3 } do
         assert.equal(nearest, (select(3, points.encode(odd, "a", value))))
      end
      for _, value in ipairs { 0, 3, 6, 9 } do assert.equal(value, (points.encode(odd, "a", value))) end
      for wire, value in pairs { [-5] = -0.5, [-1] = -0.1, [3] = 0.3, [7] = 0.7 } do
         assert.equal(wire, (points.encode(odd, "b", value)))
      end
      for value, nearest in pairs { [0.9] = 0.7, [0.5] = 0.7, [0] = -0.1, [-2] = -0.5 } do
         assert.equal(nearest, (select(3, points.encode(odd, "b", value))))
      end
   end)

   it("is cut between two characters where it is a text that is too long", function()
      local short = read { { code = "note", type = "String", values = '{"maxlen":4}' } }
      local DEGREE = "\226\132\131"
      for value, nearest in pairs { abcde = "abcd", ["abc\195\182"] = "abc", [DEGREE .. DEGREE] = DEGREE } do
         assert.equal(nearest, (select(3, points.encode(short, "note", value))))
      end
   end)

   it("is measured in steps of one where the cloud says a step of nothing", function()
      for _, step in ipairs { "0", "-5", '"x"', "null" } do
         local values = '{"min":0,"max":9,"scale":0,"step":' .. step .. "}"
         local odd = read { { code = "temp_set", type = "Integer", values = values } }
         assert.equal(7, (points.encode(odd, "temp_set", 7)))
         assert.is_nil((points.encode(odd, "temp_set", 7.5)))
      end
   end)

   it("of two thousand million is refused as one of two is", function()
      local wide = read { { code = "energy", type = "Integer",
         values = '{"min":0,"max":2147483640,"scale":0,"step":10,"unit":""}' } }
      assert.equal(2147483640, (points.encode(wide, "energy", 2147483640)))
      for _, value in ipairs { 2147483638, 2147483639.5 } do
         local wire, rule = points.encode(wide, "energy", value)
         assert.is_nil(wire)
         assert.matches("in steps of 10", rule, 1, true)
      end
   end)

   it("lists the codes that are near an unknown one, or all", function()
      assert.equal("switch: no such data point; did you mean switch_1, switch_2?", message("switch", true))
      assert.equal("humidity_target: no such data point; it has temp_set, switch_1, switch_2, work_mode",
         message("humidity_target", 1))
   end)

   it("cuts what was given short, and keeps it on one line", function()
      local said = message("work_mode", ("a\n"):rep(100))
      assert.is_nil(said:find("\n", 1, true))
      assert.is_true(#said < 150)
   end)
end)

describe("a colour", function()
   local spec = read {
      { code = "colour_data_v2", type = "Json", values = "{}" }, { code = "colour_data", type = "Json", values = "{}" },
   }

   it("is taken as numbers, as #rrggbb, as rgb() and as JSON text", function()
      local red = '{"h":0,"s":1000,"v":1000}'
      for _, value in ipairs { { h = 0, s = 1000, v = 1000 }, "#ff0000", "#FF0000", "rgb(255, 0,0)", red } do
         assert.equal(red, points.encode(spec, "colour_data_v2", value))
      end
   end)

   it("is known: the six corners, black, white and grey", function()
      local known = {
         ["#ffff00"] = "60 255 255", ["#00ff00"] = "120 255 255", ["#00ffff"] = "180 255 255",
         ["#0000ff"] = "240 255 255", ["#ff00ff"] = "300 255 255", ["#000000"] = "0 0 0", ["#ffffff"] = "0 0 255",
         ["#808080"] = "0 0 128", ["#ff8000"] = "30 255 255", ["#804040"] = "0 128 128",
         ["#40ff80"] = "140 191 255", ["#80ff40"] = "100 191 255", ["#4080ff"] = "220 191 255",
         ["#8040ff"] = "260 191 255", ["#ff4080"] = "340 191 255", ["#102030"] = "210 170 48",
      }
      for text, hsv in pairs(known) do
         local wire = json.decode((points.encode(spec, "colour_data", text)))
         assert.equal(hsv, ("%d %d %d"):format(wire.h, wire.s, wire.v), text)
      end
   end)
end)

describe("base64", function()
   it("is that of RFC 4648", function()
      local text = require("tuya.points.text")
      for bytes, expected in pairs {
         [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy",
         ["\255\254\253"] = "//79", ["\0\16\131"] = "ABCD",
      } do
         assert.equal(expected, text.base64(bytes))
         assert.is_true(text.is_base64(expected))
      end
   end)
end)

describe("a specification", function()
   it("is the same read from every generation", function()
      local device = device_of("thermostat")
      local function temp_set(result)
         local point = specification.read(result).by_code.temp_set
         return { point.type, point.min, point.max, point.scale, point.step, point.writable }
      end
      local expected = { "Integer", 50, 350, 1, 5, true }
      assert.same(expected, temp_set(shapes.specification(device)))
      assert.same(expected, temp_set(shapes.specification_with_ids(device)))
      assert.same(expected, temp_set(shapes.functions(device)))
      assert.same(expected, temp_set(shapes.model(device)))
      assert.is_false(specification.read(shapes.specification(device)).by_code.temp_current.writable)
   end)

   it("that says nothing usable is none", function()
      for _, result in ipairs { true, {}, "text", { functions = {} }, { functions = "x" }, { model = "{" },
         { model = '{"services":[{"properties":[]}]}' }, { functions = { 1, {}, { code = 7 } } } } do
         assert.is_nil(specification.read(result))
      end
   end)

   it("lets pass what it describes in broken JSON, or in bounds that make no sense", function()
      local spec = read {
         { code = "a", type = "Integer", values = "{min:" },
         { code = "b", type = "Integer", values = '{"min":5,"max":1}' },
         { code = "c", type = "Enum", values = "{}" }, { code = "d", type = "Unheard", values = "{}" },
         { code = "e", type = "Integer" }, { code = "f", type = "Boolean", values = { } },
      }
      for _, code in ipairs { "a", "b", "c", "d", "e" } do
         assert.equal("anything", points.encode(spec, code, "anything"))
         assert.equal("anything", points.decode(spec, code, "anything"))
      end
      assert.is_nil((points.encode(spec, "f", "anything")))
   end)

   it("bounds the fields of a Json data point, and leaves those alone that it does not bound", function()
      local spec = read {
         { code = "scene", type = "Json", values = '{"level":{"min":0,"max":50,"scale":1,"step":5},"tag":{}}' },
         { code = "light", type = "Json",
            values = '{"h":{"min":0,"max":180},"s":{"min":0,"max":100},"v":{"min":10,"max":100}}' } }
      assert.same({ level = 25, tag = "x" }, json.decode((points.encode(spec, "scene", { level = 2.5, tag = "x" }))))
      assert.same({ level = 2.5, tag = "x" }, points.decode(spec, "scene", '{"level":25,"tag":"x"}'))
      assert.same({ tag = "x" }, json.decode((points.encode(spec, "scene", { tag = "x" }))))
      local wire, rule, nearest = points.encode(spec, "scene", { level = 9, tag = "x" })
      assert.is_nil(wire)
      assert.matches("scene: level: a number from 0 to 5 expected, in steps of 0.5, got { level = 9", rule, 1, true)
      assert.same({ level = 5, tag = "x" }, nearest)
      assert.equal('{"h":60,"s":100,"v":100}', points.encode(spec, "light", "#00ff00")) -- in ranges of its own
      assert.is_nil((points.encode(spec, "light", { h = 181, s = 1, v = 10 })))
      assert.is_nil((points.encode(spec, "light", { h = 1, s = 1, v = 9 })))
   end)

   it("says of each data point its name, its number, and whether it can be told", function()
      local made = specification.read {
         functions = { { code = "a", type = "Boolean", values = "{}", name = "Switch", dp_id = 1 } },
         status = { { code = "a", type = "Boolean", values = "{}" },
            { code = "b", type = "Boolean", values = "{}", dpId = 2, name = "Door" } },
      }
      assert.same({ "Switch", 1, true }, { made.by_code.a.name, made.by_code.a.id, made.by_code.a.writable })
      assert.same({ "Door", 2, false }, { made.by_code.b.name, made.by_code.b.id, made.by_code.b.writable })
      assert.equal(2, #made)
      local properties = {}
      for i, mode in ipairs { "rw", "ro", "wr", "w" } do
         properties[i] = { code = mode, abilityId = i, accessMode = mode, name = mode, typeSpec = { type = "bool" } }
      end
      properties[5] = { code = "none", typeSpec = { type = "bool" } }
      made = specification.read { model = json.encode { services = { { properties = properties } } } }
      for mode, writable in pairs { rw = true, ro = false, wr = true, w = true, none = false } do
         assert.equal(writable, made.by_code[mode].writable, mode)
      end
      assert.same({ "wr", 3 }, { made.by_code.wr.name, made.by_code.wr.id })
   end)

   it("that bounds nothing is bounded by 32 bits, and one value alone is a range", function()
      local spec = read { { code = "any", type = "Integer", values = "{}" },
         { code = "one", type = "Integer", values = '{"min":5,"max":5}' } }
      for _, value in ipairs { -2147483648, 0, 2147483647 } do
         assert.equal(value, (points.encode(spec, "any", value)))
      end
      for value, nearest in pairs { [2147483648] = 2147483647, [-2147483649] = -2147483648 } do
         local wire, _, near = points.encode(spec, "any", value)
         assert.is_nil(wire)
         assert.equal(nearest, near)
      end
      assert.equal(5, (points.encode(spec, "one", 5)))
      for _, value in ipairs { 4, 6 } do assert.equal(5, (select(3, points.encode(spec, "one", value)))) end
   end)

   it("forgives what arithmetic with fractions adds, and no more", function()
      local spec = read { { code = "a", type = "Integer", values = '{"min":-10,"max":2147483647,"scale":3,"step":1}' },
         { code = "b", type = "Integer", values = '{"min":0,"max":100,"scale":1,"step":1}' } }
      assert.equal(3, (points.encode(spec, "b", 0.1 + 0.2)))
      assert.equal(0, (points.encode(spec, "b", 0.1 * 3 - 0.3)))
      for _, wire in ipairs { 2147483647, 2147483646, 1999999999, 1073741825 } do
         assert.equal(wire, (points.encode(spec, "a", wire / 1000)))
         assert.equal(wire, (points.encode(spec, "a", wire / 1000 + 1e-8)))
         assert.is_nil((points.encode(spec, "a", wire / 1000 - 1e-5)))
      end
      assert.is_nil((points.encode(spec, "b", 0.3 + 1e-6)))
   end)

   it("of one value, of no labels, of no length is one all the same", function()
      local spec = read {
         { code = "only", type = "Enum", values = '{"range":["auto"]}' },
         { code = "note", type = "String", values = '{"maxlen":0}' },
         { code = "one", type = "Bitmap", values = '{"label":["x"]}' },
         { code = "three", type = "Bitmap", values = '{"maxlen":3}' },
         { code = "any", type = "Bitmap", values = "{}" }, { code = "wide", type = "Bitmap", values = '{"maxlen":99}' },
      }
      assert.equal("auto", points.encode(spec, "only", "auto"))
      assert.is_nil((points.encode(spec, "only", "cold")))
      assert.equal("anything", points.encode(spec, "note", "anything")) -- that it has none is no bound
      assert.equal(1, (points.encode(spec, "one", { "x" })))
      assert.is_nil((points.encode(spec, "one", { "bit 1" })))
      assert.equal(5, (points.encode(spec, "three", { "bit 0", "bit 2" })))
      assert.is_nil((points.encode(spec, "three", { "bit 3" })))
      for _, code in ipairs { "any", "wide" } do
         assert.equal(2 ^ 29, (points.encode(spec, code, { "bit 29" })))
         assert.is_nil((points.encode(spec, code, { "bit 30" })))
      end
   end)

   it("makes a boolean of a log's word, and of no other", function()
      local spec = read { { code = "on", type = "Boolean", values = "{}" } }
      assert.is_true(points.decode(spec, "on", "true"))
      assert.is_false(points.decode(spec, "on", "false"))
      assert.is_true(points.decode(spec, "on", true))
      for _, other in ipairs { "on", "", 1 } do assert.equal(other, points.decode(spec, "on", other)) end
   end)

   it("takes numbers that came as text", function()
      local spec = read { { code = "a", type = "Integer", values = '{"min":"0","max":"10","scale":"1","step":"1"}' } }
      assert.equal(5, points.encode(spec, "a", 0.5))
      assert.equal(0.5, points.decode(spec, "a", "5"))
   end)

   it("is not obeyed where the device answers something else", function()
      local spec = read { { code = "n", type = "Integer", values = '{"scale":1}' },
         { code = "b", type = "Bitmap", values = '{"label":["x"]}' }, { code = "j", type = "Json", values = "{}" } }
      assert.equal("?", points.decode(spec, "n", "?"))
      assert.equal(-1, points.decode(spec, "b", -1))
      assert.same({ "x", "bit 2" }, points.decode(spec, "b", 5))
      assert.equal("{", points.decode(spec, "j", "{"))
      assert.equal("new", points.decode(spec, "unheard", "new"))
   end)
end)

-- Devices: their values with types, the ways that commands go, and what a client learns of a product.
local cloud = require("spec.support.cloud")
local json = require("tuya.json")

local HOME = {
   devices = {
      { id = "plug", name = "Coffee", product = "socket" },
      { id = "plug2", name = "Kettle", product = "socket" },
      { id = "thermostat", name = "Bath", product = "thermostat" },
      { id = "lamp", name = "Kitchen lamp", product = "colour_lamp" },
      { id = "fan", name = "Fan", product = "fan" },
      { id = "door", name = "Front door", product = "door_sensor" },
      { id = "off", name = "Garden", product = "socket", online = false },
      { id = "foreign", name = "Neighbour's", product = "socket", in_project = false },
   },
}

local function new(changes, intercept)
   return cloud.new(changes, intercept, HOME)
end

-- The paths of the calls after the token's.
local function sent(made)
   local list = cloud.sent(made)
   table.remove(list, 1)
   return list
end

local function values_of(made, id)
   return made.simulator:device(id).values
end

it("a method called with a dot raises at the caller's line", function()
   local made = new()
   local plug = made.client:device("plug")
   for name, call in pairs {
      ["tuya.device:status: self: call it with a colon, device:status()"] = function() plug.status() end,
      ["tuya.device:send: self: call it with a colon, device:send()"] = function() plug.send({ switch = true }) end,
      ["tuya.device:info: self: call it with a colon, device:info()"] = function() plug.info(made.client) end,
      ["tuya.client:homes: self: call it with a colon, client:homes()"] = function() made.client.homes() end,
      ["tuya.pager:next: self: call it with a colon, pager:next()"] = function() made.client:devices().next() end,
      ["tuya.pager:all: self: call it with a colon, pager:all()"] = function() made.client:devices().all() end,
      ["tuya.space:devices: self: call it with a colon, space:devices()"] = function()
         made.client:space("1").devices()
      end,
      ["tuya.json.array: a table expected, got number"] = function() json.array(5) end,
      ["tuya.points.encode: specification: made by tuya.points.specification expected"] = function()
         require("tuya.points").encode({}, "switch", true)
      end,
      ["tuya.space:rooms: self: call it with a colon, space:rooms()"] = function() made.client:space("1").rooms() end,
   } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("^spec/home/device_spec.lua:%d+: ", message)
      assert.equal(name, (message:gsub("^.-: ", "")))
   end
end)

-- The simulated cloud with some calls refused: pattern = code.
local function refusing(refused, changes)
   return new(changes, function(request, answer)
      for pattern, code in pairs(refused) do
         if (request.method .. " " .. request.target):find(pattern) then
            return { status = 200, headers = {}, body = ('{"success":false,"code":%d,"msg":"no"}'):format(code) }
         end
      end
      return answer()
   end)
end

describe("values with types", function()
   it("are sent as the cloud takes them and read as programs write them", function()
      local made = new()
      local thermostat = made.client:device("thermostat")
      assert.is_true(thermostat:send { temp_set = 21.5, mode = "manual" })
      assert.equal(215, values_of(made, "thermostat").temp_set)
      assert.equal(21.5, thermostat:status().temp_set)
      made.simulator:set("thermostat", "fault", 3)
      assert.same({ "sensor_fault", "temp_fault" }, thermostat:status().fault)
      local lamp = made.client:device("lamp")
      assert.is_true(lamp:send { colour_data_v2 = "#00ff00" })
      assert.same({ h = 120, s = 1000, v = 1000 }, lamp:status().colour_data_v2)
   end)

   it("never reach the cloud where they are wrong", function()
      local made = new()
      local thermostat = made.client:device("thermostat")
      local _, message = pcall(function() thermostat:send { temp_set = 21.3 } end)
      local here = debug.getinfo(1, "l").currentline - 1
      assert.equal("spec/home/device_spec.lua:" .. here .. ": tuya.device:send: temp_set: a number from 5 to 35 ℃ "
         .. "expected, in steps of 0.5, got 21.3; the nearest legal value is 21.5", message)
      for _, wrong in ipairs { { mode = "Auto" }, { temp_set = 4.5 }, { temp_current = 20 }, { child_lock = 1 } } do
         assert.has_error(function() thermostat:send(wrong) end)
      end
      for _, line in ipairs(sent(made)) do assert.is_nil(line:find("POST", 1, true), line) end
   end)

   it("name the near codes when a code is unknown, those of the thing model as well", function()
      local thermostat = new().client:device("thermostat")
      assert.error_matches(function() thermostat:send { temp_sett = 20 } end,
         "temp_sett: no such data point; did you mean temp_set?", 1, true)
      assert.error_matches(function() thermostat:send { room_lable = "x" } end,
         "room_lable: no such data point; did you mean room_label?", 1, true)
   end)

   it("go as they are with check = false", function()
      local made = new()
      local _, message, detail = made.client:device("thermostat"):send({ temp_set = 9999 }, { check = false })
      assert.matches("command or value not support (2008", message, 1, true)
      assert.equal(2008, detail.code)
      assert.is_true(made.client:device("thermostat"):send({ temp_set = 215 }, { check = false }))
   end)

   it("are read as they are with raw = true, without another call", function()
      local made = new()
      assert.equal(200, made.client:device("thermostat"):status({ raw = true }).temp_set)
      assert.same({ "GET /v1.0/devices/thermostat/status" }, sent(made))
   end)

   it("are not checked where the cloud gives no usable specification", function()
      for _, code in ipairs { 1106, 2003, 28841105 } do
         local made = refusing({ ["specification"] = code, ["/model"] = code })
         assert.is_true(made.client:device("thermostat"):send { temp_set = 215 })
         assert.equal(215, made.client:device("thermostat"):status().temp_set)
      end
   end)

   it("are not sent unchecked because the network failed for a moment", function()
      local made = new({ retries = 0 }, function(request, answer)
         if request.target:find("specifications", 1, true) then return nil, "reset", "maybe" end
         return answer()
      end)
      local result, _, detail = made.client:device("thermostat"):send { temp_set = 215 }
      assert.is_nil(result)
      assert.equal("network", detail.kind)
      assert.equal(200, values_of(made, "thermostat").temp_set)
   end)
end)

describe("a specification", function()
   it("is read once per product", function()
      local made = new()
      assert(made.client:device("plug"):info())
      assert(made.client:device("plug2"):info())
      for _, id in ipairs { "plug", "plug2", "plug", "plug2" } do
         assert.is_true(made.client:device(id):set("switch_1", true))
      end
      local count = 0
      for _, line in ipairs(sent(made)) do
         if line:find("specifications", 1, true) then count = count + 1 end
      end
      assert.equal(1, count)
   end)

   it("is kept of a device whose product is learnt later", function()
      local made = new()
      assert(made.client:device("plug"):status())
      assert(made.client:device("plug"):info())
      assert(made.client:device("plug"):status())
      assert.equal(4, #sent(made))
   end)

   it("is read again after reset_local", function()
      local made = new()
      local plug = made.client:device("plug")
      assert(plug:status())
      assert.is_true(plug:reset_local())
      assert(plug:status())
      assert.equal(4, #sent(made))
   end)

   it("is asked for again, ten minutes after there was none", function()
      local refused = true
      local made = new(nil, function(request, answer)
         if refused and (request.target:find("specification", 1, true) or request.target:find("/model", 1, true)) then
            return { status = 200, headers = {}, body = '{"success":false,"code":1106,"msg":"no"}' }
         end
         return answer()
      end)
      local thermostat = made.client:device("thermostat")
      assert.equal(200, thermostat:status().temp_set)
      local before = #sent(made)
      assert.equal(200, thermostat:status().temp_set)
      assert.equal(1, #sent(made) - before)
      refused = false
      made.transport:sleep(600)
      assert.equal(20, thermostat:status().temp_set)
   end)

   it("is shown: what it has, and what it can be told", function()
      local thermostat = new().client:device("thermostat")
      local specification = assert(thermostat:specification())
      assert.equal(6, #specification)
      assert.same({ "switch", "mode", "temp_set", "child_lock" }, (function()
         local codes = {}
         for i, point in ipairs(thermostat:functions()) do codes[i] = point.code end
         return codes
      end)())
   end)
end)

describe("the thing model", function()
   it("takes what the standard instruction set lacks, at once where the specification says so", function()
      local made = new()
      local plug = made.client:device("plug")
      assert.is_true(plug:send { relay_status = "power_on", switch_1 = true })
      assert.equal("power_on", values_of(made, "plug").relay_status)
      assert.is_true(values_of(made, "plug").switch_1)
      assert.same({
         "GET /v1.0/devices/plug/specifications", "GET /v2.0/cloud/thing/plug/model",
         "POST /v1.0/devices/plug/commands", "POST /v2.0/cloud/thing/plug/shadow/properties/issue",
      }, sent(made))
      assert.error_matches(function() plug:send { relay_status = "on" } end,
         "relay_status: one of power_off, power_on, last expected", 1, true)
   end)

   it("is fallen back to after 2008 and 2003, learnt per product and data point, and told in the log", function()
      local events = {}
      local made = new { log = function(event) if event.event == "fallback" then events[#events + 1] = event end end }
      assert(made.client:device("plug"):info())
      assert(made.client:device("plug2"):info())
      assert.is_true(made.client:device("plug"):send({ relay_status = "last" }, { check = false }))
      assert.is_true(made.client:device("plug2"):send({ relay_status = "power_on" }, { check = false }))
      local list = sent(made)
      assert.same({
         "POST /v1.0/devices/plug/commands", "POST /v2.0/cloud/thing/plug/shadow/properties/issue",
         "POST /v2.0/cloud/thing/plug2/shadow/properties/issue",
      }, { list[3], list[4], list[5] })
      assert.equal(5, #list)
      assert.equal(1, #events)
      assert.same({ "relay_status" }, events[1].codes)
      assert.equal("plug", events[1].device_id)
      assert.equal(2008, events[1].code)
      assert.is_true(made.client:device("fan"):send({ fan_on = true }, { check = false }))
      assert.equal(2003, events[2].code)
   end)

   it("takes at once what it was fallen back to for, where the specification shows it as standard", function()
      local made = refusing { ["/commands"] = 2008 }
      local plug = made.client:device("plug")
      assert.is_true(plug:send { switch_1 = true })
      local before = #sent(made)
      assert.is_true(plug:send { switch_1 = false })
      local list = sent(made)
      assert.equal(before + 1, #list)
      assert.equal("POST /v2.0/cloud/thing/plug/shadow/properties/issue", list[#list])
      assert.is_false(values_of(made, "plug").switch_1)
   end)

   it("controls a device that has nothing else, by its types", function()
      local made = new()
      local fan = made.client:device("fan")
      assert.is_true(fan:send { fan_on = true, fan_level = 3, air_offset = -1.5 })
      assert.equal(-15, values_of(made, "fan").air_offset)
      assert.equal(-1.5, fan:properties().air_offset)
      assert.same({ fan_level = 3 }, fan:properties { codes = { "fan_level" } })
      assert.is_true(fan:set_properties { air_offset = 2.5 })
      assert.equal(25, fan:properties({ raw = true }).air_offset)
      assert.error_matches(function() fan:set_properties { air_offset = 2.4 } end,
         "the nearest legal value is 2.5", 1, true)
   end)

   it("shows and toggles a device that has nothing else, as any other", function()
      local made = new()
      local fan = made.client:device("fan")
      assert.same({ fan_on = false, fan_level = 1, fan_wind = "fresh", air_offset = 0 }, fan:status())
      assert.equal(4, #sent(made)) -- its status, the specification, the model, its properties
      assert(fan:send { air_offset = -1.5 })
      assert.equal(-1.5, fan:status().air_offset)
      assert.equal(-15, fan:status({ raw = true }).air_offset)
      assert.is_true(fan:toggle())
      assert.is_true(fan:toggle("fan_on", { confirm = 1 }))
      assert.is_false(values_of(made, "fan").fan_on)
   end)

   it("is not asked where the first refusal is about something else", function()
      local made = new()
      local _, _, detail = made.client:device("off"):send { switch_1 = true }
      assert.equal(2001, detail.code)
      assert.equal(2, #sent(made))
   end)

   it("leaves the first refusal standing where it helps neither", function()
      local made = refusing({ ["properties/issue"] = 28841105, ["specifications"] = 2003, ["/model"] = 28841105 })
      local _, message, detail = made.client:device("plug"):send { nonsense = true }
      assert.equal(2008, detail.code)
      assert.matches("POST /v1.0/devices/plug/commands", message, 1, true)
   end)

   it("says what was taken before it refused the rest", function()
      local made = refusing { ["properties/issue"] = 500 }
      local done, _, detail = made.client:device("plug"):send { relay_status = "last", switch_1 = true }
      assert.is_nil(done)
      assert.same({ "switch_1" }, detail.accepted)
   end)
end)

describe("the generations of the API", function()
   local function paths(made)
      local set = {}
      for _, line in ipairs(sent(made)) do set[#set + 1] = line:match("^%u+ (/v[%d.]+/[%w-]+)") end
      return set
   end

   it("are tried until one answers, which is remembered", function()
      for code, refused in pairs { [1106] = "/v1.0/devices", [28841105] = "/v1.0/devices" } do
         local made = refusing { [refused] = code }
         assert(made.client:device("plug"):status { raw = true })
         assert(made.client:device("plug"):status { raw = true })
         assert.same({ "/v1.0/devices", "/v1.0/iot-03", "/v1.0/iot-03" }, paths(made))
      end
      local made = refusing { ["/v1.0/devices"] = 28841105, ["/iot%-03"] = 28841101 }
      local plug = made.client:device("plug")
      assert.is_true(plug:send { switch_1 = true, relay_status = "last" })
      assert.is_true(plug:status().switch_1)
      assert.equal("plug", plug:info().id)
      assert.equal("Coffee", plug.name)
      assert.is_true(plug.online)
      assert.equal("simcz00000000001", plug.product_id)
   end)

   it("are not tried for a device that is not the project's, once one has answered", function()
      local made = new()
      assert(made.client:device("plug"):status { raw = true })
      local _, _, detail = made.client:device("foreign"):status { raw = true }
      assert.equal(1106, detail.code)
      assert.equal(2, #sent(made))
   end)

   it("answer the first one's failure when none answers", function()
      local _, message, detail = new().client:device("foreign"):status()
      assert.equal(1106, detail.code)
      assert.matches("GET /v1.0/devices/foreign/status", message, 1, true)
   end)

   it("can be fixed to one", function()
      for api, path in pairs { ["v1.0"] = "/v1.0/devices", ["iot-03"] = "iot%-03/devices", ["v2.0"] = "/v2.0/cloud" } do
         local made = new { api = api }
         local thermostat = made.client:device("thermostat")
         assert.is_true(thermostat:send { temp_set = 21.5 })
         assert.equal(21.5, thermostat:status().temp_set)
         assert.equal("Bath", thermostat:info().name)
         for _, line in ipairs(sent(made)) do assert.matches(path, line) end
      end
      local made = new { api = "v1.0" }
      assert.error_matches(function() made.client:device("plug"):send { relay_status = "last" } end,
         "relay_status: no such data point", 1, true)
      local _, _, detail = made.client:device("plug"):send({ relay_status = "last" }, { check = false })
      assert.equal(2008, detail.code)
      for _, line in ipairs(sent(made)) do assert.not_matches("/v2.0/", line, 1, true) end
      assert.error_matches(function() new { api = "v3" } end, 'api: "auto", "v1.0", "iot-03" or "v2.0"', 1, true)
   end)
end)

describe("a list of devices by id", function()
   it("asks for one that is named twice once", function()
      local made = new()
      local list = assert(made.client:devices({ ids = { "plug", "lamp", "plug", made.client:device("lamp") } }):all())
      assert.equal(2, #list)
      assert.equal("/v1.0/devices?device_ids=plug%2Clamp", made.transport.requests[2].target)
   end)
end)

describe("a confirmed command", function()
   it("waits until the status shows the values", function()
      local looks = 0
      local made
      made = new(nil, function(request, answer)
         if not request.target:find("/status", 1, true) then return answer() end
         looks = looks + 1
         if looks < 3 then
            return { status = 200, headers = {}, body = '{"success":true,"result":[{"code":"temp_set","value":200}]}' }
         end
         return answer()
      end)
      assert.is_true(made.client:device("thermostat"):send({ temp_set = 21.5 }, { confirm = 5 }))
      assert.equal(3, looks)
   end)

   it("says which values did not arrive", function()
      local made = new(nil, function(request, answer)
         if not request.target:find("/status", 1, true) then return answer() end
         return { status = 200, headers = {}, body =
            '{"success":true,"result":[{"code":"temp_set","value":200},{"code":"mode","value":"manual"}]}' }
      end)
      local began = made.transport:now()
      local done, message, detail =
         made.client:device("thermostat"):send({ temp_set = 21.5, mode = "manual" }, { confirm = 3 })
      assert.is_nil(done)
      assert.equal("sent to thermostat and taken, but not seen within 3 s: temp_set (21.5 sent, 20 seen)", message)
      assert.equal("unconfirmed", detail.kind)
      assert.same({ { code = "temp_set", sent = 21.5, seen = 20 } }, detail.missing)
      assert.equal("yes", detail.sent)
      assert.is_true(math.abs(made.transport:now() - began - 3) < 0.01)
      local looks = 0 -- at once, and after 0.25 s, 0.5 s, 1 s, and what is left
      for _, line in ipairs(sent(made)) do looks = looks + (line:find("/status", 1, true) and 1 or 0) end
      assert.equal(5, looks)
   end)

   it("looks where the data points are: in the status, in the thing model, or in both", function()
      local made = new()
      local plug = made.client:device("plug")
      assert.is_true(plug:send({ switch_1 = true, relay_status = "power_on" }, { confirm = 5 }))
      local list = sent(made)
      assert.equal("GET /v1.0/devices/plug/status", list[#list - 1])
      assert.equal("GET /v2.0/cloud/thing/plug/shadow/properties", list[#list])
      assert.is_true(made.client:device("lamp"):send({ colour_data_v2 = "#123456" }, { confirm = 1 }))
   end)

   it("does not miss a countdown because it runs on", function()
      local house = require("tuya.simulator.house")
      local shown
      local made = cloud.new(nil, function(request, answer)
         if not request.target:find("/status", 1, true) then return answer() end
         local reply = shown and { status = 200, headers = {}, body = shown } or answer()
         reply.delay = 2
         return reply
      end, house)
      local coffee = made.client:device("coffee")
      assert.is_true(coffee:send({ countdown_1 = 600 }, { confirm = 5 }))
      made.transport:sleep(7)
      assert.is_true(coffee:status().countdown_1 < 600)
      shown = '{"success":true,"result":[{"code":"countdown_1","value":598}]}'
      assert.is_true(coffee:send({ countdown_1 = 600 }, { confirm = 5 }))
      for _, wrong in ipairs { "590", "601", '"x"' } do -- not reached yet, never sent, no number
         shown = '{"success":true,"result":[{"code":"countdown_1","value":' .. wrong .. "}]}"
         assert.equal("unconfirmed", select(3, coffee:send({ countdown_1 = 600 }, { confirm = 1 })).kind)
      end
   end)

   it("knows a value that was sent unchecked as a table, and the last of two for one data point", function()
      local made = new()
      local lamp = made.client:device("lamp")
      assert.is_true(lamp:send({ colour_data_v2 = { h = 31, s = 1000, v = 900 } }, { check = false, confirm = 3 }))
      assert.is_true(made.client:device("thermostat"):send(
         { { code = "temp_set", value = 20 }, { code = "temp_set", value = 21 } }, { confirm = 3 }))
      assert.equal(210, values_of(made, "thermostat").temp_set)
   end)

   it("wants seconds", function()
      for _, wrong in ipairs { 0, -1, 0 / 0, 1 / 0 } do
         assert.error_matches(function() new().client:device("plug"):send({ switch_1 = true }, { confirm = wrong }) end,
            "confirm: seconds, more than 0", 1, true)
      end
   end)
end)

describe("a device", function()
   it("is toggled", function()
      local made = new()
      assert.is_true(made.client:device("plug"):toggle())
      assert.is_true(values_of(made, "plug").switch_1)
      assert.is_true(made.client:device("plug"):toggle("switch_1"))
      assert.is_false(values_of(made, "plug").switch_1)
      assert.error_matches(function() made.client:device("door"):toggle() end, "name a data point", 1, true)
      assert.error_matches(function() made.client:device("thermostat"):toggle("mode") end, "mode: no switch", 1, true)
      local done, _, detail = made.client:device("nobody"):toggle() -- no mistake of the program's
      assert.is_nil(done)
      assert.equal(1106, detail.code)
   end)

   it("is renamed", function()
      local made = new()
      local plug = made.client:device("plug")
      assert.is_true(plug:rename("Tea"))
      assert.equal("Tea", plug.name)
      assert.equal("Tea", made.client:device("plug"):info().name)
      assert.error_matches(function() plug:rename("") end, "name: a string", 1, true)
   end)

   it("refuses options that it does not know", function()
      local plug = new().client:device("plug")
      assert.error_matches(function() plug:send({ switch_1 = true }, { chek = false }) end,
         "did you mean check?", 1, true)
      assert.error_matches(function() plug:status { row = true } end, "did you mean raw?", 1, true)
      assert.error_matches(function() plug:properties { code = {} } end, "did you mean codes?", 1, true)
   end)

   it("sends the properties as JSON text, as Tuya's table of parameters has it", function()
      local made = new()
      assert(made.client:device("fan"):set_properties { fan_level = 7 })
      local body = json.decode(made.transport.requests[#made.transport.requests].body)
      assert.equal('{"fan_level":7}', body.properties)
   end)
end)

-- Homes, rooms, scenes, automations, users, infrared and weather, in the simulated house; and how its devices react.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")
local json = require("tuya.json")

local function new(changes, intercept)
   return cloud.new(changes, intercept, house)
end

local function calls(made)
   return #made.transport.requests - 1 -- the token's
end

local function names(list)
   local found = {}
   for i, one in ipairs(list) do found[i] = one.name end
   return found
end

local function values(made, id)
   return made.simulator:device(id).values
end

describe("the simulated house", function()
   it("is in examples/house.json as it is in Lua", function()
      local file = assert(io.open("examples/house.json", "rb"))
      local text = file:read("*a")
      file:close()
      assert.same(house, assert(json.decode(text)))
   end)

   it("has a device of every product", function()
      local used = {}
      for _, device in ipairs(house.devices) do used[device.product] = true end
      for _, name in ipairs(require("tuya.simulator.products").NAMES) do assert.is_true(used[name], name) end
   end)
end)

describe("a home", function()
   it("is listed, of the user that is asked for or of the first", function()
      local made = new()
      local homes = assert(made.client:homes())
      assert.equal(1, #homes)
      assert.equal("1001", homes[1].id)
      assert.equal("House", homes[1].name)
      assert.equal("tuya.space: House", tostring(homes[1]))
      assert.equal(1, #made.client:homes(house.uid))
      assert.is_nil((made.client:homes("somebody")))
   end)

   it("has devices and rooms", function()
      local home = new().client:space(1001)
      assert.equal(16, #home:devices():all())
      local rooms = assert(home:rooms())
      assert.same({ "Kitchen", "Living room", "Bath" }, names(rooms))
      assert.same({ "Bath climate", "Bath switch" }, names(rooms[3]:devices():all()))
      assert.equal("Attic", home:add_room("Attic").name)
      assert.equal(4, #home:rooms())
   end)

   it("passes on a refusal", function()
      local _, _, detail = new().client:space("9"):rooms()
      assert.equal(1106, detail.code)
   end)

   it("has users", function()
      local user = new().client:users("smartlife"):next()
      assert.equal(house.uid, user.uid)
   end)

   it("refuses ids that are none", function()
      local client = new().client
      for _, wrong in ipairs { "a/b", "", {}, true } do
         assert.error_matches(function() client:space(wrong) end, "id: an id expected", 1, true)
      end
      assert.error_matches(function() client:users("a/b") end, "schema: an id expected", 1, true)
      assert.error_matches(function() client:homes("a/b") end, "uid: an id expected", 1, true)
   end)
end)

describe("find", function()
   it("knows rooms", function()
      local client = new().client
      assert.equal("coffee", client:find("kitchen").id)
      assert.equal("curtain", client:find({ room = "Living room", category = "cl" }).id)
      local _, message = client:find { room = "Bath" }
      assert.equal('2 devices fit room = "Bath": Bath climate (climate), Bath switch (keys)', message)
      _, message = client:find("Cellar")
      assert.matches('no device fits "Cellar"; there are: ', message, 1, true)
   end)
end)

describe("a scene", function()
   for _, api in ipairs { "auto", "v2.0" } do
      it("is listed and run by its name: " .. api, function()
         local made = new { api = api }
         local home = made.client:space("1001")
         assert.same({ "Good morning", "Good night" }, names(home:scenes()))
         assert.is_true(home:run("good morning"))
         assert.is_true(values(made, "coffee").switch_1)
         local done, message, detail = home:run("Good mourning")
         assert.is_nil(done)
         assert.equal('no scene is named "Good mourning"; there are: Good morning, Good night', message)
         assert.equal("absent", detail.code)
      end)
   end

   it("is made with values as programs write them, run in one call, and deleted", function()
      local made = new()
      local home = made.client:space("1001")
      local scene = assert(home:create_scene("Warm", {
         { device = "radiator", values = { temp_set = 22.5 } },
         { device = made.client:device("shelf"), values = { colour_data_v2 = "#ff8000", switch_led = true } },
      }))
      local before = calls(made)
      assert.is_true(scene:run())
      assert.equal(1, calls(made) - before)
      assert.equal(225, values(made, "radiator").temp_set)
      assert.is_true(values(made, "shelf").switch_led)
      assert.is_true(scene:delete())
      assert.equal(2, #home:scenes())
   end)

   it("refuses actions that the devices could not carry out, before anything is sent", function()
      local home = new().client:space("1001")
      for rule, actions in pairs {
         ["actions[1]: temp_set: a number from 5 to 35"] = { { device = "radiator", values = { temp_set = 99 } } },
         ["actions[1]: device: a device or its id expected"] = { { values = { a = 1 } } },
         ["actions[1]: values: a table code = value expected"] = { { device = "radiator" } },
         ["did you mean values?"] = { { device = "radiator", valuse = {} } },
         ["actions: a list expected"] = {},
      } do
         assert.error_matches(function() home:create_scene("x", actions) end, rule, 1, true)
      end
   end)
end)

describe("an automation", function()
   it("is listed, disabled, enabled, made and deleted", function()
      local home = new().client:space("1001")
      local one = assert(home:automations())[1]
      assert.is_true(one.enabled)
      assert.is_true(one:disable())
      assert.is_false(one.enabled)
      assert.is_false(home:automations()[1].enabled)
      assert.is_true(one:enable())
      assert.is_true(home:automations()[1].enabled)
      local made = assert(home:create_automation { name = "New", actions = {
         { entity_id = "ceiling", action_executor = "dpIssue", executor_property = { switch_led = true } },
      }, conditions = {} })
      assert.equal(2, #home:automations())
      assert.is_true(made:delete())
      assert.equal(1, #home:automations())
   end)
end)

describe("an infrared hub", function()
   it("has remotes with keys, and an air conditioner", function()
      local made = new()
      local remotes = assert(made.client:remotes("hub"))
      assert.same({ "Air conditioner" }, names(remotes))
      local air = remotes[1]
      assert.equal("power", air:keys()[1].key)
      assert.is_true(air:press("power"))
      assert.is_true(values(made, "air").switch)
      assert.is_true(air:set { temp = 21 })
      assert.is_true(air:set { power = false, mode = 1, temp = 22, wind = 2 })
      assert.same({ switch = false, temp = 22, mode = "1", fan = "2" }, values(made, "air"))
      assert.equal("22", air:status().temp)
   end)

   it("refuses what no air conditioner takes", function()
      local air = new().client:remotes("hub")[1]
      for rule, given in pairs {
         ["power: true, false, 1 or 0"] = { power = 2 }, ["mode: a whole number from 0 to 4"] = { mode = 5 },
         ["temp: a whole number"] = { temp = 21.5 }, ["expected"] = {}, ["did you mean wind?"] = { wnd = 1 },
      } do
         assert.error_matches(function() air:set(given) end, rule, 1, true)
      end
      assert.error_matches(function() air:press("") end, "key: a string", 1, true)
   end)
end)

describe("the weather", function()
   it("is asked for a city or a place", function()
      local made = new()
      assert.equal("18", made.client:weather({ lat = 53.55, lon = 9.99 }).current_weather.temp)
      assert.equal("/v1.0/position/weather?lat=53.550000&lon=9.990000",
         made.transport.requests[#made.transport.requests].target)
      local city = made.client:cities("de")[1]
      assert.is_table(made.client:weather { city = city.city_id })
      assert.is_table(made.client:weather { city = city.city_id, forecast = true })
      assert.error_matches(function() made.client:weather {} end, "city, or lat and lon", 1, true)
      assert.error_matches(function() made.client:cities("Germany") end, "two letters", 1, true)
   end)
end)

describe("a gateway", function()
   it("has devices behind it, by every path", function()
      for _, api in ipairs { "v1.0", "iot-03" } do
         local behind = assert(new({ api = api }).client:device("gateway"):sub_devices())
         assert.same({ "Bath climate", "Bath switch" }, names(behind))
         assert.is_true(behind[2]:send { switch_1 = true })
      end
   end)
end)

describe("the history of a device", function()
   it("is read page by page, by every generation", function()
      for _, api in ipairs { "v1.0", "iot-03", "v2.0" } do
         local made = new { api = api }
         for i = 1, 45 do
            made.transport:sleep(1)
            made.simulator:set("hall", "bright_value", i)
            made.simulator:set("hall", "pir", "pir")
         end
         local list = assert(made.client:device("hall"):logs({ codes = { "bright_value" }, size = 20 }):all())
         assert.equal(45, #list)
         assert.equal("45", list[1].value)
         assert.equal(made.transport:clock()(), list[1].time)
         assert.equal("1", list[45].value)
         assert.equal(3, calls(made))
      end
   end)

   it("is added up", function()
      local made = new()
      made.simulator:set("coffee", "add_ele", 12700)
      local coffee = made.client:device("coffee")
      assert.equal("add_ele", coffee:statistics()[1].code)
      assert.equal("12.70", coffee:statistics { code = "add_ele", per = "total" })
      assert.equal("12.70", coffee:statistics({ code = "add_ele", from = "20240101", to = "20240103" })["20240103"])
      assert.error_matches(function() coffee:statistics {} end, "code: missing", 1, true)
      assert.error_matches(function() coffee:statistics { code = "x", per = "day" } end, 'per: "hours"', 1, true)
   end)

   it("renames by the thing model where v1.0 may not be called", function()
      local made = new { api = "v2.0" }
      assert.is_true(made.client:device("coffee"):rename("Tea"))
      assert.equal("Tea", made.simulator:device("coffee").name)
   end)
end)

describe("over the cloud's time", function()
   it("a countdown runs down and switches", function()
      local made = new()
      local coffee = made.client:device("coffee")
      assert(coffee:send { switch_1 = true, countdown_1 = 600 })
      assert.equal(60, coffee:status().cur_power)
      made.transport:sleep(60)
      assert.equal(540, coffee:status().countdown_1)
      made.transport:sleep(539)
      assert.is_true(coffee:status().switch_1)
      made.transport:sleep(1)
      local status = coffee:status()
      assert.is_false(status.switch_1)
      assert.equal(0, status.countdown_1)
      assert.equal(0, status.cur_power)
      made.transport:sleep(7200)
      assert.is_false(coffee:status().switch_1)
   end)

   it("a curtain travels, and stops on its way", function()
      local made = new()
      local curtain = made.client:device("curtain")
      assert(curtain:send { control = "open" })
      made.transport:sleep(5)
      assert.equal(25, curtain:status().percent_state)
      assert(curtain:send { control = "stop" })
      made.transport:sleep(60)
      assert.equal(25, curtain:status().percent_state)
      assert(curtain:send { percent_control = 10 })
      assert.equal("closing", curtain:status().work_state)
      made.transport:sleep(60)
      assert.equal(10, curtain:status().percent_state)
   end)

   it("a confirmed command waits for a curtain that arrives, and says when it has not", function()
      local made = new()
      assert.is_true(made.client:device("curtain"):send({ percent_control = 30 }, { confirm = 10 }))
      assert.is_true(made.client:device("curtain"):send({ percent_control = 60 }, { confirm = 10 }))
   end)

   it("a room warms up to what was set, and cools down when it is switched off", function()
      local made = new()
      local radiator = made.client:device("radiator")
      assert(radiator:send { temp_set = 21.5 })
      made.transport:sleep(600)
      assert.equal(21, radiator:status().temp_current)
      made.transport:sleep(3600)
      assert.equal(21.5, radiator:status().temp_current)
      assert(radiator:send { switch = false })
      made.transport:sleep(1200)
      assert.equal(20.5, radiator:status().temp_current)
      made.transport:sleep(100000)
      assert.equal(15, radiator:status().temp_current)
   end)

   it("devices tell of what they do by themselves", function()
      local told = {}
      local transport = require("tuya.transport.fake").new(function() end)
      local sim = require("tuya.simulator").new {
         access_id = "a", access_secret = "b", home = house, clock = transport:clock(),
         on_change = function(device, code, value)
            told[#told + 1] = device.id .. " " .. code .. " " .. tostring(value)
         end,
      }
      sim:set("coffee", "countdown_1", 2)
      transport:sleep(3)
      sim:device("coffee")
      assert.same({ "coffee countdown_1 2", "coffee countdown_1 0", "coffee switch_1 true", "coffee cur_power 600",
         "coffee cur_current 261" }, told)
   end)
end)

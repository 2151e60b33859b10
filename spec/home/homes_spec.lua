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
      assert.equal(user.username, new().client:user(house.uid).username)
      assert.equal(1106, select(3, new().client:user("somebody")).code)
   end)

   it("has users who are made, and made homes for", function()
      local made = new()
      local anna = { username = "anna@example.org", password = "a house in 2024", country_code = 49 }
      local uid = assert(made.client:create_user("smartlife", anna))
      local body = json.decode(made.transport.requests[#made.transport.requests].body)
      assert.same({
         username = "anna@example.org", country_code = "49", username_type = 2,
         password = require("tuya.core").md5("a house in 2024"),
      }, body)
      assert.equal("anna@example.org", made.client:user(uid).username)
      assert.equal(2, #assert(made.client:users("smartlife"):all()))
      assert.equal(uid, made.client:create_user("smartlife", anna)) -- the same user, again
      assert.equal("Cabin", made.client:create_home("Cabin", { uid = uid }).name)
      assert.equal("Cabin", made.client:homes(uid)[1].name)
      for username, kind in pairs { ["+491701234567"] = 1, ["anna"] = 3 } do
         assert(made.client:create_user("smartlife",
            { username = username, password = "x", country_code = "49", nick_name = "A" }))
         assert.equal(kind, json.decode(made.transport.requests[#made.transport.requests].body).username_type)
      end
      for rule, given in pairs {
         ["password: missing"] = { username = "a", country_code = 49 }, ["country_code: missing"] = {
            username = "a", password = "x" }, ["did you mean username?"] = { user_name = "a" },
      } do
         assert.error_matches(function() made.client:create_user("smartlife", given) end, rule, 1, true)
      end
      local raised, message = pcall(function()
         made.client:create_user("smart life", { username = "a", password = "secret", country_code = 1 })
      end)
      assert.is_false(raised)
      assert.matches("schema: an id expected", message, 1, true)
      assert.is_nil(message:find("secret", 1, true))
   end)

   it("has members, who are added, made administrators and removed", function()
      local home = new().client:space("1001")
      local members = assert(home:members())
      assert.equal(1, #members)
      assert.is_true(members[1].owner)
      assert.equal(house.uid, members[1].id)
      local anna = { schema = "smartlife", account = "anna@example.org", country_code = 49, name = "Änna" }
      assert.is_true(home:add_member(anna))
      local added = home:members()[2]
      assert.same({ "Änna", "49-anna@example.org", "49", false, false },
         { added.name, added.account, added.country_code, added.admin, added.owner })
      assert.is_true(added:set_admin(true))
      assert.is_true(added.admin)
      assert.is_true(home:members()[2].admin)
      assert.is_true(added:remove())
      assert.equal(1, #home:members())
      assert.equal(1109, select(3, added:remove()).code)
      assert.error_matches(function() home:add_member { account = "x" } end, "schema: missing", 1, true)
      assert.error_matches(function() home:add_member { acount = "x" } end, "did you mean account?", 1, true)
      assert.error_matches(function() added:set_admin("yes") end, "admin: true or false", 1, true)
   end)

   it("has rooms that are renamed, filled, emptied and deleted", function()
      local made = new()
      local home = made.client:space("1001")
      local attic = assert(home:add_room("Dachboden ä"))
      assert.is_true(attic:rename("Attic"))
      assert.equal("Attic", attic.name)
      assert.is_true(attic:add { "coffee", made.client:device("fan") })
      assert.same({ "Coffee machine", "Fan" }, names(attic:devices():all()))
      assert.equal(0, #home:rooms()[1]:devices():all())
      assert.equal("fan", made.client:find({ room = "attic", category = "fs" }).id)
      assert.is_true(attic:remove("coffee"))
      assert.same({ "Fan" }, names(attic:devices():all()))
      assert.is_true(attic:add(made.client:device("coffee")))
      assert.is_true(attic:delete())
      assert.equal(3, #home:rooms())
      assert.equal(16, #home:devices():all())
      for rule, given in pairs {
         ["devices: none given"] = {}, ["devices: no device or id at 1"] = { 7 },
         ["devices: no device or id at 2"] = { "coffee", "a/b" },
      } do
         assert.error_matches(function() attic:add(given) end, rule, 1, true)
      end
      assert.error_matches(function() attic:add(nil) end, "devices: none given", 1, true)
   end)

   it("is made, edited, asked and deleted", function()
      local made = new()
      local home = assert(made.client:create_home("Hütte", { lat = 47.5, lon = 11.1, rooms = { "Stube", "Keller" } }))
      assert.same({ "Stube", "Keller" }, names(home:rooms()))
      assert.equal("Hütte", home:info().name)
      assert.is_true(home:edit { geo_name = "Mittenwald" })
      local info = home:info()
      assert.same({ "Hütte", "Mittenwald", 47.5 }, { info.name, info.geo_name, info.lat })
      assert.same({ "House", "Hütte" }, names(made.client:homes()))
      assert.same({}, home:devices():all())
      assert.is_true(home:delete())
      assert.equal(1106, select(3, home:rooms()).code)
      assert.equal(1106, select(3, made.client:create_home("x", { uid = "somebody" })).code)
      for rule, given in pairs {
         ["did you mean rooms?"] = { room = {} }, ["rooms[1]: a name expected"] = { rooms = { 1 } },
      } do
         assert.error_matches(function() made.client:create_home("x", given) end, rule, 1, true)
      end
      assert.error_matches(function() home:edit {} end, "changes: none given", 1, true)
   end)

   it("that was made outlives the cloud's process with its state", function()
      local made = new()
      assert(made.client:create_home("Cabin", { rooms = { "Room" } }))
      local again = require("tuya.simulator").new {
         access_id = cloud.ID, access_secret = cloud.SECRET, clock = made.transport:clock(), home = house,
         state = made.simulator:state(),
      }
      made.simulator = again
      assert.same({ "House", "Cabin" }, names(made.client:homes()))
      assert.same({ "Room" }, names(made.client:homes()[2]:rooms()))
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

   it("is not run where two have its name", function()
      local made = new()
      local home = made.client:space("1001")
      assert(home:create_scene("GOOD night", { { device = "coffee", values = { switch_1 = true } } }))
      local done, message, detail = home:run("Good night")
      assert.is_nil(done)
      assert.equal('2 scenes are named "Good night"', message)
      assert.same({ "lookup", "ambiguous", 2 }, { detail.kind, detail.code, #detail.candidates })
      assert.is_false(values(made, "coffee").switch_1)
   end)

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

describe("a scene that is edited", function()
   it("keeps what was not changed", function()
      local made = new()
      local home = made.client:space("1001")
      local scene = home:scenes()[1]
      assert.is_true(scene:edit { name = "Morning" })
      assert.same({ "Morning", "Good night" }, names(home:scenes()))
      assert.is_true(scene:edit { actions = { { device = "radiator", values = { temp_set = 19.5 } } } })
      assert.is_true(home:run("morning"))
      assert.equal(195, values(made, "radiator").temp_set)
      assert.is_false(values(made, "coffee").switch_1)
      assert.error_matches(function() scene:edit { nam = "x" } end, "did you mean name?", 1, true)
      local wrong = { { device = "radiator", values = { temp_set = 99 } } }
      assert.error_matches(function() scene:edit { actions = wrong } end,
         "actions[1]: temp_set: a number from 5 to 35", 1, true)
   end)

end)

-- The body of the last request.
local function last_body(made)
   return json.decode(made.transport.requests[#made.transport.requests].body)
end

-- A project that may not call v1.0's homes.
local function without_homes(code, changes)
   return new(changes, function(request, answer)
      if request.target:find("/v1.0/homes", 1, true) then
         return { status = 200, headers = {}, body = ('{"success":false,"code":%d,"msg":"no"}'):format(code) }
      end
      return answer()
   end)
end

describe("by v2.0", function()
   it("a scene is made, edited, run and deleted, in the form that Tuya has published", function()
      local made = new { api = "v2.0" }
      local home = made.client:space("1001")
      local scene = assert(home:create_scene("Warm", {
         { device = "radiator", values = { temp_set = 22.5, mode = "manual" } },
         { device = "shelf", values = { switch_led = true } },
      }))
      assert.same({
         space_id = "1001", name = "Warm", type = "scene", decision_expr = "or",
         actions = {
            { entity_id = "radiator", action_executor = "device_issue",
               executor_property = { function_code = "mode", function_value = "manual" } },
            { entity_id = "radiator", action_executor = "device_issue",
               executor_property = { function_code = "temp_set", function_value = 225 } },
            { entity_id = "shelf", action_executor = "device_issue",
               executor_property = { function_code = "switch_led", function_value = true } },
         },
      }, last_body(made))
      assert.is_true(scene:run())
      assert.equal(225, values(made, "radiator").temp_set)
      assert.is_true(scene:edit { name = "Warmer" })
      assert.same({ space_id = "1001", name = "Warmer" }, last_body(made))
      assert.is_true(scene:edit { actions = { { device = "radiator", values = { temp_set = 24 } } } })
      assert.is_true(home:run("warmer"))
      assert.equal(240, values(made, "radiator").temp_set)
      assert.is_true(scene:delete())
      assert.same({ "Good morning", "Good night" }, names(home:scenes()))
      local listed = home:scenes()[1]
      assert.is_true(listed:edit { name = "Morning" })
      assert.equal("Morning", home:scenes()[1].name)
   end)

   it("an automation is made of the same conditions", function()
      local made = new { api = "v2.0" }
      local home = made.client:space("1001")
      local given = {
         name = "Evening", match = "all",
         conditions = {
            { device = "climate", code = "va_temperature", is = "<", value = 18.5 },
            { time = "18:30", loops = "0111110", zone = "Europe/Berlin" },
         },
         actions = { { device = "radiator", values = { temp_set = 21.5 } } },
         effective_time = { start = "00:00", ["end"] = "23:00", loops = "1111111", time_zone_id = "Europe/Berlin" },
      }
      local one = assert(home:create_automation(given))
      local body = last_body(made)
      assert.same({ "automation", "and" }, { body.type, body.decision_expr })
      assert.same({ entity_id = "climate", entity_type = "device_report", code = 1,
         expr = { status_code = "va_temperature", comparator = "<", status_value = 185 } }, body.conditions[1])
      assert.same({ entity_id = "timer", entity_type = "timer", code = 2,
         expr = { time = "18:30", loops = "0111110", time_zone_id = "Europe/Berlin" } }, body.conditions[2])
      assert.same(given.effective_time, body.effective_time)
      assert.is_true(one.enabled)
      assert.is_true(one:edit { match = "any" })
      assert.same({ space_id = "1001", decision_expr = "or" }, last_body(made))
      assert.is_true(one:disable())
      assert.is_false(home:automations()[2].enabled)
      assert.is_true(one:delete())
   end)

   it("what only the other generation knows is refused, before anything is made", function()
      local home = new({ api = "v2.0" }).client:space("1001")
      local does = { { device = "radiator", values = { temp_set = 20 } } }
      local most = { { device = "climate", code = "va_temperature", is = "<=", value = 18 } }
      for rule, changes in pairs {
         ['conditions[1]: is: "<=" is nothing that v2.0 knows'] = { conditions = most, actions = does },
         ["preconditions: of v1.0, and this goes by v2.0"] = { preconditions = {}, actions = does },
      } do
         assert.error_matches(function() home:automations()[1]:edit(changes) end, rule, 1, true)
         changes.name = "x"
         assert.error_matches(function() home:create_automation(changes) end, rule, 1, true)
      end
      local both = { name = "x", actions = does, preconditions = {}, effective_time = {} }
      assert.error_matches(function() new().client:space("1001"):create_automation(both) end,
         "effective_time: of v2.0, and this goes by v1.0", 1, true)
      assert.equal(1, #home:automations())
   end)

   it("one is made where v1.0 may not be called, which is remembered; what it refuses is no doubt", function()
      for _, code in ipairs { 1106, 1108, 28841105 } do
         local made = without_homes(code)
         assert(made.client:device("coffee"):status()) -- by v1.0, which may be called for devices
         local home = made.client:space("1001")
         local does = { { device = "coffee", values = { switch_1 = true } } }
         local scene = assert(home:create_scene("On", does))
         assert.equal("v2.0", scene.generation)
         assert.is_true(scene:run())
         assert(home:create_scene("Once more", does))
         assert.equal(1, cloud.count(made, "^POST /v1.0/homes"))
         assert.same({ "Good morning", "Good night", "On", "Once more" }, names(home:scenes()))
      end
   end)

   it("none is made a second time where v1.0's answer was lost", function()
      local made = new(nil, function(request, answer)
         if request.method == "POST" and request.target:find("/v1.0/homes", 1, true) then
            answer()
            return nil, "timeout", { sent = "maybe" }
         end
         return answer()
      end)
      local home = made.client:space("1001")
      local scene, _, detail = home:create_scene("On", { { device = "coffee", values = { switch_1 = true } } })
      assert.is_nil(scene)
      assert.equal("timeout", detail.code)
      assert.equal(0, cloud.count(made, "^POST /v2.0/cloud/scene/rule"))
      assert.same({ "Good morning", "Good night", "On" }, names(home:scenes()))
   end)

   it("it is for the program's own form to be of the generation that answers", function()
      local home = new().client:space("1001")
      local wait = { entity_id = "delay", action_executor = "delay", executor_property = { delay_seconds = 5 } }
      local given = { name = "x", actions = { wait }, effective_time = { start = "00:00" }, conditions = {} }
      local one, _, detail = home:create_automation(given) -- v2.0's alone has an effective_time
      assert.is_nil(one)
      assert.equal("/v2.0/cloud/scene/rule", detail.path)
   end)
end)

describe("a scene of v1.0 that is edited", function()
   it("keeps its picture, and its empty lists stay lists", function()
      local made = new(nil, function(request, answer)
         if request.target == "/v1.0/homes/1001/automations" then
            return { status = 200, headers = {}, body = '{"success":true,"result":[{"automation_id":"4001","name":"a",'
               .. '"actions":[{"entity_id":"coffee"}],"conditions":[],"preconditions":[],"background":"b.png"}]}' }
         end
         return answer()
      end)
      local one = made.client:space("1001"):automations()[1]
      one:edit { name = "b" }
      local sent = made.transport.requests[#made.transport.requests].body
      assert.matches('"conditions":[]', sent, 1, true)
      assert.matches('"preconditions":[]', sent, 1, true)
      assert.matches('"background":"b.png"', sent, 1, true)
   end)
end)

describe("an automation", function()
   it("is made of conditions and actions as programs write them", function()
      local made = new()
      local home = made.client:space("1001")
      local one = assert(home:create_automation {
         name = "Warm in the evening", match = "all",
         conditions = {
            { device = "climate", code = "va_temperature", is = "<", value = 18.5 },
            { device = made.client:device("hall"), code = "pir", value = "pir" },
            { time = "18:30", loops = "0111110" },
         },
         actions = { { device = "radiator", values = { temp_set = 21.5 } } },
      })
      local body = json.decode(made.transport.requests[#made.transport.requests].body)
      assert.equal(2, body.match_type)
      assert.same({ code = "va_temperature", operator = "<", value = 185 }, body.conditions[1].display)
      assert.same({ code = "pir", operator = "==", value = "pir" }, body.conditions[2].display)
      assert.equal("18:30", body.conditions[3].display.time)
      assert.is_nil(body.match)
      assert.is_true(one:trigger())
      assert.equal(215, values(made, "radiator").temp_set)
      assert.is_true(one:edit { name = "Evening", actions = { { device = "radiator", values = { temp_set = 20 } } } })
      local listed = home:automations()[2]
      assert.equal("Evening", listed.name)
      assert.equal(3, #listed.conditions)
      assert.equal(2, listed.match_type)
      assert.is_true(listed:edit { match = "any" })
      assert.equal(1, home:automations()[2].match_type)
   end)

   it("is refused where it could not work, before anything is made", function()
      local home = new().client:space("1001")
      local does = { { device = "radiator", values = { temp_set = 20 } } }
      for rule, conditions in pairs {
         ["conditions[1]: va_temperature: a number from -20 to 60"] =
            { { device = "climate", code = "va_temperature", value = 99 } },
         ["conditions[1]: pirr: no such data point; did you mean pir?"] =
            { { device = "hall", code = "pirr", value = 1 } },
         ['is: "==", "<"'] = { { device = "hall", code = "pir", is = "=", value = "pir" } },
         ["conditions[2]: device: a device or its id expected"] = { { time = "07:00" }, { code = "x", value = 1 } },
         ['conditions[1]: time: "07:30" expected'] = { { time = "7:30" } },
         ['conditions[2]: time: "07:30" expected'] = { { time = "23:59" }, { time = "24:00" } },
         ["loops: seven digits"] = { { time = "07:30", loops = "1" } },
         ["code and value expected"] = { { device = "hall", code = "pir" } },
         ["did you mean loops?"] = { { time = "07:30", loop = "1111111" } },
      } do
         local given = { name = "x", conditions = conditions, actions = does }
         assert.error_matches(function() home:create_automation(given) end, rule, 1, true)
      end
      for rule, given in pairs {
         ['match: "any"'] = { name = "x", match = "both" }, ["actions: a list"] = { name = "x", actions = {} },
         ["actions: a list expected"] = { name = "x", conditions = {} },
         ["given: a table with a name"] = { actions = does },
      } do
         assert.error_matches(function() home:create_automation(given) end, rule, 1, true)
      end
      assert.equal(1, #home:automations())
   end)

   it("is enabled, disabled and deleted by v2.0 where v1.0 may not be called", function()
      local made = without_homes(28841105)
      local one = made.client:space("1001"):automations()[1]
      assert.is_true(one:disable())
      assert.is_false(one.enabled)
      assert.is_false(made.client:space("1001"):automations()[1].enabled)
      assert.is_true(one:enable())
      assert.is_true(one:delete())
      assert.same({}, made.client:space("1001"):automations())
   end)

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

describe("a hub that learns", function()
   it("hears a remote, makes one of its codes, sends, forgets and deletes", function()
      local made = new()
      local hub = made.client:infrared("hub")
      local before = made.transport:now()
      local on = assert(hub:learn())
      assert.equal("260026020001 2606", (on:gsub("2606$", " %0")))
      assert.is_true(made.transport:now() - before >= 3)
      local off = assert(hub:learn())
      assert.not_equal(on, off)
      local remote = assert(hub:create("Beamer", { on = on, off = off }, { category_id = 2 }))
      assert.same({ "Air conditioner", "Beamer" }, names(hub:remotes()))
      assert.same({ "off", "on" }, { remote:keys()[1].key, remote:keys()[2].key })
      assert.is_true(remote:press("on"))
      assert.is_true(remote:send(on))
      local codes = assert(remote:codes())
      assert.same({ off, on }, { codes[1].code, codes[2].code })
      assert.is_true(remote:save { mute = "2600aa" })
      assert.equal(3, #remote:codes())
      assert.is_true(remote:forget(codes[1].id))
      assert.equal(2, #remote:codes())
      assert.is_true(remote:rename("Projektor"))
      assert.is_true(remote:delete())
      assert.same({ "Air conditioner" }, names(made.client:remotes("hub")))
      assert.equal("2", hub:categories()[2].category_id)
      assert.equal("97", hub:brands(2)[1].brand_id)
   end)

   it("adds a remote of Tuya's library", function()
      local made = new()
      local hub = made.client:infrared("hub")
      local brand = assert(hub:brands(2))[1]
      local index = assert(hub:indexes(2, brand.brand_id))[1]
      local remote = assert(hub:add("Television", {
         category_id = 2, brand_id = brand.brand_id, brand_name = brand.brand_name, remote_index = index.remote_index,
      }))
      assert.same({ remote_name = "Television", category_id = 2, brand_id = 97, brand_name = "Simulated",
         remote_index = 1001 }, json.decode(made.transport.requests[#made.transport.requests].body))
      assert.equal("Television", remote.name)
      assert.equal(2, #assert(hub:remotes()))
      assert.is_true(remote:press(remote:keys()[1].key))
      assert.is_true(remote:delete())
      assert.equal(1, #hub:remotes())
      for rule, call in pairs {
         ["remote_index: missing"] = function() hub:add("x", { category_id = 2, brand_id = 97 }) end,
         ["name: a string that is not empty"] = function() hub:add("", {}) end,
         ["brand: an id expected"] = function() hub:indexes(2) end,
         ["brand_id: a number or its digits expected"] = function()
            hub:add("x", { category_id = 2, brand_id = "Sony", remote_index = 1 })
         end,
      } do
         assert.error_matches(call, rule, 1, true)
      end
   end)

   it("says that it heard nothing, and stops listening whatever comes", function()
      local states = {}
      local broken = false
      local made = new(nil, function(request, answer)
         local state = request.target:match("learning%-state%?state=(%a+)")
         states[#states + 1] = state
         if state or not request.target:find("learning-codes", 1, true) then return answer() end
         if broken then return { status = 200, headers = {}, body = '{"success":false,"code":2001,"msg":"x"}' } end
         return { status = 200, headers = {}, body = '{"success":true,"result":{"success":false}}' }
      end)
      local code, message, detail = made.client:infrared("hub"):learn { timeout = 5 }
      assert.is_nil(code)
      assert.equal("hub heard no remote within 5 s", message)
      assert.equal("unheard", detail.kind)
      broken = true
      assert.equal(2001, select(3, made.client:infrared("hub"):learn()).code)
      assert.same({ "true", "false", "true", "false" }, states)
   end)

   it("refuses what is no code", function()
      local hub = new().client:infrared("hub")
      for rule, codes in pairs {
         ["codes: a table key = code expected"] = {}, ['the code of "on" must be a string'] = { on = 1 },
      } do
         assert.error_matches(function() hub:create("x", codes) end, rule, 1, true)
      end
      assert.error_matches(function() hub:create("", { a = "b" }) end, "name: a string", 1, true)
      assert.error_matches(function() hub:learn { timeout = -1 } end, "timeout: seconds", 1, true)
      assert.error_matches(function() hub.learn {} end, "call it with a colon", 1, true)
      assert.error_matches(function() hub:brands("a/b") end, "category: an id", 1, true)
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
         assert.equal(45, list[1].value)
         assert.equal(made.transport:clock()(), list[1].time)
         assert.equal(1, list[45].value)
         assert.equal(4, calls(made)) -- and its specification, once
         local raw = assert(made.client:device("hall"):logs({ codes = { "bright_value" }, raw = true }):all())
         assert.equal("45", raw[1].value)
      end
   end)

   it("has values as status gives them", function()
      local made = new()
      for code, value in pairs { temp_set = 215, mode = "manual", switch = true, fault = 3 } do
         made.simulator:set("radiator", code, value)
      end
      made.simulator:set("shelf", "colour_data_v2", { h = 30, s = 1000, v = 500 })
      local seen = {}
      for _, id in ipairs { "radiator", "shelf" } do
         for _, entry in ipairs(assert(made.client:device(id):logs():all())) do seen[entry.code] = entry.value end
      end
      seen.temp_current = nil -- the room warms up meanwhile
      assert.same({
         temp_set = 21.5, mode = "manual", switch = true, fault = { "sensor_fault", "temp_fault" },
         colour_data_v2 = { h = 30, s = 1000, v = 500 },
      }, seen)
   end)

   it("ends where the cloud says that there is more, and not from where", function()
      local made = new({}, function(request, answer)
         if not request.target:find("logs", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":true,"result":{"logs":[{"code":"pir","value":"pir",'
            .. '"event_time":1700000000000,"event_id":7}],"has_next":true,"next_row_key":""}}' }
      end)
      assert.equal(1, #assert(made.client:device("hall"):logs():all()))
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

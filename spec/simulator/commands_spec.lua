local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local SOCKET, LAMP, THERMOSTAT = support.SOCKET, support.LAMP, support.THERMOSTAT

describe("simulator: commands", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   it("turn a socket on: the founding case", function()
      cloud.now = cloud.now + 1000
      local envelope, reply = cloud:command(SOCKET, { "countdown_1", 0 }, { "switch", true })
      assert.is_true(envelope.success)
      assert.truthy(reply.body:find('"result":true', 1, true))
      assert.is_true(cloud:status(SOCKET).switch)
      assert.is_true(cloud.sim:device(SOCKET).values.switch)
      local shadow = cloud:get("/v2.0/cloud/thing/" .. SOCKET .. "/shadow/properties?codes=switch").result
      assert.equal(support.START + 1000, shadow.properties[1].time)
      assert.equal(1700000001, cloud:get("/v1.0/devices/" .. SOCKET).result.update_time)
   end)

   it("work by iot-03", function()
      local body = { commands = { { code = "switch", value = true } } }
      assert.is_true(cloud:post("/v1.0/iot-03/devices/" .. SOCKET .. "/commands", body).result)
      assert.is_true(cloud:status(SOCKET).switch)
   end)

   it("are applied in their order", function()
      cloud:command(SOCKET, { "countdown_1", 10 }, { "countdown_1", 20 })
      assert.equal(20, cloud:status(SOCKET).countdown_1)
   end)

   it("are applied together or not at all", function()
      local refused = cloud:command(SOCKET, { "switch", true }, { "countdown_1", 86401 })
      assert.equal(2008, refused.code)
      assert.is_false(cloud:status(SOCKET).switch)
   end)

   local taken = {
      { SOCKET, "countdown_1", 86400 },
      { LAMP, "work_mode", "music" },
      { LAMP, "bright_value_v2", 10 },
      { LAMP, "colour_data_v2", '{"h":360,"s":0,"v":1000}' },
      { THERMOSTAT, "temp_set", 225 },
      { THERMOSTAT, "child_lock", true },
   }
   for _, case in ipairs(taken) do
      it(("take %s = %s"):format(case[2], tostring(case[3])), function()
         assert.is_true(cloud:command(case[1], { case[2], case[3] }).success)
         assert.equal(case[3], cloud:status(case[1])[case[2]])
      end)
   end

   it("take a Json value as an object too, and show it as text", function()
      cloud:command(LAMP, { "colour_data_v2", { h = 120, s = 500, v = 1000 } })
      assert.same({ h = 120, s = 500, v = 1000 }, support.decode(cloud:status(LAMP).colour_data_v2))
   end)

   it("keep integers integers", function()
      local target = "/v1.0/devices/" .. SOCKET .. "/commands"
      cloud:post(target, '{"commands":[{"code":"countdown_1","value":3e2}]}')
      local _, reply = cloud:get("/v1.0/devices/" .. SOCKET .. "/status")
      assert.truthy(reply.body:find('"value":300[,}]'))
   end)

   local refused = {
      { "an unknown code", SOCKET, "ghost", true, 2008 },
      { "a code that only reports", SOCKET, "cur_power", 1, 2008 },
      { "a code outside the standard instruction set", SOCKET, "relay_status", "last", 2008 },
      { "a value above the range", SOCKET, "countdown_1", 86401, 2008 },
      { "a value below the range", SOCKET, "countdown_1", -1, 2008 },
      { "a value that is not in the enum", LAMP, "work_mode", "disco", 2008 },
      { "a field outside its range", LAMP, "colour_data_v2", '{"h":361,"s":0,"v":0}', 2008 },
      { "a number for a Boolean", SOCKET, "switch", 1, 1104 },
      { "a text for a Boolean", SOCKET, "switch", "true", 1104 },
      { "a text for an Integer", SOCKET, "countdown_1", "10", 1104 },
      { "a fraction for an Integer", SOCKET, "countdown_1", 1.5, 1104 },
      { "a Boolean for an Integer", SOCKET, "countdown_1", true, 1104 },
      { "a number for an Enum", LAMP, "work_mode", 1, 1104 },
      { "a text that is not JSON for a Json", LAMP, "colour_data_v2", "red", 1104 },
      { "a number for a Json", LAMP, "colour_data_v2", 7, 1104 },
      { "an offline device", support.OFFLINE, "switch", true, 2001 },
      { "a device that only reports", support.DOOR, "doorcontact_state", true, 2003 },
      { "another project's device", support.FOREIGN, "switch", true, 1106 },
   }
   for _, case in ipairs(refused) do
      local what, id, code, value, expected = case[1], case[2], case[3], case[4], case[5]
      it("refuse " .. what .. " with " .. expected, function()
         local before = cloud.sim:device(id).values[code]
         assert.equal(expected, cloud:command(id, { code, value }).code)
         assert.equal(before, cloud.sim:device(id).values[code])
      end)
   end

   for body, code in pairs({
      [""] = 1100, ["{}"] = 1109, ["[]"] = 1109, ["null"] = 1109, ['"x"'] = 1109, ["1"] = 1109, ["{"] = 1109,
      ["switch=true"] = 1109, ['{"commands":[]}'] = 1100, ['{"commands":{}}'] = 1100,
      ['{"commands":null}'] = 1109,
      ['{"commands":"switch"}'] = 1109, ['{"commands":{"code":"switch","value":true}}'] = 1109,
      ['{"commands":["switch"]}'] = 1109, ['{"commands":[{"value":true}]}'] = 1100,
      ['{"commands":[{"code":"","value":true}]}'] = 1100, ['{"commands":[{"code":1,"value":true}]}'] = 1109,
      ['{"commands":[{"code":"switch"}]}'] = 1100, ['{"commands":[{"code":"switch","value":null}]}'] = 1100,
      ['{"commands":[null,{"code":"switch","value":true}]}'] = 1109,
      ['{"commands":[{"code":"switch","value":true},null,{"code":"switch","value":true}]}'] = 1109,
   }) do
      it("refuse the body '" .. body .. "' with " .. code, function()
         assert.equal(code, cloud:post("/v1.0/devices/" .. SOCKET .. "/commands", body).code)
         assert.is_false(cloud:status(SOCKET).switch)
      end)
   end
end)

describe("simulator: properties by the thing model", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   local function issue(id, body)
      return cloud:post("/v2.0/cloud/thing/" .. id .. "/shadow/properties/issue", body)
   end

   it("come as JSON text", function()
      local envelope, reply = issue(SOCKET, { properties = '{"switch":true,"countdown_1":7}' })
      assert.is_true(envelope.success)
      assert.truthy(reply.body:find('"result":{}', 1, true))
      assert.is_true(cloud:status(SOCKET).switch)
      assert.equal(7, cloud:status(SOCKET).countdown_1)
   end)

   it("come as an object", function()
      assert.is_true(issue(SOCKET, { properties = { switch = true } }).success)
      assert.is_true(cloud:status(SOCKET).switch)
   end)

   it("reach data points outside the standard instruction set", function()
      assert.is_true(issue(SOCKET, { properties = { relay_status = "power_on" } }).success)
      assert.equal("power_on", cloud.sim:device(SOCKET).values.relay_status)
      assert.is_nil(cloud:status(SOCKET).relay_status)
      local properties = { room_label = "kitchen", week_program = "AAAA" }
      assert.is_true(issue(THERMOSTAT, { properties = properties }).success)
      assert.equal("kitchen", cloud.sim:device(THERMOSTAT).values.room_label)
   end)

   it("are applied together or not at all", function()
      assert.equal(2008, issue(SOCKET, { properties = { switch = true, relay_status = "maybe" } }).code)
      assert.is_false(cloud:status(SOCKET).switch)
   end)

   it("are refused as commands are", function()
      assert.equal(2008, issue(SOCKET, { properties = { cur_power = 1 } }).code)
      assert.equal(2008, issue(SOCKET, { properties = { ghost = 1 } }).code)
      assert.equal(1104, issue(SOCKET, { properties = { switch = 1 } }).code)
      assert.equal(1104, issue(THERMOSTAT, { properties = { room_label = 1 } }).code)
      assert.equal(2008, issue(THERMOSTAT, { properties = { room_label = ("x"):rep(65) } }).code)
      assert.equal(2001, issue(support.OFFLINE, { properties = { switch = true } }).code)
      assert.equal(2003, issue(support.DOOR, { properties = { doorcontact_state = true } }).code)
      assert.equal(1106, issue(support.FOREIGN, { properties = { switch = true } }).code)
   end)

   for body, code in pairs({
      [""] = 1100, ["{}"] = 1100, ["x"] = 1109, ['{"properties":""}'] = 1100, ['{"properties":"{}"}'] = 1100,
      ['{"properties":{}}'] = 1100, ['{"properties":"x"}'] = 1109, ['{"properties":[1]}'] = 1109,
      ['{"properties":1}'] = 1109, ['{"properties":null}'] = 1100, ['{"properties":"null"}'] = 1109,
      ['{"properties":{"switch":null}}'] = 1100,
   }) do
      it("refuse the body '" .. body .. "' with " .. code, function()
         assert.equal(code, issue(SOCKET, body).code)
      end)
   end
end)

describe("simulator: for those who write rules", function()
   it("sets a data point as if the device had reported it", function()
      local cloud = support.client()
      cloud.sim:set(support.DOOR, "doorcontact_state", true)
      assert.is_true(cloud:status(support.DOOR).doorcontact_state)
      cloud.sim:set(SOCKET, "fault", 63)
      assert.equal(63, cloud:status(SOCKET).fault)
   end)

   it("raises where set is given what cannot be", function()
      local sim = support.client().sim
      assert.has_error(function()
         sim:set("vdevo0", "switch", true)
      end, "no device 'vdevo0' in this cloud")
      assert.has_error(function()
         sim:set(SOCKET, "ghost", true)
      end, "device '" .. SOCKET .. "' has no data point 'ghost'")
      assert.has_error(function()
         sim:set(SOCKET, "fault", 64)
      end, "data point 'fault' cannot have this value")
   end)

   it("lets devices come and go", function()
      local cloud = support.client()
      cloud.sim:set_online(SOCKET, false)
      assert.equal(2001, cloud:command(SOCKET, { "switch", true }).code)
      assert.is_false(cloud:get("/v1.0/devices/" .. SOCKET).result.online)
      cloud.sim:set_online(SOCKET, true)
      assert.is_true(cloud:command(SOCKET, { "switch", true }).success)
   end)

   it("tells of each change, after all of them", function()
      local seen = {}
      local cloud = support.client({
         on_change = function(device, code, value)
            seen[#seen + 1] = { device.id, code, value, device.values.switch }
         end,
      })
      cloud:command(SOCKET, { "countdown_1", 5 }, { "switch", true })
      cloud:command(SOCKET, { "switch", 7 })
      cloud.sim:set(support.DOOR, "doorcontact_state", true)
      assert.same({
         { SOCKET, "countdown_1", 5, true },
         { SOCKET, "switch", true, true },
         { support.DOOR, "doorcontact_state", true },
      }, seen)
   end)

   it("gives a copy of a device", function()
      local cloud = support.client()
      local device = cloud.sim:device(SOCKET)
      device.values.switch, device.online = true, false
      assert.is_false(cloud:status(SOCKET).switch)
      assert.equal("cz", device.category)
      assert.is_true(cloud.sim:device(SOCKET).online)
   end)
end)

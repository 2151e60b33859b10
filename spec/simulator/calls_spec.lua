local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local SOCKET, LAMP, DOOR = support.SOCKET, support.LAMP, support.DOOR
local pluck = support.pluck

--- The names of a table's members, in order.
local function members(shown)
   local names = {}
   for name in pairs(shown) do
      names[#names + 1] = name
   end
   table.sort(names)
   return table.concat(names, " ")
end

local V1 = "active_time biz_type category create_time icon id ip lat local_key lon model name online "
   .. "owner_id product_id product_name sub time_zone uid update_time uuid"
local V1_STATUS = V1:gsub(" sub ", " status sub ")
local V2 = "activeTime bindSpaceId category createTime customName icon id ip isOnline lat localKey lon "
   .. "model name productId productName sub timeZone updateTime uuid"

local VISIBLE = { SOCKET, LAMP, support.THERMOSTAT, DOOR, support.OFFLINE }

describe("simulator: a device", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   it("is shown with its status by v1.0", function()
      local envelope, reply = cloud:get("/v1.0/devices/" .. SOCKET)
      local device = envelope.result
      assert.equal(V1_STATUS, members(device))
      assert.equal(SOCKET, device.id)
      assert.equal("Socket", device.name)
      assert.equal("cz", device.category)
      assert.equal(support.UID, device.uid)
      assert.is_true(device.online)
      assert.same({ code = "switch", value = false }, device.status[1])
      assert.truthy(reply.body:find('"active_time":1700000000[,}]'))
   end)

   for _, version in ipairs({ "v1.0", "v1.1" }) do
      it("is shown without its status by " .. version .. "/iot-03", function()
         local device = cloud:get("/" .. version .. "/iot-03/devices/" .. SOCKET).result
         assert.equal(V1, members(device))
         assert.equal(SOCKET, device.id)
      end)
   end

   it("is shown in camelCase by v2.0", function()
      local envelope, reply = cloud:get("/v2.0/cloud/thing/" .. SOCKET)
      assert.equal(V2, members(envelope.result))
      assert.equal("Socket", envelope.result.customName)
      assert.is_true(envelope.result.isOnline)
      assert.truthy(reply.body:find('"activeTime":1700000000[,}]'))
   end)

   for _, pattern in ipairs({
      "/v1.0/devices/%s", "/v1.0/devices/%s/status", "/v1.0/iot-03/devices/%s", "/v2.0/cloud/thing/%s",
      "/v2.0/cloud/thing/%s/model", "/v2.0/cloud/thing/%s/shadow/properties",
   }) do
      it("that is unknown or another project's is refused with 1106: " .. pattern, function()
         assert.equal(1106, cloud:get(pattern:format("vdevo0")).code)
         assert.equal(1106, cloud:get(pattern:format(support.FOREIGN)).code)
      end)
   end

   it("can be renamed", function()
      cloud.now = cloud.now + 60000
      local body = '{"name":"Reading lamp"}'
      assert.is_true(cloud:ask({ method = "PUT", target = "/v1.0/devices/" .. LAMP, body = body }).result)
      local device = cloud:get("/v1.0/devices/" .. LAMP).result
      assert.equal("Reading lamp", device.name)
      assert.equal(1700000060, device.update_time)
      assert.equal("Reading lamp", cloud.sim:device(LAMP).name)
   end)

   for body, code in pairs({
      [""] = 1100, ["{}"] = 1100, ['{"name":""}'] = 1100, ['{"name":1}'] = 1109, ["x"] = 1109,
   }) do
      it("is not renamed by '" .. body .. "'", function()
         local target = "/v1.0/devices/" .. LAMP
         assert.equal(code, cloud:ask({ method = "PUT", target = target, body = body }).code)
         assert.equal("Lamp", cloud.sim:device(LAMP).name)
      end)
   end

   for _, prefix in ipairs({ "/v1.0/devices/", "/v1.0/iot-03/devices/" }) do
      it("can be deleted by " .. prefix, function()
         assert.is_true(cloud:ask({ method = "DELETE", target = prefix .. LAMP }).result)
         assert.equal(1106, cloud:get("/v1.0/devices/" .. LAMP).code)
         assert.equal(4, cloud:get("/v1.0/devices").result.total)
      end)
   end
end)

describe("simulator: lists of devices", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   it("v1.0 by ids, in their order", function()
      local result = cloud:get(
         "/v1.0/devices?device_ids=" .. LAMP .. "%2C" .. SOCKET,
         "/v1.0/devices?device_ids=" .. LAMP .. "," .. SOCKET
      ).result
      assert.same({ LAMP, SOCKET }, pluck(result.devices, "id"))
      assert.equal(2, result.total)
      assert.is_false(result.has_more)
      assert.equal(V1_STATUS, members(result.devices[1]))
   end)

   it("v1.0 by product, by category, and all, in numbered pages", function()
      local function ids(query)
         return pluck(cloud:get("/v1.0/devices" .. query).result.devices, "id")
      end
      assert.same({ LAMP }, ids("?product_id=simlampdj0000001"))
      assert.same({ SOCKET, support.OFFLINE }, ids("?category=cz"))
      assert.same(VISIBLE, ids(""))
      assert.same({ support.THERMOSTAT, DOOR }, ids("?page_no=2&page_size=2"))
      assert.same({}, ids("?page_no=9&page_size=2"))
      assert.is_true(cloud:get("/v1.0/devices?page_no=2&page_size=2").result.has_more)
      assert.is_false(cloud:get("/v1.0/devices?page_no=3&page_size=2").result.has_more)
      assert.same(VISIBLE, pluck(cloud:get("/v1.0/devices/").result.devices, "id"))
   end)

   it("v1.0 of a user, each with its status", function()
      local devices = cloud:get("/v1.0/users/" .. support.UID .. "/devices").result
      assert.same(VISIBLE, pluck(devices, "id"))
      assert.equal(V1_STATUS, members(devices[1]))
      assert.equal(1106, cloud:get("/v1.0/users/nobody/devices").code)
   end)

   --- Walks through the pages; answers the ids and the number of pages.
   local function walk(path, list, key, size)
      local ids, pages, last = {}, 0, ""
      repeat
         local query = key .. "=" .. last .. "&" .. size .. "=2"
         local result = cloud:get(path .. "?" .. query).result
         for _, device in ipairs(result[list]) do
            ids[#ids + 1] = device.id
         end
         assert.equal(5, result.total)
         pages, last = pages + 1, result.last_row_key
         assert.equal(result.has_more, last ~= "")
      until not result.has_more
      return ids, pages
   end

   it("v1.0/iot-01, by row key", function()
      local ids, pages = walk("/v1.0/iot-01/associated-users/devices", "devices", "last_row_key", "size")
      assert.same(VISIBLE, ids)
      assert.equal(3, pages)
   end)

   for _, version in ipairs({ "v1.0", "v1.2", "v1.3" }) do
      it(version .. "/iot-03, by row key, without status", function()
         local path = "/" .. version .. "/iot-03/devices"
         local ids, pages = walk(path, "list", "last_row_key", "page_size")
         assert.same(VISIBLE, ids)
         assert.equal(3, pages)
         local result = cloud:get(path .. "?device_ids=" .. LAMP).result
         assert.same({ LAMP }, pluck(result.list, "id"))
         assert.equal(V1, members(result.list[1]))
      end)
   end

   it("v2.0, a bare array, after the last id", function()
      local path = "/v2.0/cloud/thing/device"
      local first = cloud:get(path .. "?page_size=3").result
      assert.same({ SOCKET, LAMP, support.THERMOSTAT }, pluck(first, "id"))
      assert.equal(V2, members(first[1]))
      local second = cloud:get(path .. "?last_id=" .. first[3].id .. "&page_size=3").result
      assert.same({ DOOR, support.OFFLINE }, pluck(second, "id"))
      local _, reply = cloud:get(path .. "?last_id=" .. support.OFFLINE .. "&page_size=3")
      assert.truthy(reply.body:find('"result":[]', 1, true))
      assert.same({ DOOR }, pluck(cloud:get(path .. "?categories=mcs,xx&page_size=3").result, "id"))
      assert.same({ DOOR, LAMP }, pluck(
         cloud:get("/v2.0/cloud/thing/batch?device_ids=" .. DOOR .. "," .. LAMP).result, "id"
      ))
   end)

   for query, code in pairs({
      ["/v1.0/devices?page_size=0"] = 1101, ["/v1.0/devices?page_size=101"] = 1101,
      ["/v1.0/devices?page_no=x"] = 1109, ["/v1.0/iot-03/devices?page_size=201"] = 1101,
      ["/v1.0/iot-03/devices?last_row_key=x"] = 1109, ["/v2.0/cloud/thing/device?page_size=21"] = 1101,
      ["/v2.0/cloud/thing/device?last_id=x"] = 1109, ["/v1.0/devices?device_ids=x"] = 1106,
      ["/v1.0/devices?device_ids=,"] = 1100, ["/v1.0/devices/status"] = 1100,
      ["/v1.0/iot-03/devices/status?device_ids="] = 1100, ["/v2.0/cloud/thing/batch"] = 1100,
      ["/v1.0/devices/status?device_ids=x"] = 1106,
      ["/v1.0/devices/status?device_ids=vdevo161563811262434"] = 1106,
   }) do
      it("refuse " .. query .. " with " .. code, function()
         assert.equal(code, cloud:get(query).code)
      end)
   end

   it("take twenty ids and refuse twenty-one", function()
      local ids = SOCKET .. ("," .. SOCKET):rep(19)
      for _, path in ipairs({ "/v1.0/devices/status", "/v1.0/iot-03/devices/status", "/v1.0/devices" }) do
         assert.is_true(cloud:get(path .. "?device_ids=" .. ids).success)
         assert.equal(1109, cloud:get(path .. "?device_ids=" .. ids .. "," .. LAMP).code)
      end
   end)
end)

describe("simulator: status", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   for _, prefix in ipairs({ "/v1.0/devices", "/v1.0/iot-03/devices" }) do
      it("of one device, the standard data points: " .. prefix, function()
         local envelope, reply = cloud:get(prefix .. "/" .. SOCKET .. "/status")
         local status = envelope.result
         assert.same(
            { "switch", "countdown_1", "cur_current", "cur_power", "cur_voltage", "fault" },
            pluck(status, "code")
         )
         assert.equal("code value", members(status[2]))
         assert.truthy(reply.body:find('"value":2304[,}]'))
      end)

      it("of several: " .. prefix, function()
         local result = cloud:get(prefix .. "/status?device_ids=" .. DOOR .. "," .. LAMP).result
         assert.same({ DOOR, LAMP }, pluck(result, "id"))
         assert.same({ "doorcontact_state", "battery_percentage" }, pluck(result[1].status, "code"))
         assert.equal("id status", members(result[1]))
      end)
   end

   it("in the shadow: every data point, with its number, type and moment in ms", function()
      local envelope, reply = cloud:get("/v2.0/cloud/thing/" .. SOCKET .. "/shadow/properties")
      local properties = envelope.result.properties
      assert.equal(7, #properties)
      assert.equal("code custom_name dp_id time type value", members(properties[1]))
      assert.same({ 1, 9, 18, 19, 20, 26, 38 }, pluck(properties, "dp_id"))
      assert.same({ "bool", "value", "value", "value", "value", "bitmap", "enum" }, pluck(properties, "type"))
      assert.truthy(reply.body:find('"time":1700000000000[,}]'))
   end)

   it("in the shadow: the codes that are asked for", function()
      local path = "/v2.0/cloud/thing/" .. SOCKET .. "/shadow/properties?codes=relay_status,switch,ghost"
      assert.same({ "switch", "relay_status" }, pluck(cloud:get(path).result.properties, "code"))
   end)
end)

describe("simulator: specifications", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   for _, path in ipairs({
      "/v1.0/devices/" .. SOCKET .. "/functions", "/v1.0/iot-03/devices/" .. SOCKET .. "/functions",
      "/v1.0/functions/cz", "/v1.0/iot-03/categories/cz/functions",
   }) do
      it("list the functions: " .. path, function()
         local result = cloud:get(path).result
         assert.equal("category functions", members(result))
         assert.equal("cz", result.category)
         assert.same({ "switch", "countdown_1" }, pluck(result.functions, "code"))
         assert.equal("code desc name type values", members(result.functions[1]))
         assert.equal("{}", result.functions[1].values)
         assert.same(
            { unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
            support.decode(result.functions[2].values)
         )
      end)
   end

   it("know the home's categories only", function()
      assert.equal(1109, cloud:get("/v1.0/functions/xx").code)
   end)

   it("are an empty list for what only reports", function()
      local _, reply = cloud:get("/v1.0/devices/" .. DOOR .. "/functions")
      assert.truthy(reply.body:find('"functions":[]', 1, true))
   end)

   for _, path in ipairs({
      "/v1.0/devices/%s/specifications", "/v1.0/iot-03/devices/%s/specification",
      "/v1.2/iot-03/devices/%s/specification",
   }) do
      it("have functions and status: " .. path, function()
         local result = cloud:get(path:format(LAMP)).result
         assert.equal("category functions status", members(result))
         assert.equal(5, #result.functions)
         assert.equal(5, #result.status)
         assert.equal("code type values", members(result.status[2]))
         local modes = { "white", "colour", "scene", "music" }
         assert.same({ range = modes }, support.decode(result.status[2].values))
         result = cloud:get(path:format(SOCKET)).result
         assert.equal(2, #result.functions)
         assert.equal(6, #result.status)
         assert.equal("Bitmap", result.status[6].type)
         assert.equal("ov_cr", support.decode(result.status[6].values).label[1])
      end)
   end

   it("have the data points' numbers in v1.1", function()
      local result = cloud:get("/v1.1/devices/" .. SOCKET .. "/specifications").result
      assert.equal("code dp_id type values", members(result.status[1]))
      assert.same({ 1, 9 }, pluck(result.functions, "dp_id"))
   end)

   it("are a thing model in v2.0, JSON text with every data point", function()
      local result = cloud:get("/v2.0/cloud/thing/" .. SOCKET .. "/model").result
      assert.equal("model", members(result))
      local properties = support.decode(result.model).services[1].properties
      assert.same({ 1, 9, 18, 19, 20, 26, 38 }, pluck(properties, "abilityId"))
      assert.same({ "rw", "rw", "ro", "ro", "ro", "ro", "rw" }, pluck(properties, "accessMode"))
      assert.same(
         { type = "value", unit = "s", min = 0, max = 86400, scale = 0, step = 1 },
         properties[2].typeSpec
      )
      assert.same({ type = "enum", range = { "power_off", "power_on", "last" } }, properties[7].typeSpec)
      assert.truthy(result.model:find('"actions":[]', 1, true))
   end)
end)

describe("simulator: paths", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   for _, wrong in ipairs({
      "GET /", "GET /v1.0", "GET /v1.0/devices/" .. SOCKET .. "/nothing", "POST /v1.0/devices/" .. SOCKET,
      "GET /v1.0/devices/" .. SOCKET .. "/commands", "POST /v1.0/devices", "DELETE /v1.0/devices",
      "get /v1.0/devices", "GET /v1.0//devices", "GET /v1.1/devices", "GET /v1.0/iot-03/devices/x/y/z",
      "HEAD /v1.0/devices", "GET //", "GET /v1.0/devices//status",
      "PUT /v1.0/iot-03/devices/" .. SOCKET, "GET http://host/v1.0/devices",
   }) do
      it("refuse " .. wrong .. " with 1108", function()
         local method, target = wrong:match("^(%S+) (%S+)$")
         assert.equal(1108, cloud:ask({ method = method, target = target }).code)
      end)
   end
end)

describe("the simulated cloud, wrongly called,", function()
   it("raises at the caller's line, and names what is wrong", function()
      local sim = require("tuya.simulator").new { access_id = "a", access_secret = "b" }
      for rule, call in pairs {
         ["request: a table expected, got number"] = function() sim:handle(5) end,
         ["request.target: a string expected, got nil"] = function() sim:handle { method = "GET" } end,
         ["request.body: a string expected, got number"] = function()
            sim:handle { method = "GET", target = "/", body = 5 }
         end,
         ["rule: a string expected, got table"] = function() sim:fault {} end,
         ["port: a number expected, got boolean"] = function() sim:listen(true) end,
      } do
         local ok, message = pcall(call)
         assert.is_false(ok)
         assert.matches("^spec/simulator/calls_spec.lua:%d+: ", message)
         assert.equal(rule, (message:gsub("^.-: ", "", 1)))
      end
   end)
end)

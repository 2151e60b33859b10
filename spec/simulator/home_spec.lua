local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local json = require("tuya.json")
local simulator = require("tuya.simulator")

local ROOT = debug.getinfo(1, "S").source:match("^@(.*/)") .. "../../"

local function new(options)
   options.access_id, options.access_secret = support.ID, support.SECRET
   return simulator.new(options)
end

--- A home of one device, whose members and whose data point's members may be given.
local function home_of(device, point)
   local made = { id = "vdevo1", name = "Thing", category = "xx", product_id = "p" }
   for name, value in pairs(device or {}) do
      made[name] = value
   end
   local made_point = { dp_id = 1, code = "go", type = "Boolean" }
   for name, value in pairs(point or {}) do
      made_point[name] = value
   end
   made.data_points = made.data_points or { made_point }
   return { devices = { made } }
end

describe("simulator: a home", function()
   it("is in examples/home.json as it is when none is given", function()
      local file = assert(io.open(ROOT .. "examples/home.json", "rb"))
      local text = file:read("*a")
      file:close()
      assert.same(require("tuya.simulator.small_home"), assert(json.decode(text)))
   end)

   it("is read from a file", function()
      local sim = assert(new({ home = ROOT .. "examples/home.json" }))
      assert.equal("Socket", sim:device(support.SOCKET).name)
   end)

   it("is not changed by what the simulated cloud does", function()
      local given = home_of()
      local sim = new({ home = given })
      sim:set("vdevo1", "go", true)
      assert.same(home_of(), given)
      assert.is_false(new({ home = given }):device("vdevo1").values.go)
   end)

   it("may leave out what has a default", function()
      local cloud = support.client({ home = home_of() })
      local device = cloud:get("/v1.0/devices/vdevo1").result
      assert.is_true(device.online)
      assert.equal("Thing", device.product_name)
      assert.equal(1700000000, device.create_time)
      assert.same({ { code = "go", value = false } }, device.status)
      assert.same({}, cloud:get("/v1.0/devices/vdevo1/functions").result.functions)
   end)

   it("has first values of every type", function()
      local points = {}
      local kinds = { "Boolean", "Integer", "Enum", "String", "Json", "Raw", "Bitmap" }
      for i, kind in ipairs(kinds) do
         points[i] = { dp_id = i, code = kind, type = kind, values = kind == "Enum" and { range = { "a" } } or nil }
      end
      points[8] = { dp_id = 8, code = "high", type = "Integer", values = { min = 5, max = 9 } }
      points[9] = { dp_id = 9, code = "low", type = "Integer", values = { min = -9, max = -5 } }
      local sim = new({ home = home_of({ data_points = points }) })
      assert.same({
         Boolean = false, Integer = 0, Enum = "a", String = "", Json = "{}", Raw = "", Bitmap = 0, high = 5, low = -5,
      }, sim:device("vdevo1").values)
   end)

   it("may have a user of its own", function()
      local home = home_of()
      home.uid, home.home_id = "somebody", "7"
      local cloud = support.client({ home = home })
      assert.equal("somebody", cloud:tokens().uid)
      assert.equal("7", cloud:get("/v1.0/users/somebody/devices").result[1].owner_id)
   end)

   local nameless = home_of()
   nameless.devices[1].name = nil
   local twice = home_of()
   twice.devices[2] = twice.devices[1]
   local twin = { dp_id = 1, code = "go", type = "Boolean" }

   for message, home in pairs({
      ["home: 'devices' is missing"] = {},
      ["home: unknown member 'device'"] = { devices = {}, device = {} },
      ["home: 'uid' must be a string"] = { devices = {}, uid = 1 },
      ["device 1: must be a table"] = { devices = { "socket" } },
      ["device vdevo1: 'name' is missing"] = nameless,
      ["device vdevo1: is there twice"] = twice,
      ["device vdevo1: unknown member 'onlin'"] = home_of({ onlin = true }),
      ["device vdevo1: 'online' must be a boolean"] = home_of({ online = "yes" }),
      ["device vdevo1, data point 1: must be a table"] = home_of({ data_points = { "switch" } }),
      ["device vdevo1, data point go: is there twice"] = home_of({ data_points = { twin, twin } }),
      ["device vdevo1, data point go: unknown member 'writeable'"] = home_of({}, { writeable = true }),
      ["device vdevo1, data point go: 'dp_id' must be a number"] = home_of({}, { dp_id = "1" }),
      ["device vdevo1, data point go: 'bool' is not a type of data point"] = home_of({}, { type = "bool" }),
      ["device vdevo1, data point go: an Enum needs a range"] = home_of({}, { type = "Enum" }),
      ["device vdevo1, data point go: its value is not one that it may have"] = home_of({}, { value = 1 }),
      ["device vdevo1, data point go, values: 'min' must be a number"] = home_of({}, {
         type = "Integer",
         values = { min = "0" },
      }),
      ["device vdevo1, data point go, values: unknown member 'minimum'"] = home_of({}, {
         type = "Integer",
         values = { minimum = 0 },
      }),
   }) do
      it("is refused: " .. message, function()
         assert.same({ nil, message }, { new({ home = home }) })
      end)
   end

   it("is refused with the file's name where it is a file", function()
      local path = os.tmpname()
      local file = io.open(path, "w")
      file:write('{"devices":[{}]}')
      file:close()
      local sim, message = new({ home = path })
      os.remove(path)
      assert.is_nil(sim)
      assert.equal(1, (message:find(path .. ": device 1: '", 1, true)))
      assert.is_nil((new({ home = "/nowhere/home.json" })))
   end)
end)

describe("simulator: new", function()
   for pattern, options in pairs({
      ["a table of options expected"] = 7,
      ["access_id: missing"] = { access_secret = "x" },
      ["access_secret: missing"] = { access_id = "x" },
      ["acces_id: unknown option"] = { acces_id = "x", access_secret = "x" },
      ["algorithm: "] = { access_id = "x", access_secret = "x", algorithm = "v3" },
      ["clock: function expected"] = { access_id = "x", access_secret = "x", clock = 7 },
      ["home: string or table expected"] = { access_id = "x", access_secret = "x", home = 7 },
   }) do
      it("raises at the caller's line: " .. pattern, function()
         local ok, message = pcall(function()
            simulator.new(options)
         end)
         assert.is_false(ok)
         assert.truthy(message:find("home_spec.lua", 1, true))
         assert.truthy(message:find(pattern, 1, true))
      end)
   end
end)

describe("simulator: a mistake", function()
   it("is refused at its line: a dot for a colon, and a request that is none", function()
      local sim = new {}
      local methods = getmetatable(sim).__index
      for name, method in pairs(methods) do
         if not name:find("^_") then
            local ok, message = pcall(function() method("vdevo161563811262429") end)
            assert.is_false(ok)
            assert.matches("home_spec.lua:%d+: tuya.simulator:" .. name .. ": self: call it with a colon", message)
         end
      end
      for _, name in ipairs { "handle", "connect" } do
         local ok, message = pcall(function() sim[name](sim, { method = "GET" }) end)
         assert.is_false(ok)
         assert.matches("home_spec.lua:%d+: request.target: a string expected, got nil", message)
      end
   end)
end)

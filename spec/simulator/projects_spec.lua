local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local cjson = require("cjson")
local simulator = require("tuya.simulator")

local function device(id)
   return {
      id = id, name = "Lamp " .. id, category = "dj", product_id = "p1",
      data_points = { { dp_id = 1, code = "switch_led", type = "Boolean", writable = true } },
   }
end

local function user(uid, data_centre, ...)
   local home = { uid = uid, home_id = "home of " .. uid, data_centre = data_centre, devices = {} }
   for i, id in ipairs({ ... }) do
      home.devices[i] = device(id)
   end
   return home
end

local PROJECTS = {
   users = { user("anna", nil, "a1", "a2"), user("bert", nil, "b1"), user("carl", "us", "c1") },
   projects = {
      { access_id = "one", access_secret = "first", users = { "anna", "carl" } },
      { access_id = "both", access_secret = "second" },
      { access_id = "old", access_secret = "third", algorithm = "v1", users = { "bert" }, accept_token = "kept" },
      { access_id = "us-only", access_secret = "fourth", data_centres = { "us", "us-e" } },
   },
}
local SECRETS = { one = "first", both = "second", old = "third", ["us-only"] = "fourth" }

local function cloud_of(options)
   local sim
   local all = { projects = PROJECTS, seed = 1, clock = function() return support.START end }
   for name, value in pairs(options or {}) do
      all[name] = value
   end
   sim = assert(simulator.new(all))
   return sim
end

--- Asks as one of the projects; the envelope.
local function ask(sim, id, o)
   o.id, o.secret = id, SECRETS[id]
   return cjson.decode(sim:handle(support.signed(o)).body)
end

local function token(sim, id)
   return ask(sim, id, { target = "/v1.0/token?grant_type=1" }).result.access_token
end

local function ids(sim, id, target)
   local envelope = ask(sim, id, { target = target or "/v1.0/devices", token = token(sim, id) })
   return envelope.result and support.pluck(envelope.result.devices or envelope.result, "id") or envelope.code
end

describe("simulator: several projects", function()
   it("see the devices of the users whom they are linked to", function()
      local sim = cloud_of()
      assert.same({ "a1", "a2", "c1" }, ids(sim, "one"))
      assert.same({ "a1", "a2", "b1", "c1" }, ids(sim, "both"))
      assert.same({ "b1" }, ids(sim, "old"))
      assert.same({ "c1" }, ids(sim, "one", "/v1.0/users/carl/devices"))
      assert.equal(1106, ids(sim, "one", "/v1.0/users/bert/devices"))
      assert.equal(1106, ask(sim, "one", { target = "/v1.0/devices/b1", token = token(sim, "one") }).code)
   end)

   it("name each device's own user and home", function()
      local sim = cloud_of()
      local list = ask(sim, "both", { target = "/v1.0/devices", token = token(sim, "both") }).result.devices
      assert.same({ "anna", "anna", "bert", "carl" }, support.pluck(list, "uid"))
      local one = ask(sim, "both", { target = "/v1.0/devices/b1", token = token(sim, "both") }).result
      assert.equal("bert", one.uid)
      assert.equal("home of bert", one.owner_id)
   end)

   it("share the devices of a user whom they share", function()
      local sim = cloud_of()
      local body = '{"commands":[{"code":"switch_led","value":true}]}'
      local target = "/v1.0/devices/a1/commands"
      local command = { method = "POST", target = target, token = token(sim, "one"), body = body }
      assert.is_true(ask(sim, "one", command).success)
      local status = ask(sim, "both", { target = "/v1.0/devices/a1/status", token = token(sim, "both") }).result
      assert.same({ { code = "switch_led", value = true } }, status)
      local delete = { method = "DELETE", target = "/v1.0/devices/a1", token = token(sim, "one") }
      assert.is_true(ask(sim, "one", delete).success)
      assert.same({ "a2", "b1", "c1" }, ids(sim, "both"))
   end)

   it("have tokens of their own, and take no other's", function()
      local sim = cloud_of()
      local others = token(sim, "both")
      assert.equal(1010, ask(sim, "one", { target = "/v1.0/devices", token = others }).code)
      sim:expire_token("both")
      assert.equal(1010, ask(sim, "both", { target = "/v1.0/devices", token = others }).code)
      assert.is_true(ask(sim, "old", { target = "/v1.0/devices", token = "kept" }).success)
      assert.has_error(function() sim:expire_token("nobody") end, "no project 'nobody' in this cloud")
   end)

   it("take the old algorithm where they are old", function()
      local sim = cloud_of()
      local request = { target = "/v1.0/devices", token = "kept", old = true }
      assert.is_true(ask(sim, "old", request).success)
      local envelope = ask(sim, "both", { target = "/v1.0/devices", token = token(sim, "both"), old = true })
      assert.equal(1004, envelope.code)
      assert.same({ "old-algorithm" }, support.pluck(envelope.diagnosis.mistakes, "slug"))
   end)

   it("are told apart in the log", function()
      local sim = cloud_of()
      token(sim, "one")
      token(sim, "old")
      ask(sim, "nobody", { target = "/v1.0/devices", token = "x" })
      assert.same({ "one", "old" }, support.pluck(sim:log(), "project"))
   end)
end)

describe("simulator: a data centre", function()
   it("gives a token to a project that has not enabled it, and refuses the rest with 28841107", function()
      local sim = cloud_of({ data_centre = "eu" })
      local held = token(sim, "us-only")
      assert.equal(28841107, ask(sim, "us-only", { target = "/v1.0/devices", token = held }).code)
      assert.equal(1108, ask(sim, "us-only", { target = "/v1.0/nowhere", token = held }).code)
      assert.same({ "a1", "a2", "b1", "c1" }, ids(cloud_of({ data_centre = "us" }), "us-only"))
   end)

   it("knows nothing of users who live in another", function()
      local sim = cloud_of({ data_centre = "eu" })
      assert.same({ "a1", "a2" }, ids(sim, "one"))
      assert.equal(1106, ask(sim, "one", { target = "/v1.0/devices/c1", token = token(sim, "one") }).code)
      assert.equal(1106, ids(sim, "one", "/v1.0/users/carl/devices"))
   end)
end)

describe("simulator: one token at a time", function()
   it("revokes the token before, with each that is asked for", function()
      local sim = cloud_of({ one_token = true })
      local first = token(sim, "both")
      assert.is_true(ask(sim, "both", { target = "/v1.0/devices", token = first }).success)
      local second = token(sim, "both")
      assert.not_equal(first, second)
      assert.equal(1010, ask(sim, "both", { target = "/v1.0/devices", token = first }).code)
      assert.is_true(ask(sim, "both", { target = "/v1.0/devices", token = second }).success)
   end)
end)

describe("simulator: a clock that is off", function()
   it("refuses what is right by the client's", function()
      local sim = cloud_of({ skew = 301000 })
      local envelope = ask(sim, "both", { target = "/v1.0/token?grant_type=1" })
      assert.equal(1013, envelope.code)
      assert.equal(support.START + 301000, envelope.t)
      assert.is_true(ask(cloud_of({ skew = -299000 }), "both", { target = "/v1.0/token?grant_type=1" }).success)
   end)
end)

describe("simulator: its state", function()
   it("goes on in another: tokens, values, names, what is offline and what is gone", function()
      local sim = cloud_of()
      local held = token(sim, "both")
      sim:set("a1", "switch_led", true)
      sim:set_online("b1", false)
      local rename = { method = "PUT", target = "/v1.0/devices/a1", token = held, body = '{"name":"Desk"}' }
      assert.is_true(ask(sim, "both", rename).success)
      assert.is_true(ask(sim, "both", { method = "DELETE", target = "/v1.0/devices/c1", token = held }).success)

      local other = cloud_of({ state = sim:state(), seed = 2 })
      assert.equal(held, token(other, "both"))
      assert.same(sim:device("a1"), other:device("a1"))
      assert.equal("Desk", other:device("a1").name)
      assert.is_true(other:device("a1").values.switch_led)
      assert.is_false(other:device("b1").online)
      assert.same({ "a1", "a2", "b1" }, ids(other, "both"))
      assert.same({ "a1", "a2" }, ids(other, "one"))
      -- a change after it is seen by every project still
      assert.is_true(ask(other, "both", { method = "DELETE", target = "/v1.0/devices/a1", token = held }).success)
      assert.same({ "a2" }, ids(other, "one"))
   end)

   it("holds no secret", function()
      local text = cloud_of():state()
      for _, secret in pairs(SECRETS) do
         assert.is_nil(text:find('"' .. secret .. '"', 1, true))
      end
   end)

   it("leaves a project and a user that it does not know as they are", function()
      local before = simulator.new({ access_id = "x", access_secret = "y", home = user("zoe", nil, "z1") }):state()
      local sim = cloud_of({ state = before })
      assert.same({ "a1", "a2", "b1", "c1" }, ids(sim, "both"))
   end)

   it("is refused when it is none", function()
      for _, text in ipairs({ "{}", "[]", "nonsense", '{"format":2,"tables":[]}', '{"format":1}' }) do
         local sim, message = simulator.new({ access_id = "x", access_secret = "y", state = text })
         assert.is_nil(sim)
         assert.equal("state: not a state of this version", message)
      end
   end)
end)

describe("simulator: projects that are not right", function()
   local one = PROJECTS.projects[1]
   local users = PROJECTS.users

   for message, given in pairs({
      ["projects: 'projects' is missing"] = { users = users },
      ["projects: unknown member 'user'"] = { projects = { one }, user = users },
      ["projects: there is none"] = { projects = {} },
      ["project 1: must be a table"] = { projects = { "one" } },
      ["project 1: unknown member 'secret'"] = {
         projects = { { access_id = "x", access_secret = "y", secret = "y" } },
      },
      ["project 1: 'access_secret' is missing"] = { projects = { { access_id = "x" } } },
      ["project 1: access_secret: missing"] = { projects = { { access_id = "x", access_secret = "" } } },
      ['project 1: algorithm: "v1" or "v2" expected'] = {
         projects = { { access_id = "x", access_secret = "y", algorithm = "old" } },
      },
      ["project 2: access_id: is there twice"] = { projects = { one, one }, users = users },
      ["project 1: no user 'anna'"] = { projects = { one }, users = { users[2] } },
      ["user anna: is there twice"] = { projects = { one }, users = { users[1], users[1] } },
      ["device a1: is there twice"] = { projects = { one }, users = { users[1], user("dora", nil, "a1") } },
      ["user 1: home: 'devices' is missing"] = { projects = { one }, users = { { uid = "anna" } } },
      ["project 1: data_centres: mars: unknown data centre"] = {
         projects = { { access_id = "x", access_secret = "y", data_centres = { "mars" } } },
      },
   }) do
      it("are refused: " .. message, function()
         local sim, got = simulator.new({ projects = given })
         assert.is_nil(sim)
         assert.equal(message, got)
      end)
   end

   it("are refused beside options that stand in them", function()
      for name, value in pairs({ access_id = "x", home = {}, algorithm = "v1", accept_token = "t" }) do
         local ok, message = pcall(simulator.new, { projects = PROJECTS, [name] = value })
         assert.is_false(ok)
         assert.truthy(message:find(name .. ": stands in projects", 1, true))
      end
      local ok, message = pcall(simulator.new, { projects = PROJECTS, data_centre = "mars" })
      assert.is_false(ok)
      assert.truthy(message:find("data_centre: ", 1, true))
   end)
end)

-- `tuya doctor` against several clouds: one that knows the key, one that does not, one that the project has not
-- enabled, one whose clock is off, and one that cannot be reached.
local child = require("spec.support.child")
local json = require("tuya.json")
local support = require("spec.cli.support")

if not pcall(require, "tuya.httpd") then
   describe("tuya doctor", function() pending("needs the module tuya.httpd") end)
   return
end

local run = support.run

local NOWHERE = "http://127.0.0.1:1"

local LATE = [[
local core = require("tuya.core")
local cloud = require("tuya.simulator").new { access_id = arg[1], access_secret = arg[2],
   clock = function() return core.now() + 600000 end }
local listener = assert(cloud:listen(0))
io.stdout:write(listener.port, "\n")
io.stdout:flush()
repeat local what = listener:tick(1, true) until what == "closed"
]]

describe("tuya doctor", function()
   local clouds, children = {}, {}

   local function start(name, id, ...)
      local made, endpoint = support.cloud_of(id, ...)
      clouds[name], children[#children + 1] = endpoint, made
   end

   setup(function()
      support.open()
      start("home", support.ID)
      start("foreign", "ak9999999999999999zz")
      start("closed", support.ID, "--fault", "GET /v1.0/iot-01/associated-users/devices: 28841107")
      start("poor", support.ID, "--fault", "GET /v1.0/iot-03/devices: 28841105",
         "--fault", "GET /v2.0/cloud/thing/device: 28841002")
      support.write(support.folder .. "/late.lua", LATE)
      children[#children + 1] = child.lua(support.folder .. "/late.lua", support.ID, support.SECRET)
      clouds.late = "http://127.0.0.1:" .. children[#children].line
   end)

   teardown(function()
      for i = #children, 1, -1 do children[i]:stop() end -- a later one has the earlier ones' stdin open
      support.close()
   end)

   -- What it finds, by name, asking these clouds with this one configured.
   local function examine(names, own, changes)
      local line, environment = "tuya doctor --json", support.project(clouds[own] or own)
      for _, name in ipairs(names) do line = line .. " --endpoint " .. (clouds[name] or name) end
      for name, value in pairs(changes or {}) do environment[name] = value end
      local code, out, err = run(line, environment)
      local found = {}
      for _, finding in ipairs(json.decode(out) or {}) do found[finding.what] = finding end
      assert.equal("", err)
      assert.is_nil(out:find(environment.TUYA_ACCESS_SECRET, 1, true))
      return code, found
   end

   it("finds nothing wrong where nothing is", function()
      local code, found = examine({ "home" }, "home")
      assert.equal(0, code)
      for _, what in ipairs { "access id", "access secret", clouds.home, "data centre", "clock", "token",
         "devices of app accounts", "devices of the project", "thing models" } do
         assert.equal("ok", found[what].state, what)
      end
      assert.matches("unknown: the cloud tells no count", found["calls left"].detail)
   end)

   it("tells which data centre knows the key, by asking each", function()
      local code, found = examine({ "foreign", "closed", NOWHERE, "home" }, "foreign")
      assert.equal(1, code)
      assert.matches("does not know the key %(1005%)", found[clouds.foreign].detail)
      assert.matches("not enabled this data centre %(28841107%)", found[clouds.closed].detail)
      assert.matches("connect", found[NOWHERE].detail)
      assert.equal("ok", found[clouds.home].state)
      assert.equal("problem", found["data centre"].state)
      assert.equal("use " .. clouds.home, found["data centre"].advice)
   end)

   it("tells a wrong secret", function()
      local code, found = examine({ "home" }, "home", { TUYA_ACCESS_SECRET = ("x"):rep(32) })
      assert.equal(1, code)
      assert.matches("refuses the secret %(1004%)", found[clouds.home].detail)
      assert.matches("none takes the key", found["data centre"].detail)
   end)

   it("looks at the shape of the credentials", function()
      local _, found = examine({ "home" }, "home", { TUYA_ACCESS_SECRET = support.SECRET .. " " })
      assert.same({ "problem", "blanks around it" }, { found["access secret"].state, found["access secret"].detail })
      _, found = examine({ "home" }, "home", { TUYA_ACCESS_ID = support.SECRET, TUYA_ACCESS_SECRET = support.ID })
      assert.matches("exchanged", found.credentials.detail)
      _, found = examine({ "home" }, "home", { TUYA_ACCESS_ID = "short" })
      assert.same({ "no", "5 letters and digits; others have 20" },
         { found["access id"].state, found["access id"].detail })
   end)

   it("measures the clock against the cloud's", function()
      local code, found = examine({ "late" }, "late")
      assert.equal(1, code)
      assert.equal("problem", found.clock.state)
      assert.matches("^%d+%.%d s behind the cloud's$", found.clock.detail)
      local seconds = tonumber(found.clock.detail:match("^[%d.]+"))
      assert.is_true(seconds > 590 and seconds < 610)
   end)

   it("tells what the project may call", function()
      local code, found = examine({ "poor" }, "poor")
      assert.equal(1, code)
      assert.equal("ok", found["devices of app accounts"].state)
      assert.equal("no", found["devices of the project"].state)
      assert.matches("authorize", found["devices of the project"].advice)
      assert.equal("problem", found["thing models"].state)
   end)

   it("counts the calls that are left, where a profile has a budget and a store", function()
      local path = support.folder .. "/home/.config/tuya/config.json"
      support.write(path, json.encode { default = {
         access_id = support.ID, access_secret = support.SECRET, endpoint = clouds.home,
         budget = { per_month = 1000 }, store = "file:" .. support.folder .. "/store",
      } })
      os.execute("chmod 600 " .. path)
      local left = {}
      for i = 1, 2 do
         local code, out = run("tuya doctor --endpoint " .. clouds.home, {})
         assert.equal(0, code, out)
         left[i] = tonumber(out:match("calls left +ok +(%d+) of 1000 this month\n"))
      end
      assert.is_true(left[2] < left[1] and left[1] < 1000)
   end)

   it("asks all of Tuya's data centres where none is named", function()
      -- through a proxy that is not there, so that nothing leaves this machine
      local code, found = examine({}, nil, { TUYA_REGION = "eu", https_proxy = NOWHERE, HTTPS_PROXY = NOWHERE })
      assert.equal(3, code)
      for name in ("cn eu eu-w in sg us us-e"):gmatch("%S+") do
         assert.equal("no", found[name].state, name)
         assert.matches("127.0.0.1", found[name].detail, 1, true)
      end
      assert.matches("unknown", found.clock.detail)
   end)

   it("ends with 3 when nobody can be reached", function()
      local code = examine({ NOWHERE }, NOWHERE)
      assert.equal(3, code)
   end)
end)

-- The example that README walks through says what README shows.
local support = require("spec.diagnose.support")
local tuya = require("tuya")

local FOLDER = "examples/diagnose/"
local SECRET = support.read(FOLDER .. "secret.txt"):match("%S+")

describe("examples/diagnose", function()
   it("says what README shows", function()
      local report = assert(tuya.diagnose(support.read(FOLDER .. "body_not_signed.http"), { secret = SECRET }))
      assert.is_truthy(support.read("README.md"):find("\n" .. report.text .. "\n```", 1, true), report.text)
   end)

   it("says the same of the curl command", function()
      local raw = assert(tuya.diagnose(support.read(FOLDER .. "body_not_signed.http"), { secret = SECRET }))
      local command = assert(tuya.diagnose(support.read(FOLDER .. "body_not_signed.curl"), { secret = SECRET }))
      assert.equal(raw.text, command.text)
   end)

   it("has a program that prints it", function()
      local printed
      local env = setmetatable({
         print = function(report) printed = tostring(report) end,
         arg = { FOLDER .. "body_not_signed.http", FOLDER .. "secret.txt" },
      }, { __index = _G })
      local program = support.read(FOLDER .. "diagnose.lua")
      local run = rawget(_G, "setfenv") and rawget(_G, "setfenv")(assert(rawget(_G, "loadstring")(program)), env)
         or load(program, "diagnose.lua", "t", env)
      run()
      assert.is_truthy(printed:find("signed-empty-object-but-real-body-sent", 1, true))
   end)
end)

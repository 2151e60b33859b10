-- `tuya diagnose`: what README shows, by every way to hand a request and a secret over.
local json = require("tuya.json")
local support = require("spec.cli.support")

local run, terminal = support.run, support.terminal

local FOLDER = "examples/diagnose/"
local SLUG = "signed%-empty%-object%-but%-real%-body%-sent"

local function contents(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

local SECRET = contents(FOLDER .. "secret.txt"):match("%S+")

describe("tuya diagnose", function()
   setup(support.open)
   teardown(support.close)

   it("writes what README shows, and ends with 4", function()
      local shown = contents("README.md"):match("\n%$ (TUYA_ACCESS_SECRET=[^\n]*tuya diagnose [^\n]*)\n")
      local code, out, err = run("export " .. shown:gsub(" tuya ", "; tuya "), {})
      assert.equal(4, code, err)
      assert.is_truthy(contents("README.md"):find(shown .. "\n" .. out .. "```", 1, true), out)
      assert.is_nil(out:find(SECRET, 1, true))
   end)

   it("reads a file, stdin, a curl command and JSON; the secret from a file, the environment or a profile", function()
      local body = json.encode(contents(FOLDER .. "body_not_signed.http"):match("\n\r?\n(.*)$"))
      support.write(support.folder .. "/request.json", '{"method":"POST",'
         .. '"target":"/v1.0/devices/vdevo161563811262429/commands","headers":{"client_id":"u5n8xk3qvw7rt2mcp9ay",'
         .. '"access_token":"c41f0b7d93e84a6fb2c8d15e7096a3f4","t":"1763816415477","nonce":"9d0c6c1e5f2b4a7f8e3d",'
         .. '"sign_method":"HMAC-SHA256","sign":"B2B5AD0ECD16E0BBE079829C9A0A45B094586EA7F399923B431BE803BF1C6253"},'
         .. '"body":' .. body:gsub("\\n\"$", '"') .. "}")
      local config = support.folder .. "/home/.config/tuya/config.json"
      support.write(config, '{"work":{"access_id":"u5n8xk3qvw7rt2mcp9ay","access_secret":"' .. SECRET .. '"}}')
      os.execute("chmod 600 " .. config)
      for _, line in ipairs {
         "tuya diagnose --secret-file examples/diagnose/secret.txt examples/diagnose/body_not_signed.http",
         "tuya diagnose --secret-file examples/diagnose/secret.txt - < examples/diagnose/body_not_signed.curl",
         "tuya diagnose --profile work < examples/diagnose/body_not_signed.curl",
         "tuya diagnose --profile work $HOME/../request.json",
      } do
         local code, out, err = run(line, {})
         assert.equal(4, code, line .. "\n" .. out .. err)
         assert.matches("\n  " .. SLUG .. ": ", out)
      end
   end)

   it("writes the report as JSON", function()
      local _, out = run("tuya diagnose --json --secret-file examples/diagnose/secret.txt "
         .. "examples/diagnose/body_not_signed.http", {})
      local report = json.decode(out)
      assert.equal("wrong", report.verdict)
      assert.matches(SLUG, report.mistakes[1].slug)
      assert.is_truthy(out:find('"suspects":[]', 1, true))
   end)

   it("colours the verdict on a terminal", function()
      local code, out = terminal("diagnose --secret-file examples/diagnose/secret.txt "
         .. "examples/diagnose/body_not_signed.http", {})
      assert.equal(4, code)
      assert.matches("\27%[31mThe request is wrong:\27%[0m\n", out)
   end)

   it("ends with 0 when the signature is right and with 5 when nothing explains it", function()
      local right = "tuya sign GET /v1.0/token --curl --region eu | tuya diagnose"
      local environment = { TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = support.SECRET }
      local code, out = run(right, environment)
      assert.equal(0, code)
      assert.matches("^The signature is right", out)
      support.write(support.folder .. "/other", "another")
      code = run(right .. " --secret-file $HOME/../other", environment)
      assert.equal(5, code)
   end)

   it("refuses what it cannot read, and a missing secret, with one line and 2", function()
      local secret = { TUYA_ACCESS_SECRET = "x" }
      for line, environment in pairs {
         ["tuya diagnose /nowhere"] = secret,
         ["echo hello | tuya diagnose"] = secret,
         ["echo '{' | tuya diagnose"] = secret,
         ["echo '{\"metod\":\"GET\"}' | tuya diagnose"] = secret,
         ["tuya diagnose --server-time 5 examples/diagnose/body_not_signed.http"] = secret,
         ["tuya diagnose --secret-file /dev/null examples/diagnose/body_not_signed.http"] = {},
         ["tuya diagnose examples/diagnose/body_not_signed.http"] = {},
      } do
         local code, out, err = run(line, environment)
         assert.equal(2, code, line .. err)
         assert.equal("", out)
         assert.matches("^tuya: [^\n]+\n$", err)
      end
   end)
end)

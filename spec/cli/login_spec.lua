-- `tuya login`: a password from a terminal, unseen, or from stdin; an owner's code; and what the profile may do then.
local json = require("tuya.json")
local support = require("spec.cli.support")

if not pcall(require, "tuya.httpd") then
   describe("tuya login", function() pending("needs the module tuya.httpd") end)
   return
end

local run = support.run

local PASSWORD = "a house in 2024"
local BACK = "http://127.0.0.1/back"

describe("tuya login", function()
   local cloud, endpoint, tokens

   -- Profiles without a password: "home" of an app account, "anna" of an owner, "plain" of neither.
   local function configure()
      local function profile(login)
         return { access_id = support.ID, access_secret = support.SECRET, endpoint = endpoint, login = login }
      end
      local path = support.folder .. "/home/.config/tuya/config.json"
      support.write(path, json.encode {
         home = profile { username = "owner@example.com", country_code = 49, schema = "tuyaSmart" },
         anna = profile { account = "anna" }, plain = profile(nil), nobody = profile { schema = "x" },
      })
      os.execute("chmod 600 " .. path)
   end

   setup(function()
      support.open()
      cloud, endpoint = support.cloud("--callback-url", BACK)
      tokens = support.folder .. "/home/.config/tuya/tokens"
      configure()
   end)

   teardown(function()
      cloud:stop()
      support.close()
   end)

   before_each(function() os.execute("rm -f " .. tokens) end)

   it("takes the password from stdin, and other commands need none", function()
      local code, _, err = run("tuya devices --profile home")
      assert.equal(1, code)
      assert.matches("nobody is logged in", err)
      assert.matches("tuya login", err)
      local out
      code, out, err = run("echo '" .. PASSWORD .. "' | tuya login --profile home")
      assert.same({ 0, "" }, { code, err })
      assert.equal("bay1563811262429Simu\t120 min\t" .. endpoint .. "\n", out)
      assert.equal(0, (run("tuya devices --profile home")))
      assert.matches("bay1563811262429Simu", select(2, run("tuya token --profile home")))
      assert.matches("login +ok +user bay1563811262429Simu at " .. endpoint:gsub("%-", "%%-"),
         (select(2, run("tuya doctor --profile home --endpoint " .. endpoint)):gsub("\t", " ")))
      assert.matches("^%-rw%-%-%-%-%-%-%-", select(2, run("ls -l " .. tokens)))
   end)

   it("asks on a terminal, and shows nothing of what is typed", function()
      local out = support.folder .. "/typed"
      local code = run(("(until grep -q 'Password of' %s 2>/dev/null; do sleep 0.05; done; printf '%%s\\n' '%s') | "
         .. "script -qfec '%s/tuya login --profile home --json' %s >/dev/null"):format(
         out, PASSWORD, support.folder, out))
      local file = assert(io.open(out, "rb"))
      local text = file:read("*a")
      file:close()
      assert.equal(0, code, text)
      assert.matches("Password of owner@example.com: \r\n", text, 1, true)
      assert.matches('"uid": "bay1563811262429Simu"', text, 1, true)
      assert.is_nil(text:find(PASSWORD, 1, true))
   end)

   it("ends by Ctrl-C as a shell would say it, and the terminal shows again what is typed", function()
      local out = support.folder .. "/interrupted"
      local tuya = support.folder .. "/tuya login --profile home"
      local code = run(("(until grep -q 'Password of' %s 2>/dev/null; do sleep 0.05; done; printf 'half\\003') | "
         .. "script -qfec '%s; code=$?; stty -a | grep -o \" echo \"; exit $code' %s >/dev/null"):format(
         out, tuya, out))
      local file = assert(io.open(out, "rb"))
      local text = file:read("*a")
      file:close()
      assert.equal(130, code, text)
      assert.is_nil(text:find("half", 1, true))
      assert.matches(" echo ", text, 1, true)
   end)

   it("says what is wrong with a password, and leaves the token that is there", function()
      assert.equal(0, (run("echo '" .. PASSWORD .. "' | tuya login --profile home")))
      local code, _, err = run("echo wrong | tuya login --profile home")
      assert.equal(1, code)
      assert.matches("username or password wrong %(2401", err)
      assert.matches("country code", err)
      assert.equal(0, (run("tuya devices --profile home")))
   end)

   it("is what doctor asks for where nobody is logged in", function()
      local code, out = run("tuya doctor --profile home --endpoint " .. endpoint)
      assert.equal(1, code)
      assert.matches("login +problem +nobody is logged in[^\n]*\n +run tuya login\n", out)
      assert.matches("\ntoken +ok ", out) -- of the project, whose key this is
   end)

   it("takes an owner's code, or the address that brings it", function()
      local line = ("(until grep -q Open %s/page 2>/dev/null; do sleep 0.05; done; "
         .. "curl -s -o /dev/null -w '%%{redirect_url}\\n' \"$(sed 's/^Open //' %s/page)\") | "
         .. "tuya login --profile anna --redirect-uri %s 2>%s/page"):format(
         support.folder, support.folder, BACK, support.folder)
      local code, out = run(line)
      assert.equal(0, code)
      assert.matches("^bay1563811262429Simu\t", out)
      assert.equal(0, (run("tuya devices --profile anna")))
      local err
      local forged = "echo 'http://127.0.0.1/back?code=x&state=y' | "
      code, out, err = run(forged .. "tuya login --profile anna --redirect-uri " .. BACK)
      assert.equal("", out)
      assert.equal(2, code)
      assert.matches("its state is another", err)
      code, out, err = run("echo 0123456789abcdef | tuya login --profile anna")
      assert.equal("", out)
      assert.equal(1, code)
      assert.matches("the owner has to authorize again: code invalid", err)
      assert.equal(0, (run("tuya devices --profile anna")))
   end)

   it("is refused in one line where nobody can log in", function()
      for line, pattern in pairs {
         ["tuya login --profile plain"] = 'the profile has no "login"',
         ["tuya login --profile nobody"] = '"username", or "account"',
         ["tuya login --profile home"] = "nothing was given to log in with",
      } do
         local code, out, err = run(line)
         assert.same({ 2, "" }, { code, out })
         assert.matches("^tuya: [^\n]*" .. pattern .. "[^\n]*\n$", err)
      end
   end)
end)

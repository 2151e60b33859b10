-- Whose credentials the command takes: a profile, the environment, the profile "default".
local support = require("spec.cli.support")

local run = support.run

describe("the credentials of tuya", function()
   local path

   before_each(function()
      support.open()
      path = support.folder .. "/home/.config/tuya/config.json"
   end)

   after_each(support.close)

   local function configure(text, mode)
      support.write(path, text)
      os.execute("chmod " .. (mode or "600") .. " " .. path)
   end

   -- The access id that a signature carries: a token call is signed without asking anybody.
   local function id_of(arguments, environment)
      local code, out, err = run("tuya sign GET /v1.0/token " .. (arguments or ""), environment or {})
      return out:match("client_id: (%S+)") or ("%d %s"):format(code, err)
   end

   local TWO = '{"default":{"access_id":"first","access_secret":"s1","region":"eu"},'
      .. '"work":{"access_id":"second","access_secret":"s2","endpoint":"http://127.0.0.1:1"}}'

   it("are the profile that is named, the environment, the profile default, in this order", function()
      configure(TWO)
      local environment = { TUYA_ACCESS_ID = "third", TUYA_ACCESS_SECRET = "s3" }
      assert.equal("second", id_of("--profile work", environment))
      assert.equal("third", id_of("", environment))
      assert.equal("first", id_of())
   end)

   it("are refused when others can read the file", function()
      for _, mode in ipairs { "640", "604", "620" } do
         configure(TWO, mode)
         assert.matches("^2 tuya: [^\n]*config.json: others may read it[^\n]*\n$", id_of())
      end
      configure(TWO, "400")
      assert.equal("first", id_of())
   end)

   it("are looked for in XDG_CONFIG_HOME first", function()
      configure(TWO)
      assert.matches("^2 tuya: no credentials: set TUYA_ACCESS_ID[^\n]*/nowhere/tuya/config.json\n$",
         id_of("", { XDG_CONFIG_HOME = "/nowhere" }))
   end)

   it("name what is wrong with them in one line, without the secret", function()
      for text, pattern in pairs {
         ['{"default":{"access_id":"a","acces_secret":"hush"}}'] = "did you mean access_secret",
         ['{"default":{"access_id":"a"}}'] = "both needed",
         ['{"default":{"access_id":5,"access_secret":"hush"}}'] = "access_id: string expected",
         ['{"defaul":{"access_id":"a","access_secret":"hush"}}'] = "default: unknown profile",
         ['{"default":"hush"'] = "not JSON",
         ['[]'] = "unknown profile",
      } do
         configure(text)
         assert.matches("^2 tuya: [^\n]*" .. pattern .. "[^\n]*\n$", id_of())
         assert.is_nil(id_of():find("hush", 1, true))
      end
   end)

   it("come whole or not at all from the environment", function()
      configure(TWO)
      assert.matches("belong together", id_of("", { TUYA_ACCESS_ID = "x" }))
      assert.matches("belong together", id_of("", { TUYA_ACCESS_SECRET = "x" }))
   end)

   it("may be called elsewhere than the profile says", function()
      configure(TWO)
      local _, out = run("tuya sign GET /v1.0/token --curl --region in --profile work", {})
      assert.matches("https://openapi.tuyain.com/v1.0/token", out, 1, true)
      _, out = run("tuya sign GET /v1.0/token --curl --profile work", {})
      assert.matches("http://127.0.0.1:1/v1.0/token", out, 1, true)
   end)
end)

-- The command against a simulated cloud in a process of its own, through pipes and in a pseudo-terminal.
local json = require("tuya.json")
local support = require("spec.cli.support")

if not pcall(require, "tuya.httpd") then
   describe("tuya", function() pending("needs the module tuya.httpd") end)
   return
end

local SOCKET = support.SOCKET
local run, terminal = support.run, support.terminal

describe("tuya", function()
   local cloud, endpoint

   setup(function()
      support.open()
      cloud, endpoint = support.cloud()
      support.environment = support.project(endpoint)
   end)

   teardown(function()
      cloud:stop()
      support.close()
   end)

   local function assert_line(code, pattern, line, environment)
      local got, out, err = run(line, environment)
      assert.equal(code, got, err)
      assert.equal("", out)
      assert.matches("^tuya: [^\n]*" .. pattern .. "[^\n]*\n", err)
      assert.is_nil(err:find("traceback", 1, true))
   end

   it("gets, with a query, and writes one line of JSON into a pipe", function()
      local code, out, err = run("tuya get /v1.0/devices page_size=2 page_no=1")
      assert.equal(0, code, err)
      assert.matches("^[^\n]+\n$", out)
      assert.equal(2, #json.decode(out).devices)
   end)

   it("indents on a terminal", function()
      local code, out = terminal("get /v1.0/devices/" .. SOCKET)
      assert.equal(0, code)
      assert.matches('\n  "category": "cz",?\n', out) -- the cloud's order; it may be the last
      assert.equal("Socket", json.decode(out).name)
   end)

   it("posts a body from an argument, a file and stdin", function()
      local path = "/v1.0/devices/" .. SOCKET .. "/commands"
      local body = '{"commands":[{"code":"countdown_1","value":%d}]}'
      support.write(support.folder .. "/body", body:format(2))
      for i, line in ipairs {
         ("tuya post %s '%s'"):format(path, body:format(1)),
         ("tuya post %s @%s/body"):format(path, support.folder),
         ("echo '%s' | tuya post %s -"):format(body:format(3), path),
      } do
         local code, out, err = run(line)
         assert.equal(0, code, err)
         assert.equal("true\n", out)
         assert.equal(i, json.decode((select(2, run("tuya status --json " .. SOCKET)))).countdown_1)
      end
   end)

   it("puts and deletes", function()
      assert.equal(0, (run(("tuya put /v1.0/devices/%s '{\"name\":\"Kettle\"}'"):format(SOCKET))))
      assert.matches("Kettle", (select(2, run("tuya devices"))))
      assert.equal(0, (run(("tuya put /v1.0/devices/%s '{\"name\":\"Socket\"}'"):format(SOCKET))))
      assert.equal(0, (run("tuya delete /v1.0/devices/vdevo161563811262433")))
      assert_line(1, "1106", "tuya get /v1.0/devices/vdevo161563811262433")
   end)

   it("lists devices: tabs in a pipe, a table on a terminal, JSON when asked", function()
      local _, out = run("tuya devices")
      assert.matches("^vdevo161563811262429\tcz\tonline\tSocket\n", out)
      _, out = terminal("devices")
      assert.matches("ID  +CATEGORY  STATE +NAME", out)
      assert.matches("\nvdevo161563811262429  cz +online +Socket\n", out)
      _, out = run("tuya devices --json")
      assert.equal("Socket", json.decode(out)[1].name)
      assert.equal("[", out:sub(1, 1))
   end)

   it("colours on a terminal only, and not with NO_COLOR", function()
      assert.matches("\27%[1mID", (select(2, terminal("devices"))))
      assert.is_nil((select(2, run("tuya devices"))):find("\27", 1, true))
      local plain = support.project(endpoint)
      plain.NO_COLOR = "1"
      assert.is_nil((select(2, terminal("devices", plain))):find("\27[1m", 1, true))
   end)

   it("shows how far a listing is, on stderr of a terminal, and takes it away", function()
      local _, out = terminal("devices")
      assert.matches("%d+ devices%.%.%.", out)
      assert.matches("\r\27%[K\27%[1mID", out)
      assert.equal("", (select(3, run("tuya devices"))))
   end)

   it("types what it sends by what the device takes", function()
      local code, out, err = run(("tuya send %s switch=on countdown_1=600"):format(SOCKET))
      assert.equal(0, code, err)
      assert.equal("", out .. err)
      local status = json.decode((select(2, run("tuya status --json " .. SOCKET))))
      assert.same({ true, 600 }, { status.switch, status.countdown_1 })
      assert.equal(0, (run("tuya send vdevo161563811262430 work_mode=colour "
         .. "'colour_data_v2={\"h\":1,\"s\":2,\"v\":3}'")))
   end)

   it("shows states in the device's unit, as they are sent", function()
      assert.equal(0, (run("tuya send vdevo161563811262431 temp_set=22.5 mode=manual")))
      local _, out = run("tuya status vdevo161563811262431")
      assert.matches("\ntemp_set\t22.5\n", out)
      assert.matches("\nmode\tmanual\n", out)
      assert.equal(22.5, json.decode((select(2, run("tuya status --json vdevo161563811262431")))).temp_set)
      assert.matches("CODE +VALUE.*\ntemp_set +22.5\n", (select(2, terminal("status vdevo161563811262431"))))
      assert.equal(225, json.decode((select(2, run(
         "tuya get /v1.0/devices/vdevo161563811262431/status"))))[3].value)
   end)

   it("refuses what the device would not take, before it is sent", function()
      assert_line(2, "did you mean switch", ("tuya send %s swich=true"):format(SOCKET))
      assert_line(2, "switch: true or false expected, got \"maybe\"", ("tuya send %s switch=maybe"):format(SOCKET))
      assert_line(2, "a whole number from 0 to 86400", ("tuya send %s countdown_1=86401"):format(SOCKET))
      assert_line(2, "the nearest legal value is 21.5", "tuya send vdevo161563811262431 temp_set=21.57")
      assert_line(2, "one of white", "tuya send vdevo161563811262430 work_mode=disco")
      assert_line(2, "only reports", ("tuya send %s cur_power=1"):format(SOCKET))
      assert_line(2, "name=value expected, not 'switch'", ("tuya send %s switch"):format(SOCKET))
   end)

   it("signs: what curl is told is accepted, and the secret is in none of it", function()
      local code, out, err = run(("tuya sign POST /v1.0/devices/%s/commands --curl --body "
         .. "'{\"commands\": [{\"code\":\"switch\",\"value\":false}]}'"):format(SOCKET))
      assert.equal(0, code, err)
      assert.matches("^curl ", out)
      assert.is_nil(out:find(support.SECRET, 1, true))
      local _, answer = run((out:gsub("^curl ", "curl -s "))) -- as a child without the sanitizers' preloads
      assert.is_true(json.decode(answer).success)
   end)

   it("signs with a token from a file without asking anybody", function()
      support.write(support.folder .. "/token", "0123456789abcdef0123456789abcdef\n")
      local code, out, err = run("tuya sign get '/v1.0/devices?a=b' --token-file $HOME/../token",
         { TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = support.SECRET })
      assert.equal(0, code, err)
      assert.matches("access_token: 0123456789abcdef0123456789abcdef\n", out)
      assert.matches("sign: %x+\n", out)
      assert.equal(64, #out:match("sign: (%x+)"))
   end)

   it("asks for the token, and shows it whole only when told to", function()
      local _, whole = run("tuya token --show")
      assert.matches("^%x+\n$", whole)
      local _, out = run("tuya token --json")
      assert.equal(whole:sub(1, 4) .. "...", json.decode(out).access_token)
      assert.is_true(json.decode(out).expire_time <= 7200)
      _, out = run("tuya token")
      assert.is_nil(out:find(whole:match("%x+"), 1, true))
   end)

   it("lists the regions without credentials", function()
      local code, out = run("tuya regions", {})
      assert.equal(0, code)
      assert.matches("\neu\thttps://openapi.tuyaeu.com\n", out)
      assert.equal("https://openapi.tuyaeu.com", json.decode((select(2, run("tuya regions --json", {})))).eu)
   end)

   it("ends with 1 and advice when the cloud refuses, with 3 when it cannot be reached", function()
      assert_line(1, "uri path invalid %(1108", "tuya get /v1.0/nothing")
      assert.matches("\n      no such path", (select(3, run("tuya get /v1.0/nothing"))))
      assert_line(1, "1004", "tuya token", { TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = "another",
         TUYA_ENDPOINT = endpoint })
      assert_line(3, "connect", "tuya get /v1.0/devices --endpoint http://127.0.0.1:1")
   end)

   for line, pattern in pairs {
      ["tuya get nowhere"] = "path: must begin",
      ["tuya get /v1.0/devices page_size"] = "name=value expected",
      ["tuya get /v1.0/devices a=1 a=2"] = '"a" is given twice',
      ["tuya get"] = "missing argument 'path'",
      ["tuya post /v1.0/x '{'"] = "the body is not JSON",
      ["tuya post /v1.0/x @/nowhere"] = "/nowhere: No such file",
      ["tuya get /v1.0/x --endpoint ftp://x"] = "endpoint:",
      ["tuya get /v1.0/x --region mars"] = "must be one of 'cn'",
      ["tuya get /v1.0/x --profile home"] = "config.json: No such file",
      ["tuya status 'a/b'"] = "id:",
      ["tuya sign EAT /v1.0/token"] = "method",
      ["tuya sign GET /v1.0/x --token-file /nowhere"] = "/nowhere",
   } do
      it("refuses " .. line:gsub("^tuya ", "") .. " with one line and 2", function()
         assert_line(2, pattern, line)
      end)
   end

   it("signs a HEAD so that curl does not wait for a body", function()
      assert.matches("^curl [^\n]*%-%-head ", (select(2, run("tuya sign head /v1.0/devices --curl"))))
   end)

   it("ends by Ctrl-C without a word, in the middle of a call", function()
      local hanging, slow = support.cloud("--fault", "GET /v1.0/devices: hang",
         "--log", support.folder .. "/seen")
      local code, out, err = run([[
         $HOME/../tuya get /v1.0/devices &
         child=$!
         tries=0
         until grep -q devices $HOME/../seen || [ $tries -ge 500 ]; do tries=$((tries + 1)); sleep 0.02; done
         kill -INT $child; wait $child]], support.project(slow))
      hanging:stop()
      assert.equal("130 ", code .. " " .. out .. err)
   end)

   it("says when it cannot write", function()
      local code, _, err = run("tuya regions > /dev/full", {})
      assert.equal(2, code)
      assert.matches("^tuya: cannot write: No space left on device\n$", err)
   end)
end)

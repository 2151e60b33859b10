-- `tuya watch`: events on stdout, how the stream stands on stderr.
local child = require("spec.support.child")
local json = require("tuya.json")
local support = require("spec.cli.support")

if not pcall(require, "tuya.websocket") then
   pending("tuya.websocket is not built: libwslay is not there")
   return
end

-- Starts `tuya watch`, waits until it has said what is expected on stderr, runs a line, and ends it by Ctrl-C.
local SCRIPT = [[
%s/tuya watch %s >%s/events 2>%s/told &
watcher=$!
for i in $(seq 100); do grep -q '%s' %s/told && break; sleep 0.1; done
sleep 0.2
%s
kill -INT $watcher
wait $watcher
code=$?
cat %s/events
cat %s/told >&2
exit $code]]

local function watch(words, expected, line)
   local folder = support.folder
   return support.run(SCRIPT:format(folder, words, folder, folder, expected, folder, line, folder, folder))
end

describe("tuya watch", function()
   local cloud, endpoint

   setup(function()
      support.open()
      cloud, endpoint = support.cloud()
      support.environment = {
         TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = support.SECRET, TUYA_ENDPOINT = endpoint,
      }
   end)

   teardown(function()
      cloud:stop()
      support.close()
   end)

   it("writes a line for each event, and ends by Ctrl-C without a traceback #once", function()
      local code, out, err = watch("", "connected", "tuya send " .. support.SOCKET
         .. " switch=true countdown_1=60; for i in $(seq 50); do [ -s " .. support.folder
         .. "/events ] && break; sleep 0.1; done")
      assert.equal(130, code)
      local time = "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ "
      assert.matches(time .. support.SOCKET .. " status countdown_1=60 switch=true\n$", out)
      assert.equal("tuya: connected\n", err)
   end)

   it("writes JSON for those devices that are named #once", function()
      local line = ("tuya send vdevo161563811262430 switch_led=false; tuya send %s switch=false; "
         .. "for i in $(seq 50); do [ -s %s/events ] && break; sleep 0.1; done"):format(support.SOCKET, support.folder)
      local code, out = watch("--json " .. support.SOCKET, "connected", line)
      assert.equal(130, code)
      local event = assert(json.decode(out))
      assert.same({ switch = false }, event.changes)
      assert.same({ "status", support.SOCKET, "pulsar" }, { event.kind, event.device, event.via })
      assert.equal(support.SOCKET, event.raw.devId)
   end)

   it("names a device that the project does not have, and goes on #once", function()
      local code, _, err = watch("nosuchdevice " .. support.SOCKET, "connected", "true")
      assert.equal(130, code)
      assert.matches("the project has no device nosuchdevice", err)
      assert.is_nil(err:find(support.SOCKET, 1, true))
      local wrong, _, why = support.run("tuya watch 'no id'")
      assert.equal(2, wrong)
      assert.matches("no id at 1", why)
   end)

   it("shows a change once that comes in both families, twice and encrypted otherwise #once", function()
      local other, its_endpoint = support.cloud("--messages", "family=both em=aes_gcm duplicates=1")
      support.environment.TUYA_ENDPOINT = its_endpoint
      local _, out = watch("", "connected", ("tuya send %s countdown_1=7; tuya send %s countdown_1=8; "
         .. "for i in $(seq 50); do grep -q =8 %s/events && break; sleep 0.1; done; sleep 0.3"):format(
         support.SOCKET, support.SOCKET, support.folder))
      support.environment.TUYA_ENDPOINT = endpoint
      other:stop()
      assert.equal(2, select(2, out:gsub("\n", "")))
      assert.matches("countdown_1=7\n.*countdown_1=8\n$", out)
   end)

   it("shows what comes by a broker, to which the simulated cloud publishes #once", function()
      local broker = require("spec.support.mosquitto")
      local missing = broker.missing() or not pcall(require, "tuya.mqtt") and "tuya.mqtt is not built"
      if missing then return pending(missing) end
      local server = broker.start()
      local code, _, err = support.run("tuya simulate --mqtt localhost:" .. server.port)
      assert.equal(2, code)
      assert.matches("username: missing", err)
      local other = child.start(child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet",
         "--mqtt", "localhost:" .. server.port, "--mqtt-ca", server.ca_file },
         child.command { "TUYA_ACCESS_ID=" .. support.ID, "TUYA_ACCESS_SECRET=" .. support.SECRET,
            "TUYA_MQTT_USERNAME=" .. broker.USER, "TUYA_MQTT_PASSWORD=" .. broker.PASSWORD })
      support.environment.TUYA_ENDPOINT = "http://127.0.0.1:" .. other.line
      support.environment.TUYA_CA_FILE = server.ca_file
      local out
      code, out, err = watch("--via mqtt", "connected", ("tuya send %s countdown_1=9; "
         .. "for i in $(seq 50); do grep -q =9 %s/events && break; sleep 0.1; done"):format(support.SOCKET,
         support.folder))
      support.environment.TUYA_ENDPOINT, support.environment.TUYA_CA_FILE = endpoint, nil
      other:stop()
      server.stop()
      assert.equal(130, code, err)
      assert.matches(support.SOCKET .. " status countdown_1=9\n$", out)
   end)

   it("is refused when it is told to push in a way that it cannot #once", function()
      for words, message in pairs {
         ["family=all"] = 'family: "old", "new" or "both"',
         ["late"] = "name=value expected",
         ["speed=7"] = "unknown option",
      } do
         local code, _, err = support.run("tuya simulate --messages '" .. words .. "'")
         assert.equal(2, code)
         assert.is_truthy(err:find(message, 1, true), err)
      end
   end)

   it("says why nothing comes, and tries again #once", function()
      support.environment.TUYA_ACCESS_SECRET = ("x"):rep(32)
      local code, out, err = watch("", "again in", "true")
      support.environment.TUYA_ACCESS_SECRET = support.SECRET
      assert.equal(130, code)
      assert.equal("", out)
      assert.matches("^tuya: HTTP 401: the server does not open a WebSocket; again in %d s\n", err)
      assert.matches("check the access id and secret", err)
      assert.is_nil(err:find("xxxx", 1, true))
   end)
end)

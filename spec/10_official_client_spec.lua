-- The official Node client agrees with the simulated cloud, where it is right; and is refused where it is wrong.
local child = require("spec.support.child")
local json = require("tuya.json")

-- Where `make test` puts the package; nil when npm is not there.
local MODULES = os.getenv("TUYA_NODE_MODULES")

local PROGRAM = [[
const { TuyaContext } = require(process.argv[1] + "/@tuya/tuya-connector-nodejs");
const tuya = new TuyaContext({ baseUrl: process.argv[2], accessKey: "simulated1", secretKey: "secret1" });
const device = "/v1.0/devices/vdevo161563811262429";
async function main() {
  const calls = {
    query: { method: "GET", path: "/v1.0/devices", query: { page_size: 2, device_ids: "vdevo161563811262429" } },
    status: { method: "GET", path: device + "/status" },
    commands: { method: "POST", path: device + "/commands", body: { commands: [{ code: "switch", value: true }] } },
    put: { method: "PUT", path: device, body: { name: "客厅" } },
    header: { method: "GET", path: device, headers: { area_id: "x" } },
    remove: { method: "DELETE", path: device },
  };
  const answers = {};
  for (const name of Object.keys(calls)) answers[name] = await tuya.request(calls[name]);
  console.log(JSON.stringify(answers));
}
main().catch((e) => { console.log(JSON.stringify({ error: String(e) })); });
]]

describe("the official Node client", function()
   if not MODULES then
      pending("npm is not there: set TUYA_NODE_MODULES, or run make test where npm is")
      return
   end

   it("is accepted with a token, queries and bodies, and refused with a signed header", function()
      local words = { os.getenv("LUA"), "bin/tuya", "simulate" }
      local cloud = child.start(child.command(words), "TUYA_ACCESS_ID=simulated1 TUYA_ACCESS_SECRET=secret1")
      local pipe = io.popen(child.command { "node", "-e", PROGRAM, MODULES, "http://127.0.0.1:" .. cloud.line })
      local text = pipe:read("*a")
      pipe:close()
      local log = cloud:errors()
      cloud:stop()
      local answers = assert(json.decode(text:match("[^\n]*\n$") or text))
      assert.is_nil(answers.error)
      for _, name in ipairs { "query", "status", "commands", "put", "remove" } do
         assert.is_true(answers[name].success, name .. ": " .. text .. log)
      end
      -- it names the header in Signature-Headers and signs an empty block
      assert.is_false(answers.header.success)
      assert.equal(1004, answers.header.code)
      assert.equal("vdevo161563811262429", answers.query.result.devices[1].id)
   end)
end)

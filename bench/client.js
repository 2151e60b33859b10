// client.js: what one call costs in the official Node connector:  client.js ENDPOINT COUNT
// The calls of client.lua: a token, then POSTs one after the other over Node's own kept connections. COUNT 0:
// says "ready" once the first call is answered, and ends (the cold start). Otherwise prints the CPU microseconds
// of one call, user and system of all threads, after two warm-ups of a fifth and a whole run.
// A private authority comes by NODE_EXTRA_CA_CERTS.
const { TuyaContext } = require("@tuya/tuya-connector-nodejs");

const input = (name) => process.env["BENCH_" + name];
const [, , baseUrl, given] = process.argv;
const count = Number(given);
const context = new TuyaContext({ baseUrl, accessKey: input("ID"), secretKey: input("SECRET") });
const path = input("PATH");
const body = {
  commands: [
    { code: "switch_1", value: true },
    { code: "countdown_1", value: 36000 },
    { code: "child_lock", value: false },
  ],
};

async function post(times) {
  for (let i = 0; i < times; i++) {
    const answer = await context.request({ method: "POST", path, body });
    if (answer.result !== true) throw new Error("not the answer that was expected");
  }
}

(async () => {
  await post(1);
  if (count === 0) {
    console.log("ready");
    return;
  }
  await post(count / 5);
  await post(count);
  const start = process.cpuUsage();
  await post(count);
  const { user, system } = process.cpuUsage(start);
  console.log(((user + system) / count).toFixed(2));
})();

// sign.js: what one signature costs in the official Node connector:  sign.js COUNT
// Its getSignHeaders for the same POST: JSON of the body, hash, mac, headers; own clock, no nonce.
// Prints the CPU nanoseconds of one, all threads of the process, after two warm-ups as long as the run.
const { TuyaOpenApiClient } = require("@tuya/tuya-connector-nodejs/lib/core/client.js");

const input = (name) => process.env["BENCH_" + name];
const count = Number(process.argv[2]);
const path = input("PATH"), token = input("TOKEN"), body = JSON.parse(input("BODY"));
const store = { getAccessToken: async () => token, setTokens: async () => true };
const client = new TuyaOpenApiClient({
  baseUrl: "http://127.0.0.1", accessKey: input("ID"), secretKey: input("SECRET"), store,
});

async function run() {
  let signed;
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) signed = await client.getSignHeaders(path, "POST", {}, body);
  const { user, system } = process.cpuUsage(start);
  return [(user + system) * 1000 / count, signed.sign];
}

(async () => {
  await run();
  await run();
  const [ns, sign] = await run();
  console.log(ns.toFixed(1), sign);
})();

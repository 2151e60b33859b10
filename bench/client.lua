-- client.lua: what one call of the client costs:  client.lua ENDPOINT COUNT [CA_FILE]
-- The public way: tuya.client, whose first call gets a token, then client:post with a table as the body; JSON is
-- written and read. COUNT 0: says "ready" once the first call is answered, and ends (the cold start). Otherwise
-- prints the CPU microseconds of one call, user and system, after a fifth more as a warm-up.

local tuya = require("tuya")

local endpoint, count, ca_file = arg[1], tonumber(arg[2]), arg[3]

local function input(name)
   return (assert(os.getenv("BENCH_" .. name), name))
end

local client = tuya.client {
   access_id = input("ID"),
   access_secret = input("SECRET"),
   endpoint = endpoint,
   ca_file = ca_file,
}
local path = input("PATH")
local body = {
   commands = {
      { code = "switch_1", value = true },
      { code = "countdown_1", value = 36000 },
      { code = "child_lock", value = false },
   },
}

local function post()
   assert(client:post(path, body) == true)
end

post()
if count == 0 then
   print("ready")
   io.stdout:flush()
else
   for _ = 1, count / 5 do post() end
   local start = os.clock()
   for _ = 1, count do post() end
   print(("%.2f"):format((os.clock() - start) * 1e6 / count))
end
client:close()

-- storm.lua: calls started and cancelled at random points, functions that raise, clients closed and dropped and states
-- ended with calls in flight; all garbage is collected at every tick. Each call must be told of, once, and none may end
-- at its timeout, for the server answers at once; what else may go wrong is for a sanitizer or valgrind to see.
local child = require("spec.support.child")
local curl = require("tuya.transport.curl")
local random = require("spec.support.random")
local scheduler = require("tuya.scheduler")
local tuya = require("tuya")

local storm = {}

local PATHS = { "/saw", "/saw", "/saw", "/silent", "/big", "/v1.0/token" }
local AT_ONCE = 200 -- calls of a client

local function connect(draw, server, transport)
   return tuya.client {
      access_id = "id", access_secret = "secret", endpoint = draw(2) == 1 and server.http or server.https,
      ca_file = not transport and server.ca_file or nil, proxy = not transport and "" or nil,
      max_connections = not transport and ({ 1, 4, 32 })[draw(3)] or nil,
      max_reply = not transport and 1024 * 1024 or nil, retries = draw(2) - 1, timeout = 60, transport = transport,
   }
end

--- How often something happened: `ticks`, and each end that calls came to.
storm.tally = {}

local function count(what)
   storm.tally[what] = (storm.tally[what] or 0) + 1
end

local function tick(client, max_wait)
   collectgarbage()
   count("ticks")
   return client:tick(max_wait)
end

-- Starts calls, cancels some of those in flight, ticks; a function that says whether each was told of, once.
local function rage(draw, client, calls)
   local handles, told = {}, {}
   local function begin(i)
      local method, body = "GET", nil
      if draw(3) == 1 then method, body = "POST", { i = i } end
      local spec = { method = method, path = PATHS[draw(#PATHS)], body = body }
      handles[i] = client:start(spec, function(result, _, info)
         count(result and "answered" or info.code == "timeout" and "timeout" or info.kind)
         told[i] = (told[i] or 0) + 1
         handles[i] = nil
         if draw(20) == 1 then collectgarbage() end
         if draw(20) == 1 then error("of its own") end
      end)
   end
   for i = 1, calls do
      begin(i)
      local victim = handles[draw(i)]
      if victim and draw(2) == 1 then victim:cancel() end
      if draw(4) == 1 then tick(client, draw(4) == 1 and 0.001 or 0) end
   end
   return function()
      for i = 1, calls do
         if told[i] ~= 1 then error(("call %d of %d was told of %s times"):format(i, calls, told[i] or 0)) end
      end
   end
end

--- So many calls, by clients that are closed in the middle or when all is done.
function storm.cancel(server, calls)
   local draw, left = random.new(20261126), calls
   while left > 0 do
      local n = math.min(left, AT_ONCE)
      local client = connect(draw, server)
      local check = rage(draw, client, n)
      if draw(3) > 1 then
         while tick(client, 0.05) > 0 do end -- luacheck: ignore 542
      end
      client:close() -- often with calls in flight
      check()
      left = left - n
      if left > 0 and left % 10000 == 0 then print(left .. " calls to go") end
   end
   assert(not storm.tally.timeout, "calls ended at their timeouts")
end

--- So many calls, by clients of one transport; it works afterwards.
function storm.share(server, calls)
   local draw = random.new(7)
   local transport = curl.new { endpoint = server.http, proxy = "" }
   for _ = 1, calls / 20 do
      local client = connect(draw, server, transport)
      local check = rage(draw, client, 20)
      client:close()
      check()
   end
   local sealed = tuya.sign({ method = "GET", path = "/saw" }, { access_id = "id", key = tuya.key("secret") })
   assert(assert(transport:send(sealed)).status == 200)
   transport:close()
end

--- So many clients that nobody holds any more.
function storm.drop(server, clients)
   local draw = random.new(11)
   for _ = 1, clients do
      local client = connect(draw, server)
      local tasks = scheduler.new(client)
      for _ = 1, 5 do tasks:spawn(function() client:get("/saw") end) end
      for _ = 1, draw(4) do tick(tasks, 0.001) end
   end
   collectgarbage()
   collectgarbage()
end

local SCRIPT = [[
   local client = require("tuya").client { access_id = "id", access_secret = "secret", endpoint = %q, proxy = "" }
   local tasks = require("tuya.scheduler").new(client)
   for _ = 1, 8 do client:start({ method = "GET", path = "/saw" }, print) end
   tasks:spawn(function() client:get("/saw") end)
   for _ = 1, tonumber(arg[1]) do tasks:tick(0.001) end
   io.stderr:write("at its end\n")]]

--- States that end after a few ticks.
function storm.finish(server)
   local path = os.tmpname()
   local file = assert(io.open(path, "w"))
   file:write(SCRIPT:format(server.http))
   file:close()
   for ticks = 0, 4 do
      local pipe = io.popen(child.command { os.getenv("LUA"), path, ticks .. "" } .. " 2>&1 >/dev/null; echo $?")
      local text = pipe:read("*a"):gsub("^==%d+==[^\n]*\n", "")
      pipe:close()
      assert(text == "at its end\n0\n", text)
   end
   os.remove(path)
end

return storm

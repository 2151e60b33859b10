-- Secrets: in memory and in the two headers that carry token and signature, and nowhere else.
local child = require("spec.support.child")
local cloud = require("spec.support.cloud")
local has_inspect, inspect = pcall(require, "inspect") -- Debian has it for 5.1 to 5.3 only
if not has_inspect then inspect = require("pl.pretty").write end
local tuya = require("tuya")

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET

-- Everything that pairs, metatables and tostring reach, as one text.
local function dump(value, seen)
   seen = seen or {}
   if type(value) ~= "table" then return tostring(value) end
   if seen[value] then return "" end
   seen[value] = true
   local parts = { tostring(value) }
   for k, v in next, value do parts[#parts + 1] = dump(k, seen) .. "=" .. dump(v, seen) end
   local metatable = debug.getmetatable(value)
   if type(metatable) == "table" then parts[#parts + 1] = dump(metatable, seen) end
   return table.concat(parts, "\n")
end

-- The tokens that the cloud has handed out.
local function tokens(made)
   local found = {}
   for _, request in ipairs(made.transport.requests) do
      if request.headers.access_token then found[request.headers.access_token] = true end
      local refresh = request.target:match("/token/(%x+)")
      if refresh then found[refresh] = true end
   end
   return found
end

local function assert_clean(text, made)
   assert.is_nil(text:find(cloud.SECRET, 1, true))
   local n = 0
   for token in pairs(tokens(made)) do
      n = n + 1
      assert.is_nil(text:find(token, 1, true), "a token in: " .. text)
   end
   assert.is_true(n > 0)
end

describe("secrets", function()
   it("are in no dump of client, device and key", function()
      local made = cloud.new({ proxy = "http://user:s3cr3tpassword@proxy" })
      assert(made.client:get(DEVICE))
      local key = tuya.key(cloud.SECRET)
      local device = made.client:device(cloud.SOCKET)
      local handle = made.client:start({ method = "GET", path = DEVICE }, function() end)
      local tasks = require("tuya.scheduler").new(made.client)
      local task = tasks:spawn(function() return made.client:get(DEVICE) end)
      tasks:tick()
      local text = ""
      for _, value in ipairs { made.client, device, key, handle, tasks, task } do
         text = text .. dump(value) .. inspect({ value }) .. tostring(value)
      end
      assert_clean(text, made)
      assert.is_nil(text:find("s3cr3tpassword", 1, true))
   end)

   it("are in no dump of a transport over libcurl", function()
      local transport = require("tuya.transport.curl").new {
         endpoint = "http://127.0.0.1:1", proxy = "http://user:s3cr3tpassword@127.0.0.1:1",
      }
      local _, message, detail = transport:send(tuya.sign({ method = "GET", path = "/x" },
         { access_id = "id", key = tuya.key("secret"), access_token = "t0k3n" }))
      local text = dump(transport) .. inspect({ transport }) .. message .. dump(detail)
      assert.is_nil(text:find("s3cr3tpassword", 1, true))
      assert.is_nil(text:find("t0k3n", 1, true))
   end)

   it("are in no message about a proxy that libcurl cannot understand", function()
      for _, proxy in ipairs { "http://user:S3CR ETpw@h:1", "http://user:S3CRETpw@h:99999", "bad://user:S3CR@h:1" } do
         local transport = require("tuya.transport.curl").new { endpoint = "http://127.0.0.1:1", proxy = proxy }
         local _, message, detail = transport:send(tuya.sign({ method = "GET", path = "/x" },
            { access_id = "id", key = tuya.key("secret") }))
         assert.is_nil((message .. dump(detail)):find("S3CR", 1, true), message)
      end
   end)

   it("are not in tostring of a sealed refresh, nor in a path with a slash in the token", function()
      local sealed = tuya.sign({ method = "GET", path = "/v1.0/token/r3fr3sht0k3n" },
         { access_id = "id", key = tuya.key("secret") })
      assert.is_nil(tostring(sealed):find("r3fr3sht0k3n", 1, true))
      assert.equal("/v1.0/token/r...", require("tuya.errors").mask_path("/v1.0/token/r/../x"))
   end)

   it("are in no dump of the memory store", function()
      local made = cloud.new()
      assert(made.client:get(DEVICE))
      assert_clean(dump(made.store) .. inspect({ made.store }), made)
   end)

   it("are in no message, detail or log event, whatever fails", function()
      local heard = {}
      local refusals = 0
      local made = cloud.new({ log = function(event) heard[#heard + 1] = dump(event) end }, function(request, answer)
         -- a token that is refused while asking hands it out again leads to a refresh, which fails
         if request.target:find("/token/", 1, true) then return nil, "reset", "maybe" end
         if request.target:find(DEVICE, 1, true) then
            refusals = refusals + 1
            if refusals > 1 then
               local body = '{"success":false,"code":1010,"msg":"token invalid","t":1,"tid":"x"}'
               return { status = 200, headers = {}, body = body }
            end
         end
         return answer()
      end)
      assert(made.client:get(DEVICE))
      local _, message, detail = made.client:get(DEVICE)
      assert.matches("GET /v1.0/token/%x%x%x%x%.%.%.: ", message)
      local text = message .. dump(detail) .. tostring(detail) .. inspect({ detail })
      assert_clean(text .. table.concat(heard, "\n"), made)
   end)

   describe("of who logs in", function()
      local UID, PASSWORD = "bay1563811262429Simu", "a house in 2024"
      local DIGEST = require("tuya.core").md5(PASSWORD)
      local ACCOUNT = { username = "owner@example.com", password = PASSWORD, country_code = 49, schema = "tuyaSmart" }

      -- A client, what its log heard, and a function that fails where the text holds a secret or a whole token.
      local function logged(login, intercept)
         local heard = {}
         local made = cloud.new({ login = login, log = function(event) heard[#heard + 1] = dump(event) end }, intercept)
         return made, function(text)
            text = text .. table.concat(heard, "\n")
            text = text .. dump(made.client) .. inspect({ made.client }) .. dump(made.store)
            for _, secret in ipairs { PASSWORD, DIGEST, login.code or PASSWORD } do
               assert.is_nil(text:find(secret, 1, true), text)
            end
            assert_clean(text, made)
         end
      end

      it("are in no dump, log or store", function()
         local made, check = logged(ACCOUNT)
         assert(made.client:get(DEVICE))
         made.transport:sleep(7201)
         assert(made.client:get(DEVICE))
         check(inspect({ made.store }))
      end)

      it("are in no text of a file store but the tokens", function()
         local path = os.tmpname()
         os.remove(path)
         local made = cloud.new { login = ACCOUNT, store = "file:" .. path }
         assert(made.client:get(DEVICE))
         local file = assert(io.open(path, "rb"))
         local text = file:read("*a")
         file:close()
         os.remove(path)
         os.remove(path .. ".lock")
         for _, secret in ipairs { PASSWORD, DIGEST, ACCOUNT.username, cloud.SECRET } do
            assert.is_nil(text:find(secret, 1, true))
         end
         assert.is_truthy(text:find(made.transport.requests[2].headers.access_token, 1, true))
      end)

      it("are in no message or detail of a log-in or refresh that fails", function()
         local made, check = logged(ACCOUNT, function(request, answer)
            if request.target:find("/token/", 1, true) then
               return { status = 200, headers = {}, body = '{"success":false,"code":1010,"msg":"token invalid","t":1}' }
            end
            return answer()
         end)
         assert(made.client:get(DEVICE))
         made.simulator:expire_login(UID, true)
         local project = made.simulator._projects
         project.accounts[1].account.digest = "changed"
         local _, message, detail = made.client:get(DEVICE)
         assert.equal(2401, detail.code)
         check(message .. dump(detail) .. inspect({ detail }))
      end)

      it("are in no message about a code or a refresh token that is used up", function()
         local made, check = logged { code = "c0de0123456789" }
         local _, message, detail = made.client:get(DEVICE)
         assert.equal("authorize", detail.code)
         assert(require("tuya").client {
            access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT, transport = made.transport,
            clock = made.transport:clock(), store = made.store,
         }:get(DEVICE)) -- so that there is a token to look for
         check(message .. dump(detail) .. inspect({ detail }))
         local _, other, its = cloud.new({ login = { refresh_token = "r3fr3sh0123456789" } }).client:get(DEVICE)
         assert.equal("authorize", its.code)
         assert.is_nil((other .. dump(its)):find("r3fr3sh0", 1, true))
         assert.matches("/v1.0/token/r3fr...", other, 1, true)
      end)

      it("are quoted by no rule that an option breaks", function()
         for _, wrong in ipairs { { password = PASSWORD .. "\n" }, { country_code = PASSWORD }, { schema = 5 } } do
            local given = {}
            for name, value in pairs(ACCOUNT) do given[name] = value end
            for name, value in pairs(wrong) do given[name] = value end
            local ok, message = pcall(cloud.new, { login = given })
            assert.is_false(ok)
            assert.is_nil(message:find(PASSWORD, 1, true), message)
         end
      end)
   end)

   it("travel in no request: the secret in none, the token in its header alone", function()
      local made = cloud.new()
      assert(made.client:get(DEVICE))
      assert(made.client:post(DEVICE .. "/commands", { commands = { { code = "switch", value = true } } }))
      for _, request in ipairs(made.transport.requests) do
         local token = request.headers.access_token
         request.headers.access_token = nil
         local text = dump(request)
         assert.is_nil(text:find(cloud.SECRET, 1, true))
         if token then assert.is_nil(text:find(token, 1, true)) end
      end
   end)

   it("are wiped from memory when a key is closed or collected", function()
      -- another process, so that nothing but the key can hold the state; it looks at its own memory
      local program = [[
         local core = require("tuya.core")
         local secret = ("wipe"):rep(8)
         -- the HMAC state of this secret, as bytes: found by what the key leaves in memory while it is open
         local key = core.key(secret)
         local class = debug.getmetatable(key)
         debug.setmetatable(key, nil) -- so that tostring tells where it is
         local address = tonumber(tostring(key):match("0x(%x+)"), 16)
         debug.setmetatable(key, class)
         local function bytes()
            local memory = assert(io.open("/proc/self/mem", "rb"))
            memory:seek("set", address)
            local text = memory:read(64)
            memory:close()
            return text
         end
         local open = bytes()
         key:close()
         local closed = bytes()
         print(open == closed and "same" or "changed", closed == ("\0"):rep(64) and "zero" or "not zero")
      ]]
      local pipe = io.popen(child.command { os.getenv("LUA"), "-e", program })
      local answer = pipe:read("*a")
      pipe:close()
      assert.equal("changed\tzero\n", answer)
   end)
end)

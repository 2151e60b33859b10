-- The promise itself: what arrives is what was signed. Random requests through the real transport to a listener
-- that keeps every byte; each is judged by a verifier that shares no code with src/core.
local child = require("spec.support.child")
local curl = require("tuya.transport.curl")
local tuya = require("tuya")
local verify = require("spec.support.verify")

local REQUESTS = 2000
local SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"

-- A generator of our own: the same requests on every Lua. Park and Miller's, exact in a double.
local seed = 20261122

local function random(n)
   seed = seed * 16807 % 2147483647
   return seed % n + 1
end

local ALPHABETS = {
   "abcdefghijklmnopqrstuvwxyz_", "ABCXYZ0189-._~", "!$&'()*+,;=:@/?#[]%", " \t\"<>\\^`{|}\r\n\0\127",
}
local WORDS = { "客厅", "küche", "ü", "🏠", "device_ids", "a,b", "page_size", "100%", "a+b", "%2C", "" }

local function random_text(most)
   if random(5) == 1 then return WORDS[random(#WORDS)] end
   local text = {}
   for i = 1, random(most + 1) - 1 do
      local alphabet = ALPHABETS[random(#ALPHABETS)]
      local at = random(#alphabet)
      text[i] = random(12) == 1 and string.char(random(256) - 1) or alphabet:sub(at, at)
   end
   return table.concat(text)
end

local function random_path()
   local text = {}
   for i = 1, random(40) - 1 do
      local set = "abcXYZ019-._~!$&'()*+,;=:@//"
      local at = random(#set)
      text[i] = set:sub(at, at)
   end
   return "/" .. table.concat(text)
end

local function random_query()
   local query, seen = {}, {}
   for _ = 1, random(6) - 1 do
      local name = random_text(12)
      if name ~= "" and not seen[name] then
         seen[name] = true
         query[#query + 1] = { name, random_text(24) }
      end
   end
   return query
end

local function random_headers()
   local headers, seen = {}, {}
   for i = 1, random(4) - 1 do
      local name = ({ "area_id", "call_id", "X-Trace", "Content-Type", "empty", "lang" })[random(6)]
      local value = random_text(20):gsub("[%z\1-\31\127]", ""):gsub("^ +", ""):gsub(" +$", "")
      if not seen[name] then headers[#headers + 1] = { name, name == "empty" and "" or value .. i } end
      seen[name] = true
   end
   return headers
end

local function random_body()
   local kind = random(10)
   if kind == 1 then return random_text(64):rep(1024):sub(1, 65536) end
   if kind <= 4 then return nil end
   return random_text(200)
end

local function random_request()
   local method = ({ "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD" })[random(6)]
   local body = random_body()
   if method == "HEAD" then body = nil end
   return { method = method, path = random_path(), query = random_query(), headers = random_headers(), body = body }
end

local function random_signer(key)
   return {
      access_id = "ak0123456789abcdef01",
      key = key,
      access_token = random(4) > 1 and ("tok%07d"):format(random(9999999)) or nil,
      nonce = ({ false, nil, "n-" .. random(1000) })[random(3)],
   }
end

local function read_all(path)
   local file = assert(io.open(path, "rb"))
   local requests = {}
   while true do
      local length = file:read("*l")
      if not length then break end
      requests[#requests + 1] = file:read(tonumber(length))
   end
   file:close()
   return requests
end

describe("what is signed", function()
   local listener, path, directory

   setup(function()
      directory = child.directory()
      path = directory .. "/requests"
      listener = child.lua("spec/support/listener.lua", path)
   end)

   teardown(function()
      listener:stop()
      child.remove(directory)
   end)

   it("is sent, " .. REQUESTS .. " times", function()
      local transport = curl.new { endpoint = "http://127.0.0.1:" .. listener.line, proxy = "" }
      local key = tuya.key(SECRET)
      local sealed = {}
      for i = 1, REQUESTS do
         local request = random_request()
         if request.path:find("^/v1.0/token") then request.path = "/x" end
         sealed[i] = tuya.sign(request, random_signer(key))
         local reply = assert(transport:send(sealed[i]))
         assert.equal(200, reply.status)
      end
      transport:close()
      local received = read_all(path)
      assert.equal(REQUESTS, #received)
      local differences = 0
      for i, raw in ipairs(received) do
         local parsed = verify.parse(raw)
         local same = parsed.headers.sign == verify.sign(parsed, SECRET)
            and parsed.method == sealed[i]:method()
            and parsed.target == sealed[i]:target()
            and parsed.body == sealed[i]:body()
         for name, value in pairs(sealed[i]:headers()) do
            same = same and parsed.headers[name:lower()] == value
         end
         if not same then differences = differences + 1 end
      end
      assert.equal(0, differences)
   end)

   it("has the verifier tell when one byte differs", function()
      local raw = read_all(path)[1]
      local parsed = verify.parse(raw)
      parsed.body = parsed.body .. "x"
      assert.not_equal(parsed.headers.sign, verify.sign(parsed, SECRET))
   end)

   it("goes without headers that nobody asked for", function()
      local transport = curl.new { endpoint = "http://127.0.0.1:" .. listener.line, proxy = "" }
      local before = #read_all(path)
      local key = tuya.key(SECRET)
      for _, method in ipairs { "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD" } do
         local sealed = tuya.sign({ method = method, path = "/x" }, { access_id = "id", key = key, nonce = false })
         assert(transport:send(sealed))
      end
      assert(transport:send(tuya.sign({ method = "POST", path = "/x", body = ("x"):rep(2 * 1024 * 1024) },
         { access_id = "id", key = key })))
      local received = read_all(path)
      for i = 1, 6 do
         local parsed = verify.parse(received[before + i])
         local names = {}
         for _, name in ipairs(parsed.names) do names[name:lower()] = true end
         for _, name in ipairs {
            "host", "user-agent", "accept", "accept-encoding", "client_id", "sign", "t", "sign_method",
         } do
            assert.is_true(names[name], name)
            names[name] = nil
         end
         local length = ({ POST = true, PUT = true, PATCH = true })[parsed.method]
         assert.equal(length and "0" or nil, parsed.headers["content-length"])
         names["content-length"] = nil
         assert.same({}, names)
      end
      assert.is_nil(verify.parse(received[before + 7]).headers.expect)
      transport:close()
   end)
end)

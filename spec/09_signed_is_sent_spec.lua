-- The promise itself: what arrives is what was signed. Random requests through the real transport to a listener
-- that keeps every byte; each is judged by a verifier that shares no code with src/core.
local child = require("spec.support.child")
local curl = require("tuya.transport.curl")
local random = require("spec.support.random")
local tuya = require("tuya")
local verify = require("spec.support.verify")

local REQUESTS = 2000
local SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"

local draw = random.new(20261122)

local function random_signer(key)
   return {
      access_id = "ak0123456789abcdef01",
      key = key,
      access_token = draw(4) > 1 and ("tok%07d"):format(draw(9999999)) or nil,
      nonce = ({ false, nil, "n-" .. draw(1000) })[draw(3)],
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
         local request = random.request(draw)
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

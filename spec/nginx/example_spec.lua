-- examples/openresty/nginx.conf as it is, but for its places: over TLS, verified, both ways.
local json = require("tuya.json")
local nginx = require("spec.support.nginx")
local support = require("spec.nginx.support")

describe("the gateway's example #once", function()
   local missing = support.missing()
   if missing then
      pending(missing)
      return
   end

   local server, dns
   setup(function()
      server = nginx.start()
      dns = support.dns()
   end)
   teardown(function()
      if dns then dns.stop() end
      if server then server.stop() end
   end)

   local function start(name)
      local example = support.contents("examples/openresty/nginx.conf")
      local port = server.https:match("%d+$")
      local function replace(from, to)
         local n
         example, n = example:gsub(from:gsub("%W", "%%%0"), to)
         assert.is_true(n > 0, from)
      end
      replace("https://openapi.tuyaeu.com", "https://" .. name .. ":" .. port)
      replace("server openapi.tuyaeu.com:443", "server 127.0.0.1:" .. port)
      replace("openapi.tuyaeu.com", name)
      replace("/etc/ssl/certs/ca-certificates.crt", "ca.pem")
      replace("127.0.0.53 valid=30s", ("127.0.0.1:%d ipv6=off"):format(dns.port))
      replace("127.0.0.1:8089", "127.0.0.1:$PORT")
      return support.nginx {
         main = "env TUYA_ACCESS_ID=a; env TUYA_ACCESS_SECRET=b;",
         http = example,
         files = { ["ca.pem"] = support.contents(server.ca_file) },
      }
   end

   it("signs over verified TLS, both ways", function()
      local gateway = start("localhost")
      finally(gateway.stop)
      for _, prefix in ipairs { "/tuya", "/sure" } do
         local status, body = support.get(gateway.port, prefix .. "/saw?b=2&a=1")
         assert.equal(200, status, body .. gateway.errors())
         local saw = json.decode(body).result
         assert.equal("/saw?a=1&b=2", saw.target)
         assert.matches("^%x+$", saw.sign)
         assert.equal(64, #saw.sign)
      end
      assert.equal(200, (support.get(gateway.port, "/status")))
   end)

   it("sends nothing to who cannot prove the name", function()
      local gateway = start("elsewhere.example")
      finally(gateway.stop)
      assert.equal(502, (support.get(gateway.port, "/sure/saw")))
      assert.equal(502, (support.get(gateway.port, "/tuya/saw")))
      assert.is_nil(gateway.errors():find("lua entry thread aborted", 1, true))
   end)
end)

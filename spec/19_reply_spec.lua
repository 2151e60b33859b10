-- The HTTP/1.1 reader and the gateway's reading of targets, both without nginx.
local reply = require("tuya.reply")
local target = require("tuya.target")
local random = require("spec.support.random")

-- A source that hands a text out in pieces, and ends with `ending` ("closed").
local function source(text, size, ending)
   local at = 1
   return {
      more = function()
         if at > #text then return nil, ending or "closed", "the end" end
         local piece = text:sub(at, at + size - 1)
         at = at + size
         return piece
      end,
   }
end

local function read(text, method, most, size, ending)
   return reply.read(source(text, size or #text, ending), method or "GET", most or 1000)
end

local OK = "HTTP/1.1 200 OK\r\n"

describe("tuya.reply", function()
   it("reads each form of a body, in pieces of any size", function()
      local forms = {
         [OK .. "Content-Length: 5\r\n\r\nhello"] = true,
         [OK .. "content-length:5 \r\n\r\nhello"] = true,
         [OK .. "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"] = true,
         [OK .. "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"] = true,
         [OK .. "Transfer-Encoding: Chunked\r\n\r\n05\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"] = true,
         ["HTTP/1.1 100 Continue\r\n\r\n" .. OK .. "Content-Length: 5\r\n\r\nhello"] = true,
         [OK .. "Connection: close\r\nContent-Length: 5\r\n\r\nhello"] = false,
         ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"] = false,
         [OK .. "\r\nhello"] = false,
         [OK .. "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] = false,
      }
      for text, is_kept in pairs(forms) do
         for size = 1, #text do
            local got, trouble = read(text, "GET", 5, size)
            assert.is_truthy(got, text .. "\n" .. tostring(trouble and trouble.message))
            assert.equal("hello", got.body)
            assert.equal(is_kept, got.is_kept, text)
         end
      end
   end)

   it("expects no body where there is none", function()
      assert.equal("", read(OK .. "Content-Length: 5\r\n\r\n", "HEAD").body)
      assert.equal("", read("HTTP/1.1 204 No Content\r\n\r\n").body)
      assert.equal("", read("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").body)
   end)

   it("uses no connection again on which more came than was asked for", function()
      assert.is_false(read(OK .. "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n").is_kept)
   end)

   it("joins what is said twice, and takes names in any case", function()
      local got = read(OK .. "X-A: 1\r\nx-a:\t2 \r\nContent-Length: 0\r\n\r\n")
      assert.equal("1, 2", got.headers["x-a"])
   end)

   it("names what it cannot read, and whether an answer had begun", function()
      local cases = {
         { "", "closed", false },
         { OK .. "Content-Length: 5\r\n\r\nhell", "closed", true },
         { "HTTP/1.1 200", "closed", true },
         { "ICY 200 OK\r\n\r\n", "protocol", true },
         { "HTTP/1.1 101 Switching\r\n\r\n", "protocol", true },
         { OK .. "Content-Length: -5\r\n\r\n", "protocol", true },
         { OK .. "Content-Length: 0x5\r\n\r\n", "protocol", true },
         { OK .. "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "protocol", true },
         { OK .. "Content-Length: 5, 50\r\n\r\nhello", "protocol", true },
         { OK .. "Content-Length: 5, 55\r\n\r\nhello", "protocol", true },
         { OK .. "Content-Length: 9999999999999999999\r\n\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\nx\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "closed", true },
         { OK .. "Content-Length: 1001\r\n\r\n", "too_large", true },
         { OK .. "\r\n" .. ("x"):rep(1001), "too_large", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\n3E9\r\n", "too_large", true },
         { OK .. ("X: y\r\n"):rep(20000), "protocol", true },
         { OK .. "Transfer-Encoding: chunked\r\n\r\n1;" .. ("x"):rep(5000), "protocol", true },
      }
      for _, case in ipairs(cases) do
         for _, size in ipairs { 1000000, 7 } do
            local got, trouble = read(case[1], "GET", 1000, size)
            assert.is_nil(got, case[1])
            assert.equal(case[2], trouble.code, case[1]:sub(1, 200))
            assert.equal(case[3], trouble.began)
         end
      end
      local _, trouble = read("HTTP/1.1 200", "GET", 10, 100, "timeout")
      assert.equal("timeout", trouble.code)
   end)

   it("ends whatever it is given", function()
      local draw = random.new(7)
      local words = { OK, "Content-Length: 5", "Transfer-Encoding: chunked", "\r\n", "\r\n\r\n", "5\r\nhello\r\n",
         "0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "\0", "hello", "\n", ":", "ffffffff\r\n" }
      for _ = 1, 1000 do
         local parts = {}
         for i = 1, draw(8) do parts[i] = words[draw(#words)] end
         local got, trouble = read(table.concat(parts), "GET", 100, draw(20))
         assert.is_true(got and type(got.body) == "string" or type(trouble.code) == "string")
      end
   end)
end)

describe("tuya.target", function()
   local function parse(raw, line) return target.parse("/tuya", line or "GET " .. raw .. " HTTP/1.1") end

   it("takes path and query, a plus as a blank", function()
      assert.same({ "GET", "/v1.0/x" }, { parse("/tuya/v1.0/x") })
      local _, path, query = parse("/tuya/v1.0/x?a=b+c&d=%2B")
      assert.equal("/v1.0/x", path)
      assert.equal("a=b%20c&d=%2B", query)
      assert.same({ "GET", "/..x;y/.z/w." }, { parse("/tuya/..x;y/.z/w.") })
      assert.same({ "PUT", "/x" }, { parse(nil, "PUT /tuya/x HTTP/2.0") })
   end)

   it("refuses what could be read in two ways", function()
      for _, raw in ipairs { "/%74uya/x", "//tuya/x", "/tuyax/y", "/tuya", "/Tuya/x", "/x/../tuya/y", "/tuya/../x",
         "/tuya/x/..", "/tuya/./x", "/tuya/..;a/x", "/tuya/.;/x", "/tuya//x", "/tuya/x//y", "/tuya/%2e%2e/x",
         "/tuya/x%00", "/tuya/x#y", "/tuya/x?y#z" } do
         assert.is_nil((parse(raw)), raw)
      end
      for _, line in ipairs { "GET http://evil.example/tuya/x HTTP/1.1", "GET /tuya/x", "GET /tuya/x y HTTP/1.1" } do
         assert.is_nil((parse(nil, line)), line)
      end
   end)

   it("allows what its list says, and token calls only by name", function()
      local any, some = target.allowing(nil), target.allowing { "GET /v1.0/devices/*", "* /v2.0/**", "GET /v1.0/token" }
      assert.is_true(any("POST", "/v1.0/devices/x/commands"))
      for _, path in ipairs { "/v1.0/token", "/v1.0/token/x", "/v1.0/authorize_token" } do
         assert.is_false(any("GET", path))
      end
      assert.is_true(some("GET", "/v1.0/devices/x-1"))
      assert.is_false(some("GET", "/v1.0/devices/x/status"))
      assert.is_false(some("GET", "/v1.0/devices/"))
      assert.is_false(some("POST", "/v1.0/devices/x"))
      assert.is_true(some("DELETE", "/v2.0/a/b/c"))
      assert.is_false(some("DELETE", "/v2x0/a"))
      assert.is_true(some("GET", "/v1.0/token"))
      assert.is_false(some("GET", "/v1.0/token/x"))
      assert.is_false(target.allowing { "* /**" }("GET", "/v1.0/token"))
   end)
end)

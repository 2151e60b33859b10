-- Step one: what is asked for becomes strings, or is refused at the caller's line.
local tuya = require("tuya")

local function target(spec)
   spec.method = spec.method or "GET"
   return tuya.sign(spec, { access_id = "id", key = tuya.key("secret"), t = 1700000000000, nonce = false }):target()
end

local function refused(spec, rule)
   spec.method = spec.method or "GET"
   spec.path = spec.path or "/x"
   assert.error_matches(function() tuya.request(spec) end, rule, 1, true)
end

describe("tuya.request", function()
   it("is a plain table of method, path, query, headers and body", function()
      local request = tuya.request {
         method = "post",
         path = "/v1.0/x?b=2&a=1",
         query = { c = true },
         headers = { area_id = "1", ["call_id"] = "2" },
         body = { name = "x" },
      }
      assert.equal("POST", request.method)
      assert.equal("/v1.0/x", request.path)
      assert.same({ { "b", "2" }, { "a", "1" }, { "c", "true" } }, request.query)
      assert.same({ { "area_id", "1" }, { "call_id", "2" } }, request.headers)
      assert.equal('{"name":"x"}', request.body)
   end)

   it("lists headers by the bytes of their names, a shorter one before what it begins", function()
      local request = tuya.request { method = "GET", path = "/x", headers = { ab = "1", a = "2", B = "3", aa = "4" } }
      assert.same({ { "B", "3" }, { "a", "2" }, { "aa", "4" }, { "ab", "1" } }, request.headers)
   end)

   it("can be given again", function()
      local request = tuya.request { method = "GET", path = "/x?a=1", headers = { h = "v" } }
      assert.same(request, tuya.request(request))
   end)

   it("sends a method given in any case in upper case", function()
      for _, method in ipairs { "get", "Post", "pUT", "delete", "PATCH", "head" } do
         assert.equal(method:upper(), tuya.request({ method = method, path = "/x" }).method)
      end
   end)

   it("refuses what is no method", function()
      refused({ method = "TRACE" }, "method: must be GET")
      refused({ method = "GET " }, "method: must be GET")
   end)

   it("raises at the caller's line", function()
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, message = pcall(function() tuya.request { method = "GET", path = "no slash" } end)
      assert.is_false(ok)
      assert.matches("02_request_spec.lua:" .. line .. ": tuya.request: path: must begin with '/'", message, 1, true)
   end)

   it("names an unknown field and the near one", function()
      refused({ qery = {} }, "qery: unknown option (did you mean query?)")
      refused({ boddy = "x" }, "boddy: unknown option (did you mean body?)")
   end)

   it("names a field of the wrong type", function()
      refused({ query = "a=1" }, "query: table expected, got string")
      refused({ body = 5 }, "body: string or table expected, got number")
      assert.error_matches(function() tuya.request("x") end, "a table of options expected, got string", 1, true)
      assert.error_matches(function() tuya.request { path = "/x" } end, "method: missing", 1, true)
      assert.error_matches(function() tuya.request { method = "GET" } end, "path: missing", 1, true)
   end)
end)

describe("a path", function()
   it("is refused with '?', '#', '%', controls, spaces and what is not ASCII", function()
      refused({ path = "" }, "path: must begin with '/'")
      refused({ path = "x" }, "path: must begin with '/'")
      refused({ path = "/x#y" }, "path: holds '#'")
      refused({ path = "/x%20y" }, "path: holds '%'")
      refused({ path = "/x\ny" }, "path: holds a control byte")
      refused({ path = "/x\0y" }, "path: holds a control byte")
      refused({ path = "/\195\169" }, "path: holds a byte that is not ASCII")
      refused({ path = "/x y" }, "path: holds a character")
   end)

   it("is kept as given, dot segments and double slashes too", function()
      for _, path in ipairs { "/", "/a/../b", "/./x", "//x", "/a:b@c", "/-._~!$&'()*+,;=" } do
         assert.equal(path, target { path = path })
      end
   end)

   it("loses its query to the query", function()
      assert.equal("/x?a=1&b=2", target { path = "/x?b=2&a=1" })
      assert.equal("/x", target { path = "/x?" })
      assert.equal("/x?a=1", target { path = "/x?&a=1&" })
      assert.equal("/x?a=&b=", target { path = "/x?b&a=" })
      assert.equal("/x?a=b%3Dc", target { path = "/x?a=b=c" })
   end)

   it("has its query percent-decoded, a plus staying a plus", function()
      assert.equal("/x?a=%2C%20%2B", target { path = "/x?a=%2c%20+" })
      assert.equal("/x?%26=1", target { path = "/x?%26=1" })
      refused({ path = "/x?a=%2" }, "path: its query has a broken percent escape")
      refused({ path = "/x?a=%zz" }, "path: its query has a broken percent escape")
   end)
end)

describe("a query", function()
   it("takes strings, integers and booleans", function()
      assert.equal("/x?a=s&b=1&c=true&d=false&e=-5", target {
         path = "/x",
         query = { a = "s", b = 1, c = true, d = false, e = -5 },
      })
   end)

   it("writes a float that is an integer as the integer", function()
      assert.equal("/x?a=2&b=1700000000000&c=9007199254740991&d=0", target {
         path = "/x",
         query = { a = 4 / 2, b = 1.7e12, c = 2 ^ 53 - 1, d = -0.0 },
      })
   end)

   it("refuses fractions, infinities and what a float cannot hold", function()
      refused({ query = { a = 1.5 } }, 'query: "a": a number with a fraction')
      refused({ query = { a = 1 / 0 } }, 'query: "a": a number with a fraction')
      refused({ query = { a = 0 / 0 } }, 'query: "a": a number with a fraction')
      refused({ query = { a = 2 ^ 53 } }, 'query: "a": an integer that a float cannot hold')
      refused({ query = { a = -2 ^ 53 } }, 'query: "a": an integer that a float cannot hold')
   end)

   it("leaves nil and null entries out", function()
      assert.equal("/x?b=1", target { path = "/x", query = { { "a", nil }, { "b", 1 } } })
      assert.equal("/x?b=1", target { path = "/x", query = { a = tuya.json.null, b = 1 } })
      assert.equal("/x", target { path = "/x", query = {} })
   end)

   it("joins a list with commas", function()
      assert.equal("/x?device_ids=a%2Cb%2C3", target { path = "/x", query = { device_ids = { "a", "b", 3 } } })
      assert.equal("/x?device_ids=", target { path = "/x", query = { device_ids = {} } })
      refused({ query = { a = { { 1 } } } }, "a string, an integer, a boolean or a list of these expected, got table")
      refused({ query = { a = { x = 1 } } }, "a list expected, got a table with names or holes")
      refused({ query = { a = { 1, x = 1 } } }, "a list expected, got a table with names or holes")
   end)

   it("refuses any other value and any other name", function()
      refused({ query = { a = print } }, "got function")
      refused({ query = { a = io.stdout } }, "got userdata")
      refused({ query = { [2] = "x" } }, "a name must be a string, got number")
      refused({ query = { { 1, "x" } } }, "a name must be a string, got number")
      refused({ query = { "a" } }, "a list of { name, value } pairs")
      refused({ query = { [""] = "x" } }, "query name: empty")
   end)

   it("drops nothing in silence: lists with names, holes or more than pairs are refused", function()
      refused({ query = { { "a", "1" }, b = 2 } }, "query: a list with names or holes")
      refused({ query = { { "a", "1" }, nil, { "b", 2 } } }, "query: a list with names or holes")
      refused({ query = { { "a", "1", "2" } } }, "query: a list of { name, value } pairs")
      refused({ query = { { "a", "1", x = 2 } } }, "query: a list of { name, value } pairs")
      refused({ query = { a = { 1, nil, 3 } } }, "a list expected, got a table with names or holes")
      refused({ path = "/x?a=1#f" }, "path: holds '#'")
   end)

   it("refuses a name given twice, also between path and query", function()
      refused({ query = { { "a", 1 }, { "a", 2 } } }, 'query: "a" is given twice')
      refused({ path = "/x?a=1&a=1" }, 'query: "a" is given twice')
      refused({ path = "/x?a=1", query = { a = 1 } }, 'query: "a" is given twice')
   end)

   it("is sorted by the bytes of the names", function()
      assert.equal("/x?A=1&B=2&_=5&a=3&aa=4&b=6", target {
         path = "/x",
         query = { b = 6, aa = 4, a = 3, A = 1, B = 2, _ = 5 },
      })
   end)

   it("is sent percent-encoded byte by byte, the unreserved characters kept", function()
      for byte = 0, 255 do
         local char = string.char(byte)
         local sent = char:find("^[A-Za-z0-9%-%._~]$") and char or ("%%%02X"):format(byte)
         assert.equal("/x?a=" .. sent, target { path = "/x", query = { a = char } })
         assert.equal("/x?n" .. sent .. "=1", target { path = "/x", query = { ["n" .. char] = 1 } })
      end
   end)
end)

describe("headers", function()
   it("go in byte order of their names from a table, in the order given from a list", function()
      local names = function(headers)
         local list = tuya.request({ method = "GET", path = "/x", headers = headers }).headers
         return list[1][1] .. list[2][1] .. list[3][1]
      end
      assert.equal("Bac", names { c = "1", a = "2", B = "3" })
      assert.equal("cab", names { { "c", 1 }, { "a", 2 }, { "b", 3 } })
   end)

   it("that the signer or the transport owns are refused in any case", function()
      for _, name in ipairs {
         "sign", "t", "client_id", "access_token", "nonce", "sign_method", "Signature-Headers",
         "SIGN", "T", "Client_Id", "ACCESS_token", "Nonce", "Sign_Method", "signature-headers",
      } do
         refused({ headers = { [name] = "x" } }, "header name: the signer sends this header itself")
      end
      for _, name in ipairs { "Host", "Content-Length", "transfer-encoding", "Connection", "Expect" } do
         refused({ headers = { [name] = "x" } }, "header name: the transport sends this header itself")
      end
   end)

   it("with CR, LF, NUL or a blank at an end are refused", function()
      for _, value in ipairs { "a\rb", "a\nb", "a\0b", "\n", " a", "a ", "a\t", "\127" } do
         refused({ headers = { h = value } }, "header value: holds CR, LF, NUL")
      end
      for _, name in ipairs { "a b", "a:b", "a\n", "", "\195\169" } do
         refused({ headers = { { name, "v" } } }, "header name: empty, or holds a character")
      end
      refused({ headers = { { "a", "1" }, { "A", "2" } } }, "header name: given twice")
      refused({ headers = { { "a", "1" }, { "a", "2" } } }, 'headers: "a" is given twice')
   end)
end)

describe("a body", function()
   it("given as a string is kept to the byte", function()
      for _, body in ipairs { "{}", "\0\r\n", "\255", ("x"):rep(100000) } do
         assert.equal(body, tuya.request({ method = "POST", path = "/x", body = body }).body)
      end
   end)

   it("that is empty is none", function()
      assert.is_nil(tuya.request({ method = "POST", path = "/x", body = "" }).body)
   end)

   it("given as a table is encoded once, and what changes the table later changes nothing", function()
      local body = { value = 1 }
      local request = tuya.request { method = "POST", path = "/x", body = body }
      body.value = 2
      assert.equal('{"value":1}', request.body)
   end)

   it("that cannot be written exactly is refused", function()
      refused({ body = { id = 2 ^ 62 } }, "cannot write 4611686018427387904 exactly")
      refused({ body = { f = print } }, "body: ")
   end)

   it("behind a metatable, which would go as if it were empty, is refused", function()
      local frozen = setmetatable({}, { __index = { value = 1 }, __newindex = function() error("frozen") end })
      refused({ body = frozen }, "body: a table whose fields a metatable lends")
      refused({ body = { commands = { frozen } } }, "body: a table whose fields a metatable lends")
      refused({ query = frozen }, "query: a table whose fields a metatable lends; give a plain one")
      refused({ headers = frozen }, "headers: a table whose fields a metatable lends; give a plain one")
   end)

   it("has no place in a HEAD request", function()
      refused({ method = "HEAD", body = "x" }, "body: a HEAD request has none")
   end)
end)

describe("a limit passed", function()
   it("is told by its field", function()
      refused({ path = "/" .. ("x"):rep(16384) }, "path: too long")
      refused({ headers = { [("n"):rep(129)] = "v" } }, "header name: too long")
      refused({ headers = { n = ("v"):rep(8193) } }, "header value: too long")
      local many = {}
      for i = 1, 129 do many[i] = { "n" .. i, "v" } end
      refused({ query = many }, "query: too many pairs, over 128")
      refused({ headers = many }, "header: too many")
      refused({ body = ("x"):rep(64 * 1024 * 1024 + 1) }, "body: too long")
   end)
end)

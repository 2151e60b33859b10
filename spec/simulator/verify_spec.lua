local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local signed = support.signed

local function code_of(sim, request)
   return support.decode(sim:handle(request).body).code
end

describe("simulator: the order of its checks", function()
   local cloud, token

   before_each(function()
      cloud = support.client()
      token = cloud:token()
   end)

   --- A request that is wrong in everything from `first` on, and right before that.
   local function wrong_from(first)
      local wrong = { headers = 1, client_id = 2, time = 3, token = 4, sign = 5, path = 6 }
      local from = wrong[first]
      local request = signed({
         method = "POST",
         target = from <= wrong.path and "/v9.9/nowhere" or "/v1.0/devices",
         token = token,
         t = from <= wrong.time and cloud.now - 300001 or cloud.now,
      })
      if from <= wrong.sign then
         request.headers.sign = ("0"):rep(64)
      end
      if from <= wrong.token then
         request.headers.access_token = ("f"):rep(32)
      end
      if from <= wrong.client_id then
         request.headers.client_id = "nobody"
      end
      if from <= wrong.headers then
         request.headers.sign_method = nil
      end
      return request
   end

   local expected = { headers = 1105, client_id = 1005, time = 1013, token = 1010, sign = 1004, path = 1108 }
   for first, code in pairs(expected) do
      it("answers " .. code .. " when everything from " .. first .. " on is wrong", function()
         assert.equal(code, code_of(cloud.sim, wrong_from(first)))
      end)
   end

   it("answers 1106 before it looks at what is asked", function()
      local target = "/v1.0/devices/" .. support.FOREIGN .. "/commands"
      assert.equal(1106, cloud:post(target, "not JSON").code)
   end)

   for _, name in ipairs({ "client_id", "sign", "t", "sign_method", "access_token" }) do
      it("answers 1105 when a business call has no " .. name, function()
         local request = signed({ target = "/v1.0/devices", token = token })
         request.headers[name] = nil
         assert.equal(1105, code_of(cloud.sim, request))
      end)
   end

   it("asks no access_token of a token call", function()
      assert.is_nil(code_of(cloud.sim, signed({ target = "/v1.0/token?grant_type=1" })))
   end)

   it("refuses an empty token with 1010", function()
      local request = signed({ target = "/v1.0/devices" })
      request.headers.access_token = ""
      assert.equal(1010, code_of(cloud.sim, request))
   end)
end)

describe("simulator: the envelope", function()
   it("is HTTP 200 with result, success, t and tid", function()
      local cloud = support.client()
      local envelope, reply = cloud:get("/v1.0/token?grant_type=1")
      assert.equal(200, reply.status)
      assert.truthy(reply.headers["Content-Type"]:find("application/json", 1, true))
      assert.is_true(envelope.success)
      assert.equal(support.START, envelope.t)
      assert.truthy(reply.body:find('"t":1700000000000[,}]'))
      assert.truthy(envelope.tid:find("^[0-9a-f]+$"))
      assert.equal(32, #envelope.tid)
   end)

   it("is HTTP 200 with code, msg, success, t and tid when refused", function()
      local request = signed({ target = "/v1.0/token?grant_type=1", secret = "another" })
      local envelope, reply = support.client():handle(request)
      assert.equal(200, reply.status)
      assert.is_false(envelope.success)
      assert.is_nil(envelope.result)
      assert.equal("sign invalid", envelope.msg)
      assert.equal(1004, envelope.code)
      assert.equal(support.START, envelope.t)
      assert.equal(32, #envelope.tid)
   end)

   it("has another tid each time", function()
      local cloud = support.client()
      assert.not_equal(cloud:get("/v1.0/devices").tid, cloud:get("/v1.0/devices").tid)
   end)
end)

describe("simulator: time", function()
   local cloud

   before_each(function()
      cloud = support.client()
   end)

   local function code_at(t)
      local request = signed({ target = "/v1.0/token?grant_type=1" })
      request.headers.t = t
      local text = support.ID .. t .. "GET\n" .. support.sha256("") .. "\n\n/v1.0/token?grant_type=1"
      request.headers.sign = support.mac(support.SECRET, text)
      return code_of(cloud.sim, request)
   end

   it("takes 300 s either way", function()
      assert.is_nil(code_at("1699999700000"))
      assert.is_nil(code_at("1700000300000"))
   end)

   it("refuses a millisecond more", function()
      assert.equal(1013, code_at("1699999699999"))
      assert.equal(1013, code_at("1700000300001"))
   end)

   for _, t in ipairs({
      "1700000000", "01700000000000", "170000000000x", "1.70000000e12", " 1700000000000", "",
   }) do
      it("refuses '" .. t .. "', which is not 13 digits", function()
         assert.equal(1013, code_at(t))
      end)
   end

   it("takes every t when check_clock is false", function()
      cloud = support.client({ check_clock = false })
      assert.is_nil(code_at("1600000000000"))
   end)
end)

describe("simulator: the signature", function()
   local cloud, token

   before_each(function()
      cloud = support.client()
      token = cloud:token()
   end)

   local function code(o)
      o.target = o.target or "/v1.0/devices"
      o.token = o.token or token
      return code_of(cloud.sim, signed(o))
   end

   it("takes the right one", function()
      assert.is_nil(code({}))
   end)

   it("takes a header table and a list of pairs, names in any case", function()
      local request = signed({ target = "/v1.0/devices", token = token })
      local list = {}
      for name, value in pairs(request.headers) do
         list[#list + 1] = { name:upper(), value }
      end
      request.headers = list
      assert.is_nil(code_of(cloud.sim, request))
   end)

   it("takes the first of a header that comes twice", function()
      local request = signed({ target = "/v1.0/devices", token = token })
      local list = {}
      for name, value in pairs(request.headers) do
         list[#list + 1] = { name, value }
      end
      list[#list + 1] = { "T", "1" }
      request.headers = list
      assert.is_nil(code_of(cloud.sim, request))
   end)

   it("refuses another secret", function()
      assert.equal(1004, code({ secret = "another" }))
   end)

   it("refuses lower-case hexadecimal", function()
      local request = signed({ target = "/v1.0/devices", token = token })
      request.headers.sign = request.headers.sign:lower()
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   it("refuses one with a token of another call left out", function()
      local request = signed({ target = "/v1.0/devices" })
      request.headers.access_token = token
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   for _, name in ipairs({
      "token?grant_type=1", "token/?grant_type=1", "token/x", "authorize_token?code=1",
   }) do
      it("leaves the token out of /v1.0/" .. name .. ", header or not", function()
         local target = "/v1.0/" .. name
         local request = signed({ target = target })
         assert.not_equal(1004, code_of(cloud.sim, request))
         request.headers.access_token = token
         assert.not_equal(1004, code_of(cloud.sim, request))
         assert.equal(1004, code_of(cloud.sim, signed({ target = target, token = token })))
      end)
   end

   it("takes //v1.0/token for a business call", function()
      assert.equal(1105, code_of(cloud.sim, signed({ target = "//v1.0/token?grant_type=1" })))
   end)

   it("has the nonce in it when there is one", function()
      assert.is_nil(code({ nonce = "5138cc3a9033d69856923fd07b491173" }))
      local request = signed({ target = "/v1.0/devices", token = token })
      request.headers.nonce = "x"
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   it("covers the body byte for byte", function()
      local target = "/v1.0/devices/" .. support.SOCKET .. "/commands"
      local request = signed({ method = "POST", target = target, body = "{}", token = token })
      request.body = "{ }"
      assert.equal(1004, code_of(cloud.sim, request))
      request.body = "{}"
      assert.not_equal(1004, code_of(cloud.sim, request))
   end)

   it("covers a body on GET too", function()
      assert.is_nil(code({ body = "{}" }))
      local request = signed({ target = "/v1.0/devices", token = token })
      request.body = "{}"
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   it("covers the method", function()
      local request = signed({ target = "/v1.0/devices/" .. support.SOCKET, token = token })
      request.method = "DELETE"
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   it("covers path and query", function()
      local request = signed({ target = "/v1.0/devices?page_no=1", token = token })
      request.target = "/v1.0/devices?page_no=2"
      assert.equal(1004, code_of(cloud.sim, request))
   end)

   it("has the bundle id between nonce and method where the project has one", function()
      cloud = support.client({ bundle_id = "app.example" })
      local wanted = { target = "/v1.0/token?grant_type=1", bundle_id = "app.example", nonce = "n" }
      assert.is_nil(code_of(cloud.sim, signed(wanted)))
      wanted.bundle_id = nil
      assert.equal(1004, code_of(cloud.sim, signed(wanted)))
   end)
end)

describe("simulator: the signed query", function()
   local cloud, token

   before_each(function()
      cloud = support.client()
      token = cloud:token()
   end)

   local function is_taken(target, url)
      local request = signed({ target = target, url = url, token = token })
      local code = code_of(cloud.sim, request)
      assert.is_true(code == nil or code == 1004)
      return code == nil
   end

   it("is sorted by the bytes of its names, whatever the order on the wire", function()
      assert.is_true(is_taken("/v1.0/devices?b=2&a=1&B=3&a_=4", "/v1.0/devices?B=3&a=1&a_=4&b=2"))
      assert.is_false(is_taken("/v1.0/devices?b=2&a=1", "/v1.0/devices?b=2&a=1"))
   end)

   it("is percent-decoded, names and values, both cases of digits", function()
      assert.is_true(is_taken("/v1.0/devices?n%61me=%e4%B8%ad%20a%2Cb", "/v1.0/devices?name=中 a,b"))
      assert.is_false(is_taken("/v1.0/devices?ids=a%2Cb", "/v1.0/devices?ids=a%2Cb"))
   end)

   it("is sorted by the decoded names", function()
      assert.is_true(is_taken("/v1.0/devices?%62=1&a=2", "/v1.0/devices?a=2&b=1"))
   end)

   it("is split before it is decoded", function()
      assert.is_true(is_taken("/v1.0/devices?a=1%26b%3D2", "/v1.0/devices?a=1&b=2"))
   end)

   it("is split at the first =", function()
      assert.is_true(is_taken("/v1.0/devices?b=1=2&a==", "/v1.0/devices?a==&b=1=2"))
   end)

   it("keeps repeated names in their order", function()
      assert.is_true(is_taken("/v1.0/devices?z=1&a=2&a=1&a=3", "/v1.0/devices?a=2&a=1&a=3&z=1"))
      assert.is_false(is_taken("/v1.0/devices?a=2&a=1", "/v1.0/devices?a=1&a=2"))
      assert.is_false(is_taken("/v1.0/devices?a=2&a=1", "/v1.0/devices?a=2"))
   end)

   it("keeps the = of an empty value, and adds none", function()
      assert.is_true(is_taken("/v1.0/devices?x=&y", "/v1.0/devices?x=&y"))
      assert.is_false(is_taken("/v1.0/devices?x=", "/v1.0/devices?x"))
      assert.is_false(is_taken("/v1.0/devices?y", "/v1.0/devices?y="))
   end)

   it("may have been read with + as space or with + as plus, but one way throughout", function()
      assert.is_true(is_taken("/v1.0/devices?a=1+2&b=3+4", "/v1.0/devices?a=1 2&b=3 4"))
      assert.is_true(is_taken("/v1.0/devices?a=1+2&b=3+4", "/v1.0/devices?a=1+2&b=3+4"))
      assert.is_false(is_taken("/v1.0/devices?a=1+2&b=3+4", "/v1.0/devices?a=1+2&b=3 4"))
   end)

   it("has %2B as a plus and nothing else", function()
      assert.is_true(is_taken("/v1.0/devices?a=1%2B2", "/v1.0/devices?a=1+2"))
      assert.is_false(is_taken("/v1.0/devices?a=1%2B2", "/v1.0/devices?a=1 2"))
   end)

   it("leaves what is no percent escape as it is", function()
      assert.is_true(is_taken("/v1.0/devices?a=100%&b=%zz", "/v1.0/devices?a=100%&b=%zz"))
   end)

   it("adds nothing to a path whose query is empty", function()
      assert.is_true(is_taken("/v1.0/devices?", "/v1.0/devices"))
   end)

   it("reaches the call as it was signed", function()
      local as_plus = signed({ target = "/v1.0/token?grant_type=+1", url = "/v1.0/token?grant_type=+1" })
      assert.equal(1003, code_of(cloud.sim, as_plus))
   end)
end)

describe("simulator: signed headers", function()
   local cloud, token

   before_each(function()
      cloud = support.client()
      token = cloud:token()
   end)

   local function is_taken(block, headers)
      local request = signed({ target = "/v1.0/devices", token = token, block = block, headers = headers })
      return code_of(cloud.sim, request) == nil
   end

   local two = { ["Signature-Headers"] = "call_id:area_id", area_id = "A", call_id = "C" }

   it("are name:value with a newline after each, in the order of the list", function()
      assert.is_true(is_taken("call_id:C\narea_id:A\n", two))
      assert.is_false(is_taken("area_id:A\ncall_id:C\n", two))
   end)

   it("need the newline after the last", function()
      assert.is_false(is_taken("call_id:C\narea_id:A", two))
   end)

   it("are found in any case and signed as the list writes them", function()
      local headers = { ["signature-headers"] = "Area_Id", AREA_ID = "A" }
      assert.is_true(is_taken("Area_Id:A\n", headers))
      assert.is_false(is_taken("AREA_ID:A\n", headers))
   end)

   it("are empty when they are absent", function()
      assert.is_true(is_taken("ghost:\n", { ["Signature-Headers"] = "ghost" }))
      assert.is_false(is_taken("", { ["Signature-Headers"] = "ghost" }))
   end)

   it("may be none", function()
      assert.is_true(is_taken("", { ["Signature-Headers"] = "" }))
   end)

   it("may come twice", function()
      assert.is_true(is_taken("a:1\na:1\n", { ["Signature-Headers"] = "a:a", a = "1" }))
   end)

   it("are not signed when no list names them", function()
      assert.is_false(is_taken("area_id:A\n", { area_id = "A" }))
   end)
end)

describe("simulator: a project older than 2021-06-30", function()
   it("takes the old algorithm and the new", function()
      local cloud = support.client({ algorithm = "v1" })
      local target = "/v1.0/token?grant_type=1"
      assert.is_nil(code_of(cloud.sim, signed({ target = target, old = true })))
      assert.is_nil(code_of(cloud.sim, signed({ target = target })))
      local token = cloud:token()
      local other = { target = "/v1.0/devices", token = token, old = true }
      assert.is_nil(code_of(cloud.sim, signed(other)))
      other.secret = "another"
      assert.equal(1004, code_of(cloud.sim, signed(other)))
   end)

   it("is not what a new project is", function()
      local cloud = support.client()
      assert.equal(1004, code_of(cloud.sim, signed({ target = "/v1.0/token?grant_type=1", old = true })))
   end)
end)

describe("simulator: the signatures that Tuya published", function()
   local ID, SECRET = "1KAD46OrT9HafiKdsXeg", "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"
   local TOKEN = "3f4eda2bdec17232f67c0b188af3eec1"

   local function code(request, options)
      options.access_id, options.access_secret = ID, SECRET
      options.accept_token, options.check_clock = TOKEN, false
      request.headers.client_id = ID
      request.headers.sign_method = "HMAC-SHA256"
      request.headers.t = "1588925778000"
      return code_of(support.client(options).sim, request)
   end

   local function with_signed_headers(headers)
      headers["Signature-Headers"] = "area_id:call_id"
      headers.area_id = "29a33e8796834b1efa6"
      headers.call_id = "8afdb70ab2ed11eb85290242ac130003"
      headers.nonce = "5138cc3a9033d69856923fd07b491173"
      return headers
   end

   it("are taken: the token call", function()
      local sign = "9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E"
      local request = { method = "GET", target = "/v1.0/token?grant_type=1" }
      request.headers = with_signed_headers({ sign = sign })
      assert.is_nil(code(request, {}))
   end)

   it("are taken: the token call, but not without the newline after the last signed header", function()
      local sign = "0BDAB2B79347E4FD29ACF522683154D1ADEF2D1D364FAD5740A649C025DB0370"
      local request = { method = "GET", target = "/v1.0/token?grant_type=1" }
      request.headers = with_signed_headers({ sign = sign })
      assert.equal(1004, code(request, {}))
   end)

   it("are taken: a business call, which then is no path of this cloud", function()
      local sign = "AE4481C692AA80B25F3A7E12C3A5FD9BBF6251539DD78E565A1A72A508A88784"
      local request = { method = "GET", target = "/v2.0/apps/schema/users?page_size=50&page_no=1" }
      request.headers = with_signed_headers({ sign = sign, access_token = TOKEN })
      assert.equal(1108, code(request, {}))
   end)

   it("are taken: a command, which then is for no device of this project", function()
      local request = {
         method = "POST",
         target = "/v1.0/devices/bf2c1e00ab0f12face/commands",
         headers = {
            sign = "F27DD95A15E84C954DB2ED016096D517681FE79853B6CDAD446927352691804E",
            access_token = TOKEN,
         },
         body = '{"commands":[{"code":"switch_led","value":false}]}',
      }
      assert.equal(1106, code(request, {}))
   end)

   it("are taken: the old algorithm's token call", function()
      local request = { method = "GET", target = "/v1.0/token?grant_type=1" }
      request.headers = { sign = "CEAAFB5CCDC2F723A9FD3E91D3D2238EE0DD9A6D7C3C365DEB50FC2AF277AA83" }
      assert.is_nil(code(request, { algorithm = "v1" }))
   end)
end)

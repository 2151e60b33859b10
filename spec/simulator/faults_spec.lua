local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local fake = require("tuya.transport.fake")
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local COMMANDS = "/v1.0/devices/" .. support.SOCKET .. "/commands"
local EVERY_COMMAND = "POST /v1.0/devices/*/commands: "

local function cloud_with(...)
   return support.client({ faults = { ... } })
end

--- Asks for the socket to be switched on: what `handle` answers.
local function switch_on(cloud)
   local token = cloud.token_in_hand or cloud:token()
   cloud.token_in_hand = token
   return cloud.sim:handle(support.signed({
      method = "POST", target = COMMANDS, token = token, t = cloud.now,
      body = '{"commands":[{"code":"switch","value":true}]}',
   }))
end

local function is_on(cloud)
   return cloud.sim:device(support.SOCKET).values.switch
end

local function last_entry(cloud)
   local log = cloud.sim:log()
   return log[#log]
end

describe("simulator: a fault", function()
   for rule, expected in pairs({
      ["drop"] = { code = "reset", sent = "maybe", on = false },
      ["reset"] = { code = "reset", sent = "maybe", on = false },
      ["hang"] = { code = "timeout", sent = "maybe", on = false },
      ["late drop"] = { code = "reset", sent = "maybe", on = true },
      ["late hang"] = { code = "timeout", sent = "maybe", on = true },
      ["truncate"] = { code = "reset", sent = "yes", on = true },
   }) do
      local carried_out = expected.on and ", though the call was carried out" or ""
      it("of '" .. rule .. "' leaves no answer" .. carried_out, function()
         local cloud = cloud_with(EVERY_COMMAND .. rule)
         local reply, code, sent = switch_on(cloud)
         assert.is_nil(reply)
         assert.equal(expected.code, code)
         assert.equal(expected.sent, sent)
         assert.equal(expected.on, is_on(cloud))
         local entry = last_entry(cloud)
         assert.equal(COMMANDS, entry.path)
         assert.equal(rule, entry.fault)
         assert.equal(expected.on, entry.done)
      end)
   end

   for rule, expected in pairs({
      ["empty"] = { 200, "application/json;charset=UTF-8", "^$" },
      ["garbage"] = { 200, "application/json;charset=UTF-8", "^{.*\255" },
      ["html"] = { 200, "text/html", "Sign in" },
      ["502"] = { 502, "text/html", "502 Bad Gateway" },
      ["599"] = { 599, "text/html", "599" },
      ["429"] = { 429, "text/html", "Too Many Requests" },
   }) do
      it("of '" .. rule .. "' answers what is no envelope", function()
         local cloud = cloud_with(EVERY_COMMAND .. rule)
         local reply = switch_on(cloud)
         assert.equal(expected[1], reply.status)
         assert.equal(expected[2], reply.headers["Content-Type"])
         assert.truthy(reply.body:find(expected[3]))
         assert.is_false(is_on(cloud))
         local entry = last_entry(cloud)
         assert.is_nil(entry.code)
         assert.is_false(entry.done)
      end)
   end

   it("redirects to a path of its own, so that a client that follows is seen to", function()
      local reply = switch_on(cloud_with(EVERY_COMMAND .. "redirect"))
      assert.equal(302, reply.status)
      assert.equal("/redirected", reply.headers.Location)
   end)

   it("says when to come again", function()
      assert.equal("7", switch_on(cloud_with(EVERY_COMMAND .. "429 7s")).headers["Retry-After"])
      assert.equal("1", switch_on(cloud_with(EVERY_COMMAND .. "503 0.2s")).headers["Retry-After"])
      assert.is_nil(switch_on(cloud_with(EVERY_COMMAND .. "503")).headers["Retry-After"])
   end)

   it("answers any code of Tuya's, whose call is carried out only where it says late", function()
      local cloud = cloud_with(
         EVERY_COMMAND .. "28841004 1", EVERY_COMMAND .. "code=500 1", EVERY_COMMAND .. "late 77001"
      )
      for _, expected in ipairs({
         { 28841004, "No permissions. Your quota of Trial Edition is used up.", false },
         { 500, "system error, please contact the admin", false },
         { 77001, "simulated fault", true },
      }) do
         local envelope = support.decode(switch_on(cloud).body)
         assert.equal(expected[1], envelope.code)
         assert.equal(expected[2], envelope.msg)
         assert.is_false(envelope.success)
         assert.equal(expected[3], is_on(cloud))
         assert.equal(expected[1], last_entry(cloud).code)
      end
   end)

   it("strikes as often as its count says, then the next rule does, then the cloud answers", function()
      local cloud = cloud_with(EVERY_COMMAND .. "pass 1", EVERY_COMMAND .. "500 2", EVERY_COMMAND .. "html 1")
      local statuses = {}
      for i = 1, 5 do
         local reply = switch_on(cloud)
         statuses[i] = reply.status .. " " .. reply.headers["Content-Type"]:match("^[^;]*")
      end
      assert.same({
         "200 application/json", "500 text/html", "500 text/html", "200 text/html", "200 application/json",
      }, statuses)
   end)

   it("meets the verb and path that it names, whatever the query", function()
      for rule, meets in pairs({
         ["GET /v1.0/token: 500"] = true,
         ["* /v1.0/token: 500"] = true,
         ["* *: 500"] = true,
         ["GET /v1.0/*: 500"] = true,
         ["GET /**: 500"] = true,
         ["GET /v1.*/token: 500"] = true,
         ["POST /v1.0/token: 500"] = false,
         ["GET /v1.0: 500"] = false,
         ["GET /*: 500"] = false,
         ["GET /v1.0/token/*: 500"] = false,
         ["GET /v1x0/token: 500"] = false,
      }) do
         local request = support.signed({ target = "/v1.0/token?grant_type=1" })
         assert.equal(meets and 500 or 200, cloud_with(rule).sim:handle(request).status, rule)
      end
   end)

   it("can come and go while the cloud runs", function()
      local cloud = support.client()
      local mend = cloud.sim:fault("* *: 503")
      assert.equal(503, cloud.sim:handle(support.signed({ target = "/v1.0/token?grant_type=1" })).status)
      mend()
      assert.equal(200, cloud.sim:handle(support.signed({ target = "/v1.0/token?grant_type=1" })).status)
   end)

   it("is refused with what is wrong in it", function()
      for rule, pattern in pairs({
         ["drop"] = "METHOD PATH: FAULT expected",
         ["GET /x drop"] = "METHOD PATH: FAULT expected",
         ["get /x: drop"] = "METHOD PATH: FAULT expected",
         ["GET x: drop"] = "METHOD PATH: FAULT expected",
         ["GET /x: dorp"] = "'dorp' is no fault",
         ["GET /x: late"] = "'' is no fault",
         ["GET /x: 200"] = "'200' is no fault",
         ["GET /x: late slow"] = "carries the call out anyway",
         ["GET /x: html 5s"] = "'5s': html takes no duration",
         ["GET /x: drop 61s"] = "'61s': drop takes at most 60s",
         ["GET /x: slow 1.2.3s"] = "'1.2.3s' is not understood",
         ["GET /x: drop 0"] = "'0' is not understood",
         ["GET /x: drop 2 3"] = "'3' is not understood",
         ["GET /x: drop twice"] = "'twice' is not understood",
      }) do
         local ok, message = pcall(simulator.new, { access_id = "a", access_secret = "b", faults = { rule } })
         assert.is_false(ok, rule)
         assert.truthy(message:find(pattern, 1, true), message)
         assert.truthy(message:find("'" .. rule .. "'", 1, true), message)
      end
   end)
end)

describe("simulator: a fault before a client without a network", function()
   --- A client on a cloud with faults, and its clock.
   local function client_with(...)
      local sim
      local transport = fake.new(function(request)
         return sim:handle(request)
      end)
      sim = assert(simulator.new({
         access_id = support.ID, access_secret = support.SECRET, clock = transport:clock(), faults = { ... },
      }))
      local client = tuya.client({
         access_id = support.ID, access_secret = support.SECRET, transport = transport, clock = transport:clock(),
         endpoint = "https://cloud.test", retries = 0,
      })
      return client, transport, sim
   end

   it("lets time pass where it is slow", function()
      local client, transport = client_with("GET /v1.0/devices: slow 2.5s")
      local before = transport:now()
      assert.truthy(client:get("/v1.0/devices"))
      assert.equal(2.5, transport:now() - before)
   end)

   it("becomes what libcurl would say", function()
      local client, _, sim = client_with(EVERY_COMMAND .. "late drop 1", EVERY_COMMAND .. "hang 1")
      local plug = client:device(support.SOCKET)
      local ok, _, detail = plug:send({ switch = true })
      assert.is_nil(ok)
      assert.equal("network reset maybe", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      assert.is_true(sim:device(support.SOCKET).values.switch)
      ok, _, detail = plug:send({ switch = false })
      assert.is_nil(ok)
      assert.equal("network timeout maybe", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      assert.is_true(sim:device(support.SOCKET).values.switch)
   end)
end)

describe("simulator: a fault on the wire", function()
   if not pcall(require, "tuya.httpd") then
      pending("needs the module tuya.httpd")
      return
   end

   local socket = require("socket")
   local PATIENCE = 20 -- seconds until a spec gives up on what should come at once
   local TOKEN = "GET /v1.0/token: "
   local listener

   after_each(function()
      listener:close()
   end)

   --- Sends a token call to a cloud with this fault; the connection, its request answered or kept.
   local function connect(fault)
      local cloud = cloud_with(TOKEN .. fault)
      listener = assert(cloud.sim:listen(0))
      local peer = assert(socket.connect("127.0.0.1", listener.port))
      local request = support.signed({ target = "/v1.0/token?grant_type=1" })
      local lines = { "GET " .. request.target .. " HTTP/1.1", "Host: here", "Connection: close" }
      for name, value in pairs(request.headers) do
         lines[#lines + 1] = name .. ": " .. value
      end
      assert(peer:send(table.concat(lines, "\r\n") .. "\r\n\r\n"))
      assert.is_true(listener:tick(PATIENCE))
      peer:settimeout(PATIENCE)
      return peer, cloud
   end

   it("closes the connection where it drops", function()
      local peer = connect("drop")
      local got, why, part = peer:receive("*a")
      assert.equal("", got or part)
      assert.is_true(got ~= nil or why == "closed")
   end)

   it("resets the connection where it resets", function()
      local _, why, part = connect("reset"):receive("*l")
      assert.equal("", part)
      assert.truthy(why == "closed" or why:find("reset"), why)
   end)

   it("breaks off a reply", function()
      local got = connect("truncate"):receive("*a")
      local announced = tonumber(got:match("[Cc]ontent%-[Ll]ength: (%d+)"))
      local body = got:match("\r\n\r\n(.*)$")
      assert.truthy(body:find('^{"'))
      assert.is_true(#body < announced)
   end)

   it("keeps a reply until its time, and answers others meanwhile", function()
      local peer, cloud = connect("slow 0.3s 1")
      peer:settimeout(0)
      assert.equal("timeout", (select(2, peer:receive("*l"))))
      local other = assert(socket.connect("127.0.0.1", listener.port))
      assert(other:send("GET /v1.0/nowhere HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"))
      assert.is_true(listener:tick(PATIENCE))
      other:settimeout(PATIENCE)
      assert.equal("HTTP/1.1 200 OK", (other:receive("*l")))
      local line
      local deadline = socket.gettime() + PATIENCE
      repeat
         listener:tick(0.05)
         line = peer:receive("*l")
      until line or socket.gettime() > deadline
      assert.equal("HTTP/1.1 200 OK", line)
      assert.equal(2, #cloud.sim:log())
   end)

   it("never answers where it hangs, and notes the request as it came", function()
      local peer, cloud = connect("hang")
      peer:settimeout(0)
      listener:tick(0.05)
      local _, why = peer:receive("*l")
      assert.equal("timeout", why)
      assert.equal("hang", cloud.sim:log()[1].fault)
      peer:close()
   end)

   it("sends a page with its status and headers", function()
      local got = connect("late 429 3s"):receive("*a")
      assert.truthy(got:find("^HTTP/1.1 429 "))
      assert.truthy(got:find("Retry%-After: 3\r\n"))
   end)
end)

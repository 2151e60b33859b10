-- Calls that survive: a dead token, a wrong clock, a cloud that wants a pause. What goes out, how often, and when.
local cloud = require("spec.support.cloud")
local json = require("tuya.json")
local tuya = require("tuya")

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET
local COMMANDS = DEVICE .. "/commands"
local ON = { commands = { { code = "switch", value = true } } }

local function count(made, what)
   local n = 0
   for _, sent in ipairs(cloud.sent(made)) do
      if sent:find(what, 1, true) then n = n + 1 end
   end
   return n
end

local function refusal(code, t)
   local body = json.encode { success = false, code = code, msg = "refused", t = t, tid = "abc" }
   return { status = 200, headers = {}, body = body }
end

-- A client whose business calls are answered by `answers`, one after the other, then by the simulated cloud.
local function answered(answers, changes)
   local made
   made = cloud.new(changes, function(request, answer)
      if request.target:find("/token", 1, true) then return answer() end
      local own = table.remove(answers, 1)
      if not own then return answer() end
      if type(own) == "function" then return own(request, answer, made) end
      return own
   end)
   return made
end

local function is_on(made)
   return made.simulator:device(cloud.SOCKET).values.switch
end

describe("a command", function()
   for _, code in ipairs { 1004, 1010, 1011 } do
      it("that the cloud refuses with " .. code .. " goes out once more, and only once", function()
         local made = answered { refusal(code, 1700000000000) }
         assert.is_true(made.client:post(COMMANDS, ON))
         assert.is_true(is_on(made))
         assert.equal(2, count(made, COMMANDS))
         made = answered { refusal(code, 1700000000000), refusal(code, 1700000000000), refusal(code, 1700000000000) }
         local result, message, detail = made.client:post(COMMANDS, ON)
         assert.is_nil(result)
         assert.matches("refused (" .. code .. ", tid abc)", message, 1, true)
         assert.equal(2, detail.attempts)
         assert.equal(2, count(made, COMMANDS))
         assert.equal("yes", detail.sent)
      end)
   end

   it("that was refused for its signature asks for the token, and kills it for nobody", function()
      local made = answered { refusal(1004, 1700000000000), refusal(1004, 1700000000000) }
      local _, _, detail = made.client:post(COMMANDS, ON)
      assert.equal(1004, detail.code)
      assert.is_string(detail.advice)
      assert.equal(2, count(made, "GET /v1.0/token"))
      assert.equal(0, count(made, "GET /v1.0/token/"))
   end)

   it("that was refused for its time and then for its token has gone out twice, and is reported", function()
      local made = answered { refusal(1013, 1700000000000), refusal(1010, 1700000000000) }
      local _, _, detail = made.client:post(COMMANDS, ON)
      assert.equal(1010, detail.code)
      assert.equal(2, detail.attempts)
   end)

   it("reports how far any of its sends got", function()
      local made = answered {
         refusal(1010, 1700000000000),
         function() return nil, "connect", "no" end,
      }
      local result, _, detail = made.client:post(COMMANDS, ON, { retries = 0 })
      assert.is_nil(result)
      assert.equal("connect", detail.code)
      assert.equal("yes", detail.sent) -- the cloud saw, and refused, the first
   end)
end)

describe("a clock that is off", function()
   -- a client whose clock runs `skew` ms beside the cloud's, over a network where an answer takes `span` ms
   local function skewed(skew, span, changes)
      local made, off = nil, { ms = skew }
      changes = changes or {}
      changes.clock = function() return made.transport.ms - made.transport.ms % 1 + off.ms end
      made = cloud.new()
      local transport, handle = made.transport, made.transport.handle
      transport.handle = function(request)
         transport:sleep(span / 2000)
         local reply = handle(request)
         transport:sleep(span / 2000)
         return reply
      end
      changes.access_id, changes.access_secret = cloud.ID, cloud.SECRET
      changes.endpoint, changes.transport = cloud.ENDPOINT, transport
      made.client = tuya.client(changes)
      return made, off
   end

   for _, skew in ipairs { -3600000, 3600000, -400 * 86400000 } do
      it("by " .. skew / 1000 .. " s costs one token call, once", function()
         local made = skewed(skew, 200)
         assert.is_true(made.client:post(COMMANDS, ON))
         assert.equal(2, count(made, "/v1.0/token"))
         assert.equal(1, count(made, COMMANDS))
         assert.is_true(made.client:post(COMMANDS, ON))
         assert.equal(2, count(made, COMMANDS))
         local signed = tonumber(made.transport.requests[4].headers.t)
         assert.is_true(math.abs(signed - (made.transport.ms - 200)) <= 1) -- the middle of the span is exact here
      end)
   end

   it("that jumps between calls is set right by one more send", function()
      local made, off = skewed(0, 100)
      assert(made.client:get(DEVICE))
      for _, jump in ipairs { 3600000, -3600000, 0 } do
         off.ms = jump
         assert(made.client:get(DEVICE))
      end
      assert.equal(7, count(made, "GET " .. DEVICE))
      assert.equal(1, count(made, "/v1.0/token"))
   end)

   it("that jumps in mid-call is no harm to the next one", function()
      local made, off = skewed(0, 100)
      local handle = made.transport.handle
      made.transport.handle = function(request)
         local reply = handle(request)
         off.ms = 3600000
         return reply
      end
      assert(made.client:get(DEVICE))
      assert(made.client:get(DEVICE))
      assert.equal(2, count(made, "GET " .. DEVICE))
   end)

   it("since the machine began in 1970 has the digits to sign with, and runs on", function()
      local core, clock = require("tuya.core"), require("tuya.clock")
      local now = core.now
      core.now = function() return 5000 end
      local early = clock.machine()
      core.now = now
      assert.equal(1000000005000, early)
      local before = now()
      assert.is_true(clock.machine() >= before and clock.machine() < before + 60000)
   end)

   it("is told in the log", function()
      local offsets = {}
      local made = skewed(-5000, 100, { log = function(event)
         if event.event == "skew" then offsets[#offsets + 1] = event.offset end
      end })
      assert(made.client:get(DEVICE))
      assert(made.client:get(DEVICE))
      assert.same({ 5000 }, offsets)
   end)

   it("is not believed to be off by an answer whose t is no moment", function()
      local made = answered { refusal(1013, 17), refusal(1013, "x") }
      local _, _, detail = made.client:post(COMMANDS, ON)
      assert.equal(1013, detail.code)
      assert.equal(1, detail.attempts)
      assert.is_nil((made.client:post(COMMANDS, ON)))
      assert.is_true(made.client:post(COMMANDS, ON))
   end)
end)

describe("a cloud that wants a pause", function()
   local function html(status, headers)
      headers["content-type"] = "text/html"
      return { status = status, headers = headers, body = "<html>" }
   end

   it("by 429 and Retry-After gets it, for a command too", function()
      local made = answered { html(429, { ["Retry-After"] = "3" }) }
      local before = made.transport:now()
      assert.is_true(made.client:post(COMMANDS, ON))
      assert.is_true(made.transport:now() - before >= 3)
      assert.equal(2, count(made, COMMANDS))
   end)

   it("may name a date", function()
      local made = answered { html(429, { ["Retry-After"] = "Wed, 01 Jan 2025 00:00:07 GMT",
         Date = "Wed, 01 Jan 2025 00:00:02 GMT" }) }
      local before = made.transport:now()
      assert.is_true(made.client:post(COMMANDS, ON))
      assert.is_true(made.transport:now() - before >= 5)
   end)

   it("longer than there is time is told so at once", function()
      local made = answered { html(429, { ["Retry-After"] = "60" }) }
      local before = made.transport:now()
      local _, _, detail = made.client:post(COMMANDS, ON)
      assert.equal(429, detail.code)
      assert.equal(60, detail.retry_after)
      assert.equal(before, made.transport:now())
   end)

   for _, code in ipairs { 1110, 1199 } do
      it("by " .. code .. " gets it", function()
         local made = answered { refusal(code, 1700000000000), refusal(code, 1700000000000) }
         assert.is_true(made.client:post(COMMANDS, ON))
         assert.equal(3, count(made, COMMANDS))
      end)
   end

   it("since its front fails is asked again by what is harmless to repeat, and by nothing else", function()
      for _, status in ipairs { 500, 502, 503, 504 } do
         local made = answered { html(status, {}) }
         assert(made.client:get(DEVICE))
         made = answered { html(status, {}) }
         local _, _, detail = made.client:post(COMMANDS, ON)
         assert.equal(status, detail.code)
         assert.equal("maybe", detail.sent)
         made = answered { html(status, {}) }
         assert(made.client:post(COMMANDS, ON, { idempotent = true }))
      end
   end)
end)

-- What a log function gets: plain tables that hold no secret.
local cloud = require("spec.support.cloud")

local STATUS = "/v1.0/devices/" .. cloud.SOCKET .. "/status"

-- A client that writes down what it logs; `fault` is a rule of the simulated cloud.
local function logging(changes, fault)
   local events = {}
   changes = changes or {}
   changes.log = function(event) events[#events + 1] = event end
   local made = cloud.new(changes)
   if fault then made.simulator:fault(fault) end
   return made, events
end

local function named(events, name)
   local found = {}
   for _, event in ipairs(events) do
      if event.event == name then found[#found + 1] = event end
   end
   return found
end

-- Every word that must stay within: the secret, and each token that was handed out or sent.
local function secrets_of(made)
   local words = { cloud.SECRET }
   for _, request in ipairs(made.transport.requests) do
      words[#words + 1] = request.headers.access_token
      words[#words + 1] = request.headers.sign
      words[#words + 1] = request.target:match("^/v1.0/token/(.+)$")
   end
   return words
end

local function check_plain(made, events)
   for _, event in ipairs(events) do
      assert.is_nil(getmetatable(event))
      assert.is_string(event.event)
      for name, value in pairs(event) do
         assert.is_string(name)
         assert.is_true(({ string = true, number = true, boolean = true })[type(value)], name)
         for _, word in ipairs(secrets_of(made)) do
            assert.is_nil(tostring(value):find(word, 1, true), name .. " holds a secret")
         end
      end
   end
end

describe("a log function gets", function()
   it("call, reply and renew of a first call", function()
      local made, events = logging()
      local _, _, envelope = made.client:get(STATUS, { secret = "x" })
      check_plain(made, events)
      assert.same({
         { event = "renew", how = "ask" },
         { event = "call", method = "GET", path = "/v1.0/token" },
         { event = "reply", method = "GET", path = "/v1.0/token", status = 200, tid = events[3].tid },
         { event = "call", method = "GET", path = STATUS },
         { event = "reply", method = "GET", path = STATUS, status = 200, tid = envelope.tid },
      }, events)
   end)

   it("reply and retry of what failed, with its code and the pause", function()
      local made, events = logging({ retries = 1 }, "GET " .. STATUS .. ": reset")
      made.client:get(STATUS)
      check_plain(made, events)
      assert.equal(2, #named(events, "reply") - 1) -- one is the token's
      local retry = assert(named(events, "retry")[1])
      assert.same({ "GET", STATUS, "reset" }, { retry.method, retry.path, retry.code })
      assert.is_true(retry.pause >= 0 and retry.pause <= 0.25)
      assert.equal(1, #named(events, "retry"))
   end)

   it("renew by refresh, whose path is cut short", function()
      local made, events = logging(nil, "GET " .. STATUS .. ": 1010 1")
      assert(made.client:get(STATUS))
      check_plain(made, events)
      local how = {}
      for i, event in ipairs(named(events, "renew")) do how[i] = event.how end
      assert.same({ "ask", "ask", "refresh" }, how)
      local cut = false
      for _, event in ipairs(events) do cut = cut or (event.path or ""):find("^/v1.0/token/%w%w%w%w%.%.%.$") ~= nil end
      assert.is_true(cut)
   end)

   it("skew, when the clock turns out to be off", function()
      local made, events = logging { clock = function() return 1700000000000 - 3600000 end }
      assert(made.client:get(STATUS))
      check_plain(made, events)
      assert.same({ { event = "skew", offset = 3600000 } }, named(events, "skew"))
   end)

   it("budget, when most of it is used and when it is spent", function()
      local made, events = logging { budget = { per_day = 5 } }
      for _ = 1, 6 do made.client:get(STATUS) end
      check_plain(made, events)
      local states = {}
      for i, event in ipairs(named(events, "budget")) do states[i] = event.state .. " " .. event.used end
      assert.same({ "warning 4", "refused 5", "refused 5" }, states)
   end)
end)

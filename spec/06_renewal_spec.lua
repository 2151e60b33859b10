-- What a renewal does at its edges: what is asked again, what is not, and what is told of it.
local cloud = require("spec.support.cloud")
local json = require("tuya.json")
local op = require("tuya.op")
local token = require("tuya.token")

local STATUS = "/v1.0/devices/" .. cloud.SOCKET .. "/status"
local LEASE = "lease " .. cloud.ID .. " " .. cloud.ENDPOINT
local TOKEN = "token " .. cloud.ID .. " " .. cloud.ENDPOINT

local function envelope(fields)
   return { status = 200, headers = {}, body = json.encode(fields) }
end

local function granted(access, refresh, life)
   local result = { access_token = access, refresh_token = refresh or "r", expire_time = life or 7200 }
   return envelope { success = true, result = result }
end

local function refusal(code)
   return envelope { success = false, code = code, msg = "no", t = 1700000000000 }
end

-- How often a path that begins so was called.
local function count(made, prefix)
   local n = 0
   for _, request in ipairs(made.transport.requests) do
      if request.target:sub(1, #prefix) == prefix then n = n + 1 end
   end
   return n
end

local function is_ask(request)
   return request.target:find("^/v1.0/token%?") ~= nil
end

local function is_refresh(request)
   return request.target:find("^/v1.0/token/") ~= nil
end

-- A client whose token calls are answered by `tokens(request)` and whose calls by `calls(request)`; nil: by the cloud.
local function new(changes, tokens, calls)
   return cloud.new(changes, function(request, answer)
      local reply, code, sent
      if is_ask(request) or is_refresh(request) then reply, code, sent = tokens(request)
      elseif calls then reply, code, sent = calls(request) end
      if reply or code then return reply, code, sent end
      return answer()
   end)
end

describe("a renewal", function()
   it("of a token that lives a hundred seconds comes at the ninetieth", function()
      local made = new({}, function() return granted("a", "r", 100) end, function()
         return envelope { success = true, result = {} }
      end)
      assert(made.client:get(STATUS))
      made.transport:sleep(89)
      assert(made.client:get(STATUS))
      assert.equal(1, count(made, "/v1.0/token"))
      made.transport:sleep(2)
      assert(made.client:get(STATUS))
      assert.equal(2, count(made, "/v1.0/token"))
   end)

   it("does not take a token that no request could carry", function()
      local made = new({}, function() return granted(("x"):rep(4097)) end)
      local result, message, detail = made.client:get(STATUS)
      assert.is_nil(result)
      assert.matches("the answer holds no token", message, 1, true)
      assert.equal("no", detail.sent)
   end)

   it("that the network stops does not refresh, which would kill a good token of somebody else's", function()
      local is_down = false
      local made = new({ retries = 0 }, function() if is_down then return nil, "dns", "no" end end)
      assert(made.client:get(STATUS))
      is_down = true
      made.transport:sleep(7201)
      assert.equal("dns", select(3, made.client:get(STATUS)).code)
      assert.equal(0, count(made, "/v1.0/token/"))
   end)

   it("whose lease somebody has taken over does not refresh", function()
      local made
      local fails = false
      made = new({}, function(request)
         if not fails or not is_ask(request) then return nil end
         assert.is_true(made.store:swap(LEASE, made.store:load(LEASE), "another's"))
         return refusal(1001)
      end)
      assert(made.client:get(STATUS))
      fails = true
      made.transport:sleep(7201)
      assert.equal(1001, select(3, made.client:get(STATUS)).code)
      assert.equal(0, count(made, "/v1.0/token/"))
      assert.equal("another's", made.store:load(LEASE))
   end)

   it("that fails takes the token that somebody else has stored meanwhile", function()
      local made
      local fails = false
      made = new({}, function(request)
         if not fails then return nil end
         if is_refresh(request) then return refusal(1010) end
         local record = made.store:load(TOKEN)
         local moments = "9999999999999 9999999999999 winner "
         assert.is_true(made.store:swap(TOKEN, record, (record:gsub("^%d+ %d+ %d+ %S+ ", "9 " .. moments))))
         return refusal(1001)
      end, function() return envelope { success = true, result = {} } end)
      assert(made.client:get(STATUS))
      fails = true
      made.transport:sleep(7201)
      made.store:swap(LEASE, made.store:load(LEASE), nil)
      assert(made.client:get(STATUS))
      local requests = made.transport.requests
      assert.equal("winner", requests[#requests].headers.access_token)
   end)

   it("writes a record that is like no earlier one", function()
      local made = new({}, function() return granted("unchanged") end, function()
         return envelope { success = true, result = {} }
      end)
      local seen = {}
      for generation = 1, 3 do
         assert(made.client:get(STATUS))
         assert.equal(("%d"):format(generation), made.store:load(TOKEN):match("^%d+"))
         seen[generation] = made.store:load(TOKEN)
         made.transport:sleep(7201)
      end
      assert.not_equal(seen[1], seen[2])
   end)

   it("of somebody else's that brings the refused token is followed by one's own", function()
      local made = new({}, function(request)
         return is_ask(request) and granted("X", "r1") or granted("Y", "r2")
      end)
      local context = cloud.context(made)
      local any, other = op.new(token.get, context), op.new(token.get, context, "X")
      cloud.drive_side_by_side(context, { any, other })
      assert.equal("X", any:returned().access)
      assert.equal("Y", other:returned().access)
   end)

   it("sends a refresh token once, for it works once", function()
      local made = new({ retries = 3 }, function(request)
         if is_refresh(request) then return nil, "reset", "maybe" end
         return granted("refused")
      end, function() return refusal(1010) end)
      assert.is_nil((made.client:get(STATUS)))
      assert.equal(1, count(made, "/v1.0/token/"))
   end)

   it("for which the budget has no place fails the call by its own name", function()
      local made = cloud.new { budget = { per_month = 1 } }
      local result, message, detail = made.client:get(STATUS)
      assert.is_nil(result)
      assert.same({ "budget", "GET", STATUS }, { detail.kind, detail.method, detail.path })
      assert.matches(STATUS, message, 1, true)
   end)
end)

describe("a call that is tried again", function()
   local function failing(code, sent, changes)
      changes = changes or {}
      return new(changes, function() return granted("a") end, function() return nil, code, sent end)
   end

   it("is not where the server speaks another protocol, though it would do no harm", function()
      local made = failing("protocol", "maybe")
      assert.equal(1, select(3, made.client:get(STATUS)).attempts)
   end)

   it("pauses up to a quarter of a second, then twice as long each time", function()
      local pauses = {}
      local made = failing("dns", "no", {
         nonce = function() return ("f"):rep(32) end,
         log = function(event) if event.event == "retry" then pauses[#pauses + 1] = event.pause end end,
      })
      assert.equal(4, select(3, made.client:get(STATUS)).attempts)
      assert.equal(3, #pauses)
      for i, most in ipairs { 0.25, 0.5, 1 } do
         assert.is_true(pauses[i] <= most and pauses[i] > 0.99 * most, i .. ": " .. tostring(pauses[i]))
      end
   end)

   it("for its time is so once, however often the cloud says so", function()
      local t = 1700000000000
      local made = new({}, function() return granted("a") end, function()
         t = t + 500000
         return envelope { success = false, code = 1013, msg = "request time is invalid", t = t }
      end)
      local detail = select(3, made.client:get(STATUS))
      assert.same({ 1013, 2 }, { detail.code, detail.attempts })
   end)
end)

describe("the cloud's clock", function()
   -- A client whose clock is off by so many ms, on a network that takes so many seconds; what it logs of it.
   local function skewed(ms, delay)
      local made, events = nil, {}
      made = cloud.new({
         clock = function() return made and made.transport:clock()() + ms or 1700000000000 end,
         log = function(event) if event.event == "skew" then events[#events + 1] = event.offset end end,
      }, function(_, answer)
         local reply = answer()
         reply.delay = delay
         return reply
      end)
      return made, events
   end

   it("is learnt in whole milliseconds, or nothing could be signed by it", function()
      local made = skewed(400000, 0.0010005)
      for _ = 1, 3 do assert(made.client:get(STATUS)) end
   end)

   it("is not learnt from what is no moment of 13 digits", function()
      local made
      for _, t in ipairs { 1700000000, 17000000000000, -1, "soon" } do
         made = new({}, function() return granted("a") end, function()
            return envelope { success = true, result = {}, t = t }
         end)
         for _ = 1, 2 do assert(made.client:get(STATUS)) end
         assert.equal("1700000000000", made.transport.requests[3].headers.t)
      end
   end)

   it("is told to the log whether it is ahead or behind", function()
      for _, ms in ipairs { 400000, -400000 } do
         local made, events = skewed(ms, 0.1)
         assert(made.client:get(STATUS))
         assert.equal(1, #events)
         assert.is_true(math.abs(events[1] + ms) <= 100)
      end
   end)
end)

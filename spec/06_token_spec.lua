-- The token: got when first needed, reused, renewed before its end, renewed once however many wait.
local cloud = require("spec.support.cloud")
local op = require("tuya.op")
local call = require("tuya.call")
local json = require("tuya.json")
local request = require("tuya.request")

local STATUS = "/v1.0/devices/" .. cloud.SOCKET .. "/status"

local function count(made, what)
   local n = 0
   for _, sent in ipairs(cloud.sent(made)) do
      if sent == what then n = n + 1 end
   end
   return n
end

local function envelope(fields)
   return { status = 200, headers = {}, body = json.encode(fields) }
end

-- The slugs of what a diagnosis leaves to look at.
local function remaining(diagnosis)
   local slugs = {}
   for i, suspect in ipairs(diagnosis.suspects) do slugs[i] = suspect.slug end
   table.sort(slugs)
   return table.concat(slugs, " ")
end

describe("the token", function()
   it("is got when first needed and reused", function()
      local made = cloud.new()
      for _ = 1, 3 do assert(made.client:get(STATUS)) end
      assert.same({ "GET /v1.0/token", "GET " .. STATUS, "GET " .. STATUS, "GET " .. STATUS }, cloud.sent(made))
   end)

   it("stays out of token calls", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      assert(made.client:get("/v1.0/token", { grant_type = 1 }))
      local last = made.transport.requests[#made.transport.requests]
      assert.is_nil(last.headers.access_token)
      assert.equal(3, #made.transport.requests)
   end)

   it("is renewed a minute before its end", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.transport:sleep(7200 - 61)
      assert(made.client:get(STATUS))
      assert.equal(1, count(made, "GET /v1.0/token"))
      made.transport:sleep(2)
      assert(made.client:get(STATUS))
      assert.equal(2, count(made, "GET /v1.0/token"))
   end)

   it("is renewed after its end without a refused call", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      assert(made.client:get(STATUS))
      assert.same({ "GET /v1.0/token", "GET " .. STATUS, "GET /v1.0/token", "GET " .. STATUS }, cloud.sent(made))
   end)

   it("that another program's refresh revoked is renewed by asking, and the call made again, once", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.simulator:expire_token()
      local result, _, info = made.client:get(STATUS)
      assert.is_table(result)
      assert.is_string(info.tid)
      assert.same({
         "GET /v1.0/token", "GET " .. STATUS, -- the first call
         "GET " .. STATUS, "GET /v1.0/token", "GET " .. STATUS,
      }, cloud.sent(made))
      local again, first = made.transport.requests[5].headers, made.transport.requests[3].headers
      assert.not_equal(first.nonce, again.nonce)
      assert.not_equal(first.access_token, again.access_token)
   end)

   it("is refreshed only where asking gives back the one that was refused", function()
      local refuse = false
      local made
      made = cloud.new(nil, function(sent, answer)
         if refuse and sent.target:find("status", 1, true) then
            refuse = false
            return envelope { success = false, code = 1010, msg = "token invalid", t = 1 }
         end
         return answer()
      end)
      assert(made.client:get(STATUS))
      refuse = true
      assert(made.client:get(STATUS))
      local sent = cloud.sent(made)
      assert.equal("GET /v1.0/token", sent[4])
      assert.matches("^GET /v1.0/token/%x+$", sent[5])
      assert.equal("GET " .. STATUS, sent[6])
      assert.equal(6, #sent)
   end)

   it("that is refused twice ends the call with the refusal", function()
      local made = cloud.new(nil, function(sent, answer)
         if sent.target:find("status", 1, true) then
            return envelope { success = false, code = 1010, msg = "token invalid", t = 1, tid = "abc" }
         end
         return answer()
      end)
      local result, message, detail = made.client:get(STATUS)
      assert.is_nil(result)
      assert.equal("GET " .. STATUS .. ": token invalid (1010, tid abc)", message)
      assert.equal(2, detail.attempts)
      assert.equal(2, count(made, "GET " .. STATUS))
   end)

   it("is among what is left to look at when the call itself is answered 1004", function()
      local made = cloud.new(nil, function(sent, answer)
         if not sent.target:find("status", 1, true) then return answer() end
         return envelope { success = false, code = 1004, msg = "sign invalid", t = 1700000000000 }
      end)
      local _, _, detail = made.client:get(STATUS)
      assert.equal("ok", detail.diagnosis.verdict)
      assert.equal("data-centre project token wrong-secret", remaining(detail.diagnosis))
      assert.matches("^The signature is right", tostring(detail.diagnosis))
      assert.same({}, detail.diagnosis.mistakes)
   end)

   it("counts 1011 as 1010", function()
      local refuse = true
      local made = cloud.new(nil, function(sent, answer)
         if refuse and sent.target:find("status", 1, true) then
            refuse = false
            return envelope { success = false, code = 1011, msg = "token invalid", t = 1 }
         end
         return answer()
      end)
      assert(made.client:get(STATUS))
   end)

   it("that cannot be got fails the call, which was not sent", function()
      local made = cloud.new { access_secret = "another secret" }
      local result, message, detail = made.client:post("/v1.0/devices/x/commands", { commands = {} })
      assert.is_nil(result)
      assert.matches("^GET /v1.0/token: sign invalid %(1004, tid %x+%)$", message)
      assert.equal("api", detail.kind)
      assert.equal(1004, detail.code)
      assert.equal("data-centre project wrong-secret", remaining(detail.diagnosis))
      assert.equal("no", detail.sent)
      assert.equal(1, #made.transport.requests)
   end)

   it("is not replaced by an answer that holds none", function()
      for _, result in ipairs {
         true, {}, { access_token = "" }, { access_token = "a b", expire_time = 7200 }, { access_token = "a" },
         { access_token = "a", expire_time = -1 },
      } do
         local made = cloud.new(nil, function() return envelope { success = true, result = result } end)
         local value, message, detail = made.client:get(STATUS)
         assert.is_nil(value)
         assert.equal("GET /v1.0/token: the answer holds no token", message)
         assert.equal("no", detail.sent)
      end
   end)

   it("in hand is used while renewing it fails", function()
      local broken = false
      local made = cloud.new({ retries = 0 }, function(sent, answer)
         if broken and sent.target:find("token", 1, true) then return nil, "connect", "no" end
         return answer()
      end)
      assert(made.client:get(STATUS))
      made.transport:sleep(7200 - 30)
      broken = true
      assert(made.client:get(STATUS))
   end)

   it("is renewed once, however many calls wait for it", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.simulator:expire_token()
      local context = cloud.context(made)
      local ops = {}
      for i = 1, 100 do
         local built = assert(request.build({ method = "GET", path = STATUS }, json))
         ops[i] = op.new(call.run, context, built, { retries = 0, idempotent = true, attempts = 0 })
      end
      cloud.drive_side_by_side(context, ops)
      for i = 1, 100 do assert.is_table((ops[i]:returned())) end
      assert.equal(2, count(made, "GET /v1.0/token"))
      assert.equal(201, count(made, "GET " .. STATUS))
   end)

   it("is renewed once for a hundred calls of a tick, dead or dying", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      local answered
      local function start_hundred()
         answered = 0
         for _ = 1, 100 do
            made.client:start({ method = "GET", path = STATUS }, function(result)
               assert.is_table(result)
               answered = answered + 1
            end)
         end
         while made.client:tick(1) > 0 do end
      end
      made.simulator:expire_token()
      start_hundred()
      assert.equal(100, answered)
      assert.equal(2, count(made, "GET /v1.0/token"))
      assert.equal(201, count(made, "GET " .. STATUS))
      made.transport:sleep(7200 - 30)
      start_hundred()
      assert.equal(100, answered)
      assert.equal(3, count(made, "GET /v1.0/token"))
   end)

   it("that lost a race never overwrites the one that won", function()
      local made
      local raced = false
      made = cloud.new(nil, function(sent, answer)
         local reply = answer()
         if not raced and sent.target:find("grant_type", 1, true) then
            raced = true -- another program stores its token while ours is on its way
            assert(made.store:swap(cloud.context(made).token_key, nil, "1 9999999999999 9999999999999 winner r - - -"))
         end
         return reply
      end)
      made.client:get(STATUS)
      local status = made.transport.requests[2]
      assert.equal("winner", status.headers.access_token)
   end)
end)

describe("a renewal", function()
   local CALL = { method = "GET", path = STATUS }

   -- The op of a call in a client of its own that shares the store of `made`.
   local function op_of(context)
      local policy = { retries = 0, idempotent = true, attempts = 0 }
      return op.new(call.run, context, assert(request.build(CALL, json)), policy)
   end

   -- Steps an op until it yields an effect that `is_there` knows; what it yielded.
   local function step_until(context, made, started, is_there)
      local function answer(effect, ...)
         if effect == "load" then return context.store:load(...) end
         if effect == "swap" then return context.store:swap(...) end
         if effect == "send" then return made.transport:send(...) end
      end
      local wanted = { started:step() }
      while not is_there(wanted) do wanted = { started:step(answer(wanted[1], wanted[2], wanted[3], wanted[4])) } end
      return wanted
   end

   it("is made once, however many clients share the store", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.simulator:expire_token()
      local ops, contexts = {}, {}
      for i = 1, 40 do
         contexts[i % 8] = contexts[i % 8] or cloud.context(made)
         ops[i] = op_of(contexts[i % 8])
      end
      cloud.drive_side_by_side(contexts[0], ops)
      for i = 1, 40 do assert.is_table((ops[i]:returned())) end
      assert.equal(2, count(made, "GET /v1.0/token"))
   end)

   -- How long a call waits for a holder that was killed, by what he left; nobody holds the lease then.
   local function waited_for(lease)
      local made = cloud.new()
      local context = cloud.context(made)
      assert.is_true(made.store:swap(context.lease_key, nil, lease))
      local before = made.transport:now()
      assert(made.client:get(STATUS))
      assert.is_nil((made.store:load(context.lease_key)))
      return made.transport:now() - before
   end

   it("whose holder was killed is taken over after a second", function()
      local waited = waited_for("of one that was killed")
      assert.is_true(waited >= 1 and waited < 1.1)
   end)

   it("whose holder says how long it may take is taken over after that", function()
      local waited = waited_for("of one that was killed 11")
      assert.is_true(waited >= 11 and waited < 11.1)
   end)

   it("that fails fails for all who have waited for it, by one token call", function()
      local is_down = true
      local made = cloud.new({ retries = 0 }, function(sent, answer)
         if is_down and sent.target:find("token", 1, true) then return nil, "connect", "no" end
         return answer()
      end)
      local failures, details = 0, {}
      for _ = 1, 4 do
         made.client:start(CALL, function(result, _, detail)
            if result then return end
            failures = failures + 1
            details[detail] = detail.code .. " " .. detail.sent
         end)
      end
      while made.client:tick(1) > 0 do end -- luacheck: ignore 542
      assert.equal(4, failures)
      assert.equal(1, count(made, "GET /v1.0/token"))
      local n = 0
      for _, what in pairs(details) do -- each call has a detail of its own
         n = n + 1
         assert.equal("connect no", what)
      end
      assert.equal(4, n)
      is_down = false
      assert(made.client:get(STATUS))
   end)

   it("of a holder that changes its lease is waited for", function()
      local made = cloud.new()
      local context = cloud.context(made)
      assert.is_true(made.store:swap(context.lease_key, nil, "0"))
      local sleep, n = made.transport.sleep, 0
      made.transport.sleep = function(self, seconds)
         sleep(self, seconds)
         n = n + 1
         made.store:swap(context.lease_key, made.store:load(context.lease_key), tostring(n))
      end
      local _, _, detail = made.client:get(STATUS, nil, { timeout = 5 })
      assert.equal("timeout no", detail.code .. " " .. detail.sent)
      assert.equal(0, #made.transport.requests)
   end)

   it("that its own client left behind is begun anew at once", function()
      local broken = true
      local made = cloud.new { nonce = function()
         if broken then error("no nonce") end
         return "n"
      end }
      assert.is_false(pcall(made.client.get, made.client, STATUS))
      broken = false
      local before = made.transport:now()
      assert(made.client:get(STATUS))
      assert.equal(before, made.transport:now())
   end)

   it("does not hold up other calls while the token still lives", function()
      local made = cloud.new()
      assert(made.client:get(STATUS))
      made.transport:sleep(7200 - 30)
      local context = cloud.context(made)
      local first, second = op_of(context), op_of(context)
      local wanted = step_until(context, made, first, function(w) return w[1] == "wait" end)
      assert.is_true(wanted[3]) -- a driver that can goes on with the call
      wanted = step_until(context, made, second, function(w) return w[1] == "send" end)
      assert.equal("GET", wanted[2]:method())
      assert.matches("status", wanted[2]:target())
   end)

   it("that hangs while the token lives holds up one call for two seconds, and for the next fifteen none", function()
      local hangs, given = false, {}
      local made = cloud.new(nil, function(sent, answer)
         if hangs and sent.target:find("token", 1, true) then return nil, "timeout", "maybe" end
         return answer()
      end)
      local send = made.transport.send
      made.transport.send = function(self, sealed, limits)
         if sealed:target():find("token", 1, true) then given[#given + 1] = limits.timeout end
         return send(self, sealed, limits)
      end
      assert(made.client:get(STATUS))
      made.transport:sleep(7200 - 30)
      hangs = true
      for _ = 1, 5 do assert(made.client:get(STATUS)) end
      assert.same({ 15, 2 }, given)
      made.transport:sleep(15)
      assert(made.client:get(STATUS))
      assert.equal(3, #given)
   end)

   it("is tried by refresh where asking fails, and by asking where the refresh fails", function()
      local fails = {}
      local made = cloud.new(nil, function(sent, answer)
         local how = sent.target:match("^/v1%.0/token(.)")
         if how and fails[how] then return envelope { success = false, code = 500, msg = "system error", t = 1 } end
         return answer()
      end)
      assert(made.client:get(STATUS))
      made.transport:sleep(7201)
      fails["?"] = true
      assert(made.client:get(STATUS))
      local sent = cloud.sent(made)
      assert.equal("GET /v1.0/token", sent[3])
      assert.matches("^GET /v1.0/token/%x+$", sent[4])
      fails["/"] = true
      made.transport:sleep(7201)
      local _, message, detail = made.client:get(STATUS)
      assert.matches("^GET /v1.0/token/%x%x%x%x%.%.%.: system error", message)
      assert.equal("no", detail.sent)
      fails = {}
      assert(made.client:get(STATUS))
   end)

   it("by a refresh that somebody else's came before asks again", function()
      local made
      local state = "refuse"
      made = cloud.new(nil, function(sent, answer)
         if state == "refuse" and sent.target:find("status", 1, true) then
            state = "race"
            return envelope { success = false, code = 1010, msg = "token invalid", t = 1 }
         elseif state == "race" and sent.target:find("/token/", 1, true) then
            state = "over"
            answer() -- another program's: the refresh token works once
            return envelope { success = false, code = 1010, msg = "token invalid", t = 1 }
         end
         return answer()
      end)
      assert(made.client:get(STATUS))
      local sent = cloud.sent(made)
      assert.equal("GET /v1.0/token", sent[3])
      assert.matches("^GET /v1.0/token/%x+$", sent[4])
      assert.equal("GET /v1.0/token", sent[5])
      assert.equal("GET " .. STATUS, sent[6])
      assert.equal(6, #sent)
   end)

   it("counts a token's life from when it was asked for", function()
      local made
      made = cloud.new(nil, function(_, answer)
         local reply = answer()
         made.transport:sleep(5)
         return reply
      end)
      assert(made.client:get(STATUS))
      local expires = made.store:load(cloud.context(made).token_key):match("^1 %d+ (%d+) ")
      assert.equal(1700000000000 + 7200000, tonumber(expires))
   end)
end)

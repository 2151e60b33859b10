-- The budget: what is counted, refused before it is sent, spread, and told.
local cloud = require("spec.support.cloud")
local json = require("tuya.json")
local memory = require("tuya.store.memory")
local op = require("tuya.op")
local call = require("tuya.call")
local request = require("tuya.request")
local budget = require("tuya.budget")

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET
local COMMANDS = DEVICE .. "/commands"
local ON = { commands = { { code = "switch", value = true } } }
local DAY = 86400

-- The fake clock begins at 2023-11-14 22:13:20 UTC.
local DAY_ENDS, MONTH_ENDS = 1700006400000, 1701388800000

local function with(plan, changes, intercept)
   changes = changes or {}
   changes.budget = plan
   return cloud.new(changes, intercept)
end

describe("client:usage", function()
   it("counts what reaches the cloud, token calls too", function()
      local made = with {}
      assert.same({ used = 0, resets = DAY_ENDS }, made.client:usage().day)
      assert(made.client:get(DEVICE))
      assert(made.client:post(COMMANDS, ON))
      made.client:get("/v1.0/devices/unknown")
      local usage = made.client:usage()
      assert.same({ used = 4, resets = DAY_ENDS }, usage.day)
      assert.same({ used = 4, resets = MONTH_ENDS }, usage.month)
      assert.equal(4, #made.transport.requests)
      assert.equal(0, usage.limited)
      assert.equal(0, usage.reserve)
   end)

   it("does not count what did not leave, and counts every replay and every retry that did", function()
      local sends = { "no", "no", "maybe", "yes" }
      local made = with({}, nil, function(sent, answer)
         local fate = not sent.target:find("token", 1, true) and table.remove(sends, 1)
         if fate then return nil, "reset", fate end
         return answer()
      end)
      assert.is_nil((made.client:get(DEVICE)))
      assert.equal(1 + 2, made.client:usage().day.used)
      made.simulator:expire_token()
      assert(made.client:get(DEVICE))
      assert.equal(3 + 3, made.client:usage().day.used)
   end)

   it("begins anew with every day and month", function()
      local made = with { per_month = 100, per_day = 10 }
      assert(made.client:get(DEVICE))
      made.transport:sleep(DAY)
      assert(made.client:get(DEVICE))
      local usage = made.client:usage()
      assert.same({ used = 2, limit = 10, left = 8, resets = DAY_ENDS + DAY * 1000 }, usage.day)
      assert.same({ used = 4, limit = 100, left = 96, resets = MONTH_ENDS }, usage.month)
      made.transport:sleep(20 * DAY)
      assert.same({ used = 0, limit = 100, left = 100, resets = 1704067200000 }, made.client:usage().month)
   end)

   it("is kept in the store, and shared by all who use it", function()
      local shared = memory.new()
      local one, other = with({ per_day = 5 }, { store = shared }), with({ per_day = 5 }, { store = shared })
      assert(one.client:get(DEVICE))
      assert.equal(2, other.client:usage().day.used)
   end)

   it("wants a budget", function()
      assert.error_matches(function() cloud.new().client:usage() end,
         "tuya.client:usage: the client counts no calls: give it a budget", 1, true)
   end)
end)

describe("a budget", function()
   it("refuses before sending, and says until when", function()
      local made = with { per_day = 3 }
      assert(made.client:get(DEVICE))
      assert(made.client:get(DEVICE))
      local result, message, detail = made.client:get(DEVICE)
      assert.is_nil(result)
      assert.equal("GET " .. DEVICE .. ": the budget of 3 calls a day is spent until 2023-11-15 00:00 UTC", message)
      assert.equal("budget per_day no", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      assert.equal(DAY_ENDS, detail.resets)
      assert.equal(0, detail.attempts)
      assert.equal(3, #made.transport.requests)
      made.transport:sleep(DAY)
      assert(made.client:get(DEVICE))
   end)

   it("refuses the token call as the call's own", function()
      local made = with { per_month = 1 }
      assert.is_nil((made.client:get(DEVICE)))
      made.transport:sleep(7200)
      local _, message, detail = made.client:get(DEVICE)
      assert.equal("GET " .. DEVICE .. ": the budget of 1 calls a month is spent until 2023-12-01 00:00 UTC", message)
      assert.equal("budget per_month", detail.kind .. " " .. detail.code)
   end)

   it("keeps its reserve for commands", function()
      local made = with { per_month = 5, reserve = 2 }
      assert(made.client:get(DEVICE))
      assert(made.client:get(DEVICE))
      local _, message = made.client:get(DEVICE)
      assert.matches("the last 2 calls of the month are kept for commands until 2023-12-01", message, 1, true)
      assert(made.client:post(COMMANDS, ON))
      assert(made.client:post(COMMANDS, ON))
      _, message = made.client:post(COMMANDS, ON)
      assert.matches("the budget of 5 calls a month is spent", message, 1, true)
   end)

   it("warns at four fifths, once, and tells what it refuses", function()
      local heard = {}
      local made = with({ per_day = 10 }, { log = function(event)
         if event.event == "budget" then heard[#heard + 1] = event end
      end })
      for _ = 1, 11 do made.client:get(DEVICE) end
      assert.same({
         { event = "budget", state = "warning", period = "day", used = 8, limit = 10, resets = DAY_ENDS },
         { event = "budget", state = "refused", period = "day", used = 10, limit = 10, resets = DAY_ENDS },
         { event = "budget", state = "refused", period = "day", used = 10, limit = 10, resets = DAY_ENDS },
      }, heard)
   end)

   it("counts the cloud's answers that there were too many", function()
      local answers = 2
      local made = with({}, nil, function(sent, answer)
         if sent.target:find("token", 1, true) or answers == 0 then return answer() end
         answers = answers - 1
         local body = json.encode { success = false, code = 1199, msg = "too frequent", t = 1700000000000 }
         return { status = 200, headers = {}, body = body }
      end)
      assert(made.client:get(DEVICE))
      assert.equal(2, made.client:usage().limited)
      assert.equal(4, made.client:usage().day.used)
   end)

   it("spreads a burst to its rate", function()
      local made = with { per_second = 4 }
      assert(made.client:get(DEVICE)) -- the call and the token that it needs have a turn each
      for _ = 1, 9 do assert(made.client:get(DEVICE)) end
      local times = {}
      for i, sent in ipairs(made.transport.requests) do times[i] = tonumber(sent.headers.t) end
      for i = 4, #times do assert.is_true(times[i] - times[i - 1] >= 250) end
      assert.equal(times[2] + 9 * 250, times[11])
   end)

   it("lets nobody wait longer than there is time, and gives back the turn", function()
      local made = with { per_second = 0.1 }
      assert(made.client:get(DEVICE, nil, { timeout = 30 })) -- the token call has the first turn
      local _, message, detail = made.client:get(DEVICE, nil, { timeout = 3 })
      assert.matches("no time to wait 10.0 s for a turn", message, 1, true)
      assert.equal("budget per_second no", detail.kind .. " " .. detail.code .. " " .. detail.sent)
      assert.equal(2, made.client:usage().day.used)
      assert(made.client:get(DEVICE, nil, { timeout = 11 }))
   end)

   it("spreads what many ops want at once", function()
      local made = with {}
      assert(made.client:get(DEVICE))
      local context = cloud.context(made)
      context.budget, context.budget_key = assert(budget.try { per_second = 10 }), "budget"
      local ops = {}
      for i = 1, 20 do
         local built = assert(request.build({ method = "GET", path = DEVICE }, json))
         ops[i] = op.new(call.run, context, built, { retries = 0, idempotent = true, attempts = 0 })
      end
      cloud.drive_side_by_side(context, ops)
      for i = 1, 20 do assert.is_table((ops[i]:returned())) end
      assert.matches(" 20 202311 20 0", context.store:load("budget"), 1, true)
   end)

   -- A budget of one's own on a clock that stands still, and what runs a flow with it.
   local function alone(plan)
      local made = with {}
      local context = cloud.context(made)
      context.budget, context.budget_key = assert(budget.try(plan)), "budget"
      return made, function(flow, ...)
         local flowing = op.new(flow, context, ...)
         cloud.drive_side_by_side(context, { flowing })
         return flowing:returned()
      end
   end

   local CALL = assert(request.build({ method = "GET", path = DEVICE }, json))

   it("gives back a place in the month, and no more in the day, where that has ended", function()
      local made, run = alone {}
      local first = run(budget.take, CALL)
      made.transport:sleep(2 * DAY)
      run(budget.take, CALL)
      run(budget.give_back, first)
      assert.equal("20231116 1 202311 1 0", made.store:load("budget"))
   end)

   it("does not give back a turn behind which others already wait", function()
      local made, run = alone { per_second = 0.1 }
      local first = run(budget.take, CALL)
      local before = made.transport:now()
      run(budget.take, CALL)
      run(budget.give_back, first)
      run(budget.take, CALL)
      assert.is_true(made.transport:now() - before >= 20)
   end)

   it("never goes faster than a rate whose turns are no whole milliseconds", function()
      local made = with { per_second = 3 }
      for _ = 1, 10 do assert(made.client:get(DEVICE)) end
      local requests = made.transport.requests
      assert.is_true(tonumber(requests[11].headers.t) - tonumber(requests[2].headers.t) >= 9 * 1000 / 3)
   end)

   it("counts what the cloud refused for its rate by the month", function()
      local is_busy = true
      local made = with({}, nil, function(sent, answer)
         if sent.target:find("token", 1, true) or not is_busy then return answer() end
         is_busy = false
         return { status = 429, headers = {}, body = "" }
      end)
      assert(made.client:get(DEVICE))
      assert.equal(1, made.client:usage().limited)
      made.transport:sleep(20 * DAY)
      assert.equal(0, made.client:usage().limited)
   end)

   it("gives the token that a command needs of its reserve", function()
      local made = with { per_month = 3, reserve = 2 }
      assert(made.client:post(COMMANDS, ON))
      assert.equal(2, made.client:usage().month.used)
   end)

   it("knows the rates that Tuya publishes for its APIs", function()
      local made = with {}
      assert(made.client:get(DEVICE))
      local began = made.transport.ms
      local path = "/v2.0/cloud/thing/" .. cloud.SOCKET .. "/shadow/properties/issue"
      for _ = 1, 9 do made.client:post(path, { properties = "{}" }) end
      assert.equal(8 * 250, made.transport.ms - began) -- 4 a second
      began = made.transport.ms
      for _ = 1, 9 do made.client:get("/v2.0/cloud/thing/" .. cloud.SOCKET .. "/model") end
      assert.equal(8 * 100, made.transport.ms - began)
      began = made.transport.ms
      for _ = 1, 9 do assert(made.client:get(DEVICE)) end
      assert.equal(began, made.transport.ms)
   end)

   it("does not wait for turns that were given by a clock which was wrong", function()
      local made = with({ per_second = 1 }, { store = memory.new() })
      assert(made.client:get(DEVICE))
      made.transport.ms = made.transport.ms - 86400 * 1000 * 365
      made.simulator:expire_token()
      assert(made.client:get(DEVICE))
   end)

   it("refuses what is none", function()
      local function refused(plan, rule)
         assert.error_matches(function() with(plan) end, "tuya.client: budget: " .. rule, 1, true)
      end
      refused({ per_mont = 1 }, "per_mont: unknown option (did you mean per_month?)")
      refused({ per_month = 0 }, "per_month: a whole number of calls expected")
      refused({ per_day = 1.5 }, "per_day: a whole number of calls expected")
      refused({ per_second = 0 }, "per_second: a number above 0 expected")
      refused({ per_second = 0 / 0 }, "per_second: a number above 0 expected")
      refused({ reserve = -1 }, "reserve: a whole number of calls expected")
      refused({ per_day = 5, per_month = 100, reserve = 5 }, "reserve: leaves nothing")
   end)
end)

describe("a date", function()
   local date = require("tuya.date")

   it("is the calendar's, over leap years and centuries", function()
      for day = -30000, 60000, 7 do
         local theirs = os.date("!*t", day * DAY)
         local year, month, of_month = date.of(day * DAY * 1000 + 86399999)
         assert.equal(theirs.year * 10000 + theirs.month * 100 + theirs.day, year * 10000 + month * 100 + of_month)
         assert.equal(day * DAY, date.seconds(year, month, of_month))
      end
      assert.equal(date.seconds(2024, 1, 1), date.seconds(2023, 13, 1))
   end)

   it("of a header is a moment, and what is none is not", function()
      assert.equal(1795682030, date.parse("Thu, 26 Nov 2026 08:33:50 GMT"))
      for _, text in ipairs { "", "Thu, 26 Nof 2026 08:33:50 GMT", "1795682030", "Thu, 26 Nov 2026 08:33:50" } do
         assert.is_nil((date.parse(text)))
      end
   end)
end)

describe("a place that could not be counted, as time ran out among others' changes", function()
   it("is not given back, and its call not sent", function()
      local made, tried_at = cloud.new { budget = {} }, nil
      assert(made.client:get(DEVICE))
      local swap = made.store.swap
      function made.store:swap(key, ...)
         local now = made.transport:now()
         if key:find("^budget") and now ~= tried_at then -- what comes at the same moment is the giving back
            tried_at = now
            return false
         end
         return swap(self, key, ...)
      end
      local _, _, detail = made.client:get(DEVICE, nil, { timeout = 0.02 })
      made.store.swap = swap
      assert.equal("no", detail.sent)
      assert.equal("per_second", detail.code)
      assert.equal(2, #made.transport.requests)
      assert.equal(2, made.client:usage().day.used) -- the token's call, and the first
   end)
end)

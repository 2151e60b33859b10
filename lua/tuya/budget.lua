--- budget.lua: how many calls a project may still make.
-- The idea: one record in the store counts the calls of the day and the month and holds, for each rate, when its next
-- call may go. A call takes its place by one swap before it is sent, so all who share the store share the budget, and
-- it outlives them; what turns out not to have been sent gives its place back.
-- Flows are for a client that has a budget.
-- The danger: when Tuya's months and days begin is not published; they are taken to begin at 0:00 UTC.
-- @module tuya.budget

local clock = require("tuya.clock")
local core = require("tuya.core")
local date = require("tuya.date")
local decimal = require("tuya.decimal")
local jitter = require("tuya.jitter")
local kept = require("tuya.kept")
local op = require("tuya.op")
local options = require("tuya.options")

local yield = op.yield

local budget = {}

local OPTIONS = options.known { per_month = "number", per_day = "number", per_second = "number", reserve = "number" }

local WARN = 0.8          -- of a limit
local FARTHEST = 600000   -- ms; a turn farther off was not given: the clock was set
local PAUSE = 0.005       -- seconds at most, where somebody else changed the record meanwhile
local PERIODS = { "day", "month" }

-- Tuya's limits, of each API of a project: calls per second [published: frequency-control, Kcojz2r2dg1f6].
local THING, SPACE = "^/v2%.0/cloud/thing/[^/]+/", "^/v2%.0/cloud/space/"
local RATES = {
   { name = "space-create", method = "POST", path = SPACE .. "creation$", rate = 10 },
   { name = "space-delete", method = "DELETE", path = SPACE .. "[^/]+$", rate = 10 },
   { name = "space-modify", method = "PUT", path = SPACE .. "[^/]+$", rate = 10 },
   { name = "space-child", method = "GET", path = SPACE .. "child$", rate = 20 },
   { name = "space-relation", method = "GET", path = SPACE .. "relation$", rate = 20 },
   { name = "space-resource", method = "GET", path = SPACE .. "[^/]+/resource$", rate = 20 },
   { name = "space-query", method = "GET", path = SPACE .. "[^/]+$", rate = 20 },
   { name = "thing-model", method = "GET", path = THING .. "model$", rate = 10 },
   { name = "actions", method = "POST", path = THING .. "shadow/actions$", rate = 4 },
   { name = "issue", method = "POST", path = THING .. "shadow/properties/issue$", rate = 4 },
   { name = "desired-set", method = "POST", path = THING .. "shadow/properties/desired$", rate = 4 },
   { name = "desired-get", method = "GET", path = THING .. "shadow/properties/desired$", rate = 10 },
   { name = "properties-set", method = "POST", path = THING .. "shadow/properties$", rate = 4 },
   { name = "properties-get", method = "GET", path = THING .. "shadow/properties$", rate = 50 },
}

local function check_values(given)
   for _, name in ipairs { "per_month", "per_day", "reserve" } do
      local value = given[name]
      if value and not (value >= (name == "reserve" and 0 or 1) and value % 1 == 0 and value < 1e12) then
         return name .. ": a whole number of calls expected"
      end
   end
   local rate = given.per_second
   if rate and not (rate > 0 and rate < 1e6) then return "per_second: a number above 0 expected" end
   local least = math.min(given.per_month or 1e12, given.per_day or 1e12)
   if given.reserve and given.reserve >= least then return "reserve: leaves nothing of per_day or per_month" end
end

--- Checks what a client is given as its budget.
-- @tparam table given `per_month`, `per_day`, `per_second`, `reserve`
-- @treturn ?table the plan; nil and the rule that is broken
function budget.try(given)
   local rule = options.broken(given, OPTIONS) or check_values(given)
   if rule then return nil, "budget: " .. rule end
   return {
      month = given.per_month,
      day = given.per_day,
      per_second = given.per_second,
      reserve = given.reserve or 0,
   }
end

-- {{{ The record

-- The count of the store's text as it is now: a day or month that is over counts nothing.
local function read(text, now)
   local day, days_used, month, months_used, limited, turns = (text or ""):match("^(%d+) (%d+) (%d+) (%d+) (%d+)(.*)$")
   local y, m, d = date.of(now)
   local count = {
      ids = { day = ("%04d%02d%02d"):format(y, m, d), month = ("%04d%02d"):format(y, m) },
      resets = { day = (date.seconds(y, m, d) + 86400) * 1000, month = date.seconds(y, m + 1, 1) * 1000 },
      turns = {},
   }
   count.day = day == count.ids.day and tonumber(days_used) or 0
   count.month = month == count.ids.month and tonumber(months_used) or 0
   count.limited = month == count.ids.month and tonumber(limited) or 0
   for name, turn in (turns or ""):gmatch(" ([%w-]+)=(%d+)") do
      turn = tonumber(turn)
      if turn > now and turn < now + FARTHEST then count.turns[name] = turn end
   end
   return count
end

local function write(count)
   local ids = count.ids
   local fields = { ("%s %.0f %s %.0f %.0f"):format(ids.day, count.day, ids.month, count.month, count.limited) }
   for name, turn in pairs(count.turns) do fields[#fields + 1] = ("%s=%.0f"):format(name, turn) end
   return table.concat(fields, " ")
end

-- Changes the record: `change(count, now, ...)`, called anew until nobody came between, or there is no more time, may
-- answer something that ends it; that is returned, then the count, then whether it was lost for want of time.
local function update(context, change, ...)
   while true do
      local text = kept.load(context, context.budget_key)
      local now = clock.now(context)
      local count = read(text, now)
      local trouble = change(count, now, ...)
      if trouble or kept.swap(context, context.budget_key, text, write(count)) then return trouble, count end
      if not yield("sleep", jitter.draw(PAUSE, context)) then return nil, count, true end
   end
end

-- }}}

-- {{{ Taking a place

-- Reads that may wait; commands, and the token that they need, may also have the reserve.
local function is_read(request)
   return (request.method == "GET" or request.method == "HEAD") and not core.is_token_call(request.path)
end

-- The period whose calls are spent for this request.
local function spent_period(count, plan, request)
   local reserve = is_read(request) and plan.reserve or 0
   for _, period in ipairs(PERIODS) do
      local limit = plan[period]
      if limit and count[period] >= limit - reserve then return period end
   end
end

-- The next turn at a rate: ms to wait for it; noted so that it can be given back.
local function take_turn(count, now, name, rate, taken)
   local start = math.max(count.turns[name] or 0, now)
   count.turns[name] = math.ceil(start + 1000 / rate)
   taken[name] = { start = start, finish = count.turns[name] }
   return start - now
end

local function take_turns(count, now, plan, request, taken)
   local wait = 0
   if plan.per_second then wait = take_turn(count, now, "all", plan.per_second, taken) end
   for _, limit in ipairs(RATES) do
      if request.method == limit.method and request.path:find(limit.path) then
         return math.max(wait, take_turn(count, now, limit.name, limit.rate, taken))
      end
   end
   return wait
end

local function take(count, now, plan, request, place)
   local period = spent_period(count, plan, request)
   if period then return period end
   place.turns = {}
   place.wait = take_turns(count, now, plan, request, place.turns) / 1000
   place.ids = count.ids
   count.day, count.month = count.day + 1, count.month + 1
end

local function give_back(count, _, place)
   for _, period in ipairs(PERIODS) do
      if count.ids[period] == place.ids[period] then count[period] = math.max(0, count[period] - 1) end
   end
   for name, turn in pairs(place.turns) do -- unless somebody else's comes after it
      if count.turns[name] == turn.finish then count.turns[name] = turn.start end
   end
end

local function tell(context, state, period, count)
   if not context.log then return end
   context.log {
      event = "budget",
      state = state,
      period = period,
      used = count[period],
      limit = context.budget[period],
      resets = count.resets[period],
   }
end

local function warn(context, count)
   for _, period in ipairs(PERIODS) do
      local limit = context.budget[period]
      if limit and count[period] == math.ceil(WARN * limit) then tell(context, "warning", period, count) end
   end
end

local function refusal(context, period, count)
   tell(context, "refused", period, count)
   local limit, resets = context.budget[period], count.resets[period]
   local what = ("the budget of %d calls a %s is spent"):format(limit, period)
   local left = limit - count[period]
   if left > 0 then what = ("the last %d calls of the %s are kept for commands"):format(left, period) end
   local message = ("%s until %04d-%02d-%02d 00:00 UTC"):format(what, date.of(resets))
   return { kind = "budget", code = "per_" .. period, message = message, resets = resets, sent = "no" }
end

local function no_time(for_what)
   return { kind = "budget", code = "per_second", message = "no time " .. for_what, sent = "no" }
end

--- Takes a place for a call, and waits for its turn. A flow.
-- @tparam table context the client's
-- @tparam request request
-- @treturn ?table the place, for `give_back`; nil and what is known of the refusal
function budget.take(context, request)
   local plan, place = context.budget, {}
   local period, count, is_lost = update(context, take, plan, request, place)
   if period then return nil, refusal(context, period, count) end
   if is_lost then return nil, no_time("to count the call, as others do") end -- so there is nothing to give back
   warn(context, count)
   if place.wait <= 0 or yield("sleep", place.wait) then return place end
   budget.give_back(context, place)
   return nil, no_time(("to wait %s s for a turn"):format(decimal.text("%.1f", place.wait)))
end

--- Gives back the place of a call that was not sent. A flow.
-- @tparam table context the client's
-- @tparam table place
function budget.give_back(context, place)
   update(context, give_back, place)
end

local function add_limited(count)
   count.limited = count.limited + 1
end

--- Counts an answer by which the cloud says that there were too many calls. A flow.
-- @tparam table context the client's
function budget.limited(context)
   local _, count = update(context, add_limited)
   tell(context, "limited", "month", count)
end

-- }}}

local function usage_of(count, plan, period)
   local used, limit = count[period], plan[period]
   return { used = used, limit = limit, left = limit and math.max(0, limit - used), resets = count.resets[period] }
end

--- What has been used. A flow.
-- @tparam table context the client's
-- @treturn table
function budget.usage(context)
   local plan = context.budget
   local count = read(kept.load(context, context.budget_key), clock.now(context))
   return {
      day = usage_of(count, plan, "day"),
      month = usage_of(count, plan, "month"),
      limited = count.limited,
      per_second = plan.per_second,
      reserve = plan.reserve,
   }
end

return budget

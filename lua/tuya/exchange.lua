--- exchange.lua: one request, signed and sent until it is answered or its tries are spent.
-- The idea: every try signs anew, after the pause, so that `t` and nonce are fresh; a network failure is
-- repeated only where that cannot carry a command out twice.
-- The danger: a flow (see op.lua): it yields, so no pcall, iterator or metamethod in the way.
-- @module tuya.exchange

local clock = require("tuya.clock")
local errors = require("tuya.errors")
local jitter = require("tuya.jitter")
local later = require("tuya.later")
local op = require("tuya.op")
local response = require("tuya.response")
local sign = require("tuya.sign")

local budget = later("tuya.budget")

local yield = op.yield

local exchange = {}

local FIRST_PAUSE = 0.25 -- seconds; doubled at every try, and drawn at random up to that
local WRONG_TIME = 1013
local TOO_MANY = { [429] = true, [1110] = true, [1199] = true } -- HTTP's and Tuya's: refused for the rate alone
local FAILING = { [500] = true, [502] = true, [503] = true, [504] = true } -- the cloud's front may recover

--- Whether a call may be carried out twice without harm.
-- @tparam string method
-- @treturn boolean
function exchange.is_idempotent(method)
   return method == "GET" or method == "HEAD"
end

-- What does not change from one signature to the next.
local function new_signer(context)
   return {
      access_id = context.access_id,
      key = context.key,
      bundle_id = context.bundle_id,
      algorithm = context.algorithm,
   }
end

--- Seals a request with the client's key.
-- @tparam table context the client's
-- @tparam request request
-- @tparam ?string access_token
-- @tparam number t ms
-- @treturn sealed
-- @raise when a rule is broken
function exchange.seal(context, request, access_token, t)
   local signer, nonce = context.signer, context.nonce
   if not signer then
      signer = new_signer(context)
      context.signer = signer
   end
   if nonce then nonce = nonce() end
   signer.access_token, signer.t, signer.nonce = access_token, t, nonce
   local sealed, rule = sign.seal(request, signer)
   return sealed or error(rule, 0)
end

local function log(context, event, request, info, seconds)
   context.log {
      event = event,
      method = request.method,
      path = errors.mask_path(request.path),
      status = info and info.status,
      code = info and info.code,
      tid = info and info.tid,
      pause = seconds,
   }
end

-- Signs and sends: result, envelope or nil, detail; and whether the clock was learned.
local function send(context, request, policy)
   local t, monotonic, learned = clock.now(context), context.monotonic, false
   policy.sealed_at = t
   local sealed = exchange.seal(context, request, policy.access, t)
   if context.log then log(context, "call", request) end
   local sent_at = monotonic()
   local reply, result, info = yield("send", sealed, policy)
   if reply then
      if not context.own_transport then reply = response.whole(reply) end
      result, info = response.read(reply, policy.codec or context.codec, request.method)
      if info.t then learned = clock.learn(context, info.t, sent_at) end
   else result, info = nil, response.broken(result, info) end
   policy.reply, policy.attempts = reply, policy.attempts + 1
   if context.tally then context.tally("reply", info.code) end
   if context.log then log(context, "reply", request, info) end
   return result, info, learned
end

-- Tries once, where the budget allows it and a token is to be had: as `send` returns, and whether it went as far as to
-- be sent.
local function try_once(context, request, policy)
   local place, failure
   if context.budget then
      place, failure = budget.take(context, request)
      if failure then return nil, failure, false, false end
   end
   if policy.bearer then failure = policy.bearer(context, policy) end -- now that its turn has come
   if failure then
      if place then budget.give_back(context, place) end
      return nil, failure, false, false
   end
   local result, info, learned = send(context, request, policy)
   if place and info.sent == "no" then budget.give_back(context, place) end
   if context.budget and TOO_MANY[info.code] then budget.limited(context) end
   return result, info, learned, true
end

local REACHED = { no = 0, maybe = 1, yes = 2 }

-- A call that got further in an earlier try got that far.
local function furthest(before, sent)
   return before and REACHED[before] > REACHED[sent] and before or sent
end

-- Whether the failure leaves the call unsent, or harmless to repeat.
local function may_repeat(detail, policy)
   local kind, code = detail.kind, detail.code
   if kind == "network" then
      return detail.sent == "no" or policy.idempotent and code ~= "protocol"
   end
   return TOO_MANY[code] or policy.idempotent and kind == "http" and (FAILING[code] or detail.cause == "reset")
end

-- The pause before a try: at random, and after what the cloud asks for.
local function pause(context, try, detail)
   return (detail.retry_after or 0) + jitter.draw(FIRST_PAUSE * 2 ^ (try - 1), context)
end

-- Whether the call may go out once more, at once, since the clock is right now.
local function is_corrected(info, learned, policy)
   if info.code ~= WRONG_TIME or not learned or policy.replayed then return false end
   policy.replayed = true
   return true
end

--- Signs and sends a request, again while that is harmless.
-- @tparam table context the client's
-- @tparam request request
-- @tparam table policy `retries`, `idempotent`, `connect_timeout`, `timeout` of a try; `endpoint`, where to, other than
-- to the client's own; `bearer(context, policy)`, a flow before each try, which puts the token to sign with into
-- `access`, and answers the detail of its failure; kept up to date are
-- `attempts`, `sent`, `was_lost` (an answer), `sealed_at`, `reply` (the last one), `replayed`: what the cloud refused
-- for its time or token
-- @return the result, or nil
-- @treturn ?table the envelope, or what is known of the failure
function exchange.run(context, request, policy)
   local try = 1
   while true do
      local result, info, learned, was_tried = try_once(context, request, policy)
      if result ~= nil then return result, info end
      policy.sent = furthest(policy.sent, info.sent)
      policy.was_lost = policy.was_lost or info.sent == "maybe"
      local repeats = was_tried and try <= policy.retries and may_repeat(info, policy) -- by what this try met
      info.sent = policy.sent
      if not is_corrected(info, learned, policy) then
         if not repeats then return nil, info end
         local seconds = pause(context, try, info)
         if context.log then log(context, "retry", request, info, seconds) end
         if not yield("sleep", seconds) then return nil, info end
         try = try + 1
      end
   end
end

return exchange

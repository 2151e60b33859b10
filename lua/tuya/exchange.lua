--- exchange.lua: one request, signed and sent until it is answered or its tries are spent.
-- The idea: every try signs anew, after the pause, so that `t` and nonce are fresh; a network failure is
-- repeated only where that cannot carry a command out twice.
-- The danger: a flow (see op.lua): it yields, so no pcall, iterator or metamethod in the way.
-- @module tuya.exchange

local core = require("tuya.core")
local errors = require("tuya.errors")
local response = require("tuya.response")
local sign = require("tuya.sign")

local yield = coroutine.yield

local exchange = {}

local FIRST_PAUSE = 0.25 -- seconds; doubled at every try, and drawn at random up to that

--- Whether a call may be carried out twice without harm.
-- @tparam string method
-- @treturn boolean
function exchange.is_idempotent(method)
   return method == "GET" or method == "HEAD"
end

local function nonce_of(context)
   local nonce = context.nonce
   if type(nonce) == "function" then return nonce() end
   return nonce
end

local function seal(context, request, access_token)
   local sealed, rule = sign.seal(request, {
      access_id = context.access_id,
      key = context.key,
      access_token = access_token,
      t = context.clock(),
      nonce = nonce_of(context),
      bundle_id = context.bundle_id,
      algorithm = context.algorithm,
   })
   return sealed or error(rule, 0)
end

local function log(context, event, request, info)
   if not context.log then return end
   context.log {
      event = event,
      method = request.method,
      path = errors.mask_path(request.path),
      status = info and info.status,
      code = info and info.code,
      tid = info and info.tid,
   }
end

-- Sends once: result, envelope or nil, detail.
local function send(context, request, access_token, policy)
   local sealed = seal(context, request, access_token)
   log(context, "call", request)
   local reply, message, trouble = yield("send", sealed, policy)
   if reply then return response.read(reply, context.codec, request.method) end
   trouble = trouble or {}
   return nil, { kind = "network", code = trouble.code, message = message, sent = trouble.sent or "maybe" }
end

-- Whether the failure leaves the call unsent, or harmless to repeat.
local function may_repeat(detail, policy)
   if detail.kind ~= "network" then return false end
   return detail.sent == "no" or (policy.idempotent and detail.code ~= "too_large" and detail.code ~= "protocol")
end

local function pause(try)
   local random = tonumber(core.nonce():sub(1, 8), 16) / 2 ^ 32
   return FIRST_PAUSE * 2 ^ (try - 1) * random
end

local REACHED = { no = 0, maybe = 1, yes = 2 }

-- A call that got further in an earlier try got that far.
local function furthest(before, sent)
   return before and REACHED[before] > REACHED[sent] and before or sent
end

--- Signs and sends a request, again while that is harmless.
-- @tparam table context the client's
-- @tparam request request
-- @tparam ?string access_token
-- @tparam table policy `retries`, `idempotent`, `connect_timeout`; `attempts` counts
-- @return the result, or nil
-- @treturn ?table the envelope, or what is known of the failure
function exchange.run(context, request, access_token, policy)
   local try, sent = 0, nil
   while true do
      try = try + 1
      local result, info = send(context, request, access_token, policy)
      policy.attempts = policy.attempts + 1
      log(context, "reply", request, info)
      if result ~= nil then return result, info end
      sent = furthest(sent, info.sent)
      info.sent = sent
      if try > policy.retries or not may_repeat(info, policy) then return nil, info end
      log(context, "retry", request, info)
      if not yield("sleep", pause(try)) then return nil, info end
   end
end

return exchange

--- call.lua: a call, from token to result.
-- The idea: a token that the cloud refuses (1010, 1011) is renewed and the same request signed anew, once; so it is
-- for a signature that it refuses (1004), which is right by construction.
-- The danger: a loop; a call itself is never sent more than twice for what the cloud refuses, but where a store was
-- lost, and then a few times.
-- @module tuya.call

local core = require("tuya.core")
local errors = require("tuya.errors")
local exchange = require("tuya.exchange")
local kept = require("tuya.kept")
local token = require("tuya.token")

local call = {}

local REFUSED_SIGN = 1004
local DEAD = { [1010] = true, [1011] = true }
local MORE = 8 -- times
local REFUSED = { [1010] = true, [1011] = true, [REFUSED_SIGN] = true }

-- What is left to look at when a signature that is right by construction is refused. Loaded only then.
local function diagnosis_of(detail)
   local report = require("tuya.diagnose.report")
   return report.of_right { server_time = detail.t, is_token_call = core.is_token_call(detail.path) }
end

local function fail(request, policy, detail)
   detail.method = detail.method or request.method
   detail.path = detail.path or request.path
   detail.attempts = policy.attempts
   if detail.code == REFUSED_SIGN then detail.diagnosis = diagnosis_of(detail) end
   return errors.failure(detail)
end

-- The failure of a token call, as this call's own: others may have waited for the same.
local function adopt(detail)
   local own = {}
   for name, value in pairs(detail) do own[name] = value end
   own.sent = "no" -- the call, not the token call
   return own
end

-- Gets the token to sign a try with; what is known of the failure.
local function bear(context, policy)
   local record, detail = token.get(context, policy.refused, policy.keep)
   if not record then return adopt(detail) end
   policy.access, policy.endpoint = record.access, record.endpoint
end

-- Whether another token may help: once; and for one that is dead some times more, where those who share the store may
-- have lost it: each renews for itself then, and kills what another has got just now.
local function may_help(context, policy, info)
   if not policy.replayed then return REFUSED[info.code] and policy.access ~= nil end
   policy.more = (policy.more or 0) + 1
   return DEAD[info.code] and policy.more <= MORE and kept.was_lost(context)
end

-- Result and envelope, or nil and detail; goes on with another token.
local function with_token(context, request, policy)
   policy.bearer = bear
   local result, info = exchange.run(context, request, policy)
   while result == nil and may_help(context, policy, info) do
      policy.refused, policy.keep = policy.access or policy.refused, info.code == REFUSED_SIGN
      policy.replayed = true
      result, info = exchange.run(context, request, policy)
   end
   return result, info
end

--- The flow of a call.
-- @tparam table context the client's
-- @tparam request request
-- @tparam table policy as for `exchange.run`
-- @return the result, or nil
-- @treturn ?string message
-- @treturn table the envelope, or the detail of the failure
function call.run(context, request, policy)
   local result, info
   if core.is_token_call(request.path) then result, info = exchange.run(context, request, policy)
   else result, info = with_token(context, request, policy) end
   if result == nil then return fail(request, policy, info) end
   return result, nil, info
end

return call

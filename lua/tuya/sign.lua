--- sign.lua: step two, a request becomes sealed.
-- The idea: what is sealed is complete and immutable, and the only thing that a transport accepts.
-- The danger: a retry must sign the same request again, with a new t and nonce; a sealed object is
-- never changed.
-- @module tuya.sign

local core = require("tuya.core")
local options = require("tuya.options")

local sign = {}

local FIELDS = {
   access_id = true,
   key = true,
   access_token = true,
   t = true,
   nonce = true,
   bundle_id = true,
   algorithm = true,
}

local function explain(rule, unknown)
   -- Tuya's header is client_id; our users know it as the access id
   if rule then return (rule:gsub("^client_id", "access_id")) end
   if unknown == "access_secret" or unknown == "secret" then return unknown .. ": give key = tuya.key(secret)" end
   return options.unknown("field of a signer", unknown, FIELDS)
end

local core_seal = core.seal

--- Seals a request: `tuya.sign` without the raise.
-- @tparam request request made by `tuya.request.build`
-- @tparam table signer as for `tuya.sign`
-- @treturn ?sealed nil and the rule that is broken
function sign.seal(request, signer)
   local sealed, rule, unknown = core_seal(request, signer)
   if sealed then return sealed end
   return nil, explain(rule, unknown)
end

return sign

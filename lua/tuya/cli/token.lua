--- cli/token.lua: `tuya token`, the access token that the cloud has for the project.
-- The idea: asking does not disturb anybody: while a token lives, everybody gets the same.
-- The danger: a token is shown cut short, unless it is asked for by --show.
-- @module tuya.cli.token

local account = require("tuya.cli.account")
local clients = require("tuya.client")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local token = { name = "token", summary = "Ask for the access token: how long it lives, and whose it is." }

--- The cloud's answer to a request for a token, or an end.
function token.ask(client)
   local result = ending.unless(ending.attempt(client.get, client, "/v1.0/token", { grant_type = 1 }))
   if type(result) ~= "table" or type(result.access_token) ~= "string" then
      ending.fail(ending.NETWORK, "the answer holds no token")
   end
   return result
end

--- The token of whoever is logged in, as its store has it or gets it, or an end.
-- @tparam client client
-- @treturn table `access_token`, `expire_time` (s), `uid`, as the cloud gives them; `endpoint`
function token.held(client)
   local uid = ending.unless(ending.attempt(client.uid, client))
   local context = clients.context(client)
   local record = context.token_record
   return {
      uid = uid, access_token = record.access, endpoint = record.endpoint or context.endpoint,
      expire_time = (record.expires_at - context.clock() - context.offset) / 1000,
   }
end

-- Whose token the client asks for.
local function given_to(client)
   local context = clients.context(client)
   return context.grant.name and token.held(client) or token.ask(client)
end

function token.describe(command)
   command:flag("--show", "Write the whole token, and nothing else.")
   account.describe(command)
end

--- Seconds as people say them.
function token.duration(seconds)
   if seconds < 120 then return ("%.0f s"):format(seconds) end
   return ("%.0f min"):format(seconds / 60)
end

function token.run(options)
   local client = account.client(options)
   local result = given_to(client)
   client:close()
   local shown = options.show and result.access_token or result.access_token:sub(1, 4) .. "..."
   local left = tonumber(result.expire_time)
   if options.json then
      screen.json(raw.encode { access_token = shown, expire_time = left, uid = result.uid })
   elseif options.show then screen.write(shown, "\n")
   else screen.rows({ "TOKEN", "LIVES FOR", "UID" }, { { shown, left and token.duration(left), result.uid } }) end
   return ending.DONE
end

return token

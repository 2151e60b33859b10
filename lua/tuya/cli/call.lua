--- cli/call.lua: `tuya get`, `post`, `put`, `patch` and `delete`: one call, and its result as JSON.
-- The idea: a body is sent as it is given, byte for byte, once it is known to be JSON.
-- The danger: what the shell makes of quotes; `@file` and `-` are read as they are.
-- @module tuya.cli.call

local account = require("tuya.cli.account")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local call = {}

--- name=value words as a list of pairs, in their order.
function call.pairs_of(words)
   local list = {}
   for i, word in ipairs(words or {}) do
      local name, value = word:match("^([^=]+)=(.*)$")
      if not name then ending.fail(ending.USAGE, ("name=value expected, not '%s'"):format(screen.plain(word))) end
      list[i] = { name, value }
   end
   return list[1] and list
end

--- The bytes of a body: a text, @file, or - for stdin. Nil for none.
function call.body_of(given)
   if not given then return nil end
   local text = given
   if given == "-" then text = account.read("-") end
   if given:sub(1, 1) == "@" then text = account.read(given:sub(2)) end
   local value, message = json.decode(text)
   if value == nil and not text:find("^%s*null%s*$") then
      ending.fail(ending.USAGE, "the body is not JSON: " .. screen.plain(message))
   end
   return text
end

-- Makes the call and writes the result as it came.
local function run(options, spec)
   local client, answer = account.client(options)
   ending.unless(ending.attempt(client.request, client, spec))
   client:close()
   screen.json(raw.member(answer() or "", "result") or "true")
   return ending.DONE
end

--- `tuya get`.
call.get = { name = "get", summary = "Make a GET call and write its result." }

function call.get.describe(command)
   command:argument("path", "The path, for example /v1.0/devices/ID.")
   command:argument("query", "name=value of the query."):args("*")
   account.describe(command)
end

function call.get.run(options)
   return run(options, { method = "GET", path = options.path, query = call.pairs_of(options.query) })
end

-- A subcommand for a method that may have a body.
local function with_body(method)
   local made = { name = method:lower(), summary = "Make a " .. method .. " call and write its result." }
   function made.describe(command)
      command:argument("path", "The path, for example /v1.0/devices/ID/commands.")
      command:argument("body", "JSON, @FILE that holds it, or - for stdin."):args("?")
      account.describe(command)
   end
   function made.run(options)
      return run(options, { method = method, path = options.path, body = call.body_of(options.body) })
   end
   return made
end

call.post = with_body("POST")
call.put = with_body("PUT")
call.patch = with_body("PATCH")
call.delete = with_body("DELETE")

return call

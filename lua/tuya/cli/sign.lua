--- cli/sign.lua: `tuya sign`, the headers of a request, for a client that cannot sign.
-- The idea: what would be sent is sealed as always, and written instead.
-- The danger: what it writes holds the access token, as every request does, and is good for minutes only.
-- @module tuya.cli.sign

local account = require("tuya.cli.account")
local bytes = require("tuya.bytes")
local call = require("tuya.cli.call")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")
local token = require("tuya.cli.token")

local sign = { name = "sign", summary = "Sign a request and write its headers, without sending it." }

function sign.describe(command)
   command:argument("method", "GET, POST, PUT, PATCH, DELETE or HEAD.")
   command:argument("path", "The path, with a query if there is one.")
   command:option("--body", "JSON, @FILE that holds it, or - for stdin."):argname("<json>")
   command:option("--token-file", "A file with the access token; otherwise the cloud is asked."):argname("<file>")
   command:flag("--curl", "Write a curl command that sends it.")
   account.describe(command)
end

-- The access token to sign with; none for a call for a token.
local function access_token(options, request)
   if require("tuya.core").is_token_call(request.path) then return nil end
   if options.token_file then return account.read_word(options.token_file) end
   local client = account.client(options)
   local result = token.ask(client)
   client:close()
   return result.access_token
end

local function endpoint_of(settings)
   local endpoint, rule = settings.endpoint, nil
   if not endpoint then endpoint, rule = require("tuya.regions").endpoint(settings.region or "") end
   return (endpoint or ending.fail(ending.USAGE, rule)):gsub("/$", "")
end

local function quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- --globoff: brackets in a query are no pattern of curl's; --path-as-is: dots in a path stay.
local function curl(sealed, endpoint, settings)
   local method = sealed:method() == "HEAD" and "--head" or "-X " .. sealed:method()
   local lines = { ("curl --globoff --path-as-is %s %s"):format(method, quote(endpoint .. sealed:target())) }
   local headers = sealed:headers()
   for _, name in ipairs(bytes.names(headers)) do lines[#lines + 1] = "-H " .. quote(name .. ": " .. headers[name]) end
   if sealed:body() ~= "" then lines[#lines + 1] = "--data-binary " .. quote(sealed:body()) end
   if settings.ca_file then lines[#lines + 1] = "--cacert " .. quote(settings.ca_file) end
   return table.concat(lines, " \\\n  ") .. "\n"
end

local function plain(sealed)
   local lines, headers = {}, sealed:headers()
   for i, name in ipairs(bytes.names(headers)) do lines[i] = name .. ": " .. headers[name] .. "\n" end
   return table.concat(lines)
end

function sign.run(options)
   local tuya = require("tuya")
   local settings = account.settings(options)
   local request = ending.attempt(tuya.request, {
      method = options.method, path = options.path, body = call.body_of(options.body), lang = settings.lang,
   })
   local sealed = ending.attempt(tuya.sign, request, {
      access_id = settings.access_id,
      key = ending.attempt(tuya.key, settings.access_secret),
      access_token = access_token(options, request),
      algorithm = settings.algorithm,
      bundle_id = settings.bundle_id,
   })
   if options.curl then screen.write(curl(sealed, endpoint_of(settings), settings))
   elseif options.json then screen.json(raw.encode(sealed:headers()))
   else screen.write(plain(sealed)) end
   return ending.DONE
end

return sign

--- cli/login.lua: `tuya login`: a person logs in, so that what runs later needs no password.
-- The idea: who it is stands in the profile; password or code are asked for; the token goes into the profile's store,
-- whence every command and program takes it and renews it.
-- The danger: a password in an argument, which everybody sees. And a log-in that fails must not cost the token that
-- the store has: it happens in memory, and the store is changed when it has succeeded.
-- @module tuya.cli.login

local account = require("tuya.cli.account")
local clients = require("tuya.client")
local core = require("tuya.core")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")
local token = require("tuya.cli.token")
local tuya = require("tuya")

local login = { name = "login", summary = "Log in for a profile: with an app account's password, or an owner's code." }

local STDIN = 0
local PAUSE, TRIES = 0.01, 500 -- s between tries of a store that is busy

function login.describe(command)
   account.describe(command)
   command:option("--redirect-uri", "The project's callback URL, for the page where an owner authorizes it.")
      :argname("<url>")
   command:epilog([[Who logs in stands in the profile, as "login": {"username":..., "country_code":..., "schema":...}
of an app account, or {"account": a name of your own} of an owner who authorizes.]])
end

-- A line that somebody types, or the first one of stdin.
local function ask(prompt, is_hidden)
   local line
   if not core.is_terminal(STDIN) then line = io.stdin:read("*l")
   elseif is_hidden then line = core.read_hidden(prompt)
   else
      io.stderr:write(prompt)
      line = io.stdin:read("*l")
   end
   return line or ending.fail(ending.USAGE, "nothing was given to log in with")
end

local function unescaped(text)
   return (text:gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

-- The code in what was typed: the address that a browser was sent back to, or the code itself.
local function code_of(line, state)
   local query = line:match("%?([^#]*)")
   if not query then return line:match("^%s*(%S+)%s*$") or ending.fail(ending.USAGE, "no code") end
   local values = {}
   for name, value in query:gmatch("([^&=]+)=([^&]*)") do values[name] = unescaped(value) end
   if state and values.state ~= state then
      ending.fail(ending.USAGE, "the address is not the one that this page leads back to: its state is another")
   end
   return values.code or ending.fail(ending.USAGE, "the address has no code")
end

local function ask_code(options, settings)
   local state
   if options.redirect_uri then
      state = core.nonce()
      local client = ending.attempt(tuya.client, settings)
      local page = { redirect_uri = options.redirect_uri, state = state }
      io.stderr:write("Open ", ending.attempt(client.authorization_url, client, page), "\n")
      client:close()
   end
   return code_of(ask("The address that you were sent back to, or its code: "), state)
end

-- The option of the client, with what was asked for.
local function completed(options, settings)
   local given = {}
   for name, value in pairs(settings.login) do given[name] = value end
   if given.username then
      given.password = ask("Password of " .. screen.plain(given.username) .. ": ", true)
   elseif given.account then given.code, given.refresh_token = ask_code(options, settings), nil
   else ending.fail(ending.USAGE, 'login: "username", or "account", a name of your own for the owner, is needed') end
   return given
end

-- Puts a text into the place of whatever is there.
local function put(store, key, text)
   local trouble
   for _ = 1, TRIES do
      local old, busy = store:load(key)
      local done, why = nil, busy
      if old or not busy then done, why = store:swap(key, old, text) end
      if done then return end
      trouble = why or "busy"
      core.wait({}, PAUSE)
   end
   ending.fail(ending.USAGE, "the store cannot be changed: " .. tostring(trouble))
end

-- Logs in, and keeps the token: what `token.held` tells.
local function log_in(settings, given)
   local own = {}
   for name, value in pairs(settings) do own[name] = value end
   own.login, own.store = given, nil
   local store = ending.attempt(tuya.store.new, settings.store)
   local client = ending.attempt(tuya.client, own)
   local held = token.held(client)
   local context = clients.context(client)
   put(store, context.token_key, context.token_text)
   client:close()
   return held
end

function login.run(options)
   local settings = account.settings(options)
   if not settings.login then
      ending.fail(ending.USAGE, 'the profile has no "login"; tuya login --help shows how it looks')
   end
   local held = log_in(settings, completed(options, settings))
   if options.json then
      screen.json(raw.encode { uid = held.uid, expire_time = held.expire_time, endpoint = held.endpoint })
   else
      local row = { held.uid, token.duration(held.expire_time), held.endpoint }
      screen.rows({ "UID", "LIVES FOR", "AT" }, { row })
   end
   return ending.DONE
end

return login

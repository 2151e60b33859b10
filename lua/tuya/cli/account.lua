--- cli/account.lua: whose project, and which cloud.
-- The idea: credentials come from a named profile, or the environment, or the profile "default", in this order;
-- never from an argument, which everybody on the machine can read.
-- The danger: a configuration that others may read holds a secret no more; it is refused.
-- @module tuya.cli.account

local bytes = require("tuya.bytes")
local core = require("tuya.core")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local options = require("tuya.options")
local regions = require("tuya.regions")

local account = {}

local fail = ending.fail

local PROFILE = options.known {
   access_id = "string",
   access_secret = "string",
   region = "string",
   endpoint = "string",
   algorithm = "string",
   bundle_id = "string",
   lang = "string",
   ca_file = "string",
   proxy = "string",
   store = "string",
   budget = "table",
   login = "table",
}

--- The regions, in order.
function account.regions()
   return bytes.names(regions.endpoints)
end

--- The option that says whose credentials.
function account.describe_profile(command)
   command:option("--profile", "Take the credentials of this name in the configuration."):argname("<name>")
end

--- The options that every command has which talks to the cloud.
function account.describe(command)
   account.describe_profile(command)
   command:option("--region", "The data centre."):choices(account.regions())
   command:option("--endpoint", "The cloud's URL, where it is none of the regions."):argname("<url>")
   command:flag("--json", "Write JSON, and nothing else, on stdout.")
end

--- The whole of a file, or of stdin for "-".
function account.read(path)
   local file, message = io.stdin, nil
   if path ~= "-" then file, message = io.open(path, "rb") end
   if not file then fail(ending.USAGE, message) end
   local text
   text, message = file:read("*a")
   if path ~= "-" then file:close() end
   return text or fail(ending.USAGE, path .. ": " .. tostring(message))
end

--- The one word in a file: a secret or a token.
function account.read_word(path)
   local word = account.read(path):match("^%s*(%S+)%s*$")
   return word or fail(ending.USAGE, path .. ": one word expected in it")
end

local function from_environment(name)
   local value = os.getenv(name)
   return value ~= "" and value or nil
end

local function configuration_folder()
   local folder = from_environment("XDG_CONFIG_HOME")
   local home = from_environment("HOME")
   if not folder and not home then fail(ending.USAGE, "no HOME in the environment: where is the configuration?") end
   return (folder or home .. "/.config") .. "/tuya"
end

-- The profiles by name, and the file that they stand in; nil when there is none.
local function read_profiles()
   local path = configuration_folder() .. "/config.json"
   local is_private, why = core.is_private(path)
   if is_private == nil then return nil, path, why end
   if not is_private then
      fail(ending.USAGE, path .. ": others may read it, and it holds a secret; run: chmod 600 " .. path)
   end
   local profiles, message = json.decode(account.read(path))
   if type(profiles) ~= "table" then fail(ending.USAGE, ("%s: not JSON: %s"):format(path, message or "no object")) end
   return profiles, path
end

-- A profile, checked.
local function profile(profiles, path, name)
   local found = profiles[name]
   if type(found) ~= "table" then
      fail(ending.USAGE, ("%s: %s"):format(path, options.unknown("profile", name, profiles)))
   end
   local rule = options.broken(found, PROFILE)
   if not rule and not (found.access_id and found.access_secret) then
      rule = "access_id and access_secret: both needed"
   end
   if rule then fail(ending.USAGE, ("%s: %s: %s"):format(path, name, rule)) end
   return found
end

local function named_profile(name)
   local profiles, path, why = read_profiles()
   if not profiles then fail(ending.USAGE, path .. ": " .. why) end
   return profile(profiles, path, name)
end

local function default_profile()
   local profiles, path = read_profiles()
   if profiles then return profile(profiles, path, "default") end
   fail(ending.USAGE, "no credentials: set TUYA_ACCESS_ID, TUYA_ACCESS_SECRET and TUYA_REGION, or write " .. path)
end

-- The project of the environment; nil when there is none.
local function environment()
   local id, secret = from_environment("TUYA_ACCESS_ID"), from_environment("TUYA_ACCESS_SECRET")
   if not id and not secret then return nil end
   if id and secret then return { access_id = id, access_secret = secret } end
   fail(ending.USAGE, "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET belong together: set both or none")
end

-- Where the project's cloud is: said by the command line, the profile or the environment.
local function place(settings, given)
   if given.region or given.endpoint then
      settings.region, settings.endpoint = given.region, given.endpoint
   elseif not settings.region and not settings.endpoint then
      settings.endpoint = from_environment("TUYA_ENDPOINT")
      settings.region = not settings.endpoint and from_environment("TUYA_REGION") or nil
   end
end

--- The client's options that the command line, the configuration and the environment ask for.
function account.settings(given)
   local found = given.profile and named_profile(given.profile) or environment() or default_profile()
   local settings = { ca_file = from_environment("TUYA_CA_FILE") }
   for name, value in pairs(found) do settings[name] = value end
   if settings.login and not settings.store then settings.store = "file:" .. configuration_folder() .. "/tokens" end
   place(settings, given)
   return settings
end

--- The access secret alone.
function account.secret(given)
   if given.secret_file then return account.read_word(given.secret_file) end
   if given.profile then return named_profile(given.profile).access_secret end
   local secret = from_environment("TUYA_ACCESS_SECRET")
   if secret then return secret end
   return default_profile().access_secret
end

--- Makes a client, and a function that gives the text of the last answer.
function account.client(given)
   local settings, last = account.settings(given), nil
   settings.json = {
      encode = json.encode,
      decode = function(text)
         last = text
         return json.decode(text)
      end,
   }
   return ending.attempt(require("tuya").client, settings), function()
      return last
   end
end

return account

--- message.lua: opens what the cloud pushes.
-- The idea: an envelope is opened whole or refused, never passed on half verified; the core does the work, here
-- stands what an envelope looks like.
-- The danger: envelopes come from the world, so whatever is wrong with one is returned; only options raise.
-- @module tuya.message

local core = require("tuya.core")
local errors = require("tuya.errors")
local json = require("tuya.json")
local options = require("tuya.options")

local message = {}

local OPTIONS = options.known {
   via = "string",
   secret = "string",
   password = "string",
   key = "userdata",
   em = "string",
   version = "string",
}

-- How a scheme is called: by Pulsar's property em, by its Java SDK, and by the version asked for at MQTT.
local CIPHERS = { aes_ecb = "ecb", aes_gcm = "gcm", ["1.0.0"] = "ecb", ["2.0.0"] = "gcm" }
local VERSIONS = { ["1.0"] = "ecb", ["2.0"] = "gcm" }

local ADVICE = {
   tag = "the message was changed on its way, or encrypted with another secret or password",
   padding = "the message was changed on its way, or encrypted with another secret or password",
   scheme = "encrypted with another secret or password, or by a scheme that this library does not know",
}

local function refuse(code, what)
   local none, line, detail = errors.failure { kind = "message", code = code, message = "a message: " .. what }
   detail.advice = ADVICE[code]
   return none, line, detail
end

local SECRET_OF = { pulsar = "secret", mqtt = "password" }

-- The key that the options name, or nil and the rule that is broken.
local function key_of(given)
   local name = SECRET_OF[given.via]
   if not name then return nil, 'via: "pulsar" or "mqtt" expected' end
   local other = name == "secret" and "password" or "secret"
   if given[other] then return nil, ("%s: messages by %s open with %s"):format(other, given.via, name) end
   if given.key and given[name] then return nil, name .. ": given beside key; one of them opens" end
   local key = given.key
   if key and not core.is_key(key) then return nil, "key: made by tuya.key, and open" end
   if not key then
      if not given[name] then return nil, name .. ": missing" end
      key = core.key(given[name])
   end
   if not (key and key:opens_messages()) then return nil, name .. ": 24 to 128 bytes expected" end
   return key
end

local function is_moment(t)
   if type(t) == "number" then return t % 1 == 0 and t >= 0 and t < 2 ^ 53 end
   return type(t) == "string" and #t <= 32 and t:find("^%d+$") ~= nil
end

-- The decimal text of an envelope's t, which MQTT alone authenticates.
local function decimal(t)
   return type(t) == "number" and ("%.0f"):format(t) or t
end

--- The envelope in a text or a table.
-- @tparam string|table envelope
-- @treturn ?table with `data`, a string, and what else the cloud put in
function message.envelope(envelope)
   if type(envelope) == "string" then envelope = json.parse(envelope) end
   if type(envelope) ~= "table" or type(envelope.data) ~= "string" then return nil end
   return envelope
end

--- Opens an envelope with a key: the part that knows no options.
-- @tparam string|table envelope its JSON, or that decoded
-- @tparam string via "pulsar" or "mqtt"
-- @tparam key key of the secret or password
-- @tparam ?string cipher "ecb", "gcm" or "any": what verifies; nil: one that is not known
-- @treturn ?string text; or nil, message, detail
-- @treturn table the envelope, decoded
function message.open_with(envelope, via, key, cipher)
   if not cipher then return refuse("scheme", "the scheme of its em is not known") end
   envelope = message.envelope(envelope)
   if not envelope then return refuse("envelope", "not an envelope with data") end
   local t = envelope.t
   if t ~= nil and not is_moment(t) then return refuse("envelope", "its t is no moment") end
   local text, what = key:open_message(envelope.data, via, cipher, via == "mqtt" and t and decimal(t) or nil)
   if text then return text, envelope end
   return refuse(what:match("^%w+"), what)
end

--- The scheme that a message names.
-- @tparam ?string em Pulsar's property
-- @treturn ?string "ecb", "gcm", "any" where none is named; nil for one that is not known
function message.cipher_of(em)
   if em == nil then return "any" end
   return CIPHERS[em]
end

--- Opens an envelope: `tuya.open_message` without the raise.
-- @treturn boolean false when an option breaks a rule, with the rule
-- @return what `tuya.open_message` returns
function message.open(envelope, given)
   local rule = options.broken(given, OPTIONS)
   if rule then return false, rule end
   local key
   key, rule = key_of(given)
   if not key then return false, rule end
   local cipher = message.cipher_of(given.em)
   if given.version then
      if given.em then return false, "version: given beside em; one of them names the scheme" end
      cipher = VERSIONS[given.version]
      if not cipher then return false, 'version: "1.0" or "2.0" expected' end
   end
   local text, line, detail = message.open_with(envelope, given.via, key, cipher)
   if text then return true, text end
   return true, nil, line, detail
end

return message

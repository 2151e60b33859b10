--- tuya: a signed client for the Tuya Cloud OpenAPI.
-- Three steps, three types: build a request, sign it into a sealed object, send that with a transport. What is
-- signed is what is sent, by type.
--
-- Mistakes of the program raise at its line. What the world did is returned as `nil, message, detail`.
-- Durations are seconds, moments are Tuya's milliseconds.
-- @module tuya
-- @usage
-- local tuya = require("tuya")
-- local client = tuya.client { access_id = id, access_secret = secret, region = "eu" }
-- assert(client:device(device_id):send { switch = true })

local core = require("tuya.core")
local client = require("tuya.client")
local json = require("tuya.json")
local later = require("tuya.later")
local request = require("tuya.request")
local sign = require("tuya.sign")
local store = require("tuya.store")

local diagnose = later("tuya.diagnose")
local message = later("tuya.message")

local seal, core_seal = sign.seal, core.seal

local tuya = {}

--- The version of this module.
tuya._VERSION = core.VERSION

--- JSON as bodies and replies use it: `tuya.json.array`, `tuya.json.null`.
tuya.json = json

--- Stores of tokens and counts, for several clients: `tuya.store.new("file:PATH")`.
tuya.store = store

local function build(spec)
   local rule = request.broken(spec)
   if rule then return nil, rule end
   return request.build(spec, json)
end

--- Builds a request.
-- @tparam table spec `method` (any case), `path`, `query`, `headers`, `body`, `content_type`, `lang`. Query and
-- headers are a table name = value or a list of `{ name, value }`; values are strings, integers, booleans or
-- lists of these (joined by commas). Headers are signed. A body is a table, which goes as JSON, or a string.
-- @treturn request a table of the same fields: query and headers as lists of string pairs, the body as bytes
-- @raise when a field breaks a rule, at the caller's line
function tuya.request(spec)
   local built, rule = build(spec)
   if not built then error("tuya.request: " .. rule, 2) end
   return built
end

--- Seals a request.
-- @tparam request|table what made by `tuya.request`, or a table for it
-- @tparam table signer `access_id`, `key` (`tuya.key(secret)`), `access_token` (nil for a token call), `t` (ms;
-- nil: the clock), `nonce` (nil: 32 hex digits; false: none), `algorithm` ("v2"; "v1" for projects made before
-- 2021-06-30), `bundle_id` (app-authorization keys only)
-- @treturn sealed with `method() target() body() canonical()`, strings, `headers()`, a fresh table, and
-- of these `signature()`: sign, t, nonce (nil: none)
-- @raise when a field breaks a rule, at the caller's line
function tuya.sign(what, signer)
   local sealed = core_seal(what, signer)
   if sealed then return sealed end
   local rule
   sealed, rule = seal(what, signer) -- again, for the rule as users know it
   if not request.is(what) then
      what, rule = build(what)
      if what then sealed, rule = seal(what, signer) end
   end
   if not sealed then error("tuya.sign: " .. rule, 2) end
   return sealed
end

--- Makes a key of an access secret. The secret cannot be read back; it is wiped by `key:close()` and when collected.
-- @tparam string secret 1 to 128 bytes
-- @treturn key
-- @raise when the secret is empty or too long
function tuya.key(secret)
   if type(secret) ~= "string" then error("tuya.key: secret: a string expected, got " .. type(secret), 2) end
   local key, rule = core.key(secret)
   if not key then error("tuya.key: " .. rule, 2) end
   return key
end

--- Names the mistake that made the signature of a request wrong.
-- @tparam table|string captured the request as it was sent: `{ method =, target = path and query, headers = any case,
-- body = }`, or a string: a raw HTTP/1.1 request, a curl command line, or a log of these (docs/command.md)
-- @tparam table known `secret`; and, where they are known, `access_token` (the one last issued), `access_id`,
-- `server_time` (ms; without it no rule of time applies), `bundle_id` (of an app-authorization key)
-- @treturn[1] table report `verdict` ("ok", "wrong", "unexplained"), `mistakes` (list of `slug`, `what`, `fix`),
-- `signed` (what the sender evidently signed), `expected` (what the cloud builds), `sign`, `expected_sign`,
-- `warnings`, `suspects` (lists of `slug`, `what`), `text` (all of it, for people; also `tostring(report)`)
-- @treturn[2] nil
-- @treturn[2] string why the text cannot be read as a request
-- @raise when an argument breaks a rule, at the caller's line
function tuya.diagnose(captured, known)
   local report, why, is_broken = diagnose.run(captured, known)
   if is_broken then error("tuya.diagnose: " .. why, 2) end
   if not report then return nil, why end
   return report
end

--- Opens an envelope of Tuya's message service: what its `data` says, once tag or padding has verified.
-- @tparam string|table envelope its JSON as received, or that decoded: `data` (base64), `t`
-- @tparam table given `via` ("pulsar" or "mqtt"); the access `secret` (Pulsar), the `password` of the MQTT
-- configuration, or a `key` made of it by `tuya.key`; `em` (Pulsar's property of that name) or `version` (the
-- `msg_encrypted_version` asked for, "1.0" or "2.0") where known, else the scheme is found by what verifies
-- @treturn ?string text, JSON; or nil, message, detail with `kind` "message" and `code` "envelope", "data", "tag",
-- "padding" or "scheme"
-- @raise when an option breaks a rule, at the caller's line
function tuya.open_message(envelope, given)
   local ok, text, why, detail = message.open(envelope, given)
   if not ok then error("tuya.open_message: " .. text, 2) end
   return text, why, detail
end

--- Makes a client.
-- @tparam table given `access_id`, `access_secret` or `key`, `region` (cn us us-e eu eu-w in sg) or `endpoint`;
-- unset ones come from TUYA_ACCESS_ID, TUYA_ACCESS_SECRET, TUYA_REGION, TUYA_ENDPOINT. Further: `timeout` (15 s, of
-- a whole call), `connect_timeout` (5 s), `retries` (3), `max_connections` (4), `max_queue` (1024), `max_reply`
-- (8 MiB), `lang`, `ca_file`, `proxy`, `user_agent`, `algorithm`, `bundle_id`, `transport`, `store`
-- ("file:PATH", or an object with load and swap), `json`, `clock` (function: ms), `nonce` (function, or false), `log`
-- (function, gets events as tables), `api` ("auto"; "v1.0", "iot-03", "v2.0": one generation of the device API),
-- `budget` (`per_month`, `per_day`, `per_second`, `reserve`), `login` (whose token: `username`, `password`,
-- `country_code`, `schema` of an app account; `code` or `refresh_token`, and `account`, of an owner who has authorized
-- the project; nil: the project's own; docs/tokens.md)
-- @treturn client
-- @raise when an option is unknown or breaks a rule, at the caller's line
function tuya.client(given)
   local made, rule = client.new(given or {})
   if not made then error("tuya.client: " .. rule, 2) end
   return made
end

return tuya

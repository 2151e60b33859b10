--- client.lua: a signed client of one project.
-- The idea: a call is built at the caller's line, where a mistake still raises, and then run as an op by a
-- driver, where what the world does is returned.
-- The danger: a client holds a secret and a token; none of it may be reached by whoever dumps the client.
-- @module tuya.client

local call = require("tuya.call")
local clock = require("tuya.clock")
local core = require("tuya.core")
local drive = require("tuya.drive")
local exchange = require("tuya.exchange")
local grant = require("tuya.grant")
local json = require("tuya.json")
local kept = require("tuya.kept")
local later = require("tuya.later")
local op = require("tuya.op")
local options = require("tuya.options")
local request = require("tuya.request")
local sign = require("tuya.sign")
local store = require("tuya.store")

-- What many a program never uses.
local budget = later("tuya.budget")
local inner = later("tuya.inner")
local login = later("tuya.login")
local regions = later("tuya.regions")
local ticker = later("tuya.ticker")

local client = {}

local OPTIONS = options.known {
   access_id = "string",
   access_secret = "string",
   key = "userdata",
   region = "string",
   endpoint = "string",
   api = "string",
   algorithm = "string",
   bundle_id = "string",
   transport = "table|userdata|string",
   store = "string|table|userdata",
   json = "table",
   clock = "function",
   nonce = "function|boolean",
   log = "function",
   timeout = "number",
   connect_timeout = "number",
   retries = "number",
   max_connections = "number",
   max_queue = "number",
   max_reply = "number",
   lang = "string",
   ca_file = "string",
   proxy = "string",
   user_agent = "string",
   budget = "table",
   login = "table",
}

-- The transports that go by a name, and what they take from a client's options.
local TRANSPORTS = { curl = "tuya.transport.curl", resty = "tuya.transport.resty" }
local TRANSPORT_OPTIONS = { "ca_file", "proxy", "user_agent", "max_connections", "max_queue", "max_reply" }

local CALL = options.known {
   method = "string",
   path = "string",
   query = "table",
   headers = "table",
   body = "table|string",
   content_type = "string",
   idempotent = "boolean",
   timeout = "number",
   connect_timeout = "number",
   retries = "number",
}

local TIMEOUT, CONNECT_TIMEOUT, RETRIES = 15, 5, 3
local MAX_CONNECTIONS, MAX_QUEUE = 4, 1024

-- What opens a client: all that it knows is behind a function, which a dump shows as that.
local private = {}

local function context_of(self)
   local open = type(self) == "table" and rawget(self, "open")
   return open and open(private)
end

-- Unset credentials come from the environment, where there is one.
local function from_environment(name)
   local value = os and os.getenv and os.getenv(name)
   if value ~= "" then return value end
end

local function pick_endpoint(given)
   if given.endpoint and given.region then return nil, "region: given beside endpoint; one of them says where" end
   if given.endpoint then return given.endpoint end
   if given.region then return regions.endpoint(given.region) end
   local endpoint, region = from_environment("TUYA_ENDPOINT"), from_environment("TUYA_REGION")
   if endpoint then return endpoint end
   if region then return regions.endpoint(region) end
   endpoint = given.login and login.endpoint(given.login)
   if endpoint then return endpoint end
   return nil, "region: missing, and no TUYA_REGION in the environment"
end

-- The key, and whether it is ours to wipe.
local function pick_key(given)
   if given.key then
      if core.is_key(given.key) then return given.key, false end
      return nil, "key: made by tuya.key, and open"
   end
   local secret = given.access_secret or from_environment("TUYA_ACCESS_SECRET")
   if not secret then return nil, "access_secret: missing, and no TUYA_ACCESS_SECRET in the environment" end
   local key, rule = core.key(secret)
   return key, key and true or "access_" .. rule
end

local load = require -- a host may take it away once everything is loaded

-- Something of the caller's that is to have some methods.
local function lacking(what, object, names)
   for _, name in ipairs(names) do
      local ok, method = pcall(function() return object[name] end)
      if not ok or type(method) ~= "function" then return ("%s: it has no function %s"):format(what, name) end
   end
end

local function transport_by_name(name, given, endpoint)
   if not TRANSPORTS[name] then return nil, "transport: " .. options.unknown("transport", name, TRANSPORTS) end
   local settings = { endpoint = endpoint }
   for _, option in ipairs(TRANSPORT_OPTIONS) do settings[option] = given[option] end
   local transport, rule = load(TRANSPORTS[name]).try(settings)
   return transport, transport and true or rule
end

local function new_transport(given, endpoint)
   local transport = given.transport or "curl"
   if type(transport) == "string" then return transport_by_name(transport, given, endpoint) end
   local rule = lacking("transport", transport, { "send", "now", "sleep" })
   if rule then return nil, rule end
   return transport, false
end

local function check_call(given)
   local retries, timeout, connect_timeout = given.retries, given.timeout, given.connect_timeout
   if retries and (retries < 0 or retries % 1 ~= 0) then return "retries: 0 or a whole number" end
   if timeout and (timeout <= 0 or timeout ~= timeout) then return "timeout: must be more than 0" end
   if connect_timeout and (connect_timeout <= 0 or connect_timeout ~= connect_timeout) then
      return "connect_timeout: must be more than 0"
   end
end

local function check_clock(time_of)
   local ok, t = pcall(time_of)
   if ok and type(t) == "number" and t >= 1e12 and t < 1e13 then return nil end
   return "clock: ms since 1970, 13 digits, expected; it gave " .. (ok and "" or "an error: ") .. tostring(t)
end

local function check_nonce(given)
   if given.nonce == true then return "nonce: a function, or false for none" end
   if given.nonce and given.algorithm == "v1" then return "nonce: the old algorithm has none" end
end

local function check_algorithm(algorithm)
   if algorithm and algorithm ~= "v1" and algorithm ~= "v2" then
      return 'algorithm: "v2", or "v1" for projects made before 2021-06-30'
   end
end

local APIS = { auto = true, ["v1.0"] = true, ["iot-03"] = true, ["v2.0"] = true }

local function check_api(api)
   if api and not APIS[api] then return 'api: "auto", "v1.0", "iot-03" or "v2.0"' end
end

local function check_options(given)
   if given.key and given.access_secret then return "access_secret: given beside key; one of them signs" end
   return check_api(given.api) or check_algorithm(given.algorithm) or check_nonce(given) or check_call(given)
      or given.clock and check_clock(given.clock)
      or given.json and lacking("json", given.json, { "encode", "decode" })
end

-- Events wait here until no flow is running, so that a log function may do what it likes.
local function add_log(context, log)
   local pending = {}
   context.log = log and function(event)
      pending[#pending + 1] = event
   end
   context.flush = function()
      -- in a coroutine of its own: one that yields is left where it stands
      while pending[1] do pcall(coroutine.wrap(log), table.remove(pending, 1)) end
   end
end

-- A clock may have fractions of a millisecond; a signature has not.
local function whole(time_of)
   return function()
      local t = time_of()
      if type(t) ~= "number" then error("clock: ms since 1970 expected; it gave " .. tostring(t), 0) end
      return t - t % 1
   end
end

-- Adds how tokens are come by, and where the store keeps them: by project, data centre and account.
local function add_grant(context, its_grant)
   local place = context.access_id .. " " .. context.endpoint
   if its_grant.name then place = place .. " " .. its_grant.name end
   context.grant = its_grant
   context.token_key, context.lease_key = "token " .. place, "lease " .. place
end

-- What flows and drivers work with, or nil and the rule that an option breaks.
local function new_context(given)
   local rule = options.broken(given, OPTIONS) or check_options(given)
   if rule then return nil, rule end
   local access_id = given.access_id or from_environment("TUYA_ACCESS_ID")
   if not access_id then return nil, "access_id: missing, and no TUYA_ACCESS_ID in the environment" end
   local endpoint, key, own_key, transport, own_transport, its_store
   its_store, rule = store.try(given.store)
   if not its_store then return nil, rule end
   local plan, its_grant
   if given.budget then plan, rule = budget.try(given.budget) end
   if rule then return nil, rule end
   if given.login then its_grant, rule = login.try(given.login) end
   if rule then return nil, rule end
   endpoint, rule = pick_endpoint(given)
   if not endpoint then return nil, rule end
   key, own_key = pick_key(given)
   if not key then return nil, own_key end
   transport, own_transport = new_transport(given, endpoint)
   if not transport then return nil, own_transport end
   local context = {
      access_id = access_id,
      key = key,
      own_key = own_key,
      algorithm = given.algorithm,
      bundle_id = given.bundle_id,
      transport = transport,
      own_transport = own_transport,
      endpoint = endpoint:gsub("/$", ""),
      wire = { endpoint = endpoint, ca_file = given.ca_file, proxy = given.proxy },
      store = its_store,
      is_alone = given.store == nil, -- nobody else has the store: what was read last is what it has
      kept = kept.new(),
      api = given.api,
      budget = plan,
      budget_key = "budget " .. access_id, -- a project's in all data centres together
      codec = given.json or json.codec,
      clock = given.clock and whole(given.clock) or clock.machine,
      offset = 0, -- ms to add to the clock for the cloud's
      monotonic = transport.now == core.monotonic and core.monotonic or function() return transport:now() end,
      nonce = given.nonce,
      lang = given.lang,
      timeout = given.timeout or TIMEOUT,
      connect_timeout = given.connect_timeout or CONNECT_TIMEOUT,
      retries = given.retries or RETRIES,
      max_in_flight = (given.max_connections or MAX_CONNECTIONS) + (given.max_queue or MAX_QUEUE),
   }
   add_grant(context, its_grant or grant.project)
   add_log(context, given.log)
   return context
end

-- Tries the signer before the first call does: a bad id raises where it was given.
local function check_signer(context)
   local probe, rule = request.build({ method = "GET", path = "/" }, json, context.lang)
   if not probe then return rule end
   local sealed
   sealed, rule = sign.seal(probe, {
      access_id = context.access_id,
      key = context.key,
      bundle_id = context.bundle_id,
      algorithm = context.algorithm,
   })
   return not sealed and rule or nil
end

local methods = {}
local metatable = {
   __name = "tuya.client",
   __index = methods,
   __tostring = function(self)
      return context_of(self) and "tuya.client" or "tuya.client (closed)"
   end,
}

--- Makes a client: `tuya.client` without the raise.
-- @tparam table given as for `tuya.client`
-- @treturn ?client nil and the rule that is broken
function client.new(given)
   local context, rule = new_context(given)
   if context then rule = check_signer(context) end
   if rule then return nil, rule end
   return setmetatable({
      open = function(key)
         return key == private and context or nil
      end,
   }, metatable)
end

-- A policy holds its client, or one that nobody else holds could be collected and closed in mid-call.
local function new_policy(self, context, spec, built)
   local idempotent = spec.idempotent
   if idempotent == nil then idempotent = exchange.is_idempotent(built.method) end
   return {
      client = self,
      request = built,
      idempotent = idempotent,
      retries = spec.retries or context.retries,
      connect_timeout = spec.connect_timeout or context.connect_timeout,
      attempts = 0,
      -- what comes in time has its room now
      bearer = nil, access = nil, endpoint = nil, sealed_at = nil, reply = nil, sent = nil,
   }
end

local function opened(self)
   if getmetatable(self) ~= metatable then return nil, "self: call it with a colon, client:get(path)" end
   local open = self.open
   if not open then return nil, "attempt to use a closed client" end
   return open(private)
end

local function open_context(self)
   local context, rule = opened(self)
   if context and not core.is_key(context.key) then return nil, "key: attempt to use a closed key" end
   return context, rule
end

-- A call that is checked and not yet made: its op, the client's context and the timeout; or nil and the rule that is
-- broken.
local function prepare(self, spec)
   local context, rule = open_context(self)
   if not context then return nil, rule end
   rule = options.broken(spec, CALL) or check_call(spec)
   if rule then return nil, rule end
   local built
   built, rule = request.build(spec, context.codec, context.lang)
   if not built then return nil, rule end
   local policy = new_policy(self, context, spec, built)
   local made = op.new(call.run, context, built, policy)
   made.about = policy
   return made, context, spec.timeout or context.timeout
end

-- Makes a call: true and what it answers, or false and the rule that the program broke.
local function execute(self, spec)
   local made, context, timeout = prepare(self, spec)
   if not made then return false, context end
   return drive.run(context, made, timeout)
end

--- Makes a call, given whole.
-- @tparam table spec `method`, `path`, `query`, `headers` (signed), `body` (table or string), `content_type`,
-- `idempotent` (may be carried out twice without harm), `timeout` and `connect_timeout` (seconds), `retries`
-- @return the result, `true` where the cloud sends success without one; or nil
-- @treturn ?string message
-- @treturn table the envelope (`t`, `tid`, `status`), or the detail of the failure
function methods:request(spec)
   local ok, result, message, info = execute(self, spec)
   if not ok then error("tuya.client:request: " .. tostring(result), 2) end
   return result, message, info
end

-- A call's options with what its arguments say, or nil and the rule when both say something.
local function merge(given, method, path, second, argument)
   local spec = { method = method, path = path, [second] = argument }
   if given == nil then return spec end
   if type(given) ~= "table" then return nil, "options: a table expected, got " .. type(given) end
   local rule
   if getmetatable(given) then given, rule = options.plain(given, CALL) end
   if rule then return nil, rule end
   for name, value in next, given do
      if spec[name] ~= nil then return nil, tostring(name) .. ": given twice" end
      spec[name] = value
   end
   return spec
end

-- A method whose second argument is spec[second].
local function verb(name, second)
   return function(self, path, argument, given)
      local spec, rule = merge(given, name, path, second, argument)
      local ok, result, message, info = false, rule, nil, nil
      if spec then ok, result, message, info = execute(self, spec) end
      if not ok then error("tuya.client:" .. name:lower() .. ": " .. tostring(result), 2) end
      return result, message, info
   end
end

--- Makes a GET call.
-- @function get
-- @tparam string path a query in it is taken apart and signed as the query
-- @tparam[opt] table query name = string, integer, boolean or list of these; or a list of `{ name, value }`
-- @tparam[opt] table options `headers`, `timeout`, `connect_timeout`, `retries`, `idempotent`, `body`
-- @return as of `request`
methods.get = verb("GET", "query")

--- Makes a DELETE call.
-- @function delete
-- @tparam string path
-- @tparam[opt] table query
-- @tparam[opt] table options
-- @return as of `request`
methods.delete = verb("DELETE", "query")

--- Makes a POST call.
-- @function post
-- @tparam string path
-- @tparam[opt] table|string body a table goes as JSON; a string as it is
-- @tparam[opt] table options `query` and those of `get`
-- @return as of `request`
methods.post = verb("POST", "body")

--- Makes a PUT call.
-- @function put
-- @tparam string path
-- @tparam[opt] table|string body
-- @tparam[opt] table options
-- @return as of `request`
methods.put = verb("PUT", "body")

--- Makes a PATCH call.
-- @function patch
-- @tparam string path
-- @tparam[opt] table|string body
-- @tparam[opt] table options
-- @return as of `request`
methods.patch = verb("PATCH", "body")

--- What flows and drivers work with, for the faces that are built on a client.
-- @tparam client self
-- @treturn ?table nil for a closed client
function client.context(self)
   return context_of(self)
end

--- The ticker of an open client.
-- @tparam client self
-- @treturn ?ticker nil and the rule that is broken
function client.ticker_of(self)
   local context, rule = opened(self)
   if not context then return nil, rule end
   return ticker.of(context)
end

-- The methods that a program may never call are loaded when the first of them is asked for, part by part.
local PARTS = { "beside", "devices", "homes", "infrared" }
local lent

local function mix(part)
   lent = lent or inner.new(execute, open_context)
   load("tuya." .. part).mix(methods, lent, { open = open_context, prepare = prepare, ticker_of = client.ticker_of })
end

setmetatable(methods, {
   __index = function(_, name)
      while PARTS[1] and not rawget(methods, name) do
         mix(PARTS[1])
         table.remove(PARTS, 1)
      end
      return rawget(methods, name)
   end,
})

local function close(self, end_calls)
   local context = context_of(self)
   if not context then return end
   self.open = false -- found at once, where nil would be looked for among the methods
   if context.ticker then end_calls(context.ticker) end
   if context.own_transport then context.transport:close() end
   if context.own_key then context.key:close() end
end

--- Closes the client: its connections, and its key where it made one. The functions of calls in flight are called
-- here, with a detail of kind "cancelled". A second time does nothing.
function methods:close()
   close(self, function(its) its:close(true) end)
end

metatable.__close = methods.close

-- From a finalizer nobody is told, and the pool may be gone before the client is.
function metatable.__gc(self)
   close(self, function(its) pcall(its.close, its, false) end)
end

return client

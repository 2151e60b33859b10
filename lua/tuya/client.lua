--- client.lua: a signed client of one project.
-- The idea: a call is built at the caller's line, where a mistake still raises, and then run as an op by a
-- driver, where what the world does is returned.
-- The danger: a client holds a secret and a token; none of it may be reached by whoever dumps the client.
-- @module tuya.client

local budget = require("tuya.budget")
local call = require("tuya.call")
local clock = require("tuya.clock")
local core = require("tuya.core")
local drive = require("tuya.drive")
local errors = require("tuya.errors")
local edge = require("tuya.edge")
local exchange = require("tuya.exchange")
local flow = require("tuya.flow")
local grant = require("tuya.grant")
local inner = require("tuya.inner")
local json = require("tuya.json")
local kept = require("tuya.kept")
local learnt = require("tuya.known")
local login = require("tuya.login")
local op = require("tuya.op")
local options = require("tuya.options")
local regions = require("tuya.regions")
local request = require("tuya.request")
local sign = require("tuya.sign")
local store = require("tuya.store")
local ticker = require("tuya.ticker")
local token = require("tuya.token")

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
   return type(self) == "table" and rawget(self, "open") and self.open(private)
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
   endpoint = login.endpoint(given.login)
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

local function not_positive(given, name)
   local value = given[name]
   return value and (value <= 0 or value ~= value) and name .. ": must be more than 0" or nil
end

local function check_call(given)
   local retries = given.retries
   if retries and (retries < 0 or retries % 1 ~= 0) then return "retries: 0 or a whole number" end
   return not_positive(given, "timeout") or not_positive(given, "connect_timeout")
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
      kept = kept.new(),
      known = learnt.new(given.api),
      budget = plan,
      budget_key = "budget " .. access_id, -- a project's in all data centres together
      codec = given.json or json,
      clock = given.clock and whole(given.clock) or clock.machine,
      offset = 0, -- ms to add to the clock for the cloud's
      monotonic = function() return transport:now() end,
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
local function new_policy(self, context, spec, method)
   local idempotent = spec.idempotent
   if idempotent == nil then idempotent = exchange.is_idempotent(method) end
   return {
      client = self,
      idempotent = idempotent,
      retries = spec.retries or context.retries,
      connect_timeout = spec.connect_timeout or context.connect_timeout,
      attempts = 0,
   }
end

local function open_context(self)
   if getmetatable(self) ~= metatable then return nil, "self: call it with a colon, client:get(path)" end
   local context = context_of(self)
   if not context then return nil, "attempt to use a closed client" end
   if not core.is_key(context.key) then return nil, "key: attempt to use a closed key" end
   return context
end

-- What a cancelled call tells of itself.
local function new_about(built, policy)
   return function()
      return { method = built.method, path = built.path, attempts = policy.attempts }
   end
end

-- A call that is checked and not yet made: its op, timeout and about, and the client's context; or nil and the
-- rule that is broken.
local function prepare(self, spec)
   local context, rule = open_context(self)
   if not context then return nil, rule end
   rule = options.broken(spec, CALL) or check_call(spec)
   if rule then return nil, rule end
   local built
   built, rule = request.build(spec, context.codec, context.lang)
   if not built then return nil, rule end
   local policy = new_policy(self, context, spec, built.method)
   return {
      op = op.new(call.run, context, built, policy),
      policy = policy,
      timeout = spec.timeout or context.timeout,
      about = new_about(built, policy),
   }, context
end

-- Makes a call: true and what it answers, or false and the rule that the program broke.
local function execute(self, spec)
   local made, context = prepare(self, spec)
   if not made then return false, context end
   return drive.run(context, made.op, made.timeout, made.about)
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

local handle_methods = {}
local handle_metatable = { __name = "tuya.handle", __index = handle_methods }

--- Ends a call before its time. Its function is called in the next tick, with a detail of kind "cancelled" whose
-- `sent` says whether the cloud may have carried it out.
-- @treturn boolean false when it was over already
function handle_methods:cancel()
   local cancel = getmetatable(self) == handle_metatable and self.open(private)
   if not cancel then error("tuya.handle:cancel: self: call it with a colon, handle:cancel()", 2) end
   return cancel()
end

local function new_handle(cancel)
   return setmetatable({
      open = function(key)
         return key == private and cancel or nil
      end,
   }, handle_metatable)
end

-- What is told of a call, to the function that was given with it.
local function teller(on_done)
   return function(ok, ...)
      if ok then return on_done(...) end
      return on_done(errors.failure { kind = "error", code = "error", message = tostring((...)), sent = "maybe" })
   end
end

-- A function whose calls are to be made: as `prepare` answers.
local function prepare_flow(self, fn)
   local context, rule = open_context(self)
   if not context then return nil, rule end
   local made = flow.new(context, fn)
   made.client = self -- held: or it could be collected, and closed in the middle
   return {
      op = made,
      timeout = context.timeout,
      about = function() return made.about and made.about() or {} end,
   }, context
end

-- Starts a call: true and its handle or nil, message, detail; or false and the rule that the program broke.
local function start(self, what, on_done)
   if type(on_done) ~= "function" then return false, "on_done: a function expected, got " .. type(on_done) end
   local made, context = (type(what) == "function" and prepare_flow or prepare)(self, what)
   if not made then return false, context end
   local its, rule = ticker.of(context)
   if not its then return false, rule end
   local job, message, detail = its:add(made.op, made.timeout, made.about, teller(on_done))
   if not job then return true, nil, message, detail end
   return true, new_handle(function() return its:cancel(job) end)
end

--- Starts a call, or a function that makes calls, and does not wait for it: `tick` moves it on.
-- @tparam table|function what a call as of `request`, whose `timeout` begins here; or a function without arguments, in
-- which this client's calls and whatever is made of them (`device:send`, pagers) suspend the function. Each of its
-- calls has a timeout of its own
-- @tparam function on_done called once, in a tick, with what `request`, or the function, returns. It may start and
-- cancel calls. When the function raises it gets a detail of kind "error"
-- @treturn ?handle with `cancel()`; or nil, message, detail: `max_queue` calls wait already
-- @raise when an argument breaks a rule, at the caller's line
function methods:start(what, on_done)
   local ok, handle, message, detail = start(self, what, on_done)
   if not ok then error("tuya.client:start: " .. handle, 2) end
   return handle, message, detail
end

--- What flows and drivers work with, for the faces that are built on a client.
-- @tparam client self
-- @treturn ?table nil for a closed client
function client.context(self)
   return context_of(self)
end

--- The op of a call that is run by a face of its own.
-- @function client.prepare
-- @tparam client self
-- @tparam table spec as for `client:request`
-- @treturn ?table `op`, `policy`, `timeout` (s), `about`; nil and the rule that is broken
client.prepare = prepare

--- The ticker of an open client.
-- @tparam client self
-- @treturn ?ticker nil and the rule that is broken
function client.ticker_of(self)
   local context, rule = open_context(self)
   if not context then return nil, rule end
   return ticker.of(context)
end

local function is_seconds(value)
   return value == nil or (type(value) == "number" and value >= 0)
end

-- Ticks: true, the calls in flight and what was raised in their functions; or false and the rule.
local function tick(self, max_wait, time_budget)
   if not is_seconds(max_wait) then return false, "max_wait: seconds expected, 0 or more" end
   if not is_seconds(time_budget) then return false, "time_budget: seconds expected, 0 or more" end
   local its, rule = client.ticker_of(self)
   if not its then return false, rule end
   if its.is_ticking then return false, "called from within a tick" end
   if drive.pick(its.host) then return false, "called in a task, or where else calls do not block" end
   if its:is_at_rest() then return true, 0 end
   return pcall(its.tick, its, max_wait or 0, time_budget)
end

--- Moves the started calls on, and calls the functions of those that are done.
-- @tparam[opt=0] number max_wait seconds to wait for something to happen while calls are in flight; 0: it never waits
-- @tparam[opt=0.001] number time_budget seconds after which nothing more is begun; what is left over waits for the
-- next tick
-- @treturn integer how many calls are in flight
-- @treturn ?table messages, with tracebacks, of what their functions raised; they go to the log as well
-- @raise from within a tick, at the caller's line
function methods:tick(max_wait, time_budget)
   local ok, in_flight, raised = tick(self, max_wait, time_budget)
   if not ok then error("tuya.client:tick: " .. tostring(in_flight), 2) end
   return in_flight, raised
end

--- How long nobody needs to tick.
-- @treturn ?number seconds; nil: until a call is started
function methods:timeout()
   local its, rule = client.ticker_of(self)
   if not its then error("tuya.client:timeout: " .. rule, 2) end
   return its:timeout()
end

--- What a host with a loop of its own waits for, up to `timeout()`, before it ticks. Over epoll (Linux) it is one
-- descriptor, always the same; over poll there are several, which change with every tick.
-- @treturn table list of `{ fd = integer, read = boolean, write = boolean }`
function methods:fds()
   local its, rule = client.ticker_of(self)
   if not its then error("tuya.client:fds: " .. rule, 2) end
   return its:fds()
end

local lent = inner.new(execute, open_context)

local function run_flow(fn, self)
   local ok, result, message, info = fn(lent, self)
   if not ok then return errors.failure { kind = "error", code = "error", message = result, sent = "no" } end
   return result, message, info
end

-- What streams of events may do with their client. Who holds a stream holds it too.
local function lend(self, its)
   return {
      uid = function(on_done)
         local context = context_of(self)
         return its:add(op.new(token.uid, context), context.timeout, nil, teller(on_done))
      end,
      start = function(spec, on_done)
         local ok, handle, message, detail = start(self, spec, on_done)
         if not ok then error(handle, 0) end
         return handle, message, detail
      end,
      run = function(fn, on_done)
         local made = prepare_flow(self, function() return run_flow(fn, self) end)
         return its:add(made.op, made.timeout, made.about, teller(on_done))
      end,
   }
end

-- Whoever receives events beside the calls of this client, or nil and the rule.
local function receive(self, given)
   local context, rule = open_context(self)
   if not context then return nil, rule end
   local its
   its, rule = ticker.of(context)
   if not its then return nil, rule end
   local made
   made, rule = load("tuya.events").new(context, its, given, lend(self, its))
   if not made then return nil, rule end
   its:attach(made)
   return made.face
end

--- Receives events: what the cloud pushes, instead of asking for it. `tick` moves them on with the calls.
-- @tparam table given `via` ("pulsar" or "mqtt"), `ping` (30 s without a word before we ask). Of Pulsar: `environment`
-- ("event"; "event-test": that of the console's test), `url` ("wss://host:port"; nil: the client's data centre's).
-- Of MQTT: `uid` (whose devices; nil: whose token), `version` of the encryption ("2.0"; "1.0")
-- @treturn events with `on`, `each`, `next`, `status`, `close`
-- @raise when an option breaks a rule, at the caller's line, and where tuya.websocket or tuya.mqtt is not installed
function methods:events(given)
   local made, rule = receive(self, given)
   if not made then error("tuya.client:events: " .. rule, 2) end
   return made
end

-- What is about devices and homes is half of the library, and loaded when it is first asked for.
setmetatable(methods, {
   __index = function(_, name)
      setmetatable(methods, nil)
      for _, part in ipairs { "devices", "homes", "infrared" } do load("tuya." .. part).mix(methods, lent) end
      return methods[name]
   end,
})

local function mirrored(self, given)
   local context, rule = open_context(self)
   local its
   if context then its, rule = ticker.of(context) end
   if not its then return false, rule end
   local run = lend(self, its).run
   return load("tuya.mirror").new(given, context, its, {
      events = function(wanted) return receive(self, wanted) end,
      statuses = function(ids, on_done)
         return run(function(inside, whose) return load("tuya.devices").statuses(inside, whose, ids) end, on_done)
      end,
   })
end

--- The home as it is, kept by events: read once, and after that at no calls.
-- @function home
-- @tparam[opt] table given `devices` (a list of ids or devices; nil: all of the project), and the options of `events`
-- @treturn ?home with `device(id)`, `devices`, `changes`, `wait`, `tick`, `status`, `close`; nil, message, detail when
-- the state cannot be read
-- @raise when an option breaks a rule, at the caller's line
methods.home = edge.of("tuya.client:home", function(self, given)
   return mirrored(self, given or {})
end)

--- One device of the project.
-- @tparam string id
-- @treturn device
function methods:device(id)
   local made, rule = load("tuya.device").new(self, id, lent)
   if not made then error("tuya.client:device: " .. rule, 2) end
   return made
end

--- Whose token the client has: the user's id, for the calls about users: `client:devices { uid = client:uid() }`. It
-- takes a token call where there is no token yet.
-- @treturn ?string of who is logged in; without `login` that of the project, as the cloud gives it. nil, message,
-- detail where no token is to be had
function methods:uid()
   local context, rule = open_context(self)
   if not context then error("tuya.client:uid: " .. rule, 2) end
   local ok, uid, message, detail = drive.run(context, op.new(token.uid, context), context.timeout)
   if not ok then error("tuya.client:uid: " .. tostring(uid), 2) end
   return uid, message, detail
end

--- The page where an owner authorizes the project. A browser that is sent there comes back to `redirect_uri` with
-- `code` and `state` in its query.
-- @tparam table given `redirect_uri`: the callback URL that is configured in the project for this data centre; `state`:
-- a word that nobody can guess, and that has to come back, or others can slip you a code of theirs
-- @treturn string URL
-- @raise when an option breaks a rule, at the caller's line
function methods:authorization_url(given)
   local context, rule = open_context(self)
   local url
   if context then url, rule = login.page(context, given) end
   if not url then error("tuya.client:authorization_url: " .. rule, 2) end
   return url
end

--- What has been used of the budget, by all who share the store.
-- @treturn table `day` and `month`: each `used`, `limit`, `left` (calls) and `resets` (ms since 1970); `limited`: how
-- often the cloud refused a call for its rate this month; `per_second`, `reserve`: as given
-- @raise for a client that was given no budget
function methods:usage()
   local context, rule = open_context(self)
   if context and not context.budget then rule = "the client counts no calls: give it a budget, {} for no limit" end
   local ok, usage = false, rule
   if not rule then ok, usage = drive.run(context, op.new(budget.usage, context), context.timeout) end
   if not ok then error("tuya.client:usage: " .. tostring(usage), 2) end
   return usage
end

local function close(self, end_calls)
   local context = context_of(self)
   if not context then return end
   self.open = nil
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

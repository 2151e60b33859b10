--- beside.lua: what a client does beside calls that block: started calls and their ticks, events, devices, accounts.
-- The idea: all of it is made of ops and of who drives them, as a call is; a program that only calls never loads it.
-- The danger: what stands here has the client's context, key and token; what it hands on to other modules has not.
-- @module tuya.beside

local drive = require("tuya.drive")
local edge = require("tuya.edge")
local errors = require("tuya.errors")
local flow = require("tuya.flow")
local later = require("tuya.later")
local op = require("tuya.op")
local ticker = require("tuya.ticker")
local token = require("tuya.token")

local budget = later("tuya.budget")
local device = later("tuya.device")
local devices = later("tuya.devices")
local events = later("tuya.events")
local login = later("tuya.login")
local mirror = later("tuya.mirror")

local beside = {}

local methods = {}
local private = {} -- what opens a handle
local inside -- what the client's file lends: see `mix`

local handle_methods = {}
local handle_metatable = { __name = "tuya.handle", __index = handle_methods }

--- Ends a call before its time. Its function is called in the next tick, with a detail of kind "cancelled" whose
-- `sent` says whether the cloud may have carried it out.
-- @treturn boolean false when it was over already
function handle_methods:cancel()
   local made = getmetatable(self) == handle_metatable and self.open(private)
   if not made then error("tuya.handle:cancel: self: call it with a colon, handle:cancel()", 2) end
   return made.driver:cancel(made)
end

local function new_handle(made)
   return setmetatable({
      open = function(key)
         return key == private and made or nil
      end,
   }, handle_metatable)
end

-- A function whose calls are to be made: as `prepare` answers.
local function prepare_flow(self, fn)
   local context, rule = inside.open(self)
   if not context then return nil, rule end
   local made = flow.new(context, fn)
   made.client = self -- held: or it could be collected, and closed in the middle
   return made, context, context.timeout
end

-- Starts a call: true and its handle or nil, message, detail; or false and the rule that the program broke.
local function start(self, what, on_done)
   if type(on_done) ~= "function" then return false, "on_done: a function expected, got " .. type(on_done) end
   local made, context, timeout = (type(what) == "function" and prepare_flow or inside.prepare)(self, what)
   if not made then return false, context end
   local its, rule = ticker.of(context)
   if not its then return false, rule end
   local added, message, detail = its:add(made, timeout, on_done)
   if not added then return true, nil, message, detail end
   return true, new_handle(made)
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

local function is_seconds(value)
   return value == nil or value == 0 or (type(value) == "number" and value >= 0)
end

-- Ticks: true, the calls in flight and what was raised in their functions; or false and the rule.
local function tick(self, max_wait, time_budget)
   if not is_seconds(max_wait) then return false, "max_wait: seconds expected, 0 or more" end
   if not is_seconds(time_budget) then return false, "time_budget: seconds expected, 0 or more" end
   local its, rule = inside.ticker_of(self)
   if not its then return false, rule end
   if its.is_ticking then return false, "called from within a tick" end
   if drive.pick(its.host) then return false, "called in a task, or where else calls do not block" end
   if its:is_at_rest() then return true, 0 end
   return its:tick(max_wait or 0, time_budget)
end

--- Moves the started calls on, and calls the functions of those that are done.
-- @tparam[opt=0] number max_wait seconds to wait for something to happen while calls are in flight; 0: it never waits
-- @tparam[opt=0.00075] number time_budget seconds after which nothing more is begun; what is left over waits for the
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
   local its, rule = inside.ticker_of(self)
   if not its then error("tuya.client:timeout: " .. rule, 2) end
   return its:timeout()
end

--- What a host with a loop of its own waits for, up to `timeout()`, before it ticks. Over epoll (Linux) it is one
-- descriptor, always the same; over poll there are several, which change with every tick.
-- @treturn table list of `{ fd = integer, read = boolean, write = boolean }`
function methods:fds()
   local its, rule = inside.ticker_of(self)
   if not its then error("tuya.client:fds: " .. rule, 2) end
   return its:fds()
end

local function run_flow(fn, self)
   local ok, result, message, info = fn(inside.lent, self)
   if not ok then return errors.failure { kind = "error", code = "error", message = result, sent = "no" } end
   return result, message, info
end

-- What streams of events may do with their client. Who holds a stream holds it too.
local function lend(self, its)
   local function ask(what)
      return function(on_done)
         local context = inside.open(self)
         return its:add(op.new(what, context), context.timeout, on_done)
      end
   end
   return {
      uid = ask(token.uid),
      endpoint = inside.lent.logs_in(self) and ask(token.endpoint) or nil,
      start = function(spec, on_done)
         local ok, handle, message, detail = start(self, spec, on_done)
         if not ok then error(handle, 0) end
         return handle, message, detail
      end,
      run = function(fn, on_done)
         local made, context = prepare_flow(self, function() return run_flow(fn, self) end)
         return its:add(made, context.timeout, on_done)
      end,
   }
end

-- Whoever receives events beside the calls of this client, or nil and the rule.
local function receive(self, given)
   local context, rule = inside.open(self)
   if not context then return nil, rule end
   local its
   its, rule = ticker.of(context)
   if not its then return nil, rule end
   local made
   made, rule = events.new(context, its, given, lend(self, its))
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

local function mirrored(self, given)
   local context, rule = inside.open(self)
   local its
   if context then its, rule = ticker.of(context) end
   if not its then return false, rule end
   local run = lend(self, its).run
   return mirror.new(given, context, its, {
      events = function(wanted) return receive(self, wanted) end,
      statuses = function(ids, on_done)
         return run(function(lent, whose) return devices.statuses(lent, whose, ids) end, on_done)
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
   local made, rule = device.new(self, id, inside.lent)
   if not made then error("tuya.client:device: " .. rule, 2) end
   return made
end

--- Whose token the client has: the user's id, for the calls about users: `client:devices { uid = client:uid() }`. It
-- takes a token call where there is no token yet.
-- @treturn ?string of who is logged in; without `login` that of the project, as the cloud gives it. nil, message,
-- detail where no token is to be had
function methods:uid()
   local ok, uid, message, detail = inside.lent.uid(self)
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
   local context, rule = inside.open(self)
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
   local context, rule = inside.open(self)
   if context and not context.budget then rule = "the client counts no calls: give it a budget, {} for no limit" end
   local ok, usage = false, rule
   if not rule then ok, usage = drive.run(context, op.new(budget.usage, context), context.timeout) end
   if not ok then error("tuya.client:usage: " .. tostring(usage), 2) end
   return usage
end

--- Adds the methods to those of a client.
-- @tparam table to
-- @tparam table lent what the client lets its modules do
-- @tparam table own `open`, a client's context or nil and the rule; `prepare`, `ticker_of`
function beside.mix(to, lent, own)
   inside = { open = own.open, prepare = own.prepare, ticker_of = own.ticker_of, lent = lent }
   for name, method in next, methods do to[name] = method end
end

return beside

--- A simulated Tuya cloud: checks every signature, issues tokens, keeps devices.
-- The idea: it is a function from requests to replies. `handle` does no I/O and waits for nothing, so a
-- program can be tested without a socket; `listen` puts the same function behind HTTP or HTTPS on loopback.
-- The danger: it is not the cloud. What the cloud does where nobody has seen it is listed in
-- docs/simulator.md as this simulator's own choice.
-- @module tuya.simulator

local accounts = require("tuya.simulator.accounts")
local core = require("tuya.core")
local codes = require("tuya.simulator.codes")
local explain = require("tuya.simulator.explain")
local faults = require("tuya.simulator.faults")
local homes = require("tuya.simulator.home")
local hub = require("tuya.simulator.hub")
local json = require("tuya.json")
local options = require("tuya.options")
local projects = require("tuya.simulator.projects")
local push = require("tuya.simulator.push")
local random = require("tuya.simulator.random")
local reactions = require("tuya.simulator.reactions")
local regions = require("tuya.regions")
local routes = require("tuya.simulator.routes")
local state = require("tuya.simulator.state")
local values = require("tuya.simulator.values")
local verify = require("tuya.simulator.verify")

local simulator = {}

local methods = {}
local class = { __index = methods, __name = "tuya.simulator" }

--- Whether a public method was called with a colon; raises at its caller's line.
local function own(self, name)
   if getmetatable(self) ~= class then
      error(("tuya.simulator:%s: self: call it with a colon, sim:%s()"):format(name, name), 3)
   end
end

local TOKEN_TTL = 7200 -- seconds
local LOG_MAX = 1000 -- requests that the log keeps

-- {{{ What a device and a request look like from outside

--- A copy of a device, for programs: changing it changes nothing.
local function snapshot(device)
   local copy = {
      id = device.id,
      name = device.name,
      category = device.category,
      product_id = device.product_id,
      online = device.online,
      values = {},
   }
   for _, point in ipairs(device.points) do
      copy.values[point.code] = point.value
   end
   return copy
end

local function copy_of(entry)
   local copy = {}
   for name, value in pairs(entry) do
      copy[name] = value
   end
   return copy
end

--- The path fit for a log: no control bytes, and no whole token.
local function loggable(path)
   local shown = path:gsub("[^\32-\126]", "?")
   return (shown:gsub("^(/v1%.0/.-token/....)..*$", "%1..."))
end

-- }}}

-- {{{ Making one

--- Options of one project; with `projects` they stand there.
local PROJECT = { "access_id", "access_secret", "home", "algorithm", "bundle_id", "accept_token", "callback_url" }

local OPTIONS = options.known {
   access_id = "string", access_secret = "string", home = "string|table", algorithm = "string", bundle_id = "string",
   accept_token = "string", projects = "string|table", data_centre = "string", clock = "function", skew = "number",
   check_clock = "boolean", token_ttl = "number", one_token = "boolean", console = "function", seed = "number",
   on_change = "function", faults = "table", log = "function", state = "string", mqtt = "table",
   callback_url = "string", platform_url = "string",
}

--- The faults of a list of rules; nil and what is wrong with one.
local function read_faults(rules)
   local list = {}
   for i, rule in ipairs(rules or {}) do
      local fault, message = faults.read(tostring(rule))
      if not fault then
         return nil, message
      end
      list[i] = fault
   end
   return list
end

--- The rule that the options of the projects break; nil: none.
local function broken_project(given)
   if not given.projects then
      return projects.broken(given)
   end
   for _, name in ipairs(PROJECT) do
      if given[name] ~= nil then
         return name .. ": stands in projects"
      end
   end
   return nil
end

--- The rule that these options break; nil: none.
local function broken_rule(given)
   local rule = options.broken(given, OPTIONS) or broken_project(given)
   if not rule and given.data_centre then
      local known, unknown = regions.endpoint(given.data_centre)
      rule = not known and (unknown:gsub("^region", "data_centre")) or nil
   end
   if rule then
      return rule
   end
   local _, message = read_faults(given.faults)
   return message and "faults: " .. message
end

local function new_draw(seed)
   if seed then
      return random.new(seed)
   end
   local nonce = core.nonce()
   return random.new(tonumber(nonce:sub(1, 7), 16), tonumber(nonce:sub(8, 14), 16))
end

--- The projects that the options name: a table, a file, or one project with its home.
local function read_projects(given, how)
   if type(given.projects) == "string" then
      return projects.read(given.projects, how)
   end
   if given.projects then
      return projects.new(given.projects, how)
   end
   return projects.of_one(given, how)
end

--- Makes a simulated cloud.
-- @tparam table given options
--
-- - `access_id`, `access_secret`: the project's
-- - `home`: a table, the path of a JSON file, or nil for a small home (docs/simulator.md has the form)
-- - `projects`: several projects and users instead, a table or the path of a JSON file (likewise)
-- - `data_centre`: which one this is, as a client's `region`; nil: all in one
-- - `clock`: a function that gives milliseconds; default the machine's
-- - `skew`: milliseconds that this cloud's clock is ahead; below 0 it is behind
-- - `token_ttl`: seconds that a token lives; default 7200
-- - `one_token`: whoever asks gets a new token, which revokes the one before
-- - `console`: a function that gets a line of text for each request
-- - `seed`: a number; with the same seed tokens and tids are the same in every run
-- - `algorithm`: `"v2"`, or `"v1"` for a project older than 2021-06-30, which takes both algorithms
-- - `bundle_id`: of an app-authorization key
-- - `on_change`: a function (device, code, value) called after a data point has changed
-- - `callback_url`: where owners are sent back to who authorize the project; without it nobody can
-- - `platform_url`: what log-ins are answered beside the token: where the account is
-- - `accept_token`: a token issued elsewhere, which becomes the current one
-- - `check_clock`: false accepts every `t`
-- - `faults`: a list of rules, as `sim:fault` takes them
-- - `log`: a function that gets each entry of the log (`sim:log`) before the answer is given
-- - `state`: what `sim:state` gave, perhaps in another process: tokens and homes go on from there
-- - `mqtt`: the broker that messages go to over MQTT, as for `sim:broker`; nil: the project has no open hub
-- @treturn[1] simulator
-- @treturn[2] nil
-- @treturn[2] string what is wrong with the home or the projects
function simulator.new(given)
   local rule = broken_rule(given)
   if rule then
      error("bad option " .. rule, 2)
   end
   local self = setmetatable({
      _clock = given.clock or core.now,
      _skew = given.skew or 0,
      _check_clock = given.check_clock ~= false,
      _console = given.console,
      _data_centre = given.data_centre,
      _platform_url = given.platform_url,
      _draw = new_draw(given.seed),
      _pushed = {}, -- project = its message service
      _faults = read_faults(given.faults),
      _log = {},
      _on_log = given.log,
      _on_change = given.on_change,
   }, class)
   local made, message = read_projects(given, {
      draw = self._draw,
      token_ttl = given.token_ttl or TOKEN_TTL,
      one_token = given.one_token,
      data_centre = given.data_centre,
      now = self:_now(),
   })
   if not made then
      return nil, message
   end
   self._projects = made
   self._hub = hub.new(self._draw, core.key)
   message = given.mqtt and self._hub:set(given.mqtt)
   if message then
      return nil, "mqtt: " .. message
   end
   if given.state then
      local before
      before, message = state.read(given.state)
      if not before then
         return nil, "state: " .. message
      end
      projects.restore(made, before)
   end
   return self
end

-- }}}

-- {{{ Answering

function methods:_now()
   return math.floor(self._clock() + self._skew)
end

--- Finds a device by its id if it is in the project, and the home that it is in.
local function find_device(project, id)
   for _, home in ipairs(project.homes) do
      local device = home.by_id[id]
      if device then
         return device.in_project and device or nil, home
      end
   end
   return nil
end

local DEVICE_LOG_MAX = 1000 -- reports that the log of a device keeps

--- Puts changes into a device and its log.
local function put(device, changes, now)
   device.log = device.log or {}
   for _, change in ipairs(changes) do
      change.point.value = change.value
      change.point.time = now
      table.insert(device.log, { code = change.point.code, value = change.value, time = now })
      if #device.log > DEVICE_LOG_MAX then
         table.remove(device.log, 1)
      end
   end
   device.update_time = math.floor(now / 1000)
end

--- Tells of changes: the message service of every project that sees the device, and the program.
function methods:_tell(device, changes, now)
   if not changes[1] then
      return
   end
   for _, project in ipairs(self._projects.list) do
      if find_device(project, device.id) then
         self:_messages(project):report(device, changes, now)
      end
   end
   for _, change in ipairs(self._on_change and changes or {}) do
      self._on_change(snapshot(device), change.point.code, change.value)
   end
end

--- Sets data points that have been checked, and what follows of that, then tells of each.
function methods:_apply(device, changes, now)
   put(device, changes, now)
   local further = reactions.to(device, changes, now)
   put(device, further, now)
   self:_tell(device, changes, now)
   self:_tell(device, further, now)
end

--- Lets everything that is under way come to where it is by now.
function methods:_settle(now)
   for _, one in ipairs(self._projects.homes) do
      for _, device in ipairs(one.devices) do
         local changes = device.under_way and reactions.by_now(device, now) or {}
         if changes[1] then
            self:_apply(device, changes, now)
         end
      end
   end
end

--- The project's devices, or those of one home.
local function project_devices(project, only)
   local list = {}
   for _, home in ipairs(only and { only } or project.homes) do
      for _, device in ipairs(home.devices) do
         if device.in_project then
            list[#list + 1] = device
         end
      end
   end
   return list
end

--- The first home of a user; of one who was made by a call and has none yet, what is known of the user.
local function home_of_user(project, uid)
   for _, home in ipairs(project.homes) do
      if home.uid == uid then
         return home
      end
   end
   return (project.users or {})[uid]
end

--- Query values by name; of a repeated name the first.
local function query_values(list)
   local by_name = {}
   for _, pair in ipairs(list) do
      if by_name[pair.name] == nil then
         by_name[pair.name] = pair.value or ""
      end
   end
   return by_name
end

--- The project as the bearer of a token sees it: a user who is logged in sees the own home, and nothing else.
local function seen_by(project, access, now)
   local uid = project.sessions:uid_of(access, now)
   if not uid then
      return project
   end
   return setmetatable({ homes = { home_of_user(project, uid) } }, { __index = project })
end

--- What a call gets to see.
local function new_call(self, whole, query, received, captures, now)
   local project = seen_by(whole, received.headers.access_token, now)
   local device, home
   if captures.device then
      device, home = find_device(project, captures.device)
   elseif captures.uid then
      home = home_of_user(project, captures.uid)
   end
   return {
      project = project,
      accounts = self._projects.accounts,
      schemas = project.schemas,
      platform_url = self._platform_url,
      home = home or project.homes[1],
      captures = captures,
      device = device,
      query = query_values(query),
      body = received.body,
      now = now,
      devices = function()
         return project_devices(project, captures.uid and home)
      end,
      find_device = function(id)
         return (find_device(project, id))
      end,
      home_of = function(one)
         return select(2, find_device(project, one.id))
      end,
      open_hub = function(body)
         return self._hub:config(project, body, now)
      end,
      apply = function(changed, changes)
         self:_apply(changed, changes, now)
      end,
   }
end

--- The code with which a call is refused that the project may not do; nil: it may.
local function refusal(call, is_token_call)
   local captures = call.captures
   if not call.project.enabled and not is_token_call then
      return 28841107
   end
   if captures.device and not call.device or captures.uid and not home_of_user(call.project, captures.uid) then
      return 1106
   end
   return nil
end

--- The result of a received request, or nil, the code of its refusal and perhaps what was wrong.
local function answer(self, received, now)
   local known = { projects = self._projects.by_id, now = now, check_clock = self._check_clock }
   local project, query, why = verify.check(received, known)
   if not project then
      return nil, query, why
   end
   local run, captures = routes.find(received.method, received.path)
   if not run then
      return nil, 1108
   end
   local call = new_call(self, project, query, received, captures, now)
   local code = refusal(call, verify.is_token_call(received.path))
   if code then
      return nil, code
   end
   return run(call)
end

--- What the log keeps of a request and of what became of it. It holds no secret, no query and no whole token.
local function new_entry(self, received, outcome, now)
   local headers = received.headers
   return {
      method = received.method:gsub("[^\32-\126]", "?"),
      path = loggable(received.path),
      code = outcome.code,
      t = now,
      done = outcome.done,
      fault = outcome.fault and outcome.fault.name,
      nonce = headers.nonce,
      sign = headers.sign and headers.sign:sub(1, 8),
      bytes = #received.body,
      project = self._projects.by_id[headers.client_id or ""] and headers.client_id,
      mistakes = outcome.mistakes,
   }
end

local function in_words(entry, why)
   local words = { entry.method, entry.path }
   if entry.code == 0 then
      words[#words + 1] = "ok"
   elseif entry.code then
      words[#words + 1] = entry.code .. " " .. (codes[entry.code] or "simulated fault")
   end
   words[#words + 1] = why and "(" .. why .. ")"
   words[#words + 1] = entry.fault and "[" .. entry.fault .. "]"
   return table.concat(words, " ")
end

--- Notes a request in the log and on the console.
function methods:_note(entry, why)
   local log = self._log
   log[#log + 1] = entry
   if #log > LOG_MAX then
      table.remove(log, 1)
   end
   if self._on_log then
      self._on_log(copy_of(entry))
   end
   if self._console then
      self._console(in_words(entry, why))
   end
end

--- The reply that holds a result; without one, a code and its text, and perhaps a diagnosis.
local function envelope(self, now, result, code, text, diagnosis)
   local members = { t = now, tid = self._draw(32), success = result ~= nil, result = result, diagnosis = diagnosis }
   if result == nil then
      members.code, members.msg = code, text
   end
   return {
      status = 200,
      headers = { ["Content-Type"] = "application/json;charset=UTF-8" },
      body = json.encode(members),
   }
end

--- The project that a request is from; where it does not say so, the only one that there is.
local function project_of(self, received)
   local all = self._projects
   return all.by_id[received.headers.client_id or ""] or not all.list[2] and all.list[1] or nil
end

--- What a call comes to that no fault keeps away.
local function carried_out(self, request, received, now)
   local outcome = { code = 0, done = true }
   local result, code, why = answer(self, received, now)
   local diagnosis
   if result == nil then
      local project = project_of(self, received)
      outcome.code, outcome.done = code, false
      local clock = self._check_clock and now or nil
      diagnosis, outcome.why, outcome.mistakes = explain.refusal(code, request, project, clock)
      outcome.why = outcome.why or why
   end
   outcome.reply = envelope(self, now, result, code, codes[code], diagnosis)
   return outcome
end

--- The message service of a project, made when it is first wanted.
function methods:_messages(project)
   local made = self._pushed[project]
   if not made then
      made = push.new(project, self._draw, self._hub)
      self._pushed[project] = made
   end
   return made
end

--- What becomes of a request for a WebSocket; nil for any other.
local function asked_for_messages(self, received)
   local access_id, topic, subscription = push.asked(received.path)
   if not access_id then
      return nil
   end
   local project = self._projects.by_id[access_id]
   local status = push.refusal(project, received.headers, topic, subscription)
   local reply = { status = status or 426, headers = {}, body = "" } -- 426: it wants an upgrade
   local outcome = { code = status or 0, done = not status, reply = reply }
   if not status then
      outcome.messages, outcome.headers = self:_messages(project), received.headers
      outcome.query = query_values(verify.query(received))
   end
   return outcome
end

--- What becomes of an owner who comes to authorize a project; nil for any other request.
local function asked_to_authorize(self, received, now)
   if received.method ~= "GET" or received.path ~= "/login" then
      return nil
   end
   local reply = accounts.authorize(self._projects, query_values(verify.query(received)), now)
   local done = reply.status == 302
   local why = not done and reply.body:sub(1, -2) or nil
   return { code = done and 0 or reply.status, done = done, reply = reply, why = why }
end

--- What a call comes to: its reply, and where a fault strikes how the connection goes on instead.
function methods:_outcome(request)
   local now = self:_now()
   self:_settle(now)
   local received = verify.received(request)
   local fault = faults.strike(self._faults, received.method, received.path)
   local outcome = { done = false }
   if not fault or faults.carries(fault) then
      outcome = asked_for_messages(self, received) or asked_to_authorize(self, received, now)
         or carried_out(self, request, received, now)
   end
   if fault then
      faults.apply(fault, outcome, function(code, text)
         return envelope(self, now, nil, code, text)
      end)
   end
   self:_note(new_entry(self, received, outcome, now), outcome.why)
   return outcome
end

--- How a client's transport sees an answer that does not come.
local SEEN_AS = { drop = "reset", reset = "reset", truncate = "reset", hang = "timeout" }

-- The rule that a request to `handle` breaks.
local function broken_request(request)
   if type(request) ~= "table" then
      return "request: a table expected, got " .. type(request)
   end
   for name, kind in pairs { method = "string", target = "string", headers = "table", body = "string" } do
      local value = request[name]
      if type(value) ~= kind and (value ~= nil or name == "method" or name == "target") then
         return ("request.%s: a %s expected, got %s"):format(name, kind, type(value))
      end
   end
end

--- Answers one request.
-- @tparam table request `{ method =, target = path and query as on the wire, headers = a table name = value
-- or a list of { name, value }, body = string or nil }`
-- @treturn[1] table reply `{ status =, headers = a table, body = string }`; with `delay` in seconds under a fault
-- that is slow
-- @treturn[2] nil where a fault leaves no answer
-- @treturn[2] string "reset" or "timeout", as `tuya.transport.fake` takes it
-- @treturn[2] string what the client can know of it having been sent: "maybe" or "yes"
-- @raise when the request is no such table, at the caller's line
function methods:handle(request)
   own(self, "handle")
   local rule = broken_request(request)
   if rule then
      error(rule, 2)
   end
   local outcome = self:_outcome(request)
   if outcome.ending then
      return nil, SEEN_AS[outcome.ending], outcome.ending == "truncate" and "yes" or "maybe"
   end
   return outcome.reply
end

--- Opens a WebSocket without a socket, as `tuya.transport.fake` takes it.
-- @tparam table request as of `handle`
-- @treturn[1] table `take()` gives the next text or nil, `hear(text)`, `is_over()` and `close()`
-- @treturn[2] nil
-- @treturn[2] integer|string the status that it is refused with, or how a fault ends it
function methods:connect(request)
   own(self, "connect")
   local rule = broken_request(request)
   if rule then
      error(rule, 2)
   end
   local outcome = self:_outcome(request)
   if outcome.ending then
      return nil, SEEN_AS[outcome.ending]
   end
   if not outcome.messages then
      return nil, outcome.reply.status
   end
   return outcome.messages:peer(outcome.query, function()
      return self:_now()
   end)
end

-- }}}

-- {{{ For tests and for those who write rules

local function known_device(self, id)
   for _, home in ipairs(self._projects.homes) do
      if home.by_id[id] then
         return home.by_id[id]
      end
   end
   error("no device '" .. tostring(id) .. "' in this cloud", 3)
end

--- A copy of a device: id, name, category, product_id, online, values by code.
function methods:device(id)
   own(self, "device")
   self:_settle(self:_now())
   return snapshot(known_device(self, id))
end

--- Sets a data point as if the device had reported it.
function methods:set(id, code, value)
   own(self, "set")
   local device = known_device(self, id)
   local point = device.by_code[code]
   if not point then
      error("device '" .. id .. "' has no data point '" .. tostring(code) .. "'", 2)
   end
   local accepted = values.accept(point, value)
   if accepted == nil then
      error("data point '" .. code .. "' cannot have this value", 2)
   end
   self:_apply(device, { { point = point, value = accepted } }, self:_now())
end

--- Puts a device into the (first) home, as it stands in a home file.
-- @tparam table given
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function methods:add(given)
   own(self, "add")
   local device, message = homes.add(self._projects.homes[1], given)
   return device and true, message
end

function methods:_happened(device, kind)
   for _, project in ipairs(self._projects.list) do
      if find_device(project, device.id) then
         self:_messages(project):happened(device, kind, self:_now())
      end
   end
end

local FAMILIES = { old = true, new = true, both = true }
local SCHEMES = { aes_ecb = true, aes_gcm = true }
local PUSHES = options.known {
   rule = "boolean", family = "string", em = "string", duplicates = "number", late = "number", drops = "number",
   cuts = "number",
}

--- How changes are pushed from now on, to all projects.
-- @tparam table given `rule` (false: none is on, and all is silent), `family` ("old": numbers 4 and 20; "new": 1000
-- and 1001; "both": each change twice), `em` ("aes_ecb", "aes_gcm"), `duplicates`, `late`, `drops` and `cuts`: shares
-- of the messages, 0 to 1, that come twice, behind later ones, or not at all, and before which the connection is cut
function methods:messages(given)
   own(self, "messages")
   local rule = options.broken(given, PUSHES)
   if not rule and given.family and not FAMILIES[given.family] then
      rule = 'family: "old", "new" or "both" expected'
   end
   if not rule and given.em and not SCHEMES[given.em] then
      rule = 'em: "aes_ecb" or "aes_gcm" expected'
   end
   if rule then
      error("bad option " .. rule, 2)
   end
   for _, project in ipairs(self._projects.list) do
      for name, value in pairs(given) do
         self:_messages(project)[name] = value
      end
   end
end

--- Names the broker that messages go to over MQTT, or changes what is told of it from now on.
-- @tparam table given `url` ("ssl://host:port", or "tcp://"), `username`, `password` (24 bytes or more: it also
-- encrypts), `ca_file`, `life` (seconds that a configuration lives; 7200), `renames` (a client id and a topic of its
-- own for each configuration, instead of for each link)
function methods:broker(given)
   own(self, "broker")
   local rule = self._hub:set(given)
   if rule then
      error("bad option " .. rule, 2)
   end
end

--- Lets a device come online or go offline.
function methods:set_online(id, online)
   own(self, "set_online")
   local device = known_device(self, id)
   device.online = online and true or false
   self:_happened(device, online and "online" or "offline")
end

--- The current access token dies now; its refresh token still works.
-- @tparam[opt] string access_id of which project; the first by default
function methods:expire_token(access_id)
   own(self, "expire_token")
   local all = self._projects
   local project = all.by_id[access_id or all.list[1].access_id]
   if not project then
      error("no project '" .. tostring(access_id) .. "' in this cloud", 2)
   end
   project.tokens:expire()
end

--- A user authorizes a project: the code that goes with the redirect. It works once, within 300 s.
-- @tparam[opt] string uid of which user; the first by default
-- @tparam[opt] string access_id of which project; the first by default
function methods:authorize(uid, access_id)
   own(self, "authorize")
   local all = self._projects
   local project = all.by_id[access_id or all.list[1].access_id]
   local home = project and (uid and home_of_user(project, uid) or not uid and project.homes[1])
   if not home then
      error("no user '" .. tostring(uid) .. "' in project '" .. tostring(access_id) .. "'", 2)
   end
   return project.sessions:authorize(home.uid, self:_now())
end

--- The access tokens with which a user is logged in die now, in all projects.
-- @tparam string uid
-- @tparam[opt] boolean refresh_too their refresh tokens die too
function methods:expire_login(uid, refresh_too)
   own(self, "expire_login")
   for _, project in ipairs(self._projects.list) do
      project.sessions:expire(uid, refresh_too)
   end
end

--- The last requests, oldest first, each noted as it came: a list of `{ method =, path =, code = 0 or the
-- refusal's or nil where a fault left no envelope, t =, done = was the call carried out?, fault = its name,
-- nonce =, sign = its first eight digits, bytes = of the body, project = its access id, mistakes = slugs }`.
function methods:log()
   own(self, "log")
   local copy = {}
   for i, entry in ipairs(self._log) do
      copy[i] = copy_of(entry)
   end
   return copy
end

--- What this cloud knows, as a text for the option `state` of another: the tokens, and the homes as they are.
-- It holds whole tokens, and no secret.
function methods:state()
   own(self, "state")
   return state.write(projects.saved(self._projects))
end

--- From now on this fault strikes, behind those that are there.
-- @tparam string rule `METHOD PATH: [late] FAULT [SECONDSs] [COUNT]`; docs/simulator.md lists the faults
-- @treturn function ends it
function methods:fault(rule)
   own(self, "fault")
   if type(rule) ~= "string" then
      error("rule: a string expected, got " .. type(rule), 2)
   end
   local fault, message = faults.read(rule)
   if not fault then
      error(message, 2)
   end
   table.insert(self._faults, fault)
   return function()
      fault.left = 0
   end
end

--- Listens on 127.0.0.1; needs the module tuya.httpd, the rock lua-tuya-httpd.
-- @tparam integer port 0 for any that is free
-- @tparam[opt] table how `tls = true` for HTTPS; `cert`, `key`: PEM, else they are made
-- @treturn[1] table `{ port =, url =, ca = PEM or nil, tick(self, seconds), close(self) }`
-- @treturn[2] nil
-- @treturn[2] string why not
function methods:listen(port, how)
   own(self, "listen")
   if type(port) ~= "number" then
      error("port: a number expected, got " .. type(port), 2)
   end
   return require("tuya.simulator.listener").new(self, port, how or {})
end

-- }}}

return simulator

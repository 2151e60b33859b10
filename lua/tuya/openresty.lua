--- openresty.lua: the signing gateway: programs talk plain HTTP to nginx, and only nginx knows the secret.
-- The idea: `sign` signs and lets nginx's own proxy_pass stream the request on; `watch` sees a refused token or clock
-- go by and mends it for the next call; `serve` sends by the client's own op, which replays. What is signed is taken
-- out of the raw target and body, and what is signed is what is sent.
-- The danger: a path that chooses the host, or is signed one way and sent another; so the raw target is compared byte
-- for byte, and what is not plain is refused.
-- @module tuya.openresty

local budget = require("tuya.budget")
local call = require("tuya.call")
local clients = require("tuya.client")
local clock = require("tuya.clock")
local core = require("tuya.core")
local drive = require("tuya.drive")
local exchange = require("tuya.exchange")
local health = require("tuya.health")
local json = require("tuya.json")
local op = require("tuya.op")
local options = require("tuya.options")
local request = require("tuya.request")
local target = require("tuya.target")
local token = require("tuya.token")

local openresty = {}

-- What a gateway takes besides the options of a client.
local OPTIONS = options.known { prefix = "string", allow = "table", callers = "table", counts = "string" }

local MAX_CONNECTIONS = 64 -- of a worker, where a client alone has 4
local MOST_SEEN, LONGEST_SEEN = 512, 512 -- request lines that a worker remembers, and their bytes
local MAX_ENVELOPE = 8192 -- bytes; what the cloud refuses with is shorter
local REFUSED_TOKEN = { [1010] = true, [1011] = true }
local WRONG_TIME = 1013
local BRACE = ("}"):byte()

-- What is left of a caller's headers; the second line is nginx's own business. All else is dropped: the signer's own in
-- whatever spelling, what other clients leak, and what could make another call or another answer of this one behind the
-- signature and the allow-list, such as X-HTTP-Method-Override, X-Original-URL, Range or If-None-Match.
local PASSED = {
   accept = true, ["accept-language"] = true, ["content-type"] = true, lang = true, ["user-agent"] = true,
   ["accept-encoding"] = true, connection = true, ["content-length"] = true, expect = true, host = true,
   ["transfer-encoding"] = true,
}
local MOST_HEADERS = 64

local methods = {}
local metatable = { __name = "tuya.openresty", __index = methods }

-- --- Making one ---

local function check_allow(list)
   for _, entry in ipairs(list or {}) do
      local method, path = tostring(entry):match("^(%S+) (/%S*)$")
      if not method or not (target.METHODS[method] or method == "*") then
         return ('allow: "METHOD /path" expected; * is any method or one segment, ** the rest: %q')
            :format(tostring(entry))
      end
      if path:find("[^%w%-%._~!$&'()*+,;=:@/]") then return ("allow: %q holds what no path has"):format(entry) end
   end
end

local function check_callers(callers)
   for name, key in pairs(callers or {}) do
      if type(name) ~= "string" or type(key) ~= "string" or #key < 16 then
         return "callers: a table name = API key expected, each key of 16 bytes or more"
      end
   end
end

local function check(given)
   for name in pairs(OPTIONS) do
      if given[name] ~= nil and not OPTIONS[name][type(given[name])] then
         return ("%s: a %s expected"):format(name, next(OPTIONS[name]))
      end
   end
   local prefix = given.prefix
   if prefix and (prefix ~= "" and not prefix:find("^/[%w%-%._~/]*[^/]$") or prefix:find("//", 1, true)) then
      return 'prefix: "/name" expected, without a slash at its end'
   end
   return check_allow(given.allow) or check_callers(given.callers)
end

-- The dictionary for counts: named, or that of a store in one.
local function dictionary_of(given)
   local name = given.counts or type(given.store) == "string" and given.store:match("^shm:(.*)$")
   if not name then return nil end
   if ngx.shared[name] then return ngx.shared[name] end
   return nil, ("counts: nginx has no lua_shared_dict %s"):format(name)
end

-- The client's part of the options.
local function client_options(given)
   local own = { transport = "resty", max_connections = MAX_CONNECTIONS }
   for name, value in pairs(given) do
      if not OPTIONS[name] then own[name] = value end
   end
   return own
end

-- API keys are compared by their macs under a key that nobody knows: how long that takes tells nothing of them.
local function lock_up(callers)
   if not callers then return nil end
   local lock, names = core.key(core.nonce()), {}
   for name, key in pairs(callers) do names[lock:mac(key)] = name end
   return function(key)
      return key and names[lock:mac(key)]
   end
end

-- Better missed here than at the first answer.
local function lacking_json()
   local text, rule = json.encode {}
   return not text and "JSON: " .. rule or nil
end

local function try(given)
   if not ngx or not ngx.shared then return nil, "works inside nginx only" end
   if type(given) ~= "table" then return nil, "a table of options expected, got " .. type(given) end
   local rule = check(given) or lacking_json()
   if rule then return nil, rule end
   local dictionary
   dictionary, rule = dictionary_of(given)
   if rule then return nil, rule end
   local made
   made, rule = clients.new(client_options(given))
   if not made then return nil, rule end
   local context = clients.context(made)
   local self = {
      prefix = given.prefix or "/tuya",
      seen = {}, -- by prefix
      kept = 0,  -- answers of which some was kept by `watch`
      allowed = target.allowing(given.allow),
      caller_of = lock_up(given.callers),
      dictionary = dictionary,
      health = health.new(dictionary, core.sha256(context.token_key):sub(1, 16)),
      its_client = made,
   }
   self.refused_key = "refused " .. context.token_key
   context.tally = function(what, code)
      self.health:tally(what, code)
   end
   return setmetatable(self, metatable)
end

--- Makes a gateway; in `init_by_lua_block`, before the workers are.
-- @tparam table given the options of `tuya.client`, and `prefix` ("/tuya"), `allow` (list of "METHOD /path"; `*` stands
-- for any method and for one segment, `**` for the rest. Without it all is allowed but token calls, which would hand
-- the token out), `callers` (name = API key of 16 bytes or more, which a caller sends as X-Api-Key; without it
-- everybody who reaches nginx may call), `counts` (name of the `lua_shared_dict` for /status; that of the store where
-- it is "shm:..."). `max_connections` is 64 a worker
-- @treturn gateway
-- @raise when an option is unknown or breaks a rule
function openresty.new(given)
   local made, rule = try(given)
   if not made then error("tuya.openresty: " .. rule, 2) end
   return made
end

-- --- What comes in and what goes back ---

-- Answers in the cloud's own form, so that its clients understand.
local function answer(self, status, message)
   self.health:count("refused_" .. status)
   ngx.status = status
   ngx.header["Content-Type"] = "application/json"
   ngx.print(json.encode { success = false, code = status, msg = "gateway: " .. message, t = core.now() })
   return ngx.exit(ngx.HTTP_OK)
end

-- The body, out of memory or out of the file that nginx has put it into. In HTTP/1 headers tell that there is none.
local function read_body(line, headers)
   local is_told = line:find(" HTTP/1", 1, true) ~= nil
   if is_told and not headers["content-length"] and not headers["transfer-encoding"] then return nil end
   ngx.req.read_body()
   local body = ngx.req.get_body_data()
   if body then return body end
   local path = ngx.req.get_body_file()
   if not path then return nil end
   local file = assert(io.open(path, "rb"))
   body = file:read("*a")
   file:close()
   return body
end

-- The request that a request line asks for, as long as it has no body; or nil, status and message.
local function look_up(self, prefix, line)
   local method, path, query = target.parse(prefix, line)
   if not method then return nil, 400, path end
   if not target.METHODS[method] then return nil, 405, "no such method" end
   if not self.allowed(method, path) then return nil, 403, "this call is not allowed here" end
   local spec = { method = method, path = query and path .. "?" .. query or path }
   local built, rule = request.build(spec, json)
   if not built then return nil, 400, rule end
   return { built = built, spec = spec }
end

-- As look_up, which is not asked twice for what was asked lately: programs ask for the same few things again and again.
local function look(self, prefix, line)
   local seen = self.seen[prefix]
   if not seen or seen.count >= MOST_SEEN then
      seen = { count = 0, lines = {} }
      self.seen[prefix] = seen
   end
   local known = seen.lines[line]
   if known then return known end
   local found, status, message = look_up(self, prefix, line)
   if found and #line <= LONGEST_SEEN then seen.count, seen.lines[line] = seen.count + 1, found end
   return found, status, message
end

-- Drops a caller's headers, also those to which nginx itself would listen. All of them as they came, and Content-Type;
-- or nil and the rule.
local function take_headers()
   local given, trouble = ngx.req.get_headers(MOST_HEADERS)
   if trouble then return nil, ("more than %d headers"):format(MOST_HEADERS) end
   for name in pairs(given) do
      if not PASSED[name] then ngx.req.clear_header(name) end
   end
   local content_type = given["content-type"] or ""
   if type(content_type) == "table" then return nil, "Content-Type is given twice" end
   return given, content_type
end

-- What is asked for, once it may be: { built = the request, target = }; or nil, status and message.
local function incoming(self, prefix)
   if self.caller_of and not self.caller_of(ngx.var.http_x_api_key) then
      return nil, 401, "X-Api-Key is missing or wrong"
   end
   local line = ngx.var.request
   local found, status, message = look(self, prefix, line)
   if not found then return nil, status, message end
   local headers, content_type = take_headers()
   if not headers then return nil, 400, content_type end
   local body = read_body(line, headers)
   if not body then return found end
   local spec = { method = found.spec.method, path = found.spec.path, body = body }
   spec.content_type = content_type ~= "" and content_type or nil
   local built, broken = request.build(spec, json)
   if not built then return nil, 400, broken end
   return { built = built }
end

local STATUS = { timeout = 504, per_second = 429, per_day = 429, per_month = 429 }

-- A call that the cloud has not answered.
local function fail(self, message, detail)
   return answer(self, STATUS[detail.code] or 502, message)
end

-- --- sign and watch ---

-- The token that was refused last: the workers tell each other, where they share a dictionary.
local function refused_token(self)
   return self.dictionary and self.dictionary:get(self.refused_key) or self.refused
end

-- nginx's own proxy_pass goes where its configuration says, and not where a log-in has moved.
local function elsewhere(endpoint)
   return {
      code = "platform_url",
      message = ("the account is at %s: let proxy_pass and endpoint say so, or use serve"):format(endpoint),
   }
end

-- A flow: a sealed request and its token; or nil and what is known of the failure.
local function seal(context, built, refused)
   local place, refusal = nil, nil
   if context.budget then place, refusal = budget.take(context, built) end
   if refusal then return nil, refusal end
   local record, detail
   if not core.is_token_call(built.path) then
      record, detail = token.get(context, refused)
      if record and record.endpoint then record, detail = nil, elsewhere(record.endpoint) end
      if not record then
         if place then budget.give_back(context, place) end
         return nil, detail
      end
   end
   local access = record and record.access
   return exchange.seal(context, built, access, clock.now(context)), access
end

-- The token where the store of this nginx has a good one: a flow would cost more than the signature. nginx's time
-- stands still while a worker goes through all that has come, so what was read holds until it moves on, or until this
-- worker has another token.
local function token_in_hand(self, context, built)
   if context.budget or not context.store.is_here or core.is_token_call(built.path) then return nil end
   local now = ngx.now()
   if self.read_at ~= now or self.token_text ~= context.token_text then
      self.read_at, self.refused_then = now, refused_token(self)
      self.token_text = context.store:load(context.token_key)
   end
   return token.peek(context, self.token_text, self.refused_then)
end

local function seal_now(self, built)
   local context = clients.context(self.its_client)
   local in_hand = token_in_hand(self, context, built)
   if in_hand and not in_hand.endpoint then
      return exchange.seal(context, built, in_hand.access, clock.now(context)), in_hand.access
   end
   local flow = op.new(seal, context, built, refused_token(self))
   local ok, sealed, access = drive.run(context, flow, context.timeout)
   if not ok then return nil, { message = tostring(sealed) } end
   return sealed, access
end

-- What a sealed request has of its own, for nginx to send: header by header, since a table of them and a loop cost more
-- than the signature.
local function set_headers(context, built, sealed, access)
   local set_header, sign, t, nonce = ngx.req.set_header, sealed:signature()
   set_header("client_id", context.access_id)
   set_header("sign", sign)
   set_header("t", t)
   set_header("sign_method", "HMAC-SHA256")
   if access then set_header("access_token", access) end
   if nonce then set_header("nonce", nonce) end
   if built.body then set_header("Content-Type", built.content_type or "application/json") end
end

--- Signs the request and leaves sending it to `proxy_pass https://...$tuya_target`; in `access_by_lua_block`. A token
-- or clock that the cloud refuses is mended by `watch` for the next call; this one's refusal reaches the caller.
-- @tparam[opt] string prefix that the location has; the gateway's
function methods:sign(prefix)
   local asked, status, message = incoming(self, prefix or self.prefix)
   if not asked then return answer(self, status, message) end
   local sealed, access = seal_now(self, asked.built)
   if not sealed then return fail(self, access.message, access) end
   set_headers(clients.context(self.its_client), asked.built, sealed, access)
   asked.target = asked.target or sealed:target()
   ngx.var.tuya_target = asked.target
end

-- Seconds since nginx began with the request.
local function taken()
   return ngx.now() - ngx.req.start_time()
end

local function renew(_, self, refused)
   local context = clients.context(self.its_client)
   drive.run(context, op.new(token.get, context, refused), context.timeout)
end

-- A refused token is renewed at once, for calls that come; a wrong clock is set by what the answer says.
local function mend(self, envelope)
   if envelope.code == WRONG_TIME then
      clock.learn(clients.context(self.its_client), envelope.t, core.monotonic() - taken())
      return
   end
   local access = REFUSED_TOKEN[envelope.code] and ngx.req.get_headers().access_token
   if not access or refused_token(self) == access then return end
   self.refused, self.read_at = access, nil
   if self.dictionary then self.dictionary:set(self.refused_key, access) end
   ngx.timer.at(0, renew, self, access)
end

-- The envelope of a refusal.
local function refusal_of(text)
   if not text or #text > MAX_ENVELOPE then return nil end
   local envelope = json.decode(text)
   return type(envelope) == "table" and envelope.success == false and envelope or nil
end

-- What has come of an answer that is not known to be good. nginx's table for such things costs more than all else of
-- `watch`, so it is asked for only while there is such an answer.
local function keep(self, text)
   local kept = ngx.ctx.tuya
   if not kept then self.kept = self.kept + 1 end
   ngx.ctx.tuya = #(kept or "") <= MAX_ENVELOPE and (kept or "") .. text or kept
end

local function take_kept(self)
   if self.kept == 0 then return nil end
   local kept = ngx.ctx.tuya
   if kept then self.kept, ngx.ctx.tuya = self.kept - 1, nil end
   return kept
end

local function finish(self)
   local kept, status = take_kept(self), ngx.status
   if (kept or status >= 400) and ngx.var.tuya_target == "" then return end -- refused by us
   local envelope = refusal_of(kept)
   self.health:call(taken(), envelope and envelope.code or status >= 400 and status)
   if envelope then mend(self, envelope) end
end

--- Looks at the answer to a signed request as it goes by; in `body_filter_by_lua_block`. Wants the answer as it is:
-- `proxy_set_header Accept-Encoding ""`.
function methods:watch()
   local text, is_last = ngx.arg[1], ngx.arg[2]
   if text ~= "" and not text:find('"success":true', 1, true) then keep(self, text) end
   if is_last then finish(self) end
end

-- The end of a good answer, as the cloud writes it. Whatever else the answer holds, these are members of its envelope:
-- the last brace closes that, and no text can end before a name that is not written for one.
local GOOD, TID, LONGEST_END = '"success":true,"t":', ',"tid":"', 100

-- The cloud's time in the end of a good answer; no pattern, which would cost as much as all else of it.
local function time_of_good(text)
   local _, stop = text:find(GOOD, -LONGEST_END, true)
   local tid = stop and text:find(TID, stop + 1, true)
   if not tid or text:find('"', tid + #TID, true) ~= #text - 1 or text:byte(-1) ~= BRACE then return nil end
   return tonumber(text:sub(stop + 1, tid - 1))
end

-- The envelope; of a good answer what is needed of it.
local function open_envelope(text)
   local t = time_of_good(text)
   return t and { success = true, t = t } or json.parse(text)
end

local ENVELOPE = { decode = open_envelope }

-- How the client's op goes about a call that only passes through: what the answer holds is nobody's business here.
local function new_policy(self, built)
   local context = clients.context(self.its_client)
   return {
      idempotent = exchange.is_idempotent(built.method),
      retries = context.retries,
      connect_timeout = context.connect_timeout,
      attempts = 0,
      codec = ENVELOPE,
      bearer = nil, access = nil, endpoint = nil, sealed_at = nil, reply = nil, sent = nil, -- made large enough
   }
end

--- Sends the request by the client's own op, which renews and replays, and relays the answer up to `max_reply`; in
-- `content_by_lua_block`.
-- @tparam[opt] string prefix that the location has; the gateway's
function methods:serve(prefix)
   local asked, status, message = incoming(self, prefix or self.prefix)
   if not asked then return answer(self, status, message) end
   local built, context = asked.built, clients.context(self.its_client)
   local policy = new_policy(self, built)
   local ok, result, line, detail = drive.run(context, op.new(call.run, context, built, policy), context.timeout)
   self.health:call(taken())
   if not ok then return answer(self, 500, tostring(result)) end
   local reply = policy.reply
   if not reply then return fail(self, line, detail) end
   ngx.status = reply.status
   ngx.header["Content-Type"] = reply.headers["content-type"]
   ngx.header["Content-Length"] = #reply.body
   ngx.print(reply.body)
end

--- The client behind the gateway: one token, one budget and one pool of connections with it.
-- @treturn client whose calls yield to nginx
function methods:client()
   return self.its_client
end

--- Says how it goes; in `content_by_lua_block`. JSON, or Prometheus' text where `Accept` asks for text/plain.
-- It tells the token's age, never the token.
function methods:status()
   local context = clients.context(self.its_client)
   local usage = context.budget and self.its_client:usage()
   local now = self.health:report(usage, context.offset)
   local accept = ngx.var.http_accept or ""
   local is_text = accept:find("text/plain", 1, true) or accept:find("openmetrics", 1, true)
   ngx.header["Content-Type"] = is_text and "text/plain; version=0.0.4" or "application/json"
   ngx.print(is_text and health.prometheus(now) or json.encode(now))
end

return openresty

--- mqtt.lua: messages over MQTT, from the broker that the open hub names.
-- The idea: a link is a configuration and its session at the broker. Before a configuration ends the next link is
-- made beside the one that works, and takes over when its topics are subscribed to; what comes by both is one event.
-- The danger: libmosquitto acknowledges a message before anybody has handled it. So what has come is kept here until
-- it is done with, over a lost connection too, and offered again when its handler raised.
-- @module tuya.events.mqtt

local core = require("tuya.core")
local hub = require("tuya.events.hub")
local jitter = require("tuya.jitter")
local message = require("tuya.message")
local stream = require("tuya.events.stream")

local mqtt = {}

local MARGIN = 60 -- s before its end at which a configuration is renewed,
local SHARE = 0.1 -- or this part of its life, whichever is less
local LONGEST_THRIFT = 600 -- s between two calls for configurations that come to nothing
local RENEW_AGAIN = 15 -- s until a renewal that failed is tried again
local KEEPALIVE = 30 -- s without a word before we ask
local OFFER_AGAIN = 30 -- s after which a message whose handler raised is offered again
local UNSETTLED = 1024 -- messages that may wait for that
local LOOK = 1 -- s between looks at them

local CIPHERS = { ["1.0"] = "ecb", ["2.0"] = "gcm" }

local methods = {}
local metatable = { __name = "tuya.events.mqtt", __index = methods }

local NOBODY = "nobody answers at the broker: a firewall that closes its port, most often"

local ADVICE = {
   [28841101] = "subscribe the project to the service Device Status Notification, in Tuya's console",
   refused = "the broker refuses the account that the open hub gave: a new one is asked for; if that goes on, check "
      .. "that no other program has the same link, and that the service is not expired",
   subscription = "the broker refuses a topic that the open hub gave: a new configuration is asked for",
   config = "the open hub answers in a form that is not known: a proxy, or an endpoint that is not the cloud's",
   untrusted = "no authority that is trusted here signed the broker's certificate: a proxy, or ca_file",
   expired = "the broker's certificate is out of date, or this machine's clock is wrong",
   host = "the broker's certificate is for another host: a proxy, or a name server that lies",
   tls = "something on the way opens TLS, or the broker speaks none",
   dns = "no name server knows the broker's host, or none answers",
   connect = NOBODY,
   timeout = NOBODY,
   silent = "nothing has come yet: is the service Device Status Notification on, and are the devices of this uid?",
}

local load = require -- a host may take it away once everything is loaded

local function module()
   local ok, found = pcall(load, "tuya.mqtt")
   if ok then return found end
   return nil, "events over MQTT need the module tuya.mqtt: install the rock lua-tuya-mqtt, which needs libmosquitto "
      .. "(Debian package libmosquitto-dev)"
end

-- The rule that an option breaks; `proxy` is the client's, and empty for none.
local function broken(given, proxy)
   if (proxy or "") ~= "" then
      return 'proxy: MQTT goes through none: via = "pulsar" does, or a client without one for these events'
   end
   for _, name in ipairs { "environment", "url" } do
      if given[name] then return name .. ": Pulsar's; over MQTT the open hub says where" end
   end
   local ping = given.ping
   if ping and not (ping >= 5 and ping <= 65535 and ping % 1 == 0) then return "ping: 5 to 65535 whole seconds" end
   if given.version and not CIPHERS[given.version] then return 'version: "1.0" or "2.0" expected' end
end

--- Makes a channel, which asks where to connect when it is first ticked.
-- @tparam table context the client's
-- @tparam table given options of `client:events`
-- @tparam table lent what the client lends
-- @treturn ?channel with its `stream`; nil and the rule that is broken
function mqtt.new(context, given, lent)
   local its, rule = module()
   rule = rule or broken(given, context.wire.proxy)
   if rule then return nil, rule end
   local trust, why = its.trust(context.wire.ca_file)
   if not trust then return nil, "ca_file: " .. why end
   local self = setmetatable({
      module = its, context = context, trust = trust,
      keepalive = given.ping or KEEPALIVE,
      cipher = CIPHERS[given.version or "2.0"],
      hub = {
         lent = lent, uid = given.uid, version = given.version or "2.0", link_id = "lua-tuya." .. core.nonce(),
         may_be_plain = context.wire.endpoint:find("^http://") ~= nil,
      },
      stream = stream.new(context, "mqtt", ADVICE),
      renewals = 0,
      fruitless = 0, -- calls for configurations, in a row, that were refused or gave one that the broker refused
      unsettled = {}, nunsettled = 0, -- messages that are not done with
      look_at = 0,
   }, metatable)
   self.stream.keeps = true
   return self
end

-- --- a link ---

-- The session of a configuration, on its way; nil and why there is none.
local function connect(self, config)
   local session, why = self.module.connect {
      host = config.host, port = config.port, trust = config.is_secure and self.trust or nil,
      client_id = config.client_id, username = config.username, password = config.password, kept = true,
      keepalive = self.keepalive, connect_timeout = math.ceil(self.context.connect_timeout * 1000),
   }
   return session and { session = session, config = config }, why
end

local function note(self, payload, key)
   local found = { payload = payload, key = key, id = core.sha256(payload):sub(1, 32) }
   self.stream:put(found)
   if self.nunsettled >= UNSETTLED then return end
   self.unsettled[found] = true
   self.nunsettled = self.nunsettled + 1
end

-- Takes in what has come, up to a bound: behind it the broker waits.
local function pump(self, link)
   while self.stream:room() > 0 do
      local topic, payload = link.session:take()
      if not topic then return end
      note(self, payload, link.config.key)
   end
end

local function subscribe(self, link)
   for _, topic in ipairs(link.config.topics) do link.session:subscribe(topic, 1) end
   link.answer_by = self.stream:now() + self.context.connect_timeout
end

-- Moves a link on: "connecting", "open" (all of its topics are subscribed to), "refused" (one is not), "unanswered" or
-- "closed". Messages come before the topics are granted where the broker has kept some.
local function advance(self, link)
   local state = link.session:tick()
   if state ~= "open" then return state end
   if not link.answer_by then subscribe(self, link) end
   pump(self, link)
   local granted, refused = link.session:subscriptions()
   if refused > 0 then return "refused" end
   if granted >= #link.config.topics then return "open" end
   return self.stream:now() < link.answer_by and "connecting" or "unanswered"
end

-- All that has come by a link that is over. It is little: what nobody takes is not read.
local function drain(self, link)
   for _, payload in link.session.take, link.session do
      note(self, payload, link.config.key)
   end
   link.session:close()
end

-- Ends a link for good: the broker is told to keep nothing more for it.
local function leave(self, link)
   if link.session:tick() == "open" then
      for _, topic in ipairs(link.config.topics) do link.session:unsubscribe(topic) end
   end
   drain(self, link)
end

local function opened(self)
   self.fruitless = 0
   self.stream:opened()
end

-- --- how a link ends ---

local function why(link, state)
   if state == "refused" then
      return "refused", "the broker refuses to subscribe us to a topic of the open hub", "subscription"
   end
   if state == "unanswered" then return "timeout", "the broker does not answer our subscriptions", "timeout" end
   local failed, about, code = link.session:why()
   return failed, about, code or failed
end

-- A call for a configuration came to nothing. Calls are counted, so the pause grows beyond that of a lost connection.
local function spare(self)
   self.fruitless = self.fruitless + 1
   local most = math.min(LONGEST_THRIFT, 2 ^ (math.min(self.fruitless, 11) - 1))
   self.stream.due = math.max(self.stream.due, self.stream:now() + most / 2 + jitter.draw(most / 2, self.context))
end

-- The link that worked, or was to work, is over. A broker that refuses gets another configuration the next time.
local function lose(self, link, state)
   local failed, about, code = why(link, state)
   drain(self, link)
   self.link = nil
   self.stream:fail(failed, about, code)
   if failed == "refused" then
      self.config = nil
      spare(self)
   end
end

-- --- asking for configurations ---

local function renew_at(self, config)
   local margin = math.min(MARGIN, SHARE * config.life)
   return config.since + config.life - margin - jitter.draw(margin / 2, self.context)
end

-- Asks for a configuration; one that comes when all is over is let go.
local function ask(self, on_config, on_failure)
   local since = self.stream:now()
   self.is_asking = true
   hub.ask(self.hub, function(config, about, detail)
      self.is_asking = false
      if self.stream.state == "closed" then return end
      if not config then return on_failure(about, detail) end
      config.since = since
      config.renew_at = renew_at(self, config)
      on_config(config)
   end)
end

local function use(self, config)
   local link, trouble = connect(self, config)
   self.config = config
   if not link then return self.stream:fail("connect", trouble, "connect") end
   self.link = link
end

local function refused(self, about, detail)
   local is_network = detail.kind == "network"
   local advice = not is_network and ADVICE[detail.code] or detail.advice -- of the network ours are about the broker
   self.stream:fail(is_network and detail.code or detail.kind, about, detail.code, advice)
   if not is_network then spare(self) end
end

local function begin(self)
   self.stream:connecting()
   local config = self.config
   if config and self.stream:now() < config.renew_at then return use(self, config) end
   ask(self, function(fresh) use(self, fresh) end, function(about, detail) refused(self, about, detail) end)
end

-- --- renewing ---

local function put_off(self, about, code)
   self.renew_after = self.stream:now() + RENEW_AGAIN + jitter.draw(RENEW_AGAIN, self.context)
   local write = self.context.log
   if write then write { event = "stream", via = "mqtt", state = "renewing", message = about, code = code } end
end

local function renew(self)
   ask(self, function(config)
      local about
      self.coming, about = connect(self, config)
      if not self.coming then put_off(self, about, "connect") end
   end, function(about, detail) put_off(self, about, detail.code) end)
end

-- The next link takes over. Under the same name both are one session at the broker, which is not to be left then.
local function take_over(self)
   local before = self.link
   self.link, self.config, self.coming = self.coming, self.coming.config, nil
   if before then (before.config.client_id == self.config.client_id and drain or leave)(self, before) end
   self.renewals, self.renew_after = self.renewals + 1, nil
   if self.stream.state ~= "open" then opened(self) end
end

local function drop_coming(self, state)
   local failed, about, code = why(self.coming, state)
   drain(self, self.coming)
   self.coming = nil
   if self.link then return put_off(self, about, failed) end
   self.config = nil
   self.stream:fail(failed, about, code)
end

local function carry_coming(self)
   local state = advance(self, self.coming)
   if state == "open" then return take_over(self) end
   if state ~= "connecting" then drop_coming(self, state) end
end

local function when_to_renew(self)
   return math.max(self.link.config.renew_at, self.renew_after or 0)
end

local function is_to_renew(self)
   return self.link and self.stream.state == "open" and not self.coming and not self.is_asking
      and self.stream:now() >= when_to_renew(self)
end

-- --- the face ---

-- The link is over. A broker that knows us by one name alone ends it when the next one comes.
local function end_link(self, state)
   if not self.coming then return lose(self, self.link, state) end
   drain(self, self.link)
   self.link = nil
   self.stream:connecting()
end

local function carry(self)
   local state = advance(self, self.link)
   if state == "connecting" then return end
   if state ~= "open" then return end_link(self, state) end
   if self.stream.state ~= "open" then opened(self) end
end

-- Messages that were taken a while ago and are not done with.
local function offer_again(self)
   local now = self.stream:now()
   self.look_at = now + LOOK
   local list = {}
   for found in next, self.unsettled do
      if found.is_taken then
         found.since = found.since or now
         if now - found.since >= OFFER_AGAIN then list[#list + 1] = found end
      end
   end
   for _, found in ipairs(list) do
      self:done(found)
      note(self, found.payload, found.key)
   end
end

--- Moves on what can move without waiting.
function methods:tick()
   if self.stream.state == "closed" then return end
   if self.stream:is_due() and not self.is_asking then begin(self) end
   if self.link then carry(self) end
   if self.coming then carry_coming(self) end
   if is_to_renew(self) then renew(self) end
   if self.nunsettled > 0 and self.stream:now() >= self.look_at then offer_again(self) end
end

--- Opens a message.
-- @tparam table found `payload` and `key`
-- @treturn ?string text; or nil, message, detail
-- @treturn table the envelope
function methods:open(found)
   return message.open_with(found.payload, "mqtt", found.key, self.cipher)
end

--- Notes that a message is done with.
-- @tparam table found
function methods:done(found)
   if not self.unsettled[found] then return end
   self.unsettled[found] = nil
   self.nunsettled = self.nunsettled - 1
end

--- Writes what waits to be written: nothing, the session has acknowledged what came.
function methods.flush() end

local function timeout_of(link)
   return link and link.session:timeout() / 1000 or math.huge
end

--- How long nobody needs to tick.
-- @treturn ?number seconds
function methods:timeout()
   local now, most = self.stream:now(), self.stream:timeout() or math.huge
   most = math.min(most, timeout_of(self.link), timeout_of(self.coming))
   if self.link and self.stream.state == "open" and not self.coming and not self.is_asking then
      most = math.min(most, when_to_renew(self) - now)
   end
   if self.nunsettled > 0 then most = math.min(most, self.look_at - now) end
   return most < math.huge and math.max(0, most) or nil
end

--- What a loop waits for.
function methods:fds()
   local list = {}
   for _, link in ipairs { self.link or self.coming, self.link and self.coming } do
      for _, entry in ipairs(link.session:fds()) do list[#list + 1] = entry end
   end
   return list
end

--- Ends it.
function methods:close()
   if self.link then leave(self, self.link) end
   if self.coming then leave(self, self.coming) end
   self.link, self.coming, self.config = nil, nil, nil
   self.stream:close()
end

return mqtt

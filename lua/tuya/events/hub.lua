--- hub.lua: asks the open hub where messages come from over MQTT: a broker, an account there, and topics.
-- The idea: a call, started and not waited for; what comes back is read whole or refused.
-- The danger: to believe it. A cloud that was asked over TLS may not send us to a broker without, and what it gives
-- is the world's: a configuration without a topic or an end is none.
-- Source: published in tuya-iot-python-sdk and both homebridge plug-ins (paths, body, result).
-- @module tuya.events.hub

local core = require("tuya.core")
local errors = require("tuya.errors")

local hub = {}

-- Projects know the one or the other; the first for industry projects, the second for those of smart homes.
local PATHS = { "/v1.0/iot-03/open-hub/access-config", "/v1.0/open-hub/access/config" }
local OTHER_PATH = { [1106] = true, [1108] = true }

local SECURE = { ssl = true, tls = true, mqtts = true }
local PLAIN = { tcp = true, mqtt = true }

local function unreadable(what)
   return errors.failure { kind = "http", code = "config", sent = "yes",
      message = "the open hub's answer is no configuration: " .. what }
end

-- Where a URL leads, and whether by TLS; nil for one that may not be followed.
local function place_of(url, may_be_plain)
   local scheme, host, port = tostring(url):match("^(%a+)://([%w%.%-_:%[%]]+):(%d+)/?$")
   if not scheme or not (SECURE[scheme] or may_be_plain and PLAIN[scheme]) then return nil end
   port = tonumber(port)
   if port < 1 or port > 65535 then return nil end
   return { host = host:gsub("^%[(.*)%]$", "%1"), port = port, is_secure = SECURE[scheme] == true }
end

local function is_text(value)
   return type(value) == "string" and value ~= "" and #value <= 1024 and not value:find("%z")
end

-- The topics to subscribe to, in order: there is one for each thing that was asked for.
local function topics_of(source)
   local list = {}
   for _, topic in next, type(source) == "table" and source or {} do
      if is_text(topic) then list[#list + 1] = topic end
   end
   table.sort(list)
   return list
end

--- Reads what the open hub answers.
-- @param result
-- @tparam boolean may_be_plain whether a broker without TLS will do
-- @treturn ?table `host`, `port`, `is_secure`, `client_id`, `username`, `password`, `topics` (a list), `life` (s) and
-- `key` (what opens messages); or nil, message, detail
function hub.read(result, may_be_plain)
   if type(result) ~= "table" then return unreadable("it is no object") end
   local config = place_of(result.url, may_be_plain)
   if not config then return unreadable("its url is no ssl://host:port") end
   for _, name in ipairs { "client_id", "username", "password" } do
      if not is_text(result[name]) then return unreadable("it has no " .. name) end
      config[name] = result[name]
   end
   config.key = core.key(config.password)
   if not (config.key and config.key:opens_messages()) then return unreadable("its password opens no messages") end
   config.topics = topics_of(result.source_topic)
   if not config.topics[1] then return unreadable("it has no topic") end
   config.life = tonumber(result.expire_time)
   if not config.life or config.life <= 0 or config.life >= 1e9 then return unreadable("it has no expire_time") end
   return config
end

local function ask_for_config(self, which, on_done)
   local body = { uid = self.uid, link_id = self.link_id, link_type = "mqtt", topics = "device",
      msg_encrypted_version = self.version }
   local spec = { method = "POST", path = PATHS[which], body = body, idempotent = true }
   local started, about, why = self.lent.start(spec, function(result, message, detail)
      if result ~= nil then
         self.path = which
         return on_done(hub.read(result, self.may_be_plain))
      end
      local is_last = self.path or which == #PATHS
      if OTHER_PATH[detail.code] and not is_last then return ask_for_config(self, which + 1, on_done) end
      return on_done(nil, message, detail)
   end)
   if not started then on_done(nil, about, why) end
end

-- Whose devices: who the token is for, where the program does not say.
local function ask_for_user(self, on_done)
   local started, about, why = self.lent.uid(function(uid, message, detail)
      if uid == nil then return on_done(nil, message, detail) end
      self.uid = uid
      return ask_for_config(self, self.path or 1, on_done)
   end)
   if not started then on_done(nil, about, why) end
end

--- Asks for a configuration.
-- @tparam table self `lent` (what the client lends), `link_id`, `version`, `may_be_plain`; and once it is known `uid`
-- @tparam function on_done gets what `hub.read` gives
function hub.ask(self, on_done)
   if self.uid then return ask_for_config(self, self.path or 1, on_done) end
   return ask_for_user(self, on_done)
end

return hub

--- hub.lua: the simulated cloud's open hub: says where a link gets its messages over MQTT, and what goes there.
-- The idea: one broker, one account there; each link has a topic, and its messages wait in one outbox for whoever
-- carries them (publisher.lua).
-- The danger: memory. An outbox that nobody carries keeps its last messages only.
-- @module tuya.simulator.hub

local core = require("tuya.core")
local json = require("tuya.json")
local options = require("tuya.options")

local hub = {}

local KEPT = 100000 -- messages that wait to be carried
local LIFE = 7200 -- s that a configuration lives

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.hub" }

local BROKER = options.known {
   url = "string", username = "string", password = "string", ca_file = "string", life = "number", renames = "boolean",
}

--- What is wrong with a broker; nil: nothing.
local function broken(broker)
   if not broker.url:match("^%a+://[%w%.%-_:%[%]]+:%d+$") then
      return 'url: "ssl://host:port" expected'
   end
   if #broker.password < 24 or #broker.password > 128 then
      return "password: 24 to 128 bytes expected: it also encrypts"
   end
end

--- @tparam function draw of the simulator
-- @tparam function new_key makes a key of a password
function hub.new(draw, new_key)
   return setmetatable({ draw = draw, new_key = new_key, links = {}, first = 1, last = 0, broker = nil }, class)
end

--- Names the broker, or changes what it is known by.
-- @tparam table given `url` ("ssl://host:port"), `username`, `password`, `ca_file`, `life` (s, 7200), `renames`
-- (whether each configuration has a client id and a topic of its own, or each link)
-- @treturn ?string what is wrong with it
function methods:set(given)
   local rule = options.broken(given, BROKER)
   if rule then
      return rule
   end
   local broker = { life = LIFE }
   for _, source in ipairs({ self.broker or {}, given }) do
      for name, value in pairs(source) do
         broker[name] = value
      end
   end
   for _, name in ipairs({ "url", "username", "password" }) do
      if not broker[name] then
         return name .. ": missing"
      end
   end
   rule = broken(broker)
   if not rule then
      self.broker = broker
   end
   return rule
end

local VERSIONS = { ["1.0"] = "ecb", ["2.0"] = "gcm" }

--- Its names are never the same, whatever the simulator's seed: a broker remembers them.
local function new_link(project, id)
   return {
      id = id, project = project,
      client_id = "cloud_" .. core.nonce():sub(1, 20), topic = "cloud/token/in/" .. core.nonce(),
   }
end

local function link_of(self, project, id)
   for i, link in ipairs(self.links) do
      if link.id == id and link.project == project and not self.broker.renames then
         return table.remove(self.links, i)
      end
   end
   return new_link(project, id)
end

--- Answers a call for a configuration.
-- @tparam table project
-- @tparam ?table body of the call
-- @tparam number now ms
-- @treturn ?table the result; or nil and the code of the refusal
function methods:config(project, body, now)
   if not self.broker then
      return nil, 28841101
   end
   if type(body) ~= "table" or type(body.link_id) ~= "string" or type(body.uid) ~= "string"
      or body.link_type ~= "mqtt" or not VERSIONS[body.msg_encrypted_version or "1.0"] then
      return nil, 1109
   end
   local broker, link = self.broker, link_of(self, project, body.link_id)
   link.ends, link.key = now + broker.life * 1000, self.new_key(broker.password)
   link.cipher = VERSIONS[body.msg_encrypted_version or "1.0"]
   self.links[#self.links + 1] = link
   return {
      url = broker.url, client_id = link.client_id, username = broker.username, password = broker.password,
      source_topic = { device = link.topic },
      sink_topic = { device = link.topic:gsub("/in/", "/out/") .. "/{device_id}" },
      expire_time = broker.life,
   }
end

local function from_hex(text)
   return (text:gsub("%x%x", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

local function seal(self, link, message)
   local t = math.floor(message.now / 1000) -- as the published sample has it
   local data = link.key:make_message(message.text, "mqtt", link.cipher, ("%.0f"):format(t), from_hex(self.draw(24)))
   return json.encode({ data = data, protocol = message.number, pv = "2.0", t = t, sign = "" })
end

local function put(self, topic, payload)
   self.last = self.last + 1
   self[self.last] = { topic = topic, payload = payload }
   if self.last - self.first >= KEPT then
      self:drop()
   end
end

--- Lets the oldest message in the outbox go.
function methods:drop()
   self[self.first] = nil
   self.first = self.first + 1
end

--- Whether a project has links.
function methods:has_links(project)
   for _, link in ipairs(self.links) do
      if link.project == project then
         return true
      end
   end
   return false
end

--- Puts a message into the outbox, for each link of a project that has not ended.
-- @tparam table project
-- @tparam table message `number`, `text`, `now`
function methods:publish(project, message)
   for i = #self.links, 1, -1 do
      local link = self.links[i]
      if message.now >= link.ends then
         table.remove(self.links, i)
      elseif link.project == project then
         message.sealed = message.sealed or {}
         message.sealed[link] = message.sealed[link] or seal(self, link, message) -- the same when it comes twice
         put(self, link.topic, message.sealed[link])
      end
   end
end

return hub

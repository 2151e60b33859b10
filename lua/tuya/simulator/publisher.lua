--- publisher.lua: carries what the simulated cloud has for a broker there.
-- The idea: each message stays in the outbox until the broker has acknowledged it, and goes again over the next
-- connection where it did not; so a broker that restarts loses nothing.
-- The danger: a broker that is away. It is tried again a few times a second, and nobody waits for it.
-- @module tuya.simulator.publisher

local core = require("tuya.core")

local publisher = {}

local WINDOW = 200 -- messages on their way that are not acknowledged
local AGAIN = 0.1 -- s until a connection that failed is tried again
local LOOK = 0.25 -- s

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.publisher" }

--- @tparam table hub of the simulator
function publisher.new(hub)
   return setmetatable({ _hub = hub, _due = 0 }, class)
end

local function module()
   local ok, found = pcall(require, "tuya.mqtt")
   if ok then
      return found
   end
   error("a broker needs the module tuya.mqtt: install the rock lua-tuya-mqtt, which needs libmosquitto "
      .. "(Debian package libmosquitto-dev)", 0)
end

local function connect(self)
   local broker, mqtt = self._hub.broker, module()
   local scheme, host, port = broker.url:match("^(%a+)://(.+):(%d+)$")
   local trust, message
   if scheme == "ssl" then
      trust, message = mqtt.trust(broker.ca_file)
      if not trust then
         error(message, 0)
      end
   end
   self._session = assert(mqtt.connect({
      host = host:gsub("^%[(.*)%]$", "%1"), port = tonumber(port), trust = trust,
      client_id = "simulated cloud " .. core.nonce():sub(1, 8), username = broker.username, password = broker.password,
   }))
   self._base, self._next = self._hub.first, self._hub.first
end

local function hang_up(self)
   self._why = select(2, self._session:why())
   self._session:close()
   self._session = nil
   self._due = core.monotonic() + AGAIN
end

local function write(self)
   local hub, session = self._hub, self._session
   while hub.first < self._base + session:acknowledged() do
      hub:drop()
   end
   self._next = math.max(self._next, hub.first)
   while self._next <= hub.last and self._next - hub.first < WINDOW do
      if not session:publish(hub[self._next].topic, hub[self._next].payload, 1) then
         return
      end
      self._next = self._next + 1
   end
end

--- Carries what can be carried without waiting.
function methods:tick()
   local hub = self._hub
   if not self._session and (hub.first > hub.last or core.monotonic() < self._due) then
      return
   end
   if not self._session then
      connect(self)
   end
   local state = self._session:tick()
   if state == "closed" then
      hang_up(self)
   elseif state == "open" then
      write(self)
      self._session:tick()
   end
end

--- How long nobody needs to tick.
-- @tparam number seconds at most
function methods:patience(seconds)
   if self._session then
      return math.min(seconds, self._session:timeout() / 1000, LOOK)
   end
   return self._hub.first <= self._hub.last and math.min(seconds, AGAIN) or seconds
end

--- What the listener waits for besides its own; nil where there is nothing.
function methods:fds()
   return self._session and self._session:fds() or nil
end

--- Whether everything has gone, and why the last connection failed.
-- @treturn boolean
-- @treturn ?string
function methods:is_done()
   return self._hub.first > self._hub.last, self._why
end

--- Hangs up.
function methods:close()
   if self._session then
      self._session:close()
      self._session = nil
   end
end

return publisher

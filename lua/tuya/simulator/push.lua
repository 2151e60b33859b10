--- push.lua: the simulated cloud's message service, as Pulsar's WebSocket has it.
-- The idea: what happens to a device becomes messages in a project's topic, and for its open hub's links (hub.lua). The
-- topic's subscription is there from the first consumer on. One consumer gets them (the others wait to take over),
-- and each message stays until it is acknowledged.
-- No socket here: a consumer has an outbox, and is told what it said.
-- The danger: memory. A topic that nobody reads keeps its last messages only.
-- @module tuya.simulator.push

local core = require("tuya.core")
local json = require("tuya.json")

local push = {}

local KEPT = 100000 -- messages of a topic that wait for a consumer
local IN_FLIGHT = 1000 -- messages that a consumer gets before it has acknowledged any
local ACK_TIMEOUT = 30000 -- ms; Pulsar wants 1000 at least
local LATE_BY = 8 -- messages that overtake one that is late

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.push" }

--- The messages of a project.
-- @tparam table project `access_id`, `key`
-- @tparam function draw of the simulator
-- @tparam table hub its open hub
function push.new(project, draw, hub)
   return setmetatable({
      project = project,
      draw = draw,
      hub = hub,
      family = "old",
      em = "aes_ecb",
      rule = true, -- the messaging rule of the console; without one the topic stays silent
      subscribed = false, -- nothing is kept for a subscription that nobody has made
      duplicates = 0, -- shares of the messages, 0 to 1
      late = 0,
      drops = 0,
      cuts = 0,
      consumers = {},
      messages = {}, -- by number; those that are acknowledged are nil
      first = 1,
      last = 0,
      held = {}, -- those that are late: what delivers each, and how many are to overtake it
   }, class)
end

-- {{{ What happens, as messages

local NAMES = { -- how the families call an event; the newer one in the second place
   online = { "online", "deviceOnline" },
   offline = { "offline", "deviceOffline" },
   renamed = { "nameUpdate", "deviceNameUpdate" },
   unbound = { "delete", "deviceUnbindSpace" },
}

--- A number as the older family writes it beside code and value: the text of the value by the data point's number.
local function old_item(change, now)
   local value = change.point.value
   local item = { code = change.point.code, value = value, t = now }
   item[tostring(change.point.dp_id)] = tostring(value)
   return item
end

local function new_item(change, now)
   return { code = change.point.code, dpId = change.point.dp_id, value = change.point.value, time = now }
end

local function items(changes, now, make)
   local list = json.array {}
   for i, change in ipairs(changes) do
      list[i] = make(change, now)
   end
   return list
end

--- Data points have changed.
function methods:report(device, changes, now)
   if self.family ~= "new" then
      self:say(4, {
         dataId = self.draw(32), devId = device.id, productKey = device.product_id,
         status = items(changes, now, old_item),
      }, now)
   end
   if self.family ~= "old" then
      self:say(1000, { bizCode = "devicePropertyMessage", ts = now, bizData = {
         dataId = self.draw(32), devId = device.id, productId = device.product_id,
         properties = items(changes, now, new_item),
      } }, now)
   end
end

--- Something else has happened to a device.
-- @tparam table device
-- @tparam string kind "online", "offline", "renamed" or "unbound"
-- @tparam integer now ms
function methods:happened(device, kind, now)
   local names = NAMES[kind]
   if self.family ~= "new" then
      self:say(20, { devId = device.id, productKey = device.product_id, bizCode = names[1], bizData = {
         devId = device.id, uid = "", time = now, name = device.name,
      } }, now)
   end
   if self.family ~= "old" then
      self:say(1001, { bizCode = names[2], ts = now, bizData = {
         devId = device.id, productId = device.product_id, uid = "", time = now, name = device.name,
      } }, now)
   end
end

local function from_hex(text)
   return (text:gsub("%x%x", function(digits)
      return string.char(tonumber(digits, 16))
   end))
end

local function seal(self, number, text, now)
   local cipher = self.em == "aes_gcm" and "gcm" or "ecb"
   local data = self.project.key:make_message(text, "pulsar", cipher, nil, from_hex(self.draw(24)))
   return json.encode({ data = data, protocol = number, pv = "2.0", t = now, sign = "" })
end

local function append(self, frame)
   self.last = self.last + 1
   self.messages[self.last] = { frame = frame, redelivered = 0 }
   if self.last - self.first >= KEPT then
      self.messages[self.first] = nil
      self.first = self.first + 1
   end
end

--- Whether something that befalls a share of the messages befalls this one.
local function befalls(self, share)
   return share > 0 and tonumber(self.draw(4), 16) / 16 ^ 4 < share
end

--- Lets those go that enough others have overtaken.
local function let_go(self)
   for i = #self.held, 1, -1 do
      local one = self.held[i]
      one.left = one.left - 1
      if one.left <= 0 then
         table.remove(self.held, i).deliver()
      end
   end
end

--- Delivers a message, perhaps behind later ones, perhaps twice, perhaps not at all.
local function scatter(self, deliver)
   if befalls(self, self.drops) then
      return
   end
   if befalls(self, self.late) then
      table.insert(self.held, { deliver = deliver, left = LATE_BY + 1 })
   else
      deliver()
   end
   if befalls(self, self.duplicates) then
      deliver()
   end
   let_go(self)
end

--- Puts a message into the topic and before the open hub's links, where somebody may want it.
function methods:say(number, what, now)
   if not self.rule then
      return
   end
   local message = { number = number, text = json.encode(what), now = now }
   if self.subscribed then
      local frame = {
         payload = core.to_base64(seal(self, number, message.text, now)),
         properties = { em = self.em },
         publishTime = now,
      }
      if self.consumers[1] and befalls(self, self.cuts) then
         self.consumers[1].is_cut = true
      end
      scatter(self, function()
         append(self, frame)
      end)
   end
   if self.hub:has_links(self.project) then
      scatter(self, function()
         self.hub:publish(self.project, message)
      end)
   end
end

-- }}}

-- {{{ Consumers

--- A consumer takes the topic, or waits until those before it are gone.
-- @tparam table query of its request
-- @treturn table with `outbox`, a queue of texts from `first` to `last`
function methods:join(query)
   self.subscribed = true
   local consumer = {
      ack_timeout = math.max(1000, tonumber(query.ackTimeoutMillis) or ACK_TIMEOUT),
      outbox = { first = 1, last = 0 }, in_flight = {}, flying = 0, next = 1,
   }
   table.insert(self.consumers, consumer)
   return consumer
end

--- A consumer without a socket.
-- @tparam table query of its request
-- @tparam function now ms
-- @treturn table `take()` gives the next text or nil, `hear(text)`, `is_over()` and `close()`
function methods:peer(query, now)
   local consumer, is_closed = self:join(query), false
   local box = consumer.outbox
   local peer = {}
   function peer.take()
      self:tick(now())
      if box.first > box.last then
         return nil
      end
      local text = box[box.first]
      box[box.first] = nil
      box.first = box.first + 1
      return text
   end
   function peer.hear(text)
      self:hear(consumer, text)
   end
   function peer.is_over()
      return is_closed or consumer.is_cut == true
   end
   function peer.close()
      if not is_closed then
         self:leave(consumer)
      end
      is_closed = true
   end
   return peer
end

--- A consumer is gone; what it did not acknowledge goes to the next.
function methods:leave(consumer)
   for i, one in ipairs(self.consumers) do
      if one == consumer then
         table.remove(self.consumers, i)
         for number in pairs(consumer.in_flight) do
            self.messages[number].redelivered = self.messages[number].redelivered + 1
         end
      end
   end
end

--- What a consumer said: an acknowledgement, or something that is passed over.
function methods:hear(consumer, text)
   local said = json.decode(text)
   local number = type(said) == "table" and tonumber(tostring(said.messageId):match("^M(%d+)$"))
   if not number or not self.messages[number] or number >= consumer.next then
      return
   end
   self.messages[number] = nil
   if consumer.in_flight[number] then
      consumer.in_flight[number] = nil
      consumer.flying = consumer.flying - 1
   end
   while self.first <= self.last and not self.messages[self.first] do
      self.first = self.first + 1
   end
end

local function deliver(self, consumer, number, now)
   local message = self.messages[number]
   consumer.in_flight[number] = now + consumer.ack_timeout
   local box = consumer.outbox
   box.last = box.last + 1
   box[box.last] = json.encode({
      messageId = "M" .. number,
      payload = message.frame.payload,
      properties = message.frame.properties,
      publishTime = message.frame.publishTime,
      redeliveryCount = message.redelivered,
   })
end

local function deliver_again(self, consumer, now)
   for number, due in pairs(consumer.in_flight) do
      if now >= due then
         self.messages[number].redelivered = self.messages[number].redelivered + 1
         deliver(self, consumer, number, now)
      end
   end
end

--- Fills the outbox of the consumer whose turn it is.
-- @tparam number now ms
function methods:tick(now)
   local consumer = self.consumers[1]
   if not consumer then
      return
   end
   if now >= (consumer.looked or 0) then
      consumer.looked = now + 250
      deliver_again(self, consumer, now)
   end
   consumer.next = math.max(consumer.next, self.first)
   while consumer.next <= self.last and consumer.flying < IN_FLIGHT do
      if self.messages[consumer.next] then
         consumer.flying = consumer.flying + 1
         deliver(self, consumer, consumer.next, now)
      end
      consumer.next = consumer.next + 1
   end
end

-- }}}

-- {{{ The request of a consumer

local PATH = "^/ws/v2/consumer/persistent/([^/]+)/out/([^/]+)/([^/]+)$"

--- The project and topic that a path asks for; nil for another path.
function push.asked(path)
   local access_id, topic, subscription = path:match(PATH)
   return access_id, topic, subscription
end

--- Whether a request may consume: nil, or the status that it is refused with.
-- @tparam ?table project
-- @tparam table headers of the request, by lower-case name
-- @tparam string topic
-- @tparam string subscription
function push.refusal(project, headers, topic, subscription)
   if not project or not project.key:opens_messages() or headers.username ~= project.access_id then
      return 401
   end
   if headers.password ~= project.key:pulsar_password(project.access_id) then
      return 401
   end
   if (topic ~= "event" and topic ~= "event-test") or subscription ~= project.access_id .. "-sub" then
      return 404
   end
end

-- }}}

return push

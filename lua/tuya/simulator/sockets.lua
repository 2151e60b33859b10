--- sockets.lua: the simulated cloud's WebSockets, between a listener and its message service.
-- The idea: a request that asks for one becomes a consumer; each tick carries what it is sent and what it says.
-- The danger: a consumer that reads nothing. What waits for it is bounded: by the service, which waits for
-- acknowledgements, and here, where no more is written while much is pending.
-- @module tuya.simulator.sockets

local sockets = {}

local PENDING = 1048576 -- bytes that wait for a slow reader

local LOOK, SOON = 0.25, 0.001 -- s

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.sockets" }

local function websocket()
   local ok, module = pcall(require, "tuya.websocket")
   return ok and module or nil
end

--- @tparam userdata server of tuya.httpd
function sockets.new(server)
   return setmetatable({ _server = server, _list = {}, _module = websocket() }, class)
end

--- Answers a request for a WebSocket.
-- @tparam integer id of the request
-- @tparam table headers of the request, by lower-case name
-- @tparam table service `join()` gives a consumer; `hear`, `leave`, `tick`
-- @tparam table query of the request, by name
-- @treturn boolean false where it asks for none, or none can be had
function methods:accept(id, headers, service, query)
   local key = headers["sec-websocket-key"]
   local accept = self._module and key and self._module.accept(key)
   if not accept or (headers.upgrade or ""):lower() ~= "websocket" or headers["sec-websocket-version"] ~= "13" then
      return false
   end
   self._server:upgrade(id, { Upgrade = "websocket", ["Sec-WebSocket-Accept"] = accept })
   table.insert(self._list, { id = id, service = service, query = query })
   return true
end

local function finish(self, i)
   local one = table.remove(self._list, i)
   if one.consumer then
      one.service:leave(one.consumer)
   end
   if one.socket then
      one.socket:close()
   end
   self._server:hang_up(one.id)
end

--- The socket of a request whose answer has gone.
local function open(self, one)
   local fd, extra = self._server:upgraded(one.id)
   one.ticks = (one.ticks or 0) + 1
   if fd then
      one.socket = self._module.adopt(fd, extra)
      one.consumer = one.service:join(one.query)
   end
   return one.socket
end

local function write(one)
   local box = one.consumer.outbox
   while box.first <= box.last and one.socket:pending() < PENDING do
      one.socket:send(box[box.first])
      box[box.first] = nil
      box.first = box.first + 1
   end
end

--- Carries one connection's bytes; false when it is over.
local function carry(self, one, now)
   if not one.socket and not open(self, one) then
      return one.ticks < 1000
   end
   if one.socket:tick() == "closed" then
      return false
   end
   for text, kind in one.socket.take, one.socket do
      if kind == "text" then
         one.service:hear(one.consumer, text)
      end
   end
   one.service:tick(now)
   write(one)
   return one.socket:tick() ~= "closed" and not one.consumer.is_cut
end

--- Carries everything.
-- @tparam number now ms
function methods:tick(now)
   for i = #self._list, 1, -1 do
      if not carry(self, self._list[i], now) then
         finish(self, i)
      end
   end
end

--- How long nobody needs to tick: not so long that what waits to be delivered again waits for it, and not at all
-- while an upgrade is under way.
-- @tparam number seconds at most
function methods:patience(seconds)
   for _, one in ipairs(self._list) do
      seconds = math.min(seconds, one.socket and LOOK or SOON)
   end
   return seconds
end

--- Cuts every connection, without a word.
function methods:cut()
   while self._list[1] do
      finish(self, 1)
   end
end

--- What the listener waits for besides its own; nil where there is nothing.
function methods:fds()
   local list
   for _, one in ipairs(self._list) do
      for _, entry in ipairs(one.socket and one.socket:fds() or {}) do
         list = list or {}
         list[#list + 1] = entry
      end
   end
   return list
end

return sockets

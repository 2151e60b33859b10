--- transport/fake.lua: a transport without a network, on a clock that stands still.
-- The idea: a function answers every request, most often the simulated cloud's `handle`; time passes only
-- when somebody sleeps, so a day of rules runs in a moment and always the same.
-- @module tuya.transport.fake

local core = require("tuya.core")
local heap = require("tuya.heap")

local unpack = table.unpack or unpack

local fake = {}

local methods = {}
local metatable = { __name = "tuya.transport.fake", __index = methods }

local timed_out = "no whole answer within the timeout"

-- {{{ WebSockets without a network, in the form of tuya.websocket

local sockets = {}
local socket_metatable = { __index = sockets }

function sockets:tick()
   return self.peer and not self.peer.is_over() and "open" or "closed"
end

function sockets:why()
   if type(self.failed) == "number" then return "http", "the server does not open a WebSocket", self.failed end
   return self.failed or "reset", "the fake transport was told to fail", 0
end

-- What is next stays here until it is taken.
local function look(self)
   if not self.coming and self:tick() == "open" then self.coming = self.peer.take() end
   return self.coming
end

function sockets:take()
   if self.pongs > 0 then
      self.pongs = self.pongs - 1
      return "", "pong"
   end
   local text = look(self)
   self.coming = nil
   if text then return text, "text" end
end

function sockets:send(text, kind)
   if self:tick() ~= "open" then return false end
   if kind == "ping" then self.pongs = self.pongs + 1 else self.peer.hear(text) end
   return true
end

function sockets:timeout()
   return (self:tick() == "closed" or self.pongs > 0 or look(self)) and 0 or nil
end

function sockets.fds()
   return {}
end

function sockets:close()
   if self.peer then self.peer.close() end
   self.peer = nil
end

sockets.finish = sockets.close

local function read_head(text)
   local method, target = text:match("^(%S+) (%S+)")
   local headers = {}
   for name, value in text:gmatch("\r\n([^:\r\n]+): ([^\r\n]*)") do headers[name:lower()] = value end
   return { method = method, target = target, headers = headers, body = "" }
end

local function websocket(self, connect)
   return {
      key = function()
         return "dGhlIHNhbXBsZSBub25jZQ=="
      end,
      connect = function(given)
         local request = read_head(given.request)
         self.requests[#self.requests + 1] = request
         local peer, failed = connect(request)
         return setmetatable({ peer = peer, failed = failed, pongs = 0 }, socket_metatable)
      end,
   }
end

-- }}}

--- Makes a transport.
-- @tparam function handle called with `{ method=, target=, headers=, body=, endpoint = where to, other than to the
-- transport's own }`; returns
-- `{ status=, headers=, body= }`, with `delay` = seconds that it took where it took any, or nil, one of libcurl's
-- failures ("dns", "reset", ...) and how far the request got ("no", "maybe", "yes")
-- @tparam[opt=1700000000000] number start the clock at the beginning, in ms since 1970
-- @tparam[opt] function connect called with the request for a WebSocket; returns a table of functions `take()` (the
-- next text or nil), `hear(text)`, `is_over()` and `close()`; or nil and a status, or one of libcurl's failures. Events
-- come through it, on this clock
-- @treturn transport `requests` lists what was sent
function fake.new(handle, start, connect)
   if type(handle) ~= "function" then error("tuya.transport.fake: handle: a function expected", 2) end
   if connect ~= nil and type(connect) ~= "function" then
      error("tuya.transport.fake: connect: a function expected", 2)
   end
   local self = setmetatable({
      handle = handle, ms = start or 1700000000000,
      requests = {}, due = heap.new(), finished = {}, serial = 0, lanes = 0,
   }, metatable)
   self.websocket = connect and websocket(self, connect)
   return self
end

--- The clock, for a client's `clock` option: ms since 1970.
-- @treturn function
function methods:clock()
   return function()
      return self.ms - self.ms % 1
   end
end

local function lower_names(headers)
   local lowered = {}
   for name, value in pairs(headers or {}) do lowered[name:lower()] = value end
   return lowered
end

-- What comes of a request, as `send` returns it, and after how many seconds.
local function answer(self, sealed, limits)
   if not core.is_sealed(sealed) then
      error("tuya.transport.fake: sealed: made by tuya.sign, got " .. type(sealed), 3)
   end
   local request = {
      method = sealed:method(),
      target = sealed:target(),
      headers = sealed:headers(),
      body = sealed:body(),
      endpoint = limits and limits.endpoint,
   }
   self.requests[#self.requests + 1] = request
   local reply, code, sent = self.handle(request)
   local delay, timeout = reply and reply.delay or 0, limits and limits.timeout
   if timeout and delay > timeout then
      return timeout, nil, timed_out, { kind = "network", code = "timeout", message = timed_out, sent = "maybe" }
   end
   if reply then
      return delay, { status = reply.status, headers = lower_names(reply.headers), body = reply.body or "" }
   end
   local message = "the fake transport was told to fail"
   return delay, nil, message, { kind = "network", code = code or "reset", message = message, sent = sent or "maybe" }
end

local function wait_for(self, seconds, ...)
   self:sleep(seconds)
   return ...
end

--- Hands a sealed request to the function, and lets its delay pass.
-- @tparam sealed sealed
-- @tparam[opt] table limits `timeout` in seconds, `endpoint`
-- @return as of `tuya.transport.curl`
function methods:send(sealed, limits)
   return wait_for(self, answer(self, sealed, limits))
end

local function begin(self, lane, delay, ...)
   self.serial = self.serial + 1
   self.due:push(self.ms + delay * 1000, { id = self.serial, lane = lane, n = select("#", ...), ... })
   return self.serial
end

--- Hands a sealed request to the function, and keeps the reply until its delay has passed.
-- @return as of `tuya.transport.curl`
function methods:start(sealed, limits, lane)
   return begin(self, lane, answer(self, sealed, limits))
end

--- A lane of one's own.
-- @treturn integer
function methods:join()
   self.lanes = self.lanes + 1
   return self.lanes
end

--- Takes a reply whose moment has come; as of `tuya.transport.curl`.
function methods:take(lane, id)
   for i, reply in ipairs(self.finished) do
      if reply.id == id or (not id and reply.lane == lane) then
         table.remove(self.finished, i)
         return reply.id, unpack(reply, 1, reply.n)
      end
   end
end

--- Forgets a reply, or the wait for it.
-- @tparam number id
-- @treturn ?string "maybe" before the reply is there, "yes" after
function methods:cancel(id)
   for i, reply in ipairs(self.finished) do
      if reply.id == id then return table.remove(self.finished, i) and "yes" end
   end
   for i = 1, self.due.n do
      local reply = self.due[i].value
      if reply.id == id then
         reply.id = nil -- it stays where it is, and nobody will ask for it
         return "maybe"
      end
   end
end

--- Looks whose moment has come.
function methods:tick()
   while self.due.n > 0 and self.due:first() <= self.ms do
      local reply = self.due:pop()
      if reply.id then self.finished[#self.finished + 1] = reply end
   end
end

--- Lets time pass, but not past the next reply.
-- @tparam number seconds at most
function methods:wait(seconds)
   self.ms = math.min(self.ms + seconds * 1000, self.due:first() or math.huge)
end

--- How long nothing will happen.
-- @treturn ?number seconds; nil: until something is started
function methods:timeout()
   if self.finished[1] then return 0 end
   local at = self.due:first()
   return at and math.max(0, (at - self.ms) / 1000)
end

--- There is nothing to wait for but the clock.
-- @treturn table
function methods.fds()
   return {}
end

--- Seconds since the epoch of this clock.
function methods:now()
   return self.ms / 1000
end

--- Lets time pass.
-- @tparam number seconds
function methods:sleep(seconds)
   self.ms = self.ms + seconds * 1000
end

--- Nothing is open.
function methods.close() end

return fake

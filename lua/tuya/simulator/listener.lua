--- listener.lua: a simulated cloud behind a socket.
-- The idea: a tick pulls the requests that have arrived, hands each to `handle` and gives the reply back.
-- The danger: a blocking client in the same Lua state waits for a reply that only the next tick would write;
-- such a client needs a listener in another process (`tuya simulate`).
-- @module tuya.simulator.listener

local core = require("tuya.core")

local publisher = require("tuya.simulator.publisher")
local sockets = require("tuya.simulator.sockets")

local listener = {}

local methods = {}
local class = { __index = methods, __name = "tuya.simulator.listener" }

local FAILED = '{"code":500,"msg":"system error, please contact the admin","success":false}'

local function httpd()
   local ok, module = pcall(require, "tuya.httpd")
   if ok then
      return module
   end
   error(
      "listening needs the module tuya.httpd: install the rock lua-tuya-httpd, which needs libmicrohttpd "
         .. "(Debian package libmicrohttpd-dev)\n" .. tostring(module),
      0
   )
end

--- @tparam simulator sim
-- @tparam integer port
-- @tparam table options `tls`, `cert`, `key`
function listener.new(sim, port, options)
   local listen = httpd().listen
   local ca, cert, key = nil, options.cert, options.key
   if options.tls and not cert then
      ca, cert, key = require("tuya.simulator.certificates").make()
   end
   local server, message = listen({ port = port, cert = cert, key = key })
   if not server then
      return nil, message
   end
   local bound = server:port()
   return setmetatable({
      port = bound,
      url = (cert and "https" or "http") .. "://127.0.0.1:" .. bound,
      ca = ca,
      _late = {},
      _server = server,
      _sockets = sockets.new(server),
      _publisher = publisher.new(sim._hub),
      _sim = sim,
   }, class)
end

--- Gives the answer, or does what a fault does in its place.
local function give(self, id, outcome)
   local server, reply = self._server, outcome.reply
   if outcome.messages and not outcome.ending
      and self._sockets:accept(id, outcome.headers, outcome.messages, outcome.query) then
      return
   end
   if outcome.ending == "truncate" then
      server:fail(id, "truncate", reply.status, reply.headers, reply.body)
   elseif outcome.ending then
      server:fail(id, outcome.ending)
   else
      server:reply(id, reply.status, reply.headers, reply.body)
   end
end

--- Answers the request that has waited longest, or keeps its answer until it is due; false when there is none.
local function answer_one(self)
   local id, method, target, headers, body = self._server:take()
   if not id then
      return false
   end
   local request = { method = method, target = target, headers = headers, body = body }
   local ok, outcome = pcall(self._sim._outcome, self._sim, request)
   if not ok then
      self._server:reply(id, 500, { ["Content-Type"] = "application/json" }, FAILED)
      self._server:wait(0)
      error(outcome, 0)
   end
   if outcome.delay then
      table.insert(self._late, { id = id, outcome = outcome, due = core.monotonic() + outcome.delay })
   elseif outcome.ending ~= "hang" then -- a request that hangs is dropped by the server, in the end
      give(self, id, outcome)
   end
   return true
end

--- Gives the answers that are due; seconds until the next one, at most those.
local function give_late(self, seconds)
   local late, now = self._late, core.monotonic()
   for i = #late, 1, -1 do
      if late[i].due <= now then
         give(self, late[i].id, table.remove(late, i).outcome)
      else
         seconds = math.min(seconds, late[i].due - now)
      end
   end
   return seconds
end

--- What is waited for besides the requests; nil where there is nothing.
local function other_fds(self)
   local list, more = self._sockets:fds(), self._publisher:fds()
   for _, entry in ipairs(list and more or {}) do
      list[#list + 1] = entry
   end
   return list or more
end

--- Moves on what is not a request.
local function carry(self)
   self._sockets:tick(self._sim:_now())
   self._publisher:tick()
end

--- Waits at most that long for requests and answers those that have come.
-- @tparam[opt=0] number seconds
-- @tparam[opt] boolean watch_stdin also return when stdin ends
-- @treturn boolean|string whether a request was answered; "closed": stdin has ended
function methods:tick(seconds, watch_stdin)
   carry(self)
   local patience = self._publisher:patience(self._sockets:patience(seconds or 0))
   local left, fds = give_late(self, patience), other_fds(self)
   if fds then
      self._server:wait(0)
      fds[#fds + 1] = { fd = self._server:fd(), read = true }
      core.wait(fds, left)
      left = 0
   end
   local what = self._server:wait(left, watch_stdin)
   give_late(self, 0)
   while what == true and answer_one(self) do -- luacheck: ignore 542
   end
   carry(self)
   self._server:wait(0)
   return what
end

--- Cuts all WebSockets, as a failing network does.
function methods:cut()
   self._sockets:cut()
   self._server:wait(0)
end

--- Stops listening; requests that wait are dropped.
function methods:close()
   self._sockets:cut()
   self._publisher:close()
   self._server:close()
end

return listener

--- listener.lua: a simulated cloud behind a socket.
-- The idea: a tick pulls the requests that have arrived, hands each to `handle` and gives the reply back.
-- The danger: a blocking client in the same Lua state waits for a reply that only the next tick would write;
-- such a client needs a listener in another process (`tuya simulate`).
-- @module tuya.simulator.listener

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
      _server = server,
      _sim = sim,
   }, class)
end

--- Answers the request that has waited longest; false when there is none.
local function answer_one(self)
   local id, method, target, headers, body = self._server:take()
   if not id then
      return false
   end
   local request = { method = method, target = target, headers = headers, body = body }
   local ok, reply = pcall(self._sim.handle, self._sim, request)
   if not ok then
      self._server:reply(id, 500, { ["Content-Type"] = "application/json" }, FAILED)
      self._server:wait(0)
      error(reply, 0)
   end
   self._server:reply(id, reply.status, reply.headers, reply.body)
   return true
end

--- Waits at most that long for requests and answers those that have come.
-- @tparam[opt=0] number seconds
-- @tparam[opt] boolean watch_stdin also return when stdin ends
-- @treturn boolean|string whether a request was answered; "closed": stdin has ended
function methods:tick(seconds, watch_stdin)
   local what = self._server:wait(seconds or 0, watch_stdin)
   if what ~= true then
      return what
   end
   while answer_one(self) do -- luacheck: ignore 542
   end
   self._server:wait(0)
   return true
end

--- Stops listening; requests that wait are dropped.
function methods:close()
   self._server:close()
end

return listener

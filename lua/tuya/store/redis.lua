--- store/redis.lua: what clients on several machines keep, in Redis: `store = "redis://host"`.
-- The idea: a swap is a script that Redis runs whole: a SET where the old text still is, with PX where the new one has
-- a life. Inside nginx commands go by lua-resty-redis, or by our own few lines over a cosocket where that is not there;
-- outside over LuaSocket.
-- The danger: outside nginx a command blocks, for a second at most; and whoever reads that Redis has the token.
-- @module tuya.store.redis

local redis = {}

local WAIT = 1       -- seconds for a connection, and for each answer
local IDLE = 30      -- seconds that an unused connection is kept, in nginx
local POOL = 16      -- connections of a worker
local PREFIX = "lua-tuya "

local SWAP = [[
local there = redis.call('GET', KEYS[1])
local old = ARGV[1] == '+' and ARGV[2]
if there ~= old then return 0 end
if ARGV[3] ~= '+' then redis.call('DEL', KEYS[1])
elseif ARGV[5] == '' then redis.call('SET', KEYS[1], ARGV[4])
else redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
return 1]]

local methods = {}
local metatable = { __name = "tuya.store.redis", __index = methods }

local load = require -- a host may take it away once everything is loaded

-- --- Redis's protocol, over a socket of LuaSocket's kind ---

local function request_of(words)
   local parts = { "*" .. #words .. "\r\n" }
   for _, word in ipairs(words) do parts[#parts + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n" end
   return table.concat(parts)
end

-- One answer: a string, a number, false for nothing; or nil and what is wrong.
local function read_answer(socket)
   local line, message = socket:receive("*l")
   if not line then return nil, message end
   local kind, rest = line:sub(1, 1), line:sub(2)
   if kind == "+" then return rest end
   if kind == ":" then return tonumber(rest) end
   if kind == "$" and rest == "-1" then return false end
   local n = kind == "$" and tonumber(rest)
   if not n then return nil, kind == "-" and rest or "an answer that is not understood" end
   local text
   text, message = socket:receive(n + 2)
   if not text then return nil, message end
   return text:sub(1, n)
end

local function ask_socket(socket, ...)
   local sent, message = socket:send(request_of { ... })
   if not sent then return nil, message end
   return read_answer(socket)
end

-- --- Connections: { ask(...), keep(), drop() } ---

-- A socket that is connected, and whether it was used before.
local function open_cosocket(place)
   local socket = ngx.socket.tcp()
   socket:settimeout(WAIT * 1000)
   local ok, message = socket:connect(place.host, place.port, { pool = place.pool })
   if not ok then return nil, message end
   return {
      was_used = socket:getreusedtimes() > 0,
      ask = function(...) return ask_socket(socket, ...) end,
      keep = function() socket:setkeepalive(IDLE * 1000, POOL) end,
      drop = function() socket:close() end,
   }
end

local function library()
   for _, name in ipairs { "resty.redis", "nginx.redis" } do -- the second is Debian's name for the first
      local ok, found = pcall(load, name)
      if ok then return found end
   end
end

local function open_resty(place)
   local client = place.library:new()
   client:set_timeouts(WAIT * 1000, WAIT * 1000, WAIT * 1000)
   local ok, message = client:connect(place.host, place.port, { pool = place.pool })
   if not ok then return nil, message end
   return {
      was_used = client:get_reused_times() > 0,
      ask = function(command, ...)
         local answer, trouble = client[command:lower()](client, ...)
         if answer == ngx.null then return false end
         if answer == false then return nil, trouble end
         return answer, trouble
      end,
      keep = function() client:set_keepalive(IDLE * 1000, POOL) end,
      drop = function() client:close() end,
   }
end

-- Outside nginx there is one connection, kept by the store.
local function open_luasocket(place)
   local socket, message = load("socket").tcp()
   if not socket then return nil, message end
   socket:settimeout(WAIT)
   local ok
   ok, message = socket:connect(place.host, place.port)
   if not ok then
      socket:close()
      return nil, message
   end
   socket:setoption("tcp-nodelay", true)
   local connection = {
      was_used = false,
      ask = function(...) return ask_socket(socket, ...) end,
      drop = function() socket:close() end,
   }
   function connection.keep()
      connection.was_used, place.kept = true, connection
   end
   return connection
end

local function open(place)
   local kept = place.kept
   place.kept = nil
   if kept then return kept end
   if not ngx or not ngx.socket then return open_luasocket(place) end
   if place.library == nil then place.library = library() or false end
   if place.library then return open_resty(place) end
   return open_cosocket(place)
end

local function greet(place, connection)
   if connection.was_used then return true end
   if place.password then
      local words = { "AUTH", place.user, place.password }
      if not place.user then words = { "AUTH", place.password } end
      local ok, message = connection.ask((table.unpack or unpack)(words))
      if not ok then return nil, message end
   end
   if not place.database then return true end
   return connection.ask("SELECT", place.database)
end

-- Asks; over a new connection where a used one turns out to be gone: either command may be repeated, since a swap that
-- was carried out answers "something else is there" then, and whoever swaps reads again.
local function ask(place, ...)
   local connection, message = open(place)
   if not connection then return nil, "Redis cannot be reached: " .. message end
   local answer
   answer, message = greet(place, connection)
   if answer then answer, message = connection.ask(...) end
   if answer ~= nil then
      connection.keep()
      return answer
   end
   connection.drop()
   if connection.was_used then return ask(place, ...) end
   return nil, "Redis failed: " .. tostring(message)
end

local function decode(text)
   return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function parse(text)
   local login, host, port, database = text:match("^//(.-)@?([^@/:]+):?(%d*)/?(%d*)$")
   if not host then return nil, 'redis: "redis://[user:password@]host[:port][/database]"' end
   local user, password = login:match("^([^:]*):(.*)$")
   if login ~= "" and not password then return nil, "redis: a password stands behind a colon: redis://:it@host" end
   return {
      host = host,
      port = tonumber(port) or 6379,
      user = user and user ~= "" and decode(user) or nil,
      password = password and decode(password),
      database = database ~= "" and database or nil,
      pool = "tuya redis " .. text,
   }
end

--- Makes a store. Nothing is connected yet.
-- @tparam string where what stands behind "redis:": `//[user:password@]host[:port][/database]`
-- @treturn ?store nil and the rule that is broken
function redis.try(where)
   local place, rule = parse(where)
   if not place then return nil, rule end
   if not ngx and not pcall(load, "socket") then
      return nil, "redis: needs LuaSocket outside nginx (LuaRocks: luasocket; Debian: lua-socket)"
   end
   return setmetatable({ -- a function, since there may be a password in it
      open = function()
         return place
      end,
   }, metatable)
end

--- The text of a key.
-- @tparam string key
-- @treturn ?string
-- @treturn ?string why Redis cannot be asked
function methods:load(key)
   local answer, message = ask(self.open(), "GET", PREFIX .. key)
   return answer or nil, message
end

--- Puts `new` (nil: nothing) where `old` (nil: nothing) is.
-- @tparam string key
-- @tparam ?string old
-- @tparam ?string new
-- @tparam ?number life seconds after which Redis drops it
-- @treturn ?boolean false when something else is there; nil when nothing could be done
-- @treturn ?string why Redis cannot be asked
function methods:swap(key, old, new, life)
   local answer, message = ask(self.open(), "EVAL", SWAP, "1", PREFIX .. key,
      old and "+" or "-", old or "", new and "+" or "-", new or "", life and ("%.0f"):format(life * 1000) or "")
   if answer == nil then return nil, message end
   return answer == 1
end

return redis

-- redis.lua: a real redis-server on loopback, that keeps nothing.
local child = require("spec.support.child")
local socket = require("socket")

local redis = {}

--- Why there can be none here; nil where there can. In CI it may not be missing.
function redis.missing()
   local pipe = io.popen("command -v redis-server")
   local found = pipe:read("*l")
   pipe:close()
   if found then return nil end
   if os.getenv("TUYA_CI") then error("redis-server is not there") end
   return "redis-server is not there"
end

function redis.free_port()
   local server = assert(socket.bind("127.0.0.1", 0))
   local _, port = server:getsockname()
   server:close()
   return ("%d"):format(port)
end

local START = [[unset LD_PRELOAD
   redis-server --port "$1" --bind 127.0.0.1 --save "" --appendonly no --dir "$0" $2 $3 > "$0/log" &
   redis=$!; i=0
   until grep -q "eady to accept connections" "$0/log" 2>/dev/null; do
      kill -0 $redis || { cat "$0/log" >&2; exit 1; }; sleep 0.02
   done
   exec 3<&0; (cat <&3; kill $redis) >/dev/null 2>&1 & echo $redis; wait $redis]]

local function ask(port, ...)
   local peer = assert(socket.connect("127.0.0.1", port))
   peer:settimeout(2)
   for _, line in ipairs { ... } do assert(peer:send(line .. "\r\n")) end
   assert(peer:send("QUIT\r\n"))
   local text = peer:receive("*a")
   peer:close()
   return text
end

--- Starts one. password: may hold blanks and slashes, here without a quote.
function redis.start(password)
   local port, directory = redis.free_port(), child.directory()
   local self, runs = { port = tonumber(port) }, {}
   local escaped = password and password:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
   self.url = ("redis://%s127.0.0.1:%s"):format(escaped and ":" .. escaped .. "@" or "", port)
   local function start()
      os.remove(directory .. "/log")
      runs[#runs + 1] = child.start(child.command { "sh", "-c", START, directory, port })
      if password then ask(port, ('CONFIG SET requirepass "%s"'):format(password)) end
   end
   local function signal(name) os.execute(("kill -%s %s"):format(name, runs[#runs].line)) end
   -- By a signal: children that were started since hold its stdin open.
   function self.restart(pause)
      signal("TERM")
      repeat socket.sleep(0.02) until not socket.connect("127.0.0.1", port)
      socket.sleep(pause or 0)
      start()
   end
   function self.pause() signal("STOP") end
   function self.resume() signal("CONT") end
   function self.stop()
      signal("TERM")
      for _, run in ipairs(runs) do run:stop() end
      child.remove(directory)
   end
   self.password = password
   start()
   return self
end

--- Milliseconds after which Redis drops the first key that holds a word; -1: never.
function redis.life(server, word)
   local login = server.password and ('AUTH "%s"'):format(server.password) or "PING"
   local key = redis.keys(server, word)[1]
   return tonumber(ask(server.port, login, ('PTTL "%s"'):format(key)):match("\n:(%-?%d+)"))
end

--- The keys that hold a word.
function redis.keys(server, word)
   local login = server.password and ('AUTH "%s"'):format(server.password) or "PING"
   local list = {}
   local answers = ask(server.port, login, "KEYS *" .. word .. "*")
   for key in answers:gmatch("\n(lua%-tuya [^\r]*)") do list[#list + 1] = key end
   return list
end

return redis

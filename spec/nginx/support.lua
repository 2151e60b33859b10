-- support.lua: a real nginx with Lua, the simulated cloud beside it, and raw requests to both.
local child = require("spec.support.child")
local socket = require("socket")

local support = {
   ID = "ak0123456789abcdef01",
   SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01",
   SOCKET = "vdevo161563811262429",
}

local MODULES = "/usr/lib/nginx/modules/"
local ROOT = io.popen("pwd"):read("*l")

local function exists(path)
   local file = io.open(path, "rb")
   if file then file:close() end
   return file ~= nil
end

local function find_missing()
   if not exists(MODULES .. "ngx_http_lua_module.so") then
      return "nginx's Lua module is not there (Debian: libnginx-mod-http-lua)"
   end
   if not exists(ROOT .. "/build/luajit/tuya/core.so") then return "not built for nginx: make build LUA=luajit" end
end

--- Why there can be no nginx with Lua here; nil where there can. In CI nothing may be missing.
function support.missing()
   local reason = find_missing()
   if reason and os.getenv("TUYA_CI") then error(reason) end
   return reason
end

local function write(path, text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
end

support.write = write

function support.contents(path)
   local file = io.open(path, "rb")
   if not file then return nil end
   local text = file:read("*a")
   file:close()
   return text
end

function support.free_port()
   local server = assert(socket.bind("127.0.0.1", 0))
   local _, port = server:getsockname()
   server:close()
   return ("%d"):format(port)
end

local CONF = [[
load_module MODULESndk_http_module.so; load_module MODULESngx_http_lua_module.so;
pid nginx.pid; error_log error.log warn; worker_processes WORKERS; daemon off; worker_shutdown_timeout 20s;
USER
MAIN
events { worker_connections 1024; }
http {
   client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
   uwsgi_temp_path uwsgi; scgi_temp_path scgi;
   access_log off; keepalive_requests 100000; default_type application/json;
   lua_package_path "ROOT/lua/?.lua;ROOT/lua/?/init.lua;PATH;";
   lua_package_cpath "ROOT/build/luajit/?.so;;";
   HTTP
}
]]

local PROXY = [[
   proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host HOST;
   proxy_set_header Accept-Encoding ""; proxy_next_upstream off;
]]

local WAYS = [[
   location /WAY/ {
      set $tuya_target "";
      access_by_lua_block { NAME:sign("/WAY") } body_filter_by_lua_block { NAME:watch() }
      proxy_pass http://cloud$tuya_target;
   }
   location /sureWAY/ { content_by_lua_block { NAME:serve("/sureWAY") } }
]]

local START = "unset LUA_PATH LUA_CPATH LUA_INIT LD_PRELOAD; PATH=$PATH:/usr/sbin; "
   .. 'LD_PRELOAD="$1" nginx -p "$0" -c nginx.conf 2>"$0/start.log" & nginx=$!; '
   .. 'while [ ! -s "$0/nginx.pid" ]; do kill -0 $nginx || { cat "$0/start.log" >&2; exit 1; }; sleep 0.02; done; '
   .. "exec 3<&0; (cat <&3; kill $nginx) >/dev/null 2>&1 & echo ready; wait $nginx"

--- What stands in the http block for gateways before a cloud at `host`; `http` is what makes them, `server` more of
-- the server. `ways`: location = the gateway that signs there, and at that behind "sure" serves.
function support.gateways(host, http, ways, server)
   local parts = { http, "upstream cloud { server HOST; keepalive 64; } server { listen 127.0.0.1:$PORT;\n", PROXY }
   for way, name in pairs(ways) do parts[#parts + 1] = WAYS:gsub("WAY", way):gsub("NAME", name) end
   parts[#parts + 1] = server .. "}"
   return (table.concat(parts):gsub("HOST", host))
end

--- Starts nginx; its own listening is the text's. `o`: `http` (what stands in the http block; $PORT is the port),
-- `workers` (1), `preload` (a library), `main`, `path` (of more Lua modules), `files` (name = content, beside
-- nginx.conf).
function support.nginx(o)
   local directory, port = child.directory(), support.free_port()
   local is_root = io.popen("id -u"):read("*l") == "0"
   local words = {
      MODULES = MODULES, ROOT = ROOT, WORKERS = tostring(o.workers or 1), USER = is_root and "user root;" or "",
      MAIN = o.main or "", PATH = o.path and o.path .. ";" or "", HTTP = (o.http:gsub("%$PORT", port)),
   }
   for name, content in pairs(o.files or {}) do write(directory .. "/" .. name, content) end
   write(directory .. "/nginx.conf", (CONF:gsub("%u%u%u+", function(word) return words[word] end)))
   local run = child.start(child.command { "sh", "-c", START, directory, o.preload or "" })
   local self = { port = tonumber(port), directory = directory }
   function self.errors() return support.contents(directory .. "/error.log") or "" end
   function self.pid() return support.contents(directory .. "/nginx.pid"):match("%d+") end
   function self.workers()
      local list = {}
      for pid in io.popen("pgrep -P " .. self.pid()):lines() do list[#list + 1] = pid end
      return list
   end
   function self.stop() -- by a signal: children that were started since hold its stdin open
      os.execute("kill " .. self.pid())
      run:stop()
      child.remove(directory)
   end
   return self
end

--- The simulated cloud, a child; `arguments` besides of `tuya simulate`.
function support.cloud(...)
   local words = { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet" }
   for _, word in ipairs { ... } do words[#words + 1] = word end
   local environment = ("TUYA_ACCESS_ID=%s TUYA_ACCESS_SECRET=%s"):format(support.ID, support.SECRET)
   local run = child.start(child.command(words), environment)
   return {
      port = tonumber(run.line),
      endpoint = "http://127.0.0.1:" .. run.line,
      stop = function() run:stop() end,
   }
end

--- Starts a server made of Lua text, which may `print` its port first and finds `socket` there. It ends with its stdin.
function support.server(text)
   local path = os.tmpname()
   write(path, 'local socket = require("socket")\n' .. text)
   local run = child.lua(path)
   return {
      port = tonumber(run.line),
      stop = function() -- what it printed after its port; a second time does nothing
         if not run then return nil end
         local rest = run:stop()
         run = os.remove(path) and nil
         return rest
      end,
   }
end

--- A name server that answers every name with 127.0.0.1, since nginx reads no /etc/hosts.
function support.dns() return support.server(support.contents("spec/nginx/dns.lua")) end

--- Sends bytes on a connection of their own; status, body and headers of what comes back.
function support.raw(port, bytes, timeout)
   local peer = assert(socket.connect("127.0.0.1", port))
   peer:settimeout(timeout or 10)
   assert(peer:send(bytes))
   local all, trouble, part = peer:receive("*a")
   peer:close()
   local text = all or part
   local head, body = text:match("^(.-\r\n)\r\n(.*)$")
   assert(head, ("no answer: %s %q"):format(tostring(trouble), text))
   local headers = {}
   for name, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do headers[name:lower()] = value end
   if headers["transfer-encoding"] == "chunked" then
      local parts = {}
      local at = 1
      while true do
         local _, stop, size = body:find("^(%x+)\r\n", at)
         size = tonumber(size, 16)
         if size == 0 then break end
         parts[#parts + 1] = body:sub(stop + 1, stop + size)
         at = stop + size + 3
      end
      body = table.concat(parts)
   end
   return tonumber(head:match("^HTTP/1%.%d (%d+)")), body, headers
end

--- A request whose connection ends with its answer.
function support.request(port, method, target, headers, body)
   local lines = { ("%s %s HTTP/1.1"):format(method, target), "Host: gateway", "Connection: close" }
   for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
   if body then lines[#lines + 1] = "Content-Length: " .. #body end
   return support.raw(port, table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
end

function support.get(port, target, headers) return support.request(port, "GET", target, headers) end

return support

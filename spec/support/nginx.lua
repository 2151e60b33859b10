-- nginx.lua: a real nginx on loopback, with HTTP, HTTPS and HTTP/2, that says what it saw.
local certificates = require("tuya.simulator.certificates")
local child = require("spec.support.child")
local socket = require("socket")

local nginx = {}

local SAW = [[{"success":true,"t":1700000000000,"tid":"x","result":{"protocol":"$server_protocol",]]
   .. [["target":"$request_uri","connection":"$connection","nth":$connection_requests,]]
   .. [["sign":"$http_sign","accept":"$http_accept_encoding","resumed":"$ssl_session_reused"}}]]

local TOKEN = [[{"success":true,"t":1700000000000,]]
   .. [["result":{"access_token":"nginxtoken","refresh_token":"r","expire_time":7200,"uid":"u"}}]]

local CONF = [[
pid nginx.pid; error_log error.log warn; worker_processes 1; daemon off;
USER
events { worker_connections 256; }
http {
   client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
   uwsgi_temp_path uwsgi; scgi_temp_path scgi;
   access_log off; keepalive_requests 100000; default_type application/json;
   gzip on; gzip_min_length 1; gzip_types application/json; gzip_http_version 1.0;
   server {
      listen 127.0.0.1:PLAIN; listen 127.0.0.1:SECURE ssl http2; listen 127.0.0.2:SECURE ssl http2;
      ssl_certificate leaf.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3;
      location /saw { return 200 'SAW'; }
      location /big { alias big; }
      location /moved { return 302 https://elsewhere.example/; }
      location /gone { return 502 '<html>bad gateway</html>'; }
      location /silent { return 444; }
      location /twice { add_header X-Twice "one 	"; add_header x-tWICE "two: 2"; add_header X-Colon ":"; return 200; }
      location /v1.0/token { return 200 'TOKEN'; }
   }
}
]]

local function write(path, text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
end

local function free_port()
   local server = assert(socket.bind("127.0.0.1", 0))
   local _, port = server:getsockname()
   server:close()
   return ("%d"):format(port)
end

--- Starts nginx. `http`, `https` and `elsewhere` (the same server under a name that its certificate lacks) are
-- endpoints; `ca_file` trusts it.
function nginx.start()
   local directory = child.directory()
   local ca, leaf, key = certificates.make()
   local http, https = free_port(), free_port()
   local is_root = io.popen("id -u"):read("*l") == "0"
   local words = { SECURE = https, PLAIN = http, USER = is_root and "user root;" or "", SAW = SAW, TOKEN = TOKEN }
   write(directory .. "/nginx.conf", (CONF:gsub("%u%u%u+", words)))
   write(directory .. "/ca.pem", ca)
   write(directory .. "/leaf.pem", leaf)
   write(directory .. "/key.pem", key)
   write(directory .. "/big", '{"success":true,"result":"' .. ("x"):rep(3 * 1024 * 1024) .. '"}')
   local run = child.start(child.command { "sh", "-c", "PATH=$PATH:/usr/sbin; "
      .. 'nginx -p "$0" -c nginx.conf 2>"$0/start.log" & nginx=$!; '
      .. 'while [ ! -s "$0/nginx.pid" ]; do kill -0 $nginx || { cat "$0/start.log" >&2; exit 1; }; sleep 0.02; done; '
      .. "echo ready; cat >/dev/null; kill $nginx; wait $nginx", directory })
   return {
      http = "http://127.0.0.1:" .. http,
      https = "https://127.0.0.1:" .. https,
      elsewhere = "https://127.0.0.2:" .. https,
      ca_file = directory .. "/ca.pem",
      key_file = directory .. "/key.pem",
      stop = function()
         run:stop()
         child.remove(directory)
      end,
   }
end

return nginx

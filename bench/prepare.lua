-- prepare.lua: what nginx needs to be the server of a run:  prepare.lua DIRECTORY PROCESSOR
-- Writes nginx.conf, an authority and a certificate for loopback, and the ports, as shell text, into the directory.

local socket = require("socket")
local certificates = require("tuya.simulator.certificates")

local directory, processor = arg[1], tonumber(arg[2])

-- The worker stands on one processor. Connections are kept for as long as a run may want them; a token call gets
-- a token, everything else the envelope of a command that was carried out, 70 bytes.
local CONF = [[
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
worker_processes 1;
worker_cpu_affinity $affinity;
error_log $directory/error.log;
pid $directory/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 10000000;
  keepalive_timeout 600s;
  client_body_temp_path $directory/body;
  proxy_temp_path $directory/proxy;
  fastcgi_temp_path $directory/fastcgi;
  uwsgi_temp_path $directory/uwsgi;
  scgi_temp_path $directory/scgi;
  default_type application/json;
  server {
    listen 127.0.0.1:$http;
    listen 127.0.0.1:$https ssl;
    ssl_certificate $directory/leaf.pem;
    ssl_certificate_key $directory/leaf.key;
    location / {
      return 200 '{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abc"}';
    }
    location = /v1.0/token {
      return 200 '$token';
    }
    include $directory/slow.conf;
  }
  server { # HTTP/2, for many at once
    listen 127.0.0.1:$http2 ssl http2;
    http2_max_concurrent_streams 128;
    ssl_certificate $directory/leaf.pem;
    ssl_certificate_key $directory/leaf.key;
    location = /v1.0/token { return 200 '$token'; }
    include $directory/slow.conf;
  }
  server { # a connection for each call
    listen 127.0.0.1:$closing ssl;
    keepalive_timeout 0;
    ssl_certificate $directory/leaf.pem;
    ssl_certificate_key $directory/leaf.key;
    location = /v1.0/token { return 200 '$token'; }
    location / { return 200 '{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abc"}'; }
  }
}
]]

-- Answers after 50 ms, once the body is read; and one that does not come.
local SLOW = [[
location /slow {
  default_type application/json;
  echo_read_request_body;
  echo_sleep 0.05;
  echo '{"result":true,"success":true,"t":1700000000000,"tid":"0123456789abc"}';
}
location /never { echo_sleep 10; echo ''; }
]]

local TOKEN = '{"result":{"access_token":"tok0123456789abcdef0123456789abc","expire_time":7200,'
   .. '"refresh_token":"ref0123456789abcdef0123456789abc","uid":"bay0000000000000000"},'
   .. '"success":true,"t":1700000000000}'

local function write(name, text)
   local file = assert(io.open(directory .. "/" .. name, "w"))
   assert(file:write(text))
   assert(file:close())
end

-- All are held until all are known, so that they differ.
local function free_ports(n)
   local held, ports = {}, {}
   for i = 1, n do
      held[i] = assert(socket.bind("127.0.0.1", 0))
      ports[i] = select(2, held[i]:getsockname())
   end
   for _, one in ipairs(held) do one:close() end
   return table.unpack(ports)
end

local http, https, http2, closing = free_ports(4)
local values = {
   affinity = "1" .. ("0"):rep(processor),
   directory = directory,
   http = http,
   https = https,
   http2 = http2,
   closing = closing,
   token = TOKEN,
}
local ca, leaf, key = certificates.make()
write("ca.pem", ca)
write("leaf.pem", leaf)
write("leaf.key", key)
write("slow.conf", SLOW)
write("nginx.conf", (CONF:gsub("%$(%w+)", values)))
write("ports", ("export BENCH_HTTP=http://127.0.0.1:%d BENCH_HTTPS=https://127.0.0.1:%d "
   .. "BENCH_HTTP2=https://127.0.0.1:%d BENCH_CLOSING=https://127.0.0.1:%d\n"):format(http, https, http2, closing))

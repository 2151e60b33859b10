-- prepare.lua: what nginx needs to be the server of a run:  prepare.lua DIRECTORY PROCESSOR
-- Writes nginx.conf, an authority and a certificate for loopback, and the ports, as shell text, into the directory.

local socket = require("socket")
local certificates = require("tuya.simulator.certificates")

local directory, processor = arg[1], tonumber(arg[2])

-- The worker stands on one processor. Connections are kept for as long as a run may want them; a token call gets
-- a token, everything else the envelope of a command that was carried out, 70 bytes.
local CONF = [[
worker_processes 1;
worker_cpu_affinity $affinity;
error_log $directory/error.log;
pid $directory/nginx.pid;
events { worker_connections 64; }
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
  }
}
]]

local TOKEN = '{"result":{"access_token":"tok0123456789abcdef0123456789abc","expire_time":7200,'
   .. '"refresh_token":"ref0123456789abcdef0123456789abc","uid":"bay0000000000000000"},'
   .. '"success":true,"t":1700000000000}'

local function write(name, text)
   local file = assert(io.open(directory .. "/" .. name, "w"))
   assert(file:write(text))
   assert(file:close())
end

-- Both ports are held until both are known, so that they differ.
local function free_ports()
   local a, b = assert(socket.bind("127.0.0.1", 0)), assert(socket.bind("127.0.0.1", 0))
   local _, http = a:getsockname()
   local _, https = b:getsockname()
   a:close()
   b:close()
   return http, https
end

local http, https = free_ports()
local values = {
   affinity = "1" .. ("0"):rep(processor),
   directory = directory,
   http = http,
   https = https,
   token = TOKEN,
}
local ca, leaf, key = certificates.make()
write("ca.pem", ca)
write("leaf.pem", leaf)
write("leaf.key", key)
write("nginx.conf", (CONF:gsub("%$(%w+)", values)))
write("ports", ("export BENCH_HTTP=http://127.0.0.1:%d BENCH_HTTPS=https://127.0.0.1:%d\n"):format(http, https))

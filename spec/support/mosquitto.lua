-- mosquitto.lua: a real broker on loopback, with and without TLS, that keeps its sessions over a restart.
local certificates = require("tuya.simulator.certificates")
local child = require("spec.support.child")
local redis = require("spec.support.redis")
local socket = require("socket")

local mosquitto = {
   USER = "user of the project",
   PASSWORD = "0123456789abcdef0123456789abcdef",
}

--- Why there can be none here; nil where there can. In CI it may not be missing.
function mosquitto.missing()
   local pipe = io.popen("PATH=$PATH:/usr/sbin command -v mosquitto")
   local found = pipe:read("*l")
   pipe:close()
   if found then return nil end
   if os.getenv("TUYA_CI") then error("mosquitto is not there") end
   return "mosquitto is not there"
end

local function write(path, text)
   local file = assert(io.open(path, "w"))
   file:write(text)
   file:close()
   return path
end

--- A certificate that signs itself: for which name, and from when to when, in seconds from now.
function mosquitto.certificate(name, from, to)
   local x509, key = require("openssl.x509"), require("openssl.pkey").new { type = "EC", curve = "prime256v1" }
   local subject, names = require("openssl.x509.name").new(), require("openssl.x509.altname").new()
   subject:add("CN", name)
   names:add("DNS", name)
   local leaf = x509.new()
   leaf:setVersion(3)
   leaf:setSerial(1)
   leaf:setSubject(subject)
   leaf:setIssuer(subject)
   leaf:setSubjectAlt(names)
   leaf:setLifetime(os.time() + from, os.time() + to)
   leaf:setPublicKey(key)
   leaf:sign(key)
   return leaf:toPEM(), leaf:toPEM(), key:toPEM("private")
end

-- `user`, or as root the broker would give up its rights, and what it has to read with them.
local CONFIGURATION = [[
user $USER
per_listener_settings false
allow_anonymous false
password_file %s/passwords
persistence true
persistence_location %s/
autosave_interval 1
max_inflight_messages 100
max_queued_messages 200000
listener %d 127.0.0.1
listener %d 127.0.0.1
certfile %s/cert.pem
keyfile %s/key.pem
]]

local START = [[unset LD_PRELOAD
   sed -i "s/\$USER/$(id -un)/" "$0/conf"; PATH=$PATH:/usr/sbin
   mosquitto -c "$0/conf" > "$0/log" 2>&1 &
   broker=$!; i=0
   until grep -q " running" "$0/log" 2>/dev/null; do
      kill -0 $broker || { cat "$0/log" >&2; exit 1; }; sleep 0.02
   done
   exec 3<&0; (cat <&3; kill $broker) >/dev/null 2>&1 & echo $broker; wait $broker]]

--- Starts one. how: `ca`, `cert`, `key` (PEM), else they are made for localhost
function mosquitto.start(how)
   local directory, runs = child.directory(), {}
   local plain, secure = redis.free_port(), redis.free_port()
   local self = { host = "localhost", port = tonumber(secure), plain = tonumber(plain), directory = directory }
   local ca, cert, key = how and how.ca, how and how.cert, how and how.key
   if not ca then ca, cert, key = certificates.make() end
   self.ca_file = write(directory .. "/ca.pem", ca)
   write(directory .. "/cert.pem", cert)
   write(directory .. "/key.pem", key)
   write(directory .. "/conf", CONFIGURATION:format(directory, directory, plain, secure, directory, directory))

   function self.set_password(user, password)
      local command = [[touch "$0" && chmod 600 "$0" && mosquitto_passwd -b "$0" "$1" "$2"]]
      os.execute(child.command { "sh", "-c", command, directory .. "/passwords", user, password })
      if runs[1] then os.execute(("kill -HUP %s"):format(runs[#runs].line)) end
   end
   local function start()
      os.remove(directory .. "/log")
      runs[#runs + 1] = child.start(child.command { "sh", "-c", START, directory })
   end
   --- By a signal, which lets it keep its sessions; pause: seconds that it is away
   function self.restart(pause)
      os.execute(("kill -TERM %s"):format(runs[#runs].line))
      repeat socket.sleep(0.01) until not socket.connect("127.0.0.1", plain)
      socket.sleep(pause or 0)
      start()
   end
   function self.signal(name) os.execute(("kill -%s %s"):format(name, runs[#runs].line)) end
   function self.stop()
      os.execute(("kill -TERM %s 2>/dev/null"):format(runs[#runs].line))
      for _, run in ipairs(runs) do run:stop() end
      child.remove(directory)
   end
   self.set_password(mosquitto.USER, mosquitto.PASSWORD)
   start()
   return self
end

return mosquitto

-- beside.lua: the simulated cloud of cloud.lua in a process beside this one, and orders for it.
local child = require("spec.support.child")
local socket = require("socket")

local beside = { ID = "faults1access1id2345", SECRET = "faults0secret1for2nobody3at4all5" }

local methods = {}
local metatable = { __index = methods }

--- Starts it, with so many devices more. `http` and `https` are its endpoints, `ca_file` is what to trust.
function beside.start(devices)
   local directory = child.directory()
   local ca_file = directory .. "/ca.pem"
   local process = child.start(
      child.command { os.getenv("LUA"), "spec/faults/cloud.lua", ca_file, tostring(devices or 0) },
      ("TUYA_ACCESS_ID=%s TUYA_ACCESS_SECRET=%s LD_PRELOAD="):format(beside.ID, beside.SECRET))
   local plain, secure, port = process.line:match("^(%d+) (%d+) (%d+)$")
   local control = assert(socket.connect("127.0.0.1", tonumber(port)))
   control:setoption("tcp-nodelay", true)
   return setmetatable({
      http = "http://cloud.test:" .. plain, https = "https://cloud.test:" .. secure, ca_file = ca_file,
      directory = directory, process = process, control = control,
   }, metatable)
end

--- Gives an order; what it answers.
function methods:order(...)
   assert(self.control:send(table.concat({ ... }, " ") .. "\n"))
   local answer, trouble = self.control:receive("*l")
   if not answer then error("the cloud is gone (" .. trouble .. "): " .. self.process:errors(), 2) end
   return answer:match("^ok (.*)$") or error(answer, 2)
end

--- What it saw since the last time: "METHOD:path" = how often.
function methods:seen()
   local counts = {}
   for call, count in self:order("seen"):gmatch("(%S+)=(%d+)") do counts[call] = tonumber(count) end
   return counts
end

function methods:stop()
   self.control:close()
   self.process:stop()
   child.remove(self.directory)
end

--- The path of a call of a device: its state, or its commands.
function beside.path(device, method)
   return "/v1.0/devices/" .. device .. (method == "GET" and "/status" or "/commands")
end

--- A call of a device for `client:request` and `client:start`.
function beside.spec(device, method)
   local body = method == "POST" and { commands = { { code = "switch", value = true } } } or nil
   return { method = method, path = beside.path(device, method), body = body }
end

--- What `sent` of a call claims, where the cloud's own log says otherwise.
function beside.wrong_sent(triple, count)
   local sent = triple[1] ~= nil and "yes" or triple[3].sent
   if sent == "no" and count > 0 then return ('sent is "no", and the cloud saw %d'):format(count) end
   if sent == "yes" and count == 0 then return 'sent is "yes", and the cloud saw nothing' end
end

--- Prints the counts of a program, adds them to the file that TUYA_COUNTS names, and ends it.
function beside.finish(name, passed, failed, skipped)
   local counts = ("%s: %d passed, %d failed, %d skipped"):format(name, passed, failed, skipped or 0)
   print(counts)
   if os.getenv("TUYA_COUNTS") then
      local file = assert(io.open(os.getenv("TUYA_COUNTS"), "a"))
      file:write(counts, "\n")
      file:close()
   end
   os.exit(failed == 0 and 0 or 1)
end

return beside

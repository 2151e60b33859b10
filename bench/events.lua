-- events.lua: what an event costs:  events.lua raw|ours COUNT
-- Prints the CPU microseconds of one. raw: its frame, envelope and text decoded by cjson, its data by base64 and
-- OpenSSL, each once, and nothing else; ours: the same frame from the WebSocket's queue to a handler that has returned,
-- and its acknowledgement.

local cjson = require("cjson").new()
local core = require("tuya.core")
local events = require("tuya.events")
local json = require("tuya.json")

local way, count = arg[1], tonumber(arg[2])

local SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01"
local key = core.key(SECRET)
local frames = {}
for i = 1, count do
   local t = 1700000000000 + i
   local text = json.encode { dataId = core.nonce(), devId = "vdevo161563811262429", productKey = "simsocketcz00001",
      status = { { code = "countdown_1", value = i, t = t, ["9"] = tostring(i) } } }
   local data = key:make_message(text, "pulsar", "gcm", nil, core.nonce():sub(1, 12))
   local envelope = json.encode { data = data, protocol = 4, pv = "2.0", t = t, sign = "" }
   frames[i] = json.encode { messageId = "M" .. i, payload = core.to_base64(envelope), properties = { em = "aes_gcm" },
      publishTime = t, redeliveryCount = 0 }
end

local function raw()
   local decode = cjson.decode
   for i = 1, count do
      local frame = decode(frames[i])
      local envelope = decode(core.from_base64(frame.payload))
      decode((key:open_message(envelope.data, "pulsar", "gcm")))
   end
end

local handled = 0

local function ours()
   local function nothing() end
   local now = 0
   local context = {
      key = key, access_id = "x", wire = { endpoint = "http://127.0.0.1:1" }, flush = nothing, connect_timeout = 5,
      monotonic = function() return now end, transport = { now = function() return now end },
   }
   local made = assert(events.new(context, {}, { via = "pulsar" }))
   local at = 0
   local channel = made.channel
   channel.stream:opened()
   channel.heard = 0
   channel.socket = {
      tick = function() return "open" end,
      take = function()
         at = at + 1
         return frames[at], frames[at] and "text"
      end,
      send = nothing,
   }
   made.face:on { function() handled = handled + 1 end }
   while at < count do made:tick(math.huge, error) end
end

collectgarbage()
local start = os.clock()
if way == "raw" then raw() else ours() end
print(("%.2f %d"):format((os.clock() - start) * 1e6 / count, handled))

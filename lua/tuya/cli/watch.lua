--- cli/watch.lua: `tuya watch`: what the cloud pushes, a line each.
-- The idea: a loop over `client:events`; how the stream stands goes to stderr, so that stdout has events alone.
-- The danger: a stream that looks alive and is not; every change of its state is told, with what helps.
-- @module tuya.cli.watch

local account = require("tuya.cli.account")
local bytes = require("tuya.bytes")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local screen = require("tuya.cli.screen")

local watch = { name = "watch", summary = "Show events of devices as they come." }

function watch.describe(command)
   command:argument("device", "Ids of devices; all of the project if none is named."):args("*")
   account.describe(command)
   command:option("--via", "How they come: pulsar or mqtt.", "pulsar"):choices({ "pulsar", "mqtt" })
   command:option("--environment", "Of the console's messaging rule, over Pulsar."):choices({ "event", "event-test" })
end

local function shown(value)
   if type(value) == "table" or type(value) == "string" then return json.encode(value) or "?" end
   return tostring(value)
end

local function in_words(event)
   local words = {
      event.time and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(event.time / 1000)) or "-",
      event.device or "-", event.kind,
   }
   for _, code in ipairs(bytes.names(event.changes)) do
      words[#words + 1] = code .. "=" .. shown(event.changes[code])
   end
   words[#words + 1] = event.name and "name=" .. shown(event.name)
   return screen.plain(table.concat(words, " "))
end

-- What the JSON library cannot write exactly, a number of twenty digits say, as its text.
local function writable(values)
   local copy = {}
   for code, value in next, values do copy[code] = json.encode { value } and value or tostring(value) end
   return copy
end

local function as_json(event)
   local line = {
      kind = event.kind, device = event.device, product = event.product, time = event.time, id = event.id,
      changes = next(event.changes) and event.changes or nil, name = event.name, via = event.via, raw = event.raw,
      untyped = event.untyped,
   }
   local text = json.encode(line)
   if text then return text end
   line.raw, line.changes = nil, line.changes and writable(line.changes)
   return assert(json.encode(line))
end

local function tell(text)
   io.stderr:write("tuya: ", screen.plain(text), "\n")
end

local function is_wanted(given, event)
   for _, id in ipairs(given.device) do
      if id == event.device then return true end
   end
   return given.device[1] == nil
end

-- The log of the client, where the stream's state and what it refuses are told.
local function new_log(status_of)
   return function(event)
      if event.event == "refused" then return tell(event.message) end
      if event.event ~= "stream" then return end
      if event.state == "open" then return tell("connected") end
      if event.state == "renewing" then return tell(("not renewed yet: %s"):format(tostring(event.message))) end
      local status = status_of()
      tell(("%s; again in %.0f s"):format(tostring(event.message), status.retry_in or 0))
      if status.advice then tell(status.advice) end
   end
end

-- Tells which of the devices that were named the project does not have. Where the cloud is not reached, the stream will
-- say so.
local function tell_unknown(client, ids)
   for _, id in ipairs(ids) do
      local list, _, detail = ending.attempt(client.devices, client, { ids = { id } }):all()
      if detail and detail.kind ~= "api" then return end
      if not list or not list[1] then
         tell(("the project has no device %s, or may not read it: nothing will come of it"):format(id))
      end
   end
end

function watch.run(given)
   local settings, events = account.settings(given), nil
   settings.log = new_log(function() return events:status() end)
   local client = ending.attempt(require("tuya").client, settings)
   events = ending.attempt(client.events, client, { via = given.via, environment = given.environment })
   tell_unknown(client, given.device)
   local is_silent = false
   while true do
      for event in events:each(5) do
         if is_wanted(given, event) then screen.write(given.json and as_json(event) or in_words(event), "\n") end
      end
      local status = events:status()
      if status.state == "silent" and not is_silent then tell(status.advice) end
      is_silent = status.state == "silent"
   end
end

return watch

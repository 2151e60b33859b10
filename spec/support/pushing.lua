-- pushing.lua: a simulated cloud that listens in this process, and a client of it; both are ticked.
local simulator = require("tuya.simulator")
local tuya = require("tuya")

local pushing = {
   ID = "ak0123456789abcdef01",
   SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01",
   SOCKET = "vdevo161563811262429",
}

local methods = {}
local metatable = { __index = methods }

--- Makes them. changes: options of the client besides; how: of `listen`; home: of the simulated cloud
function pushing.new(changes, how, home)
   local made = setmetatable({ log = {}, events = {} }, metatable)
   made.sim = assert(simulator.new { access_id = pushing.ID, access_secret = pushing.SECRET, seed = 1, home = home })
   made.listener = assert(made.sim:listen(0, how))
   local options = {
      access_id = pushing.ID, access_secret = pushing.SECRET, endpoint = made.listener.url,
      log = function(event) table.insert(made.log, event) end,
   }
   if made.listener.ca then
      made.ca_file = os.tmpname()
      local file = io.open(made.ca_file, "w")
      file:write(made.listener.ca)
      file:close()
      options.ca_file = made.ca_file
   end
   for name, value in pairs(changes or {}) do options[name] = value end
   made.client = tuya.client(options)
   return made
end

--- Ticks both until the condition holds; false when it does not within 20 s.
--- What handlers raise first meanwhile is kept in `raised`.
function methods:until_so(condition)
   local stop = os.time() + 20
   while not condition() do
      if os.time() > stop then return false end
      self.listener:tick(0.002)
      local _, errors = self.client:tick(0.002)
      self.raised = self.raised or errors
   end
   return true
end

--- Starts to receive; keeps every event in `events`.
function methods:receive(given)
   given = given or {}
   given.via = given.via or "pulsar"
   self.stream = self.client:events(given)
   self.stream:on { function(event) table.insert(self.events, event) end }
   assert(self:until_so(function() return self.stream:status().state == "open" end))
   -- the listener has seen the consumer when a first message arrives
   self.listener:tick(0.01)
   return self.stream
end

--- Watches a stream: no value of a data point may come twice. Answers the last of each.
function methods.each_once(_, stream)
   local state, seen = {}, {}
   stream:on { function(event)
      for code, value in pairs(event.changes) do
         assert(not seen[value], "told twice")
         seen[value], state[code] = true, value
      end
   end }
   return state
end

--- Changes the countdown from 1 to 400, each at a moment of its own; `at(i)` is called after each.
function methods:count_down(at)
   local t = 1700000000000
   self.sim._clock = function()
      t = t + 1
      return t
   end
   for i = 1, 400 do
      self.sim:set(pushing.SOCKET, "countdown_1", i)
      at(i)
      if i % 20 == 0 then self:until_so(function() return true end) end
   end
end

--- The cloud goes away and comes again, where it was; what it has not been told was received is there still.
function methods:restart()
   local port, stop = self.listener.port, os.time() + 5
   self.listener:close()
   repeat
      self.listener = self.sim:listen(port)
   until self.listener or os.time() > stop
   assert(self.listener, "the port is taken")
end

function methods:close()
   self.client:close()
   self.listener:close()
   if self.ca_file then os.remove(self.ca_file) end
end

return pushing

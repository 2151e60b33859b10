-- The Lua blocks of README.md and docs/*.md are run, each as it stands, in a world made for it here. A row knows
-- its block by something that stands in it. A block without a row has to compile at least, and counts as skipped.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")
local lfs = require("lfs")
local tuya = require("tuya")

local SOCKET, DOOR, THERMOSTAT = cloud.SOCKET, "vdevo161563811262432", "vdevo161563811262431"

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- The Lua blocks of a page, each with the lines before it empty, so that a failure names the page's line.
local function blocks_of(path)
   local list, block, lines = {}, nil, 0
   for line in (read(path) .. "\n"):gmatch("(.-)\n") do
      lines = lines + 1
      if line == "```lua" then block = { ("\n"):rep(lines) }
      elseif line == "```" and block then
         list[#list + 1] = table.concat(block)
         block = nil
      elseif block then block[#block + 1] = line .. "\n" end
   end
   return list
end

-- All of them as one program.
local function program_of(path)
   local program, lines = {}, 0
   for i, block in ipairs(blocks_of(path)) do
      program[i] = block:sub(lines + 1) -- the lines of the blocks before it are there already
      lines = select(2, table.concat(program):gsub("\n", "")) + 0
   end
   return table.concat(program)
end

local ENOUGH = {} -- what ends a block that goes on for ever

-- Runs a text as a program that has these globals besides.
local function run(text, name, globals, ...)
   local environment = setmetatable(globals, { __index = _G })
   local chunk
   if setfenv then -- luacheck: ignore 113
      chunk = setfenv(assert(loadstring(text, "@" .. name)), environment) -- luacheck: ignore 113
   else chunk = assert(load(text, "@" .. name, "t", environment)) end
   return chunk(...)
end

local function endless(text, name, globals)
   local ok, trouble = pcall(run, text, name, globals)
   assert.is_false(ok)
   if trouble ~= ENOUGH then error(trouble, 0) end
end

-- A print that keeps what it was given.
local function printer()
   local printed = {}
   return function(...)
      local words = {}
      for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
      printed[#printed + 1] = table.concat(words, " ")
   end, printed
end

-- The module tuya, whose clients are of the simulated cloud whatever they are given besides; `clients` lists them.
local function module_of(made, clients)
   return setmetatable({
      client = function(given)
         local options = { store = given.store, budget = given.budget, login = given.login }
         if type(options.store) == "string" then options.store = nil end -- not into a directory of this machine's
         local client = cloud.new(options, function(request) return made.simulator:handle(request) end).client
         table.insert(clients or {}, client)
         return client
      end,
   }, { __index = tuya })
end

local function requiring(modules)
   return function(name) return modules[name] or require(name) end
end

-- Pages that are one program from their first block to the last.
local function in_the_house(calls)
   return { whole = function(text, path)
      local made = cloud.new(nil, nil, house)
      run(text, path, { client = made.client, print = (printer()) })
      assert.is_true(#made.transport.requests > calls, #made.transport.requests)
   end }
end

local has_websocket = pcall(require, "tuya.websocket")
local is_puc_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

-- Runs a block as a task beside a cloud that pushes; `at_work` is called in every round.
local function while_pushing(text, path, given)
   if not has_websocket then return pending("tuya.websocket is not built: libwslay is not there") end
   local made = require("spec.support.pushing").new()
   local tasks = require("tuya.scheduler").new(made.client)
   local globals = given(made, tasks)
   local task = tasks:spawn(function()
      return run(text, path, globals)
   end)
   local stop = os.time() + 20
   while task:status() == "running" and os.time() < stop and not globals.enough() do
      tasks:tick(0.002)
      made.listener:tick(0.002)
      if globals.at_work then globals.at_work() end
   end
   local status, trouble = task:status()
   task:cancel()
   made:close()
   assert.is_true(status == "done" or globals.enough(), trouble or status)
end

local EVENTS = {
   -- a program's own loop, which ends here with the first event
   ["events:on {"] = function(text, path)
      if not has_websocket then return pending("tuya.websocket is not built: libwslay is not there") end
      local made = require("spec.support.pushing").new()
      local print, printed = printer()
      local client = { events = function(_, options) return made.client:events(options) end }
      function client.tick()
         made.client:tick(0.002)
         made.listener:tick(0.002)
         if #printed == 0 then made.sim:set(SOCKET, "switch", not made.sim:device(SOCKET).values.switch) end
         if printed[1] then error(ENOUGH, 0) end
      end
      endless(text, path, { client = client, lamp = SOCKET, print = print })
      made:close()
      assert.matches("^" .. SOCKET .. " %a+ %d+$", printed[1])
   end,
   ["events:each()"] = function(text, path)
      if is_puc_51 then return pending("on Lua 5.1 an iterator cannot wait in a task") end
      local print, printed = printer()
      while_pushing(text, path, function(made)
         return {
            events = has_websocket and made.client:events { via = "pulsar" }, print = print,
            at_work = function() made.sim:set_online(SOCKET, not made.sim:device(SOCKET).online) end,
            enough = function() return printed[1] ~= nil end,
         }
      end)
   end,
   ["client:home()"] = function(text, path)
      local print, printed = printer()
      while_pushing(text, path, function(made)
         return {
            client = made.client, door = DOOR, thermostat = THERMOSTAT, print = print,
            at_work = function()
               local values = made.sim:device(DOOR).values
               if not values.doorcontact_state then made.sim:set(DOOR, "doorcontact_state", true) end
            end,
            enough = function() return false end,
         }
      end)
      assert.equal(tostring(20.8), printed[1]) -- as print writes it, in a locale with a comma too
   end,
}

EVENTS['via = "mqtt"'] = function(text, path)
   if not pcall(require, "tuya.mqtt") then return pending("tuya.mqtt is not built: libmosquitto is not there") end
   local made, stream = cloud.new(), nil
   run(text, path, { client = { events = function(_, given)
      stream = made.client:events(given)
      return stream
   end } })
   assert.equal("waiting", stream:status().state) -- for the first tick
   made.client:close()
end

local TICKS = {
   ["client:start({"] = function(text, path)
      local made = cloud.new(nil, nil, house)
      local shown
      run(text, path, { client = made.client, id = "coffee", show = function(device) shown = device end, log = error })
      while made.client:tick(1) > 0 do assert.is_nil(shown) end
      assert.equal("Coffee machine", shown.name)
   end,
   ["client:start(function"] = function(text, path)
      local made = cloud.new(nil, nil, house)
      local print, printed = printer()
      run(text, path, { client = made.client, print = print })
      while made.client:tick(1) > 0 do assert.equal(0, #printed) end
      assert.same({ "true" }, printed)
   end,
   ["scheduler:spawn"] = function(text, path)
      local made = cloud.new()
      local fake = require("tuya.scheduler").new(made.client)
      local rounds = 0
      local sensor = { status = function()
         rounds = rounds + 1
         if rounds == 3 then error(ENOUGH, 0) end -- or its beat would go on for ever
         return { pir = "pir" }
      end }
      local lit = 0
      local ok, message = pcall(run, text, path, {
         client = made.client, plug = made.client:device(SOCKET), sensor = sensor,
         lamp = { send = function(_, values) lit = lit + (values.switch_led and 1 or 0) end },
         assert = function(...) return ... end, -- of run(), which tells of the beat that ends
         require = requiring { ["tuya.scheduler"] = { new = function() return fake end } },
      })
      assert.is_true(ok, message)
      assert.equal(2, lit)
      assert.is_false(made.simulator:device(SOCKET).values.switch)
   end,
   ["tuya.transport.fake"] = function(text, path)
      local simulator = require("tuya.simulator").new { access_id = cloud.ID, access_secret = cloud.SECRET }
      local asked
      local own = setmetatable({ client = function(given)
         given.access_id, given.access_secret, given.endpoint = cloud.ID, cloud.SECRET, cloud.ENDPOINT
         given[1] = nil
         asked = tuya.client(given):get("/v1.0/devices/" .. SOCKET)
      end }, { __index = tuya })
      -- the cloud's clock is the machine's, the client's stands still elsewhere: it is set right by the first answer
      run(text, path, { cloud = simulator, tuya = own, my_digits = function() return ("0"):rep(32) end })
      assert.equal(SOCKET, asked.id)
   end,
}

local SIMULATOR = {
   ["simulator.new {"] = function(text, path)
      local made
      local real = require("tuya.simulator")
      local print, printed = printer()
      run(text, path, {
         print = print,
         require = requiring { ["tuya.simulator"] = { new = function(given)
            made = real.new(given)
            made:set(SOCKET, "switch", true) -- the rule's part
            return made
         end } },
      })
      assert.equal("Front door doorcontact_state true", printed[2])
   end,
   ["listener:tick"] = function(text, path)
      local sim = require("tuya.simulator").new { access_id = cloud.ID, access_secret = cloud.SECRET }
      if not pcall(require, "tuya.httpd") then return pending("tuya.httpd is not built") end
      local print, printed = printer()
      local listener
      endless(text, path, { print = print, sim = { listen = function(_, port)
         listener = assert(sim:listen(port))
         return { url = listener.url, tick = function() error(ENOUGH, 0) end }
      end } })
      listener:close()
      assert.matches("^http://127.0.0.1:%d+$", printed[1])
   end,
   ["server:wait"] = function(text, path)
      if not pcall(require, "tuya.httpd") then return pending("tuya.httpd is not built") end
      run(text:gsub("server:wait%(1%)", "server:wait(0)"), path, {})
   end,
}

local PAGES = {
   ["README.md"] = {
      ["region = \"eu\""] = function(text, path)
         local made = cloud.new()
         local print, printed = printer()
         run(text, path, { print = print, require = requiring { tuya = module_of(made) } })
         assert.is_true(made.simulator:device(SOCKET).values.switch)
         assert.equal("true", printed[1])
         assert.matches("1106", printed[2], 1, true) -- there is no device id1
      end,
      ["sealed:canonical"] = function(text, path)
         local print, printed = printer()
         local simulator = require("tuya.simulator").new {
            access_id = cloud.ID, access_secret = cloud.SECRET, accept_token = ("0"):rep(32),
            home = { devices = { { id = "x", name = "X", category = "cz", product_id = "p", data_points = {
               { dp_id = 1, code = "switch", type = "Boolean", writable = true },
            } } } },
         }
         local transport = require("tuya.transport.fake").new(function(request) return simulator:handle(request) end)
         run(text, path, {
            tuya = tuya, id = cloud.ID, secret = cloud.SECRET, token = ("0"):rep(32), print = print,
            require = requiring { ["tuya.transport.curl"] = { new = function() return transport end } },
         })
         assert.is_true(simulator:device("x").values.switch)
         assert.matches("^POST\n%x+\n\n/v1.0/devices/", printed[1])
      end,
   },
   ["docs/budget.md"] = {
      ["client:usage"] = function(text, path)
         local print, printed = printer()
         run(text, path, { tuya = module_of(cloud.new()), print = print })
         assert.equal("0 26000 0", printed[1])
      end,
   },
   ["docs/data-points.md"] = in_the_house(8),
   ["docs/devices.md"] = in_the_house(12),
   ["docs/homes.md"] = in_the_house(30),
   ["docs/embedding.md"] = {
      ["scheduler:tick"] = function(text, path)
         run(text, path, { scheduler = require("tuya.scheduler").new(cloud.new().client) })
      end,
   },
   ["docs/events.md"] = EVENTS,
   ["docs/messages.md"] = {
      ["open_message"] = function(text, path)
         local messages = require("spec.support.messages")
         local pulsar, mqtt = messages["pulsar-gcm-constructed"], messages["mqtt-gcm-2.0-published"]
         local opened = {}
         run(text, path, {
            envelope = { data = pulsar.data, t = tonumber(pulsar.t) }, properties = { em = "aes_gcm" },
            access_secret = pulsar.secret, payload = { data = mqtt.data, t = tonumber(mqtt.t) },
            config = { password = mqtt.secret },
            tuya = { open_message = function(...)
               opened[#opened + 1] = assert(tuya.open_message(...))
               return opened[#opened]
            end },
         })
         assert.same({ pulsar.text, mqtt.text }, opened)
      end,
   },
   ["docs/simulator.md"] = SIMULATOR,
   ["docs/ticks.md"] = TICKS,
   ["docs/tokens.md"] = {
      ["login = { username"] = function(text, path)
         local clients = {}
         run(text, path, {
            id = cloud.ID, secret = cloud.SECRET, password = "a house in 2024", tuya = module_of(cloud.new(), clients),
         })
         assert.equal("bay1563811262429Simu", clients[1]:uid())
      end,
      ["project:authorization_url"] = function(text, path)
         local made, clients = cloud.new(), {}
         run(text, path, {
            id = cloud.ID, secret = cloud.SECRET, state = "s", store = made.store, code = made.simulator:authorize(),
            tuya = module_of(made, clients),
         })
         assert.equal(3, #clients)
         assert.equal("bay1563811262429Simu", clients[3]:uid())
      end,
      ["tuya.store.new"] = function(text, path)
         local made, names = cloud.new(), {}
         run(text, path, {
            id = cloud.ID, secret = cloud.SECRET,
            tuya = setmetatable({ store = { new = function(name)
               names[#names + 1] = name
               return tuya.store.new()
            end } }, { __index = module_of(made) }),
         })
         assert.same({ "file:/var/lib/rules/tuya" }, names)
      end,
   },
}

describe("the examples of", function()
   local paths = { "README.md" }
   for name in lfs.dir("docs") do
      if name:find("%.md$") then paths[#paths + 1] = "docs/" .. name end
   end
   table.sort(paths)
   for _, path in ipairs(paths) do
      local rows = PAGES[path] or {}
      if rows.whole then
         it(path .. " run, one after the other", function()
            rows.whole(program_of(path), path)
         end)
      else
         it(path .. " are those that are run here", function()
            local text = read(path)
            for key in pairs(rows) do assert.is_truthy(text:find(key, 1, true), "no block has " .. key) end
         end)
         for i, block in ipairs(blocks_of(path)) do
            it(("%s run: the %d. block"):format(path, i), function()
               for key, row in pairs(rows) do
                  if block:find(key, 1, true) then return row(block, path) end
               end
               assert((loadstring or load)(block, "@" .. path)) -- luacheck: ignore 113
               pending("no row of this spec runs it; it compiles")
            end)
         end
      end
   end
end)

describe("examples/morning.lua", function()
   it("opens the curtains, warms the room and says what did not work", function()
      local made = cloud.new(nil, nil, house)
      local print, printed = printer()
      local own = setmetatable({ client = function() return made.client end }, { __index = tuya })
      run(read("examples/morning.lua"), "examples/morning.lua", {
         print = print,
         require = requiring { tuya = own },
      })
      made.transport:sleep(30)
      local curtain = made.simulator:device("curtain").values
      assert.equal(100, curtain.percent_state)
      assert.equal(215, made.simulator:device("radiator").values.temp_set)
      assert.is_true(made.simulator:device("coffee").values.switch_1)
      assert.same({ "Front door is closed", "Garden socket is offline" }, printed)
   end)
end)

-- The documentation covers what is public: every function has an LDoc block, and its type in meta.lua.
local cloud = require("spec.support.cloud")
local curl = require("tuya.transport.curl")
local tuya = require("tuya")

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

local meta = read("lua/tuya/meta.lua")

-- The names of the functions in a table, sorted.
local function functions(of)
   local names = {}
   for name, value in pairs(of) do
      if type(value) == "function" and name:sub(1, 1) ~= "_" then names[#names + 1] = name end
   end
   table.sort(names)
   return names
end

-- Whether the comment that stands right before the definition of a name begins with "---".
local function has_ldoc(source, name)
   local first -- of the comment that is open
   for line in source:gmatch("[^\n]*") do
      local comment = line:match("^%s*(%-%-%-?)")
      if comment then first = first or comment
      elseif line ~= "" then
         local defined = line:find("[.:]" .. name .. " ?%(") or line:find("[.:]" .. name .. " = ")
         if defined and not line:find("^%s*return") and first == "---" then return true end
         first = nil
      end
   end
   return false
end

local methods_of = function(object) return debug.getmetatable(object).__index end

local made = cloud.new()
assert.is_nil(made.client.no_such_method) -- loads the parts that have methods for it
local store_path = os.tmpname()
local file_store = require("tuya.store").new("file:" .. store_path)
os.remove(store_path)
os.remove(store_path .. ".lock")
local handle = made.client:start({ method = "GET", path = "/" }, function() end)
local tasks = require("tuya.scheduler").new(made.client)
local gateway = {} -- made in nginx only
for name in read("lua/tuya/openresty.lua"):gmatch("\nfunction methods:(%w+)") do gateway[name] = print end
local PUBLIC = {
   { "tuya", tuya, "lua/tuya/init.lua" },
   { "json", tuya.json, "lua/tuya/json.lua" },
   { "client", methods_of(made.client), "lua/tuya/client.lua", "lua/tuya/beside.lua",
      "lua/tuya/devices.lua", "lua/tuya/homes.lua", "lua/tuya/infrared.lua" },
   { "handle", methods_of(handle), "lua/tuya/beside.lua" },
   { "scheduler", methods_of(tasks), "lua/tuya/scheduler.lua" },
   { "task", methods_of(tasks:spawn(function() end)), "lua/tuya/scheduler.lua" },
   { "home", methods_of(select(2, require("tuya.mirror").new({}, { monotonic = os.time, clock = os.time, offset = 0 }, {
      attach = function(self, one) self.one = one end,
      tick = function(self)
         self.one:tick()
         return true, 0
      end,
   }, {
      events = function()
         return { on = function() end, status = function() return { state = "open", connects = 1, refused = 0 } end }
      end,
      statuses = function(_, on_done)
         on_done({})
         return true
      end,
   }))), "lua/tuya/mirror.lua" },
   { "events", methods_of(require("tuya.events").new({
      key = tuya.key(("x"):rep(32)), wire = { endpoint = "http://127.0.0.1:1" }, monotonic = os.time,
   }, nil, { via = "pulsar" }).face), "lua/tuya/events.lua" },
   { "device", methods_of(made.client:device("x")), "lua/tuya/device.lua" },
   { "space", require("tuya.homes").CLASSES.space, "lua/tuya/homes.lua", "lua/tuya/scenes.lua" },
   { "room", require("tuya.homes").CLASSES.room, "lua/tuya/homes.lua" },
   { "scene", require("tuya.homes").CLASSES.scene, "lua/tuya/scenes.lua" },
   { "automation", require("tuya.homes").CLASSES.automation, "lua/tuya/scenes.lua" },
   { "member", require("tuya.homes").CLASSES.member, "lua/tuya/homes.lua" },
   { "remote", require("tuya.infrared").CLASSES.remote, "lua/tuya/infrared.lua" },
   { "infrared", require("tuya.infrared").CLASSES.infrared, "lua/tuya/infrared.lua" },
   { "pager", methods_of(made.client:devices()), "lua/tuya/pager.lua" },
   { "transport", methods_of(curl.new { endpoint = "http://x" }), "lua/tuya/transport/curl.lua" },
   { "store", made.store, "lua/tuya/store/memory.lua" },
   { "store", file_store, "lua/tuya/store/file.lua" },
   { "store", methods_of(require("tuya.store").new("redis://127.0.0.1")), "lua/tuya/store/redis.lua" },
   { "gateway", gateway, "lua/tuya/openresty.lua" },
   { "key", methods_of(tuya.key("x")) },
   { "simulator", methods_of(made.simulator), "lua/tuya/simulator/init.lua" },
   { "sealed", methods_of(tuya.sign({ method = "GET", path = "/" }, { access_id = "x", key = tuya.key("x") })) },
}

describe("the documentation", function()
   for _, entry in ipairs(PUBLIC) do
      local class, object, sources = entry[1], entry[2], {}
      for i = 3, #entry do sources[#sources + 1] = read(entry[i]) end
      for _, name in ipairs(functions(object)) do
         it("has " .. class .. "." .. name, function()
            assert.is_truthy(meta:find("\nfunction " .. class .. "[.:]" .. name .. "%("), "not in meta.lua")
            if sources[1] then assert.is_true(has_ldoc(table.concat(sources, "\n"), name), "no LDoc block") end
         end)
      end
   end

   it("names no function that is not there", function()
      local known = {}
      for _, entry in ipairs(PUBLIC) do
         for _, name in ipairs(functions(entry[2])) do known[entry[1] .. name] = true end
      end
      for class, name in meta:gmatch("\nfunction (%w+)[.:]([%w_]+)") do
         assert.is_true(known[class .. name], class .. "." .. name)
      end
   end)

   it("names every option of a simulated cloud, and no other", function()
      local block = meta:match("%-%-%-@class tuya.simulator.options\n(.-)\n\n")
      local source = read("lua/tuya/simulator/init.lua"):match("local OPTIONS = options.known {(.-)\n}")
      local named, known = {}, {}
      for name in block:gmatch("@field ([%w_]+)%?") do named[name] = true end
      for name in source:gmatch("([%w_]+) = \"") do known[name] = true end
      assert.same(known, named)
   end)

   -- The names of the fields of a class in meta.lua, and of those after it; sorted.
   local function fields_of(classes)
      local names = {}
      for class in classes:gmatch("[%w_.]+") do
         local block = meta:match("%-%-%-@class " .. class:gsub("%.", "%%.") .. "[^\n]*\n(.-)\n\n")
         for name in block:gmatch("@field ([%w_]+)") do names[#names + 1] = name end
      end
      table.sort(names)
      return names
   end

   for place, classes in pairs {
      ["request.lua FIELDS"] = "tuya.request.spec",
      ["client.lua OPTIONS"] = "tuya.client.options",
      ["client.lua CALL"] = "tuya.call.spec tuya.call.options",
      ["budget.lua OPTIONS"] = "tuya.budget",
      ["diagnose.lua KNOWN"] = "tuya.known",
      ["message.lua OPTIONS"] = "tuya.open_message.options",
      ["events.lua OPTIONS"] = "tuya.events.options",
      ["mirror.lua HOME"] = "tuya.home.options",
      ["device.lua SEND"] = "tuya.send.options",
      ["devices.lua DEVICES"] = "tuya.devices.options",
      ["transport/curl.lua OPTIONS"] = "tuya.transport.curl.options",
      ["openresty.lua OPTIONS"] = "tuya.openresty.options",
      ["simulator/init.lua OPTIONS"] = "tuya.simulator.options",
   } do
      it("names every option of " .. classes .. ", and no other", function()
         local path, list = place:match("^(%S+) (%S+)$")
         local source = read("lua/tuya/" .. path):match("\nlocal " .. list .. " = options.known (%b{})")
         local names = {}
         for name in source:gmatch("[{,\n] *([%w_]+) = ") do names[#names + 1] = name end
         table.sort(names)
         assert.same(names, fields_of(classes))
      end)
   end

   it("has a first comment in every file that says what it is", function()
      local lfs = require("lfs")
      local function walk(directory)
         for name in lfs.dir(directory) do
            local path = directory .. "/" .. name
            if name:sub(1, 1) ~= "." and lfs.attributes(path, "mode") == "directory" then walk(path)
            elseif name:find("%.lua$") then assert.matches("^%-%-", read(path), path)
            elseif name:find("%.[ch]$") then
               assert.equal("/*\n** " .. name .. ": ", read(path):sub(1, #name + 8), path)
            end
         end
      end
      walk("lua")
      walk("src")
   end)
end)

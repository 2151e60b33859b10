-- The layers: who may include and require whom. Arrows point down only.
local lfs = require("lfs")

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

-- The files under a directory whose names end so, with their paths.
local function files(directory, ending, found)
   found = found or {}
   for name in lfs.dir(directory) do
      local path = directory .. "/" .. name
      if name:sub(1, 1) ~= "." then
         if lfs.attributes(path, "mode") == "directory" then files(path, ending, found)
         elseif name:sub(-#ending) == ending then found[#found + 1] = path end
      end
   end
   table.sort(found)
   return found
end

-- What a C file includes, as a set.
local function includes(path)
   local set = {}
   for name in ("\n" .. read(path)):gmatch('\n%s*#%s*include%s*[<"]([^>"]+)[>"]') do set[name] = true end
   return set
end

-- What a Lua file requires of this project, as a list; text in comments does not count.
local function requires(path)
   local list = {}
   local code = read(path):gsub("%-%-[^\n]*", "")
   for name in code:gmatch('require%(?%s*"(tuya[^"]*)"') do list[#list + 1] = name end
   for name in code:gmatch('%f[%w]later%("(tuya[^"]*)"') do list[#list + 1] = name end
   return list
end

local LIBC = {}
for name in ("errno limits locale stddef stdint stdlib string time unistd pthread dlfcn poll sys/epoll sys/random "
   .. "sys/types netinet/in sys/socket stdarg stdbool sys/un sys/time sys/file sys/stat termios fcntl signal "
   .. "arpa/inet netdb"):gmatch("%S+") do
   LIBC[name .. ".h"] = true
end

-- What each C file may include besides libc: folder, then file where it differs.
local C_RULES = {
   ["src/core/"] = { "tuya%.h", "buf%.h", "hash%.h", "cipher%.h", "url%.h", "sealed%.h" },
   ["src/core/hash_openssl.c"] = { "hash%.h", "openssl/crypto%.h", "openssl/sha%.h", "openssl/md5%.h" },
   ["src/core/cipher_openssl.c"] = { "cipher%.h", "openssl/err%.h", "openssl/evp%.h" },
   ["src/curl/"] = { "tuya%.h", "tuya_curl%.h", "watch%.h", "mask%.h", "dial%.h", "ca%.h", "curl/curl%.h" },
   ["src/curl/ca.c"] = { "ca%.h", "openssl/.*" },
   ["src/lua/"] = { "compat%.h", "http%.h", "system%.h", "values%.h", "lua%.h", "lauxlib%.h" },
   ["src/lua/core.c"] = { "compat%.h", "http%.h", "system%.h", "values%.h", "tuya%.h" },
   ["src/lua/curl.c"] = { "compat%.h", "pin%.h", "tuya_curl%.h", "tuya%.h" },
   ["src/file/"] = { "compat%.h" },
   ["src/websocket/"] = { "connection%.h", "frames%.h", "handshake%.h", "watch%.h" },
   ["src/websocket/connection.c"] = {
      "connection%.h", "dial%.h", "handshake%.h", "openssl/x509_vfy%.h",
   },
   ["src/websocket/frames.c"] = { "frames%.h", "wslay/wslay%.h" },
   ["src/websocket/handshake.c"] = { "handshake%.h", "openssl/crypto%.h", "openssl/evp%.h" },
   ["src/websocket/websocket.c"] = { "compat%.h", "pin%.h", "connection%.h", "handshake%.h", "watch%.h" },
   ["src/mqtt/"] = { "session%.h", "packets%.h", "resolve%.h", "tls%.h", "watch%.h", "dial%.h", "ca%.h" },
   ["src/mqtt/session.c"] = { "session%.h", "packets%.h", "resolve%.h", "tls%.h", "mosquitto%.h" },
   ["src/mqtt/tls.c"] = { "tls%.h", "openssl/.*" },
   ["src/mqtt/mqtt.c"] = { "compat%.h", "pin%.h", "session%.h", "ca%.h" },
   ["src/embed/"] = { "compat%.h", "tuya_embed%.h", "lua%.h", "lauxlib%.h" },
   ["src/httpd/"] = { "compat%.h", "microhttpd%.h" },
}

local function rule_of(path)
   return C_RULES[path] or C_RULES[path:match("^src/%w+/")]
end

local function may_include(path, name)
   if LIBC[name] then return true end
   for _, pattern in ipairs(rule_of(path) or {}) do
      if name:find("^" .. pattern .. "$") then return true end
   end
   return false
end

describe("the C layers", function()
   for _, ending in ipairs { ".c", ".h" } do
      for _, path in ipairs(files("src", ending)) do
         it("hold for " .. path, function()
            for name in pairs(includes(path)) do
               assert.is_true(may_include(path, name), path .. " includes " .. name)
            end
         end)
      end
   end

   it("would tell of an arrow that points up", function()
      assert.is_false(may_include("src/core/seal.c", "lua.h"))
      assert.is_false(may_include("src/core/seal.c", "openssl/sha.h"))
      assert.is_false(may_include("src/curl/pool.c", "compat.h"))
      assert.is_false(may_include("src/curl/pool.c", "openssl/ssl.h"))
      assert.is_false(may_include("src/lua/core.c", "curl/curl.h"))
   end)
end)

-- Lua modules by layer, the lowest first. A module may require those of lower layers, and no other of its own
-- unless it is named in SAME.
local LAYERS = {
   { "tuya.core", "tuya.curl", "tuya.file", "tuya.httpd", "tuya.websocket", "tuya.mqtt" },
   { "tuya.bytes", "tuya.decimal", "tuya.heap", "tuya.options", "tuya.json", "tuya.errors", "tuya.op", "tuya.clock",
      "tuya.jitter", "tuya.date", "tuya.later", "tuya.known", "tuya.store.memory", "tuya.store.file",
      "tuya.store.shm", "tuya.store.redis",
      "tuya.endpoint", "tuya.fold", "tuya.inflate", "tuya.reply", "tuya.target", "tuya.health" },
   { "tuya.regions", "tuya.request", "tuya.sign", "tuya.response", "tuya.store", "tuya.kept", "tuya.message",
      "tuya.transport.cosocket", "tuya.events.read", "tuya.events.sieve", "tuya.events.hub", "tuya.events.stream",
      "tuya.diagnose.capture", "tuya.diagnose.facts" },
   { "tuya.diagnose.variants", "tuya.diagnose.build", "tuya.diagnose.report" },
   { "tuya.diagnose.mistakes" },
   { "tuya.diagnose.pool" },
   { "tuya.diagnose.search" },
   { "tuya.diagnose" },
   { "tuya.budget", "tuya.lease" },
   { "tuya.exchange" },
   { "tuya.grant" },
   { "tuya.login", "tuya.token" },
   { "tuya.call" },
   { "tuya.drive", "tuya.ticker", "tuya.transport.curl", "tuya.transport.fake", "tuya.transport.resty" },
   { "tuya.points.text", "tuya.points.colour", "tuya.points.same", "tuya.edge", "tuya.inner",
      "tuya.events.bell", "tuya.flow", "tuya.space", "tuya.devices.named" },
   { "tuya.points", "tuya.points.specification", "tuya.generations", "tuya.pager" },
   { "tuya.specifications", "tuya.infrared", "tuya.events.pulsar", "tuya.events.mqtt" },
   { "tuya.events.typed", "tuya.history", "tuya.scenes.terms" },
   { "tuya.events", "tuya.mirror" },
   { "tuya.commands", "tuya.scenes" },
   { "tuya.device", "tuya.homes" },
   { "tuya.devices" },
   { "tuya.beside" },
   { "tuya.client" },
   { "tuya.scheduler", "tuya.openresty" },
   { "tuya" },
   { "tuya.cli.ending" },
   { "tuya.cli.raw" },
   { "tuya.cli.screen", "tuya.cli.account" },
   { "tuya.cli.call", "tuya.cli.token" },
   { "tuya.cli.simulate", "tuya.cli.sign", "tuya.cli.diagnose", "tuya.cli.devices", "tuya.cli.regions",
      "tuya.cli.manual", "tuya.cli.doctor", "tuya.cli.watch", "tuya.cli.login" },
   { "tuya.cli" },
}

local LEVEL = {}
for level, modules in ipairs(LAYERS) do
   for _, name in ipairs(modules) do LEVEL[name] = level end
end

local FLOWS = {}
for _, name in ipairs { "op", "clock", "kept", "lease", "budget", "exchange", "grant", "login", "token", "call" } do
   FLOWS["tuya." .. name] = true
end

local function module_of(path)
   return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local SIMULATOR = "^tuya%.simulator"
local SIMULATOR_MAY = {}
for _, name in ipairs { "tuya.bytes", "tuya.core", "tuya.decimal", "tuya.diagnose", "tuya.json", "tuya.httpd",
   "tuya.options", "tuya.regions" } do
   SIMULATOR_MAY[name] = true
end

describe("the Lua layers", function()
   for _, path in ipairs(files("lua", ".lua")) do
      local module = module_of(path)
      if module:find(SIMULATOR) then
         -- a product of its own: it verifies what was received, so it shares no signing half with the client
         it("hold for " .. path, function()
            for _, name in ipairs(requires(path)) do
               assert.is_true(SIMULATOR_MAY[name] or name:find(SIMULATOR) ~= nil, path .. " requires " .. name)
            end
         end)
      elseif module ~= "tuya.meta" then
         it("hold for " .. path, function()
            assert.is_truthy(LEVEL[module], module .. " has no layer: name it in this spec")
            for _, name in ipairs(requires(path)) do
               local simulated = module == "tuya.cli.simulate" and name:find(SIMULATOR)
               assert.is_true(simulated ~= nil and simulated ~= false or (LEVEL[name] or 99) < LEVEL[module],
                  path .. " requires " .. name)
            end
         end)
      end
   end

   it("stand in CONTRIBUTING.md: every file has a line there, and requires nothing of a line above it", function()
      local lines, number = {}, 0
      for line in (read("CONTRIBUTING.md"):match("\n```\n( bin/tuya.-)```") .. "\n"):gmatch("(.-)\n") do
         number = number + 1
         for name in line:match("^ ?(.-)$"):gsub("   .*", ""):gmatch("[%w]+") do lines["tuya." .. name] = number end
      end
      local function line_of(module) return lines[module:match("^tuya%.%w+") or "tuya.init"] end
      for _, path in ipairs(files("lua", ".lua")) do
         local module = module_of(path)
         if module ~= "tuya.meta" and not module:find(SIMULATOR) then
            assert.is_truthy(line_of(module), "CONTRIBUTING.md's layers do not name " .. module)
            for _, name in ipairs(requires(path)) do
               local below = name:find(SIMULATOR) or (line_of(name) or 0) >= line_of(module)
               assert.is_truthy(below, ("CONTRIBUTING.md has %s above %s, which it requires"):format(name, module))
            end
         end
      end
   end)

   it("leave I/O to transports and stores: flows call no pcall, no io, no os, no socket", function()
      for name in pairs(FLOWS) do
         local code = read("lua/" .. name:gsub("%.", "/") .. ".lua"):gsub("%-%-[^\n]*", "")
         for _, banned in ipairs { "pcall", "io%.", "os%.", "socket", "%f[%w]print%f[%W]", "xpcall" } do
            assert.is_nil(code:find("%f[%w]" .. banned), name .. " uses " .. banned)
         end
      end
   end)

   it("yield effects by op.yield, which nginx leaves alone", function() -- but a task, which is a coroutine of its host
      local MAY = { ["lua/tuya/op.lua"] = true, ["lua/tuya/scheduler.lua"] = true }
      for _, path in ipairs(files("lua/tuya", ".lua")) do
         local code = read(path):gsub("%-%-[^\n]*", "")
         local yields = code:find("coroutine%.yield")
         if not MAY[path] and not path:find("lua/tuya/simulator", 1, true) then assert.is_nil(yields, path) end
      end
   end)

   it("have one place a driver where an op meets a transport", function()
      local DRIVERS = { ["lua/tuya/drive.lua"] = "transport:send", ["lua/tuya/ticker.lua"] = "transport:start" }
      for _, path in ipairs(files("lua/tuya", ".lua")) do
         for driver, meeting in pairs(DRIVERS) do
            if path ~= driver and path ~= "lua/tuya/meta.lua" then
               assert.is_nil(read(path):gsub("%-%-[^\n]*", ""):find(meeting, 1, true), path)
            end
         end
      end
   end)
end)

describe("the C sources", function()
   local BANNED = {
      "printf", "sprintf", "snprintf", "strcpy", "strcat", "strncpy", "atoi", "alloca", "localtime", "setlocale",
      "curl_global_cleanup", "mosquitto_lib_cleanup", "OPENSSL_cleanup", "ERR_free_strings", "curl_multi_perform",
   }

   it("call nothing that is banned, and know no ctype", function()
      for _, path in ipairs(files("src", ".c")) do
         local code = read(path):gsub("/%*.-%*/", ""):gsub('"[^"\n]*"', '""')
         for _, name in ipairs(BANNED) do
            assert.is_nil(code:find("%f[%w_]" .. name .. "%s*%("), path .. " calls " .. name)
         end
         assert.is_nil(includes(path)["ctype.h"])
      end
   end)

   it("allocate nothing in the core", function()
      for _, path in ipairs(files("src/core", ".c")) do
         local code = read(path):gsub("/%*.-%*/", "")
         for _, name in ipairs { "malloc", "calloc", "realloc", "free", "strdup", "clock_gettime", "time", "getenv" } do
            assert.is_nil(code:find("%f[%w_]" .. name .. "%s*%("), path .. " calls " .. name)
         end
      end
   end)

   it("write no static but the once-flags of libraries that are initialised once, and the count of forks", function()
      local written = {}
      for _, path in ipairs(files("src", ".c")) do
         local code = read(path):gsub("/%*.-%*/", "")
         for line in code:gmatch("[^\n]+") do
            local is_function = line:find("^%s*static [^=(]*%(")
            if line:find("^%s*static ") and not line:find("const") and not is_function then
               written[#written + 1] = path .. ": " .. line:match("^%s*(.-)%s*$")
            end
         end
      end
      local flag = ": static pthread_once_t once = PTHREAD_ONCE_INIT;"
      assert.same({
         "src/curl/pool.c: static unsigned forks;", "src/curl/pool.c" .. flag, "src/mqtt/session.c" .. flag,
      }, written)
   end)
end)

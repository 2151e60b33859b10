local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

if not pcall(require, "tuya.httpd") then
   describe("tuya simulate", function()
      pending("needs the module tuya.httpd")
   end)
   return
end

local cqueues_socket = require("cqueues.socket")
local socket = require("socket")
local ssl_context = require("openssl.ssl.context")
local x509_store = require("openssl.x509.store")

local ROOT = debug.getinfo(1, "S").source:match("^@(.*/)") .. "../../"
local PATIENCE = 20 -- seconds until a spec gives up on what should come at once

--- The interpreter that runs this spec.
local function interpreter()
   local i = 0
   while arg and arg[i - 1] do
      i = i - 1
   end
   return i < 0 and arg[i] or (jit and "luajit" or "lua" .. _VERSION:match("[0-9.]+")) -- luacheck: ignore 113
end

local function quoted(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function contents(path)
   local file = io.open(path, "rb")
   local text = file and file:read("*a") or nil
   if file then
      file:close()
   end
   return text
end

--- The shell command that runs `tuya`, with environment variables before it.
local function command_line(arguments, environment)
   local words = { "env -u LUA_PATH_5_2 -u LUA_PATH_5_3 -u LUA_PATH_5_4 -u LUA_CPATH_5_2 -u LUA_CPATH_5_3" }
   words[#words + 1] = "-u LUA_CPATH_5_4 -u TUYA_ACCESS_ID -u TUYA_ACCESS_SECRET"
   words[#words + 1] = "LUA_PATH=" .. quoted(package.path) .. " LUA_CPATH=" .. quoted(package.cpath)
   for name, value in pairs(environment or {}) do
      words[#words + 1] = name .. "=" .. quoted(value)
   end
   words[#words + 1] = quoted(interpreter()) .. " " .. quoted(ROOT .. "bin/tuya") .. " " .. arguments
   return table.concat(words, " ")
end

local folder

--- Runs `tuya` to its end: exit code, stdout, stderr.
local function run(arguments, environment, input)
   local out, err, code = folder .. "out", folder .. "err", folder .. "code"
   os.execute(("%s <%s >%s 2>%s; echo $? >%s"):format(
      command_line(arguments, environment), input or "/dev/null", out, err, code
   ))
   return tonumber(contents(code)), contents(out), contents(err)
end

local child = {}
child.__index = child

local started

--- Starts `tuya` and keeps its stdin open.
local function start(arguments, environment, input)
   local self = setmetatable({ path = folder .. "child-" }, child)
   os.execute(("rm -f %s*; mkfifo %sin %sout"):format(self.path, self.path, self.path))
   local process = "echo $$ >" .. self.path .. "pid; exec " .. command_line(arguments, environment)
   os.execute(("{ sh -c %s <%s >%sout 2>%serr; echo $? >%scode.new; mv %scode.new %scode; } &"):format(
      quoted(process), input or self.path .. "in", self.path, self.path, self.path, self.path, self.path
   ))
   self.stdin = not input and assert(io.open(self.path .. "in", "w")) or nil
   self.stdout = assert(io.open(self.path .. "out", "r"))
   started = self
   return self
end

--- What `get` gives, as soon as it gives something.
local function wait_for(get)
   local deadline = socket.gettime() + PATIENCE
   while socket.gettime() < deadline do
      local value = get()
      if value then
         return value
      end
      socket.sleep(0.01)
   end
   error("what was waited for did not come", 2)
end

function child:stderr()
   return contents(self.path .. "err") or ""
end

--- Its exit code, once it has ended.
function child:code()
   return wait_for(function()
      return tonumber(contents(self.path .. "code"))
   end)
end

--- Closes its stdin; its exit code.
function child:finish()
   if self.stdin then
      self.stdin:close()
      self.stdin = nil
   end
   local code = self:code()
   self.stdout:close()
   started = nil
   return code
end

function child:signal(name)
   os.execute("kill -" .. name .. " " .. contents(self.path .. "pid"))
end

function child:has_ended()
   return contents(self.path .. "code") ~= nil
end

--- Asks it by HTTP; the envelope.
local function ask(port, request)
   local connection = assert(socket.connect("127.0.0.1", port))
   connection:settimeout(PATIENCE)
   local lines = { request.method .. " " .. request.target .. " HTTP/1.1", "Host: here", "Connection: close" }
   for name, value in pairs(request.headers) do
      lines[#lines + 1] = name .. ": " .. value
   end
   assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n"))
   local got = assert(connection:receive("*a"))
   connection:close()
   return support.decode((got:match("\r\n\r\n(.*)$")))
end

local PROJECT = { TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = support.SECRET }

local function now()
   return math.floor(socket.gettime() * 1000)
end

local function token_request(id, secret)
   return support.signed({ target = "/v1.0/token?grant_type=1", t = now(), id = id, secret = secret })
end

describe("tuya simulate", function()
   setup(function()
      folder = os.tmpname()
      os.remove(folder)
      os.execute("mkdir " .. folder)
      folder = folder .. "/"
   end)

   teardown(function()
      os.execute("rm -r " .. folder)
   end)

   after_each(function()
      if started and not started:has_ended() then
         started:signal("KILL")
      end
      started = nil
   end)

   it("prints the port alone, serves, and ends with its stdin", function()
      local tuya = start("simulate", PROJECT)
      local line = tuya.stdout:read("*l")
      assert.truthy(line:find("^[0-9]+$"))
      local envelope = ask(line, token_request())
      assert.is_true(envelope.success)
      assert.equal(7200, envelope.result.expire_time)
      assert.equal(0, tuya:finish())
      assert.is_nil(socket.connect("127.0.0.1", line))
   end)

   it("writes a line for each request on stderr, with no secret and no whole token", function()
      local tuya = start("simulate", PROJECT)
      local port = tuya.stdout:read("*l")
      local pair = ask(port, token_request()).result
      local target = "/v1.0/token/" .. pair.refresh_token
      ask(port, support.signed({ target = target, t = now(), secret = "another" }))
      ask(port, support.signed({ target = "/v1.0/devices", t = now(), token = pair.access_token }))
      tuya:finish()
      local short = pair.refresh_token:sub(1, 4)
      assert.equal(
         "GET /v1.0/token ok\nGET /v1.0/token/" .. short .. "... 1004 sign invalid (no known mistake explains it;"
            .. " most likely another secret was used)\nGET /v1.0/devices ok\n",
         tuya:stderr()
      )
   end)

   it("writes none with --quiet", function()
      local tuya = start("simulate --quiet", PROJECT)
      assert.is_true(ask(tuya.stdout:read("*l"), token_request()).success)
      tuya:finish()
      assert.equal("", tuya:stderr())
   end)

   it("makes up a project and says which", function()
      local tuya = start("simulate")
      local port = tuya.stdout:read("*l")
      local id, secret = tuya:stderr():match("TUYA_ACCESS_ID=(%x+) TUYA_ACCESS_SECRET=(%x+)\n")
      assert.is_true(ask(port, token_request(id, secret)).success)
      tuya:finish()
   end)

   it("takes a home and a token's lifetime", function()
      local tuya = start("simulate --token-ttl 60 " .. quoted(ROOT .. "examples/home.json"), PROJECT)
      local port = tuya.stdout:read("*l")
      local pair = ask(port, token_request()).result
      assert.equal(60, pair.expire_time)
      local request = support.signed({ target = "/v1.0/devices", t = now(), token = pair.access_token })
      assert.equal(5, ask(port, request).result.total)
      tuya:finish()
   end)

   it("lets calls go wrong by rule, and logs each as it comes, dropped or not", function()
      local log = folder .. "log.jsonl"
      local faults = " --fault 'GET /v1.0/token: drop 1' --fault 'GET /v1.0/token: 502 1'"
      local tuya = start("simulate --log " .. log .. faults, PROJECT)
      local port = tuya.stdout:read("*l")
      local request = token_request()
      assert.is_false(pcall(ask, port, request))
      assert.is_false(pcall(ask, port, request))
      assert.is_true(ask(port, request).success)
      local seen = {}
      for line in io.lines(log) do
         local entry = support.decode(line)
         local what = entry.fault or ("%d"):format(entry.code)
         seen[#seen + 1] = ("%s %s %s"):format(entry.path, what, tostring(entry.done))
         assert.equal(request.headers.sign:sub(1, 8), entry.sign)
      end
      assert.same({ "/v1.0/token drop false", "/v1.0/token 502 false", "/v1.0/token 0 true" }, seen)
      tuya:finish()
      assert.equal("GET /v1.0/token [drop]\nGET /v1.0/token [502]\nGET /v1.0/token ok\n", tuya:stderr())
   end)

   it("takes recorded requests with --accept-token and --no-clock-check #once", function()
      local folder_of = ROOT .. "spec/captures/"
      local known = support.decode(contents(folder_of .. "tinytuya-get-query-str.json"))
      local project = { TUYA_ACCESS_ID = "ak0123456789abcdef01", TUYA_ACCESS_SECRET = known.secret }
      local tuya = start("simulate --no-clock-check --accept-token " .. known.token, project)
      local port = tuya.stdout:read("*l")
      local codes = {}
      for i, name in ipairs({ "tinytuya-get-query", "tinytuya-get-query-str" }) do
         local connection = assert(socket.connect("127.0.0.1", port))
         connection:settimeout(PATIENCE)
         connection:send((contents(folder_of .. name .. ".http"):gsub("[Kk]eep%-[Aa]live", "close")))
         codes[i] = support.decode((connection:receive("*a"):match("\r\n\r\n(.*)$"))).code or 0
         connection:close()
      end
      assert.same({ 0, 1004 }, codes)
      tuya:finish()
      local line = "GET /v1.0/iot-03/devices 1004 sign invalid (the query is signed unsorted)"
      assert.truthy(tuya:stderr():find("\n" .. line .. "\n", 1, true))
   end)

   it("goes on from its state after kill -9 #once", function()
      local path = folder .. "state.json"
      local arguments = "simulate --state " .. path
      local tuya = start(arguments, PROJECT)
      local port = tuya.stdout:read("*l")
      local token = ask(port, token_request()).result.access_token
      local target = "/v1.0/devices/" .. support.SOCKET
      local delete = support.signed({ method = "DELETE", target = target, token = token, t = now() })
      assert.is_true(ask(port, delete).success)
      tuya:signal("KILL")
      assert.equal(137, tuya:finish())
      assert.is_nil(contents(path .. ".new"))
      assert.is_nil(contents(path):find(support.SECRET, 1, true))

      tuya = start(arguments, PROJECT)
      port = tuya.stdout:read("*l")
      assert.equal(1106, ask(port, support.signed({ target = target, token = token, t = now() })).code)
      assert.equal(token, ask(port, token_request()).result.access_token)
      assert.equal(0, tuya:finish())
   end)

   it("serves the projects of a file, in one data centre, with a clock that is off #once", function()
      local path = folder .. "projects.json"
      local file = io.open(path, "w")
      file:write(support.encode({
         projects = {
            { access_id = "first", access_secret = "one", algorithm = "v1" },
            { access_id = "second", access_secret = "two", data_centres = { "us" } },
         },
      }))
      file:close()
      local tuya = start("simulate --one-token --skew=-60000 --data-centre eu --projects " .. path)
      local port = tuya.stdout:read("*l")
      assert.equal("", tuya:stderr())
      local envelope = ask(port, support.signed({
         target = "/v1.0/token?grant_type=1", t = now(), id = "first", secret = "one", old = true,
      }))
      assert.is_true(envelope.success)
      assert.is_true(math.abs(now() - 60000 - envelope.t) < 30000)
      local token = ask(port, token_request("second", "two")).result.access_token
      assert.not_equal(token, ask(port, token_request("second", "two")).result.access_token)
      local again = ask(port, token_request("second", "two")).result.access_token
      local business = { target = "/v1.0/devices", t = now(), id = "second", secret = "two", token = again }
      assert.equal(28841107, ask(port, support.signed(business)).code)
      tuya:finish()
   end)

   it("does not mind what comes on its stdin", function()
      local tuya = start("simulate", PROJECT)
      local port = tuya.stdout:read("*l")
      tuya.stdin:write(("x"):rep(5000), "\n")
      tuya.stdin:flush()
      assert.is_true(ask(port, token_request()).success)
      assert.equal(0, tuya:finish())
   end)

   it("ends at once without stdin, but runs on with --forever", function()
      local code, out = run("simulate", PROJECT)
      assert.equal(0, code)
      assert.truthy(out:find("^[0-9]+\n$"))
      local tuya = start("simulate --forever", PROJECT, "/dev/null")
      local port = tuya.stdout:read("*l")
      assert.is_true(ask(port, token_request()).success)
      assert.is_false(tuya:has_ended())
      tuya:signal("TERM")
      assert.equal(143, tuya:finish())
   end)

   it("serves HTTPS with --tls; its CA file is there as long as it is", function()
      local tuya = start("simulate --tls", PROJECT)
      local port = tuya.stdout:read("*l")
      local path = tuya:stderr():match("CA file: ([^\n]+)\n")
      local store, context = x509_store.new(), ssl_context.new("TLS", false)
      store:add(path)
      context:setStore(store)
      context:setVerify(ssl_context.VERIFY_PEER)
      local connection = cqueues_socket.connect({ host = "127.0.0.1", port = port })
      connection:settimeout(PATIENCE)
      assert(connection:starttls(context))
      connection:setmode("bn", "bn")
      connection:write("GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
      assert.equal("HTTP/1.1 200 OK", (connection:read("*l"):gsub("\r$", "")))
      connection:close()
      assert.equal(0, tuya:finish())
      assert.is_nil(contents(path))
   end)

   it("ends by Ctrl-C without a traceback, and tidies up", function()
      local tuya = start("simulate --tls", PROJECT)
      tuya.stdout:read("*l")
      local path = tuya:stderr():match("CA file: ([^\n]+)\n")
      assert.truthy(contents(path))
      tuya:signal("INT")
      assert.equal(130, tuya:code())
      assert.equal("CA file: " .. path .. "\n", tuya:stderr())
      assert.is_nil(contents(path))
      tuya:finish()
   end)

   --- One clear line, nothing on stdout.
   local function assert_refused(code, pattern, arguments, environment)
      local got, out, err = run(arguments, environment)
      assert.equal(code, got)
      assert.equal("", out)
      assert.truthy(err:find("^tuya: [^\n]*" .. pattern .. "[^\n]*\n$"), err)
   end

   for arguments, pattern in pairs({
      [""] = "a command is required",
      ["fly"] = "unknown command 'fly'",
      ["simulate --fly"] = "unknown option '%-%-fly'",
      ["simulate a b"] = "too many arguments",
      ["simulate --port"] = "%-%-port",
      ["simulate --port x"] = "%-%-port must be a whole number from 0 to 65535, not 'x'",
      ["simulate --port 65536"] = "%-%-port must be",
      ["simulate --port -1"] = "%-",
      ["simulate --port 1.5"] = "%-%-port must be",
      ["simulate --token-ttl 0"] = "%-%-token%-ttl must be a whole number from 1 to",
      ["simulate --skew 1.5"] = "%-%-skew must be a whole number",
      ["simulate --data-centre mars"] = "unknown data centre",
      ["simulate --algorithm v3"] = "%-%-algorithm",
      ["simulate --projects /nowhere/p.json"] = "/nowhere/p%.json: No such file",
      ["simulate --projects p.json --algorithm v1"] = "stand in that file",
      ["simulate --state /dev"] = "%-%-state",
      ["simulate --state Makefile"] = "state: not a state of this version",
      ["simulate --fault 'GET /x: dorp'"] = "'dorp' is no fault",
      ["simulate --log /nowhere/log"] = "%-%-log: /nowhere/log: No such file",
      ["simulate /nowhere/home.json"] = "/nowhere/home%.json: No such file",
      ["simulate /dev/null"] = "/dev/null: not JSON",
   }) do
      it("refuses '" .. arguments .. "' with one line and 2", function()
         assert_refused(2, pattern, arguments, PROJECT)
      end)
   end

   it("refuses half a project", function()
      assert_refused(2, "belong together", "simulate", { TUYA_ACCESS_ID = "x" })
      assert_refused(2, "belong together", "simulate", { TUYA_ACCESS_SECRET = "x" })
   end)

   it("ends with 3 when it cannot listen", function()
      local taken = assert(socket.bind("127.0.0.1", 0))
      local _, port = taken:getsockname()
      assert_refused(3, "Address already in use", "simulate --port " .. port, PROJECT)
      taken:close()
   end)

   it("helps", function()
      local code, out, err = run("simulate --help")
      assert.equal(0, code)
      assert.equal("", err)
      assert.truthy(out:find("^Usage: tuya simulate"))
      code, out = run("--help")
      assert.equal(0, code)
      assert.truthy(out:find("\n   simulate  ", 1, true))
   end)

   if pcall(require, "tuya") then
      it("knows its version", function()
         local code, out, err = run("--version")
         assert.equal(0, code)
         assert.equal("tuya " .. require("tuya")._VERSION .. "\n", out)
         assert.equal("", err)
      end)
   else
      pending("knows its version: needs the module tuya")
   end
end)

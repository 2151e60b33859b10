-- Stores: texts by key that change only where they still are what the caller saw; and a client that goes on without.
local child = require("spec.support.child")
local cloud = require("spec.support.cloud")
local file = require("tuya.file")
local memory = require("tuya.store.memory")
local store = require("tuya.store")
local tuya = require("tuya")

local DEVICE = "/v1.0/devices/" .. cloud.SOCKET

local function read(path)
   local handle = assert(io.open(path, "rb"))
   local text = handle:read("*a")
   handle:close()
   return text
end

local function write(path, text)
   local handle = assert(io.open(path, "wb"))
   handle:write(text)
   handle:close()
end

local function mode(path)
   return require("lfs").attributes(path, "permissions")
end

describe("tuya.file", function()
   local directory
   before_each(function() directory = child.directory() end)
   after_each(function() child.remove(directory) end)

   it("locks by trying, and lets go when told or collected", function()
      local path = directory .. "/x.lock"
      local lock = assert(file.try_lock(path))
      local none, trouble = file.try_lock(path)
      assert.is_nil(none)
      assert.equal("busy", trouble)
      lock:release()
      lock:release()
      assert(file.try_lock(path))
      collectgarbage()
      collectgarbage()
      assert(file.try_lock(path)):release()
      assert.equal("rw-------", mode(path))
   end)

   it("locks across processes, until the holder dies", function()
      local path = directory .. "/x.lock"
      local holder = child.start(child.command { os.getenv("LUA"), "-e",
         ("lock = require('tuya.file').try_lock(%q) print(lock and 'held') io.stdout:flush() io.read()"):format(path) })
      assert.equal("held", holder.line)
      assert.equal("busy", select(2, file.try_lock(path)))
      holder:stop()
      assert(file.try_lock(path)):release()
   end)

   it("says why there is no lock", function()
      local none, message = file.try_lock(directory .. "/no/x.lock")
      assert.is_nil(none)
      assert.equal("No such file or directory", message)
      assert.error_matches(function() file.try_lock("a\0b") end, "a path expected", 1, true)
      assert.error_matches(function() file.try_lock("") end, "a path expected", 1, true)
   end)

   it("replaces a text whole, in a file of its owner's alone", function()
      local path = directory .. "/x"
      write(path, ("old"):rep(1000))
      write(path .. ".new", "of a writer that was killed")
      assert.is_true(file.replace(path, "new\0text"))
      assert.equal("new\0text", read(path))
      assert.equal("rw-------", mode(path))
      assert.is_nil(mode(path .. ".new"))
      local none, message = file.replace(directory .. "/no/x", "")
      assert.is_nil(none)
      assert.equal("No such file or directory", message)
      none = file.replace(directory, "over a directory")
      assert.is_nil(none)
      assert.is_nil(mode(directory .. ".new"))
   end)
end)

describe("a store", function()
   local directory
   before_each(function() directory = child.directory() end)
   after_each(function() child.remove(directory) end)

   local function each(check)
      check(store.new())
      check(store.new("file:" .. directory .. "/store"))
   end

   it("changes a text only where it still is what the caller saw", function()
      each(function(s)
         assert.is_nil((s:load("k")))
         assert.is_false(s:swap("k", "x", "y"))
         assert.is_true(s:swap("k", nil, "1"))
         assert.is_false(s:swap("k", nil, "2"))
         assert.equal("1", s:load("k"))
         assert.is_true(s:swap("other", nil, "o"))
         assert.is_true(s:swap("k", "1", "2"))
         assert.is_true(s:swap("k", "2", nil))
         assert.is_nil((s:load("k")))
         assert.equal("o", s:load("other"))
      end)
   end)

   it("keeps every byte of keys and texts", function()
      each(function(s)
         local bytes = {}
         for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
         local all = table.concat(bytes)
         assert.is_true(s:swap(all, nil, all))
         assert.is_true(s:swap("%0A", nil, ""))
         assert.equal(all, s:load(all))
         assert.equal("", s:load("%0A"))
      end)
   end)

   it("in a file is the same for all who open it", function()
      local one, other = store.new("file:" .. directory .. "/s"), store.new("file:" .. directory .. "/s")
      assert.is_true(one:swap("k", nil, "1"))
      assert.equal("1", other:load("k"))
      assert.is_false(other:swap("k", nil, "2"))
      assert.equal("rw-------", mode(directory .. "/s"))
   end)

   it("in a file answers that it is busy while another has the lock, and reads all the same", function()
      local s = store.new("file:" .. directory .. "/s")
      assert.is_true(s:swap("k", nil, "1"))
      local lock = assert(file.try_lock(directory .. "/s.lock"))
      assert.equal("1", s:load("k"))
      local done, trouble = s:swap("k", "1", "2")
      assert.is_nil(done)
      assert.equal("busy", trouble)
      lock:release()
      assert.is_true(s:swap("k", "1", "2"))
   end)

   it("in a file never writes over what is not its own", function()
      local path = directory .. "/settings"
      write(path, "precious\n")
      assert.error_matches(function() store.new("file:" .. path) end, "settings is no store", 1, true)
      local s = store.new("file:" .. directory .. "/s")
      write(directory .. "/s", "precious\n")
      assert.is_nil((s:swap("k", nil, "1")))
      assert.matches("is no store", select(2, s:load("k")), 1, true)
      assert.equal("precious\n", read(directory .. "/s"))
      os.execute("mkdir " .. directory .. "/folder")
      assert.error_matches(function() store.new("file:" .. directory .. "/folder") end, "tuya.store: store: ", 1, true)
   end)

   it("of the caller's is taken as it is", function()
      local own = memory.new()
      assert.equal(own, store.new(own))
      assert.error_matches(function() store.new({ load = tostring }) end, "it has no function swap", 1, true)
      assert.error_matches(function() store.new("redis") end, '"file:...", "redis:...", "shm:..." expected', 1, true)
      assert.error_matches(function() store.new(5) end, "it has no function load", 1, true)
   end)
end)

describe("a client with a store in a file", function()
   it("finds the token that another got", function()
      local directory = child.directory()
      local first = cloud.new { store = "file:" .. directory .. "/s" }
      assert(first.client:get(DEVICE))
      local second = tuya.client {
         access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT,
         transport = first.transport, clock = first.transport:clock(), store = "file:" .. directory .. "/s",
      }
      assert(second:get(DEVICE))
      assert.same({ "GET /v1.0/token", "GET " .. DEVICE, "GET " .. DEVICE }, cloud.sent(first))
      child.remove(directory)
   end)
end)

describe("a client with a store that answers no text", function()
   it("raises at the call's line, and says so", function()
      for _, answer in ipairs { 5, false, {} } do
         local made = cloud.new { store = { load = function() return answer end, swap = function() return true end } }
         assert.error_matches(function() made.client:get(DEVICE) end,
            "store: load gave a " .. type(answer) .. "; a text or nil expected", 1, true)
      end
   end)
end)

-- A store in memory that fails as it is told: `trouble` is answered instead.
local function moody()
   local inner, self = memory.new(), { asked = 0 }
   function self.load(_, key)
      self.asked = self.asked + 1
      if self.trouble and not self.reads then return nil, self.trouble end
      return inner:load(key)
   end
   function self.swap(_, key, old, new)
      self.asked = self.asked + 1
      if self.trouble then return nil, self.trouble end
      return inner:swap(key, old, new)
   end
   return self
end

local function count(made, what)
   local n = 0
   for _, sent in ipairs(cloud.sent(made)) do
      if sent == what then n = n + 1 end
   end
   return n
end

describe("a client whose store is lost", function()
   it("goes on with the token in hand, says so once, and finds the store again", function()
      local states = {}
      local own = moody()
      local made = cloud.new { store = own, log = function(event)
         if event.event == "store" then states[#states + 1] = event.state .. " " .. tostring(event.message) end
      end }
      assert(made.client:get(DEVICE))
      own.trouble = "no route to it"
      for _ = 1, 5 do
         assert(made.client:get(DEVICE))
         made.transport:sleep(1.5)
      end
      assert.equal(1, count(made, "GET /v1.0/token"))
      own.trouble = nil
      assert(made.client:get(DEVICE))
      assert.same({ "lost no route to it", "found nil" }, states)
   end)

   -- A cloud that knows one token at a time, and others who renew as well, each for itself.
   local function refusing(times, its_store)
      local sent = 0
      local made = cloud.new({ store = its_store, nonce = false }, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         sent = sent + 1
         if sent > times then return answer() end
         return { status = 200, headers = {}, body = '{"code":1010,"msg":"token invalid","success":false}' }
      end)
      return made, function() return sent end
   end

   it("tries a few tokens more for a call that is refused for its token, as others renew as well", function()
      local own = moody()
      own.trouble = "gone"
      local made = refusing(9, own)
      assert(made.client:get(DEVICE))
      local more, sent = refusing(100, own)
      local result, _, detail = more.client:get(DEVICE)
      assert.is_nil(result)
      assert.equal(1010, detail.code)
      assert.equal(10, sent())
      more, sent = refusing(100)
      assert.is_nil((more.client:get(DEVICE)))
      assert.equal(2, sent()) -- with a store one more helps, or none
   end)

   it("leaves it alone for a second", function()
      local own = moody()
      local made = cloud.new { store = own }
      own.trouble = "gone"
      assert(made.client:get(DEVICE))
      local asked = own.asked
      for _ = 1, 5 do assert(made.client:get(DEVICE)) end
      assert.equal(asked, own.asked)
   end)

   it("renews by itself, and puts the token back where nobody else did", function()
      local own = moody()
      local made = cloud.new { store = own }
      assert(made.client:get(DEVICE))
      own.trouble, own.reads = "read-only file system", true
      made.simulator:expire_token()
      assert(made.client:get(DEVICE))
      for _ = 1, 3 do
         made.transport:sleep(1.5)
         assert(made.client:get(DEVICE))
      end
      assert.equal(2, count(made, "GET /v1.0/token"))
      own.trouble = nil
      made.transport:sleep(1.5)
      assert(made.client:get(DEVICE))
      local access = made.transport.requests[#made.transport.requests].headers.access_token
      assert.matches(" " .. access .. " ", own:load(cloud.context(made).token_key), 1, true)
      assert.equal(2, count(made, "GET /v1.0/token"))
   end)

   it("says so once, though it can still be read", function()
      local states = {}
      local own = moody()
      own.trouble, own.reads = "read-only file system", true
      local made = cloud.new { store = own, budget = {}, log = function(event)
         if event.event == "store" then states[#states + 1] = event.state end
      end }
      for _ = 1, 5 do
         assert(made.client:get(DEVICE))
         made.transport:sleep(1.5)
      end
      assert.same({ "lost" }, states)
      assert.equal(6, made.client:usage().day.used)
      own.trouble = nil
      made.transport:sleep(1.5)
      assert(made.client:get(DEVICE))
      assert.same({ "lost", "found" }, states)
      assert.equal(7, made.client:usage().day.used)
   end)

   it("takes what another stored meanwhile", function()
      local own = moody()
      local made = cloud.new { store = own }
      local key = cloud.context(made).token_key
      assert(made.client:get(DEVICE))
      local before = own:load(key)
      own.trouble = "gone"
      made.simulator:expire_token()
      assert(made.client:get(DEVICE))
      local access = made.transport.requests[#made.transport.requests].headers.access_token
      own.trouble = nil
      assert.is_true(own:swap(key, before, "9 9999999999999 9999999999999 " .. access .. " theirs - - -"))
      made.transport:sleep(1.5)
      assert(made.client:get(DEVICE))
      assert.matches("theirs", own:load(key), 1, true)
   end)

   it("waits for one that is busy, a second at most", function()
      local own = moody()
      local made = cloud.new { store = own }
      own.trouble = "busy"
      local before = made.transport:now()
      assert(made.client:get(DEVICE))
      local waited = made.transport:now() - before
      assert.is_true(waited >= 1 and waited < 1.2)
   end)
end)

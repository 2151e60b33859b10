-- sweep.lua: what sweep.c does while one allocation after the other fails: all of tuya.core, tuya.curl and tuya.file.
-- No standard library is open. Returns how many things came out as they should, of how many, and the
-- first that did not; anything may raise.
local open_core, open_curl, open_file, serve, text, endpoint, nowhere, ca_file, directory, timeout = ...

local good, all, wrong = 0, 0, 0
local function expect(condition)
   all = all + 1
   if condition then
      good = good + 1
   elseif wrong == 0 then
      wrong = all
   end
end

local core, curl = open_core(), open_curl()

local key = core.key("4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC")
expect(core.is_key(key) and text(key) == "tuya.key (redacted)")
expect(not core.key(""))
expect(key:mac("text") == key:mac("text"))
local digest = "0123456789abcdef0123456789abcdef"
expect(not key:search(digest, { "head", "other" }, { "tail", "" }))
expect(not key:search_t(digest, "before", "after", 1588925778000, 10))
expect(core.sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
expect(key:opens_messages() and key:pulsar_password("id") == key:pulsar_password("id"))
local data = key:make_message("text", "mqtt", "gcm", "1", "twelve bytes")
expect(key:open_message(data, "mqtt", "any", "1") == "text" and not key:open_message(data, "mqtt", "gcm", "2"))
expect(key:open_message(key:make_message("text", "pulsar", "ecb", "", "twelve bytes"), "pulsar") == "text")
expect(core.nonce() ~= core.nonce() and core.now() > 0 and core.monotonic() > 0)

local request = {
   method = "POST",
   path = "/v1.0/devices/x",
   query = { { "b", "1 2" }, { "a", "客厅" } },
   headers = { { "area_id", "29a33e8796834b1efa6" }, { "empty", "" } },
   body = '{"commands":[{"code":"switch","value":true}]}',
   content_type = "application/json; charset=utf-8",
   lang = "en",
}
expect(not core.request({ method = "GET", path = "/ " }))
expect(not core.is_token_call(request.path))

local signer = {
   access_id = "1KAD46OrT9HafiKdsXeg",
   key = key,
   access_token = "3f4eda2bdec17232f67c0b188af3eec1",
   t = 1588925778000,
   bundle_id = "app.homey",
}
expect(not core.seal(request, signer)) -- any table is not a request
expect(core.request(request) == request)
local sealed = core.seal(request, signer)
expect(core.is_sealed(sealed) and sealed:method() == "POST" and sealed:body() == request.body)
expect(sealed:target() == "/v1.0/devices/x?a=%E5%AE%A2%E5%8E%85&b=1%202")
expect(text(sealed) == "tuya.sealed: POST")
expect(#sealed:headers().nonce == 32 and #sealed:canonical() > 64)

local plain = core.request({ method = "GET", path = "/" })
local old = core.seal(plain, { access_id = "x", key = key, t = "1588925778000", algorithm = "v1" })
expect(old:canonical() == "" and not old:headers().nonce)
expect(not core.seal(request, { access_id = "a\n", key = key }))
local _, _, unknown = core.seal(request, { access_id = "a", key = key, secret = "s" })
expect(unknown == "secret")

local function await(pool, id)
   while true do
      local found, reply, _, detail = pool:take(id)
      if found then return reply and reply.status or detail.code end
      pool:wait(1)
      pool:tick()
      serve()
   end
end

-- Three requests over two connections, a fourth cancelled, a fifth left to the finalizer.
local limits = { timeout = timeout / 1000, connect_timeout = timeout / 1000 }
local pool = curl.pool({ endpoint = endpoint, proxy = "", user_agent = "sweep", max_connections = 2, max_reply = 4096 })
if not pool then return good, all + 1, all + 1 end -- out of memory
expect(text(pool) == "tuya.pool" and not pool:timeout())
local first, second = pool:start(sealed, limits), pool:start(old, limits)
local third, fourth = pool:start(sealed, limits), pool:start(old, limits)
expect(pool:cancel(fourth) and not pool:cancel(fourth))
expect(await(pool, first) == 200)
expect(await(pool, second) == 200)
expect(await(pool, third) == 200)
expect(not pool:take(1e300) and not pool:cancel(-1e300) and not pool:cancel(0 / 0)) -- no number of any transfer
pool:start(sealed, limits)
pool:tick()

local alone = curl.pool({ endpoint = "http://" .. nowhere, proxy = "", max_queue = 1 })
if not alone then return good, all + 1, all + 1 end
expect(await(alone, alone:start(sealed, limits)) == "connect")
expect(alone:start(sealed, limits) and not alone:start(sealed, limits))
alone:close()
alone:close()
expect(text(alone) == "tuya.pool (closed)")

local secure = curl.pool({ endpoint = "https://" .. nowhere, proxy = "", ca_file = ca_file })
if not secure then return good, all + 1, all + 1 end
expect(await(secure, secure:start(sealed, limits)) == "connect")
secure:close()

-- A name of its own: a lock that a failure left behind is held until it is collected.
local file = open_file()
local path = directory .. "/" .. core.nonce()
local lock = file.try_lock(path)
expect(lock)
local none, trouble = file.try_lock(path)
expect(not none and trouble == "busy")
expect(file.replace(path .. ".text", "text"))
none, trouble = file.replace(path .. "/text", "text")
expect(not none and trouble == "Not a directory")
lock:release()
lock:release()
expect(file.try_lock(path)) -- left to the finalizer

key:close()
expect(text(key) == "tuya.key (closed)" and not core.is_key(key))
return good, all, wrong

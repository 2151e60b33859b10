--- support.lua: what the specs of the simulated cloud share.
-- The idea: requests are signed here with luaossl, by the rule as it is published, so that nothing of this
-- library's own signing half takes part in the judgement.
-- The danger: a signer that shared a mistake with the verifier; the published vectors in verify_spec.lua
-- stand against that.

local cjson = require("cjson").new()
local digest = require("openssl.digest")
local hmac = require("openssl.hmac")

local support = {}

support.ID = "simulator1access2id3"
support.SECRET = "0123456789abcdef0123456789abcdef"
support.SOCKET = "vdevo161563811262429"
support.LAMP = "vdevo161563811262430"
support.THERMOSTAT = "vdevo161563811262431"
support.DOOR = "vdevo161563811262432"
support.OFFLINE = "vdevo161563811262433"
support.FOREIGN = "vdevo161563811262434"
support.UID = "bay1563811262429Simu"
support.START = 1700000000000 -- where the specs' clocks begin

local function hex(bytes)
   return (bytes:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
   end))
end

function support.sha256(text)
   return hex(digest.new("sha256"):final(text))
end

function support.mac(secret, text)
   return hex(hmac.new(secret, "sha256"):final(text)):upper()
end

support.decode = cjson.decode
support.encode = cjson.encode

--- A request, signed.
-- @tparam table o `method` (GET), `target`, `url` = the URL to sign (the target), `body`, `token`, `t`,
-- `nonce`, `bundle_id`, `block` = the header block to sign (""), `headers` = more headers, `id`, `secret`,
-- `old` = true for the algorithm before 2021-06-30
function support.signed(o)
   local method, t, id = o.method or "GET", ("%d"):format(o.t or support.START), o.id or support.ID
   local text = id .. (o.token or "") .. t
   if not o.old then
      text = text
         .. (o.nonce or "")
         .. (o.bundle_id or "")
         .. table.concat({ method, support.sha256(o.body or ""), o.block or "", o.url or o.target }, "\n")
   end
   local headers = {
      client_id = id,
      sign = support.mac(o.secret or support.SECRET, text),
      sign_method = "HMAC-SHA256",
      t = t,
      access_token = o.token,
      nonce = o.nonce,
   }
   for name, value in pairs(o.headers or {}) do
      headers[name] = value
   end
   return { method = method, target = o.target, headers = headers, body = o.body }
end

local client = {}
client.__index = client

--- A simulated cloud with a clock that the spec moves, and a client that holds a token.
function support.client(options)
   local self = setmetatable({ now = support.START }, client)
   local all = { seed = 1 }
   if not (options and options.projects) then
      all.access_id, all.access_secret = support.ID, support.SECRET
   end
   all.clock = function()
      return self.now
   end
   for name, value in pairs(options or {}) do
      all[name] = value
   end
   self.sim = assert(require("tuya.simulator").new(all))
   return self
end

--- Answers a request as it is: the envelope, the whole reply.
function client:handle(request)
   local reply = self.sim:handle(request)
   return cjson.decode(reply.body), reply
end

--- Signs and asks; a business call carries the token that the cloud has now.
function client:ask(o)
   if o.token == nil and not o.target:find("^/v1%.0/token") then
      o.token = self:token()
   end
   o.t = o.t or self.now
   return self:handle(support.signed(o))
end

function client:tokens()
   return self:handle(support.signed({ target = "/v1.0/token?grant_type=1", t = self.now })).result
end

function client:token()
   return self:tokens().access_token
end

function client:get(target, url)
   return self:ask({ target = target, url = url })
end

function client:post(target, body)
   if type(body) == "table" then
      body = cjson.encode(body)
   end
   return self:ask({ method = "POST", target = target, body = body })
end

--- Sends commands, a list of { code, value }, by the standard instruction set.
function client:command(id, ...)
   local commands = {}
   for i, pair in ipairs({ ... }) do
      commands[i] = { code = pair[1], value = pair[2] }
   end
   return self:post("/v1.0/devices/" .. id .. "/commands", { commands = commands })
end

--- The values by code that `status` shows.
function client:status(id)
   local values = {}
   for _, point in ipairs(self:get("/v1.0/devices/" .. id .. "/status").result) do
      values[point.code] = point.value
   end
   return values
end

--- The member `name` of each table in a list.
function support.pluck(list, name)
   local plucked = {}
   for i, one in ipairs(list) do
      plucked[i] = one[name]
   end
   return plucked
end

return support

--- response.lua: step three's other half, what the cloud answered.
-- The idea: one envelope in, one result or one failure out; whatever is not an envelope is named for
-- what it is (a portal's HTML, a proxy's 502, a redirect), never guessed at.
-- The danger: a redirect followed would carry the token and the signature to another host; none is.
-- @module tuya.response

local date = require("tuya.date")

local response = {}

local function content_type(reply)
   local given = reply.headers and reply.headers["content-type"]
   return given and given:match("^[^;]*") or "no content type"
end

-- Seconds that the answer asks to wait, given as such or as a date, which the answer's own Date tells apart.
local function retry_after(reply)
   local given = reply.headers and reply.headers["retry-after"]
   if not given then return nil end
   if given:find("^%d+$") then return tonumber(given) end
   local moment, now = date.parse(given), date.parse(reply.headers["date"] or "")
   return moment and now and math.max(0, moment - now) or nil
end

-- The cloud may have seen the call, or a proxy on the way answered in its place.
local function http_detail(reply, what)
   return {
      kind = "http",
      code = reply.status,
      status = reply.status,
      message = ("HTTP %d: %s"):format(reply.status, what),
      retry_after = retry_after(reply),
      sent = "maybe",
   }
end

-- What came instead of an envelope.
local function not_an_envelope(reply)
   local what = ("the answer is not the cloud's JSON (%s, %d bytes)"):format(content_type(reply), #reply.body)
   if reply.body == "" then what = "an empty answer" end
   if reply.status >= 300 and reply.status < 400 then what = "a redirect, which is refused" end
   return http_detail(reply, what)
end

local function api_detail(reply, envelope)
   return {
      kind = "api",
      code = tonumber(envelope.code) or envelope.code,
      message = tostring(envelope.msg or "no message"),
      status = reply.status,
      tid = envelope.tid,
      t = envelope.t,
      retry_after = retry_after(reply),
      sent = "yes",
   }
end

local function envelope_of(reply, codec)
   local ok, envelope = pcall(codec.decode, reply.body)
   return ok and type(envelope) == "table" and envelope.success ~= nil and envelope or nil
end

--- Reads a reply.
-- @tparam table reply `{ status=, headers=, body= }`, header names in lower case
-- @tparam table codec something with `decode`
-- @tparam string method of the call: the answer to a HEAD has no body
-- @return the result, `true` where the cloud sends success without one; nil for a failure
-- @treturn table the envelope (`t`, `tid`, `status`), or what is known of the failure
function response.read(reply, codec, method)
   reply = { status = tonumber(reply.status) or 0, headers = reply.headers, body = reply.body or "" }
   if method == "HEAD" and reply.status >= 200 and reply.status < 300 then return true, { status = reply.status } end
   local envelope = envelope_of(reply, codec)
   if not envelope then return nil, not_an_envelope(reply) end
   if envelope.success ~= true then return nil, api_detail(reply, envelope) end
   local result = envelope.result
   if result == nil then result = true end
   return result, { t = envelope.t, tid = envelope.tid, status = reply.status }
end

return response

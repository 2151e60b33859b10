--- response.lua: step three's other half, what the cloud answered.
-- The idea: one envelope in, one result or one failure out; whatever is not an envelope is named for
-- what it is (a portal's page, a proxy's 502, a redirect), never guessed at. Only an envelope proves that the
-- cloud saw the call: anything else may be somebody's on the way, and leaves that open.
-- The danger: a redirect followed would carry the token and the signature to another host; none is.
-- @module tuya.response

local date = require("tuya.date")

local response = {}

local MAX_QUOTE = 80 -- bytes of somebody else's text in a message

-- Seconds that the answer asks to wait, given as such or as a date, which the answer's own Date tells apart.
local function retry_after(headers)
   local given = headers["retry-after"]
   if not given then return nil end
   if given:find("^%d+$") then return tonumber(given) end
   local moment, now = date.parse(given), date.parse(headers["date"] or "")
   return moment and now and math.max(0, moment - now) or nil
end

-- The cloud may have seen the call, or a proxy on the way answered in its place.
local function http_detail(status, what)
   return {
      kind = "http",
      code = status,
      status = status,
      message = ("HTTP %d: %s"):format(status, what),
      sent = "maybe",
   }
end

-- Somebody else's text, short and without control bytes.
local function quote(text)
   text = text:gsub("[%z\1-\32\127]+", " "):gsub("^ ", ""):gsub(" $", "")
   return #text > MAX_QUOTE and text:sub(1, MAX_QUOTE) .. "..." or text
end

local function is_redirect(status)
   return status >= 300 and status < 400
end

-- Where a redirect leads: without query, fragment and user, which may be anybody's secrets.
local function redirect(headers)
   local to = (headers.location or ""):match("^[^?#]*"):gsub("//[^/@]*@", "//")
   return to == "" and "a redirect, which is refused" or ("a redirect to %s, which is refused"):format(quote(to))
end

local function is_html(media_type, body)
   if media_type == "text/html" or media_type == "application/xhtml+xml" then return true end
   local start = body:sub(1, 64):lower() -- whatever it calls itself
   return start:find("^%s*<!doctype html") ~= nil or start:find("^%s*<html") ~= nil
end

local function html(body)
   local title = body:match("<[Tt][Ii][Tt][Ll][Ee][^>]*>([^<]*)")
   local named = title and title:find("%S") and (' "%s"'):format(quote(title)) or ""
   return ("an HTML page%s instead of the cloud's JSON (%d bytes), perhaps of a captive portal or a proxy")
      :format(named, #body)
end

-- Whether a media type is JSON's; a reply that names none may be.
local function is_json(media_type)
   return media_type == nil or media_type == "application/json" or media_type == "text/json"
      or media_type:find("%+json$") ~= nil
end

-- What came instead of an envelope.
local function not_an_envelope(reply, media_type, rule)
   local body = reply.body
   if is_redirect(reply.status) then return redirect(reply.headers) end
   if body == "" then return "an empty answer" end
   if is_html(media_type, body) then return html(body) end
   if is_json(media_type) then return ("%s (%s, %d bytes)"):format(rule, media_type or "no content type", #body) end
   return ("%s instead of the cloud's JSON (%d bytes)"):format(quote(media_type), #body)
end

local PLAIN = { string = true, number = true }

-- A member of an envelope where it is what it may be, a text or a number; nil for anything else.
local function plain(value)
   return PLAIN[type(value)] and value
end

local function api_detail(reply, envelope)
   return {
      kind = "api",
      code = tonumber(plain(envelope.code)) or plain(envelope.code),
      message = tostring(plain(envelope.msg) or "no message"),
      status = reply.status,
      tid = plain(envelope.tid),
      t = plain(envelope.t),
      retry_after = retry_after(reply.headers),
      sent = "yes",
   }
end

-- The envelope, or nil and what is wrong. What a codec says is not repeated: it may quote the body.
local function envelope_of(body, codec)
   local ok, envelope, trouble = pcall(codec.decode, body)
   if ok and type(envelope) == "table" and envelope.success ~= nil then return envelope end
   if ok and trouble == nil then return nil, "JSON that is not the cloud's envelope" end
   trouble = tostring(ok and trouble or envelope)
   return nil, trouble:find("nested") and "JSON that is nested too deeply" or "an answer that is not JSON"
end

local last_given, last_type -- most replies are of the type of the one before

local function media_type_of(headers)
   local given = headers["content-type"]
   if given ~= last_given then
      local media_type = given and given:match("^%s*([^;,%s]+)") -- a header sent twice is joined by commas
      last_given, last_type = given, media_type and media_type:lower()
   end
   return last_type
end

-- Whether a transport has filled in all of a reply, as it must be; one of the caller's own may not.
local function is_whole(reply)
   return type(reply) == "table" and type(reply.status) == "number" and reply.status % 1 == 0
      and type(reply.headers) == "table" and type(reply.body) == "string"
end

local function either(value, kind, default)
   return type(value) == kind and value or default
end

-- What there is of a reply that is not whole.
local function made_whole(reply)
   reply = either(reply, "table", {})
   local status = tonumber(reply.status) or 0
   return {
      status = status % 1 == 0 and status or 0,
      headers = either(reply.headers, "table", {}),
      body = either(reply.body, "string", ""),
   }
end

--- What there is of a reply that a transport of the caller's own has made.
-- @param reply
-- @treturn table `{ status=, headers=, body= }`
function response.whole(reply)
   return is_whole(reply) and reply or made_whole(reply)
end

--- Reads a reply.
-- @tparam table reply `{ status=, headers=, body= }`, header names in lower case
-- @tparam table codec something with `decode`
-- @tparam string method of the call: the answer to a HEAD has no body
-- @return the result, `true` where the cloud sends success without one; nil for a failure
-- @treturn table the envelope (`t`, `tid`, `status`), or what is known of the failure
function response.read(reply, codec, method)
   local status = reply.status
   if method == "HEAD" and status >= 200 and status < 300 then return true, { status = status } end
   local media_type, envelope, rule = media_type_of(reply.headers), nil, nil
   if is_json(media_type) and not is_redirect(status) then envelope, rule = envelope_of(reply.body, codec) end
   if not envelope then
      local detail = http_detail(status, not_an_envelope(reply, media_type, rule))
      detail.retry_after = retry_after(reply.headers)
      return nil, detail
   end
   if envelope.success ~= true then return nil, api_detail(reply, envelope) end
   local result = envelope.result
   if result == nil then result = true end
   return result, { t = plain(envelope.t), tid = plain(envelope.tid), status = status }
end

-- What is wrong with a reply whose head came and whose body did not, by the transport's code.
local BROKEN = {
   too_large = "an answer that is larger than max_reply",
   reset = "an answer that is cut off",
   protocol = "an answer that cannot be decoded",
}

--- Reads what a transport says of a send that failed.
-- @tparam ?string message
-- @tparam ?table trouble `code`, `sent`, and `status` where the head of an answer came
-- @treturn table what is known of the failure
function response.broken(message, trouble)
   trouble = trouble or {}
   local what = trouble.status and BROKEN[trouble.code]
   if what then
      local detail = http_detail(trouble.status, what)
      detail.cause = trouble.code
      return detail
   end
   return {
      kind = "network",
      code = trouble.code,
      message = message,
      status = trouble.status,
      sent = trouble.sent or "maybe",
   }
end

return response

--- reply.lua: reads one HTTP/1.1 reply out of a stream of bytes.
-- The idea: a source hands out bytes as they come, whatever carries them; everything that is read is bounded before
-- it is kept.
-- The danger: a reader that takes one byte too few or too many gives the next call the answer to this one; where the
-- end of a reply is in doubt its connection is not used again.
-- @module tuya.reply

local core = require("tuya.core")

local reply = {}

local MAX_HEAD = 65536
local MAX_LINE = 4096 -- of a chunk's size or a trailer

local function fail(code, message)
   return nil, { code = code, message = message }
end

-- More bytes behind those that are there; nil and what is wrong.
local function fill(stream)
   local bytes, code, message = stream:more()
   if not bytes then return fail(code, message) end
   stream.began = true
   stream.buffer = stream.buffer == "" and bytes or stream.buffer .. bytes
   return true
end

-- What stands before an ending, which is taken away too.
local function read_until(stream, ending, most)
   while true do
      local first, last = stream.buffer:find(ending, 1, true)
      if first and first <= most then
         local found = stream.buffer:sub(1, first - 1)
         stream.buffer = stream.buffer:sub(last + 1)
         return found
      end
      if #stream.buffer > most then return fail("protocol", ("a line over %d bytes"):format(most)) end
      local ok, trouble = fill(stream)
      if not ok then return nil, trouble end
   end
end

-- Appends n bytes to parts.
local function read_bytes(stream, parts, n)
   while n > 0 do
      if stream.buffer == "" then
         local ok, trouble = fill(stream)
         if not ok then return nil, trouble end
      end
      local part = stream.buffer:sub(1, n)
      stream.buffer = stream.buffer:sub(#part + 1)
      parts[#parts + 1] = part
      n = n - #part
   end
   return true
end

local function is_kept(minor, connection)
   return minor > 0 and not (connection and connection:lower():find("close", 1, true))
end

local function read_head(stream)
   while true do
      local status, minor, headers, size = core.read_head(stream.buffer)
      if status == false then return fail("protocol", "the reply does not begin as HTTP/1 does") end
      if status and size <= MAX_HEAD then
         stream.buffer = stream.buffer:sub(size + 1)
         return { status = status, headers = headers, is_kept = is_kept(minor, headers.connection) }
      end
      if #stream.buffer > MAX_HEAD then return fail("protocol", ("a head over %d bytes"):format(MAX_HEAD)) end
      local ok, trouble = fill(stream)
      if not ok then return nil, trouble end
   end
end

local function over(most)
   return fail("too_large", ("the reply is over %.0f bytes"):format(most))
end

local function read_trailers(stream)
   local line, trouble
   repeat
      line, trouble = read_until(stream, "\r\n", MAX_LINE)
      if not line then return nil, trouble end
   until line == ""
   return true
end

local function read_chunked(stream, most)
   local parts, total = {}, 0
   while true do
      local line, trouble = read_until(stream, "\r\n", MAX_LINE)
      if not line then return nil, trouble end
      local digits = line:match("^(%x+)[ \t]*$") or line:match("^(%x+)[ \t]*;")
      local n = digits and #digits <= 8 and tonumber(digits, 16)
      if not n then return fail("protocol", "a chunk of the reply has no size") end
      if n == 0 then break end
      total = total + n
      if total > most then return over(most) end
      local ok
      ok, trouble = read_bytes(stream, parts, n)
      if ok then line, trouble = read_until(stream, "\r\n", MAX_LINE) end
      if trouble then return nil, trouble end
      if line ~= "" then return fail("protocol", "a chunk of the reply is longer than its size") end
   end
   local ok, trouble = read_trailers(stream)
   return ok and table.concat(parts), trouble
end

-- All that has come, which is all that there is, mostly.
local function take_all(stream)
   local text = stream.buffer
   stream.buffer = ""
   return text
end

local function read_sized(stream, length, most)
   local n = #length <= 15 and not length:find("%D") and tonumber(length)
   if not n then return fail("protocol", "the reply has no length that can be read") end
   if n > most then return over(most) end
   if #stream.buffer == n then return take_all(stream) end
   local parts = {}
   local ok, trouble = read_bytes(stream, parts, n)
   return ok and table.concat(parts), trouble
end

local function read_to_the_end(stream, most)
   local parts, total = {}, 0
   while true do
      parts[#parts + 1], total = stream.buffer, total + #stream.buffer
      stream.buffer = ""
      if total > most then return over(most) end
      local ok, trouble = fill(stream)
      if not ok and trouble.code == "closed" then return table.concat(parts) end
      if not ok then return nil, trouble end
   end
end

-- The same length given twice is given once.
local function length_of(headers)
   local length = headers["content-length"]
   if not length or not length:find(",", 1, true) then return length end
   local first = length:match("^[^,]*")
   for one in (length .. ","):gmatch("[ \t]*([^,]*),") do
      if one ~= first then return length end
   end
   return first
end

local function read_body(stream, head, method, most)
   local encoding, length = head.headers["transfer-encoding"], length_of(head.headers)
   if method == "HEAD" or head.status == 204 or head.status == 304 then return "" end
   if encoding and encoding:lower() ~= "chunked" then
      return fail("protocol", "the reply has a transfer encoding that was not asked for")
   end
   if encoding then
      head.is_kept = head.is_kept and not length -- two ends: whoever is between us may believe in the other
      return read_chunked(stream, most)
   end
   if length then return read_sized(stream, length, most) end
   head.is_kept = false
   return read_to_the_end(stream, most)
end

--- Reads a reply.
-- @tparam table stream with `more(self)`, the bytes that came next, at least one; or nil, a code ("closed" for the
-- end), and a message. The reader keeps in it what it has in hand
-- @tparam string method of the request: the answer to a HEAD has no body
-- @tparam number most bytes of a body
-- @treturn ?table `{ status=, headers=, body=, is_kept= }`, header names in lower case; `is_kept`: the connection may
-- be used again
-- @treturn ?table `{ code=, message=, began= }`; `began`: some of the reply has come
function reply.read(stream, method, most)
   stream.buffer, stream.began = "", false
   local head, body, trouble
   repeat
      head, trouble = read_head(stream)
   until not head or head.status >= 200 or head.status == 101
   if head and head.status == 101 then head, trouble = fail("protocol", "the server changes the protocol") end
   if head then body, trouble = read_body(stream, head, method, most) end
   if not body then
      trouble.began = stream.began
      return nil, trouble
   end
   head.body, head.is_kept = body, head.is_kept and stream.buffer == ""
   return head
end

return reply

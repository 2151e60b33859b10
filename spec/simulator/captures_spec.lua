local support = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "support.lua")

local FOLDER = debug.getinfo(1, "S").source:match("^@(.*/)") .. "../captures/"

local function contents(path)
   local file = io.open(path, "rb")
   local text = file and file:read("*a")
   if file then
      file:close()
   end
   return text
end

local function names()
   local list = {}
   local listing = io.popen("ls '" .. FOLDER .. "' 2>/dev/null")
   for name in listing:lines() do
      list[#list + 1] = name:match("^(.*)%.http$")
   end
   listing:close()
   return list
end

local function dechunked(text)
   local parts, at = {}, 1
   while true do
      local _, stop, size = text:find("^(%x+)\r\n", at)
      size = tonumber(size, 16)
      if size == 0 then
         return table.concat(parts)
      end
      parts[#parts + 1] = text:sub(stop + 1, stop + size)
      at = stop + size + 3
   end
end

--- Takes raw HTTP/1.1 apart.
local function parsed(raw)
   local head, body = raw:match("^(.-\r\n)\r\n(.*)$")
   local method, target = head:match("^(%S+) (%S+) HTTP/1%.1\r\n")
   local headers, chunked = {}, false
   for name, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
      headers[#headers + 1] = { name, value }
      chunked = chunked or (name:lower() == "transfer-encoding" and value == "chunked")
   end
   return { method = method, target = target, headers = headers, body = chunked and dechunked(body) or body }
end

local function cloud_for(known, request, algorithm)
   local id
   for _, pair in ipairs(request.headers) do
      id = pair[1]:lower() == "client_id" and pair[2] or id
   end
   return support.client({
      access_id = id,
      access_secret = known.secret,
      accept_token = known.token,
      check_clock = false,
      algorithm = algorithm,
   })
end

--- Refusals by what is behind the signature. A token call's 1010 is about the refresh token.
local BEHIND = { [1003] = true, [1106] = true, [1108] = true }

local function is_accepted(code, target)
   return code == nil or BEHIND[code] == true or (code == 1010 and target:find("^/v1%.0/token/") ~= nil)
end

--- As the documented rule says; and a refusal names the mistake.
local function assert_verdict(known, envelope)
   local code, diagnosis = envelope.code, envelope.diagnosis
   if known.verdict ~= "refused" then
      assert.is_true(is_accepted(code, known.target), "answered " .. tostring(code))
      return
   end
   assert.equal(1004, code)
   assert.equal("wrong", diagnosis.verdict)
   assert.equal(1, #diagnosis.mistakes)
   assert.equal(known.old_algorithm, diagnosis.mistakes[1].slug == "old-algorithm")
   assert.truthy(diagnosis.text:find(diagnosis.mistakes[1].slug, 1, true))
   if not known.old_algorithm then -- there the recorder knew no string
      local short = "(access token " .. known.token:sub(1, 4) .. "...)"
      assert.equal((known.string_signed:gsub(known.token, short)), diagnosis.signed)
   end
end

local captures = names()

describe("simulator: requests that other clients really sent", function()
   if #captures == 0 then
      pending("are not in this checkout (spec/captures)")
      return
   end

   it("are some of each verdict", function()
      local verdicts = {}
      for _, name in ipairs(captures) do
         local verdict = support.decode(contents(FOLDER .. name .. ".json")).verdict
         verdicts[verdict] = (verdicts[verdict] or 0) + 1
      end
      assert.is_true(verdicts.accepted > 0)
      assert.is_true(verdicts.refused > 0)
      assert.is_true(verdicts["accepted-if-plus-is-space"] > 0)
   end)

   for _, name in ipairs(captures) do
      local known = support.decode(contents(FOLDER .. name .. ".json"))
      local raw = contents(FOLDER .. name .. ".http")

      it(name .. ": " .. known.verdict, function()
         local request = parsed(raw)
         assert.equal(known.method, request.method)
         assert.equal(known.target, request.target)
         assert.equal(known.body, request.body)
         local envelope = cloud_for(known, request):handle(request)
         assert_verdict(known, envelope)
      end)

      if known.old_algorithm then
         it(name .. ": accepted by a project older than 2021-06-30", function()
            local request = parsed(raw)
            local code = cloud_for(known, request, "v1"):handle(request).code
            assert.is_true(is_accepted(code, known.target), "answered " .. tostring(code))
         end)
      end
   end
end)

describe("simulator: the same requests through its listener", function()
   local has_httpd = pcall(require, "tuya.httpd")
   if #captures == 0 or not has_httpd then
      pending("need spec/captures and tuya.httpd")
      return
   end

   local socket = require("socket")

   it("get the same verdicts, byte for byte", function()
      for _, name in ipairs(captures) do
         local known = support.decode(contents(FOLDER .. name .. ".json"))
         local raw = contents(FOLDER .. name .. ".http")
         local listener = assert(cloud_for(known, parsed(raw)).sim:listen(0))
         local peer = assert(socket.connect("127.0.0.1", listener.port))
         assert(peer:send(raw))
         assert.is_true(listener:tick(10))
         peer:settimeout(10)
         local line, length = peer:receive("*l"), nil
         assert.equal("HTTP/1.1 200 OK", line)
         while line ~= "" do
            line = peer:receive("*l")
            length = line:match("^[Cc]ontent%-[Ll]ength: (%d+)$") or length
         end
         assert_verdict(known, support.decode((peer:receive(tonumber(length)))))
         peer:close()
         listener:close()
      end
   end)
end)

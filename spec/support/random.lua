-- random.lua: chance of our own, the same on every Lua: Park and Miller's generator, exact in a double.
-- `random.new(seed)` gives a function: draw(n) is a whole number from 1 to n.
local random = {}

function random.new(seed)
   return function(n)
      seed = seed * 16807 % 2147483647
      return seed % n + 1
   end
end

local ALPHABETS = {
   "abcdefghijklmnopqrstuvwxyz_", "ABCXYZ0189-._~", "!$&'()*+,;=:@/?#[]%", " \t\"<>\\^`{|}\r\n\0\127",
}
local WORDS = { "客厅", "küche", "ü", "🏠", "device_ids", "a,b", "page_size", "100%", "a+b", "%2C", "" }

--- A text of up to `most` bytes, or one of the words that have made trouble elsewhere.
function random.text(draw, most)
   if draw(5) == 1 then return WORDS[draw(#WORDS)] end
   local text = {}
   for i = 1, draw(most + 1) - 1 do
      local alphabet = ALPHABETS[draw(#ALPHABETS)]
      local at = draw(#alphabet)
      text[i] = draw(12) == 1 and string.char(draw(256) - 1) or alphabet:sub(at, at)
   end
   return table.concat(text)
end

--- A path of the characters that may stand in one as they are.
function random.path(draw)
   local text = {}
   for i = 1, draw(40) - 1 do
      local set = "abcXYZ019-._~!$&'()*+,;=:@//"
      local at = draw(#set)
      text[i] = set:sub(at, at)
   end
   return "/" .. table.concat(text)
end

--- Up to five parameters of different names.
function random.query(draw)
   local query, seen = {}, {}
   for _ = 1, draw(6) - 1 do
      local name = random.text(draw, 12)
      if name ~= "" and not seen[name] then
         seen[name] = true
         query[#query + 1] = { name, random.text(draw, 24) }
      end
   end
   return query
end

--- Up to three headers of different names.
function random.headers(draw)
   local headers, seen = {}, {}
   for i = 1, draw(4) - 1 do
      local name = ({ "area_id", "call_id", "X-Trace", "Content-Type", "empty", "lang" })[draw(6)]
      local value = random.text(draw, 20):gsub("[%z\1-\31\127]", ""):gsub("^ +", ""):gsub(" +$", "")
      if not seen[name] then headers[#headers + 1] = { name, name == "empty" and "" or value .. i } end
      seen[name] = true
   end
   return headers
end

--- A body of up to 64 KiB, or none.
function random.body(draw)
   local kind = draw(10)
   if kind == 1 then return random.text(draw, 64):rep(1024):sub(1, 65536) end
   if kind <= 4 then return nil end
   return random.text(draw, 200)
end

--- A request for `tuya.request`.
function random.request(draw)
   local method = ({ "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD" })[draw(6)]
   local body = random.body(draw)
   if method == "HEAD" then body = nil end
   local made = { method = method, path = random.path(draw), body = body }
   made.query, made.headers = random.query(draw), random.headers(draw)
   return made
end

return random

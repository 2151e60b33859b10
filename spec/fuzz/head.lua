-- head.lua: what must hold for every head of a reply. spec/fuzz/lua.c calls it.
local read_head = require("tuya.core").read_head

local function require_headers(headers)
   for name, value in pairs(headers) do
      assert(type(name) == "string" and name ~= "" and not name:find("[A-Z:\n]"), "a name as it must not be")
      assert(type(value) == "string" and not value:find("\n"), "a value over lines")
   end
end

return function(text)
   local status, minor, headers, length = read_head(text)
   if not status then
      assert((status == nil) == (text:find("\r\n\r\n", 1, true) == nil), "a head that ends and one that does not")
      return
   end
   local _, last = text:find("\r\n\r\n", 1, true)
   assert(length == last, "the length of a head")
   assert(text:sub(1, 12) == ("HTTP/1.%d %03d"):format(minor, status), "its first line")
   require_headers(headers)
   -- What comes behind a head changes nothing, and without its last byte it is none.
   local again = read_head(text:sub(1, length))
   assert(again == status)
   assert(read_head(text:sub(1, length - 1)) == nil)
end

-- messages.lua: the cases of spec/messages, parsed: name = fields.
local lfs = require("lfs")

local function read(path)
   local fields = {}
   for line in io.lines(path) do
      local name, value = line:match("^(%S+) (.*)$")
      fields[name] = value
   end
   return fields
end

local messages = {}
for file in lfs.dir("spec/messages") do
   local name = file:match("^(.*)%.txt$")
   if name then messages[name] = read("spec/messages/" .. file) end
end

return messages

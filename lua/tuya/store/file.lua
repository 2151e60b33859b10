--- store/file.lua: what clients of several processes keep, in one file.
-- The idea: all texts are in one small file, which is replaced whole under a lock that is only tried; so a reader
-- needs no lock, and a process killed at any moment leaves the old file or the new one.
-- The danger: a path that leads to somebody else's file; what does not begin as ours is never written over.
-- @module tuya.store.file

local file = require("tuya.file")

local store = {}

local methods = {}
local metatable = { __name = "tuya.store.file", __index = methods }

local HEAD = "lua-tuya store 1\n"

-- A line holds a key, a tab and its text; what would break the line is escaped.
local function escape(text)
   return (text:gsub("[%%%c]", function(byte)
      return ("%%%02X"):format(byte:byte())
   end))
end

local function unescape(text)
   return (text:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
   end))
end

local function parse(content)
   local texts = {}
   for key, text in content:sub(#HEAD + 1):gmatch("([^\t\n]*)\t([^\n]*)\n") do texts[unescape(key)] = unescape(text) end
   return texts
end

local function format(texts)
   local lines = {}
   for key, text in pairs(texts) do lines[#lines + 1] = escape(key) .. "\t" .. escape(text) .. "\n" end
   table.sort(lines)
   return HEAD .. table.concat(lines)
end

local ENOENT = 2

-- The texts by key; nil and why they cannot be read.
local function read(path)
   local handle, message, number = io.open(path, "rb")
   if not handle and number == ENOENT then return {} end
   if not handle then return nil, message end
   local content, trouble = handle:read("*a")
   handle:close()
   if content == "" then return {} end
   if content and content:sub(1, #HEAD) == HEAD then return parse(content) end
   return nil, trouble or path .. " is no store: it begins otherwise"
end

--- Makes a store.
-- @tparam string path of the file; beside it stand PATH.lock and, while it is replaced, PATH.new
-- @treturn ?store nil and the rule that is broken
function store.try(path)
   if path == "" or path:find("%z") then return nil, "file: a path expected" end
   local lock, trouble = file.try_lock(path .. ".lock")
   if lock then lock:release() elseif trouble ~= "busy" then return nil, path .. ".lock: " .. trouble end
   local texts, message = read(path)
   if not texts then return nil, message end
   return setmetatable({ path = path }, metatable)
end

--- The text of a key.
-- @tparam string key
-- @treturn ?string
-- @treturn ?string why the file cannot be read
function methods:load(key)
   local texts, message = read(self.path)
   return texts and texts[key], message
end

local function swap_locked(path, key, old, new)
   local texts, message = read(path)
   if not texts then return nil, message end
   if texts[key] ~= old then return false end
   texts[key] = new
   return file.replace(path, format(texts))
end

--- Puts `new` (nil: nothing) where `old` (nil: nothing) is.
-- @tparam string key
-- @tparam ?string old
-- @tparam ?string new
-- @treturn ?boolean false when something else is there; nil when nothing could be done
-- @treturn ?string "busy": another process has the lock; or why the file cannot be used
function methods:swap(key, old, new)
   local lock, trouble = file.try_lock(self.path .. ".lock")
   if not lock then return nil, trouble end
   local done, message = swap_locked(self.path, key, old, new)
   lock:release()
   return done, message
end

return store

--- store.lua: where a client keeps its token and its counts.
-- The idea: texts by key, and one way to change them: put the new one where the old one still is. `load(key)`
-- answers the text or nil; `swap(key, old, new)` answers true, or false where something else is there (nil stands
-- for nothing). A fourth argument, `life`, says after how many seconds the new text may be dropped, where a store can:
-- what a killed process has left nobody else takes away. Either may answer `nil, "busy"`, come again in a moment, or
-- `nil, message`, the store is lost.
-- Any object with these two will do; the kinds here are picked by a string.
-- The danger: tokens are secrets; whoever reads a store can act for the project until they expire.
-- @module tuya.store

local memory = require("tuya.store.memory")

local store = {}

-- What stands before the colon, and the module that makes such a store of what stands after it.
local KINDS = { file = "tuya.store.file", shm = "tuya.store.shm", redis = "tuya.store.redis" }

local load = require -- a host may take it away once everything is loaded

local function known()
   local names = {}
   for kind in pairs(KINDS) do names[#names + 1] = '"' .. kind .. ':..."' end
   table.sort(names)
   return table.concat(names, ", ")
end

local function lacks(object, name)
   local ok, method = pcall(function() return object[name] end)
   return not ok or type(method) ~= "function"
end

--- Makes a store: `new` without the raise.
-- @param given as for `new`
-- @treturn ?store nil and the rule that is broken
function store.try(given)
   if given == nil then return memory.new() end
   if type(given) ~= "string" then
      for _, name in ipairs { "load", "swap" } do
         if lacks(given, name) then return nil, "store: it has no function " .. name end
      end
      return given
   end
   local kind, place = given:match("^(%a+):(.*)$")
   if not KINDS[kind or ""] then return nil, "store: " .. known() .. " expected, or an object with load and swap" end
   local made, rule = load(KINDS[kind]).try(place)
   return made, rule and "store: " .. rule
end

--- Makes a store.
-- @param given nil for one in memory; `"file:PATH"`, `"shm:NAME"` (nginx), `"redis://HOST"`; an object with `load` and
-- `swap` is given back as it is
-- @treturn store
-- @raise when there is no such kind, or its place cannot be used
-- @usage local shared = require("tuya.store").new("file:/var/lib/rules/tuya")
function store.new(given)
   local made, rule = store.try(given)
   if not made then error("tuya.store: " .. rule, 2) end
   return made
end

return store

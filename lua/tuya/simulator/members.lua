--- members.lua: descriptions that people write, read from JSON and checked.
-- The idea: a table of members and their types says what may stand there; a type ending in ! is required.
-- The danger: a misspelt member that is passed over in silence; unknown members are refused by name.
-- @module tuya.simulator.members

local json = require("tuya.json")

local members = {}

--- Checks a table: every member known and of its type, every required one there.
-- @tparam table given
-- @tparam table known name = type, "any" for all of them; with a ! at its end it is required
-- @tparam string where what the table is, for the message
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function members.check(given, known, where)
   if type(given) ~= "table" then
      return nil, where .. ": must be a table"
   end
   for name, value in pairs(given) do
      local kind = known[name]
      if not kind then
         return nil, where .. ": unknown member '" .. tostring(name) .. "'"
      end
      if kind ~= "any" and type(value) ~= kind:gsub("!", "") then
         return nil, where .. ": '" .. name .. "' must be a " .. kind:gsub("!", "")
      end
   end
   for name, kind in pairs(known) do
      if kind:sub(-1) == "!" and given[name] == nil then
         return nil, where .. ": '" .. name .. "' is missing"
      end
   end
   return true
end

--- A JSON file's table, given to `make`, whose message gets the path in front.
-- @tparam string path
-- @tparam function make make(table): something, or nil and a message
-- @treturn[1] what it made
-- @treturn[2] nil
-- @treturn[2] string why there is none
function members.read(path, make)
   local file, message = io.open(path, "rb")
   if not file then
      return nil, message
   end
   local text = file:read("*a")
   file:close()
   local given
   given, message = json.decode(text or "")
   if type(given) ~= "table" then
      return nil, path .. ": not JSON: " .. tostring(message)
   end
   local made
   made, message = make(given)
   if not made then
      return nil, path .. ": " .. message
   end
   return made
end

return members

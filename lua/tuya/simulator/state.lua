--- state.lua: what a simulated cloud knows, as a text that outlives it.
-- The idea: tables are written as they are, each once and by number, so that whatever a home comes to hold is
-- kept without a list of names, and what two tables share stays shared.
-- The danger: tokens are in it. It holds no secret of a project.
-- @module tuya.simulator.state

local json = require("tuya.json")

local state = {}

local FORMAT = 1

--- Writes a value: what JSON knows as it is, a table as { number }. New tables are put into the list.
local function flat(value, list, numbers)
   if type(value) ~= "table" then
      assert(type(value) ~= "function" and type(value) ~= "userdata", "a state holds plain data only")
      return value
   end
   if not numbers[value] then
      local pairs_of = {}
      list[#list + 1] = pairs_of
      numbers[value] = #list
      for name, member in pairs(value) do
         pairs_of[#pairs_of + 1] = { flat(name, list, numbers), flat(member, list, numbers) }
      end
      json.array(pairs_of)
   end
   return { numbers[value] }
end

--- The text of a table of plain data, which may hold a table twice, or itself.
function state.write(root)
   local list = {}
   flat(root, list, {})
   return assert(json.encode({ format = FORMAT, tables = list }))
end

--- Reads such a text.
-- @tparam string text
-- @treturn[1] table
-- @treturn[2] nil
-- @treturn[2] string why it is none
function state.read(text)
   local given = json.decode(text)
   if type(given) ~= "table" or given.format ~= FORMAT or type(given.tables) ~= "table" then
      return nil, "not a state of this version"
   end
   local made = {}
   for i in ipairs(given.tables) do
      made[i] = {}
   end
   local function whole(value)
      if type(value) == "table" then
         return made[value[1]]
      end
      return value
   end
   for i, list in ipairs(given.tables) do
      for _, pair in ipairs(list) do
         made[i][whole(pair[1])] = whole(pair[2])
      end
   end
   return made[1]
end

return state

--- options.lua: tables of named options, checked.
-- The idea: a misspelt option never passes in silence; the rule that it breaks names the near one.
-- @module tuya.options

local core = require("tuya.core")

local options = {}

-- How many single-character edits part two short names (Levenshtein).
local function distance(a, b)
   local row = {}
   for j = 0, #b do row[j] = j end
   for i = 1, #a do
      local diagonal = row[0]
      row[0] = i
      for j = 1, #b do
         local cost = a:byte(i) == b:byte(j) and 0 or 1
         diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      end
   end
   return row[#b]
end

local LONGEST = 60 -- bytes of a name; a longer one is no misspelling, and would take its time

--- The known name nearest to a wrong one.
-- @tparam string name
-- @tparam table known name = anything
-- @treturn ?string nil when none is near
function options.nearest(name, known)
   if #name > LONGEST then return nil end
   local best, best_distance = nil, math.max(2, math.floor(#name / 2))
   for candidate in pairs(known) do
      local d = type(candidate) == "string" and distance(name, candidate) or best_distance + 1
      if d < best_distance or (d == best_distance and best and candidate < best) then
         best, best_distance = candidate, d
      end
   end
   return best
end

--- A wrong name within a message: not all of it where it is long.
-- @param name
-- @treturn string
function options.shown(name)
   local text = tostring(name)
   return #text > LONGEST and text:sub(1, LONGEST) .. "..." or text
end

--- The rule that an unknown name breaks.
-- @tparam string what the kind of name
-- @param name
-- @tparam table known
-- @treturn string
function options.unknown(what, name, known)
   local near = type(name) == "string" and options.nearest(name, known)
   return ("%s: unknown %s%s"):format(options.shown(name), what, near and (" (did you mean %s?)"):format(near) or "")
end

--- What options there are: `options.known { name = "type", other = "type|type" }`.
-- @tparam table types name = type, or types joined by "|"
-- @treturn table name = set of types
function options.known(types)
   local known = {}
   for name, text in pairs(types) do
      known[name] = {}
      for kind in text:gmatch("[^|]+") do known[name][kind] = true end
   end
   return known
end

--- The rule that a list of codes breaks.
-- @tparam ?table codes
-- @treturn ?string
function options.wrong_codes(codes)
   for i, code in ipairs(codes or {}) do
      if type(code) ~= "string" or not code:find("^[%w_]+$") then return ("codes: a code expected at %d"):format(i) end
   end
end

local function wrong_type(name, value, types)
   local names = {}
   for kind in pairs(types) do names[#names + 1] = kind end
   table.sort(names)
   return ("%s: %s expected, got %s"):format(name, table.concat(names, " or "), type(value))
end

-- What `next` does not see: the fields that a metatable lends. A class may lend methods besides.
local function broken_behind(given, known, what)
   for name, types in next, known do
      local value = given[name]
      if value ~= nil and not types[type(value)] then return wrong_type(name, value, types) end
   end
   local behind = getmetatable(given)
   behind = type(behind) == "table" and rawget(behind, "__index")
   if type(behind) ~= "table" then return nil end
   for name, value in next, behind do
      local is_of_class = type(value) == "function" or type(name) == "string" and name:find("^__")
      if not known[name] and not is_of_class then return options.unknown(what or "option", name, known) end
   end
   if getmetatable(behind) then return broken_behind(behind, known, what) end
end

--- Checks a table of options.
-- @tparam table given
-- @tparam table known made by `options.known`
-- @tparam[opt="option"] string what the kind of name
-- @treturn ?string the rule that is broken
function options.broken(given, known, what)
   if core.fit(given, known) then return nil end
   if type(given) ~= "table" then return ("a table of options expected, got %s"):format(type(given)) end
   for name, value in next, given do
      local types = known[name]
      if not types then return options.unknown(what or "option", name, known) end
      if not types[type(value)] then return wrong_type(name, value, types) end
   end
   if getmetatable(given) then return broken_behind(given, known, what) end
end

--- A copy that `next` sees all of, whatever a metatable lends of the options.
-- @tparam table given
-- @tparam table known made by `options.known`
-- @treturn ?table nil and the rule that is broken
function options.plain(given, known)
   local rule = options.broken(given, known)
   if rule then return nil, rule end
   local plain = {}
   for name in next, known do plain[name] = given[name] end
   return plain
end

return options

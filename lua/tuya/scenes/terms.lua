--- scenes/terms.lua: what a scene does and an automation waits for, and how each generation of the API writes it.
-- The idea: what a program says is checked and converted once, into terms that are of no generation; each generation
-- then writes the same terms its own way.
-- The danger: v1.0's forms are inferred from Tuya's older pages and other clients; v2.0's are published. What has an
-- `entity_id` was written by the program, and goes as it is: whether it is of the generation that answers, it knows.
-- @module tuya.scenes.terms

local bytes = require("tuya.bytes")
local json = require("tuya.json")
local options = require("tuya.options")
local points = require("tuya.points")
local space = require("tuya.space")
local specifications = require("tuya.specifications")

local terms = {}

-- {{{ What a program says

-- A value as a device takes it: true and it, or what is wrong. `encode` is of tuya.points.
local function wire_of(self, id, code, value, encode)
   local ok, standard, message, info = specifications.of(self.inner, self.client, id)
   if not ok or standard == nil then return ok, standard, message, info end
   if not standard then return true, value end
   local wire, rule = encode(standard, code, value)
   if wire == nil then return false, rule end
   return true, wire
end

local ACTION = options.known { device = "string|table", values = "table" }

local function broken_action(one)
   local rule = options.broken(one, ACTION)
   if rule then return rule end
   if not space.device_id(one.device) then return "device: a device or its id expected" end
   if type(one.values) ~= "table" or next(one.values) == nil or not bytes.names(one.values) then
      return "values: a table code = value expected"
   end
end

-- { id=, values = code to wire }
local function action(self, one)
   local rule = broken_action(one)
   if rule then return false, rule end
   local made = { id = space.device_id(one.device), values = {} }
   for _, code in ipairs(bytes.names(one.values)) do
      local ok, wire, message, info = wire_of(self, made.id, code, one.values[code], points.encode)
      if not ok or wire == nil then return ok, wire, message, info end
      made.values[code] = wire
   end
   return true, made
end

local OPERATORS = { ["=="] = true, ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }
local CONDITION = options.known {
   device = "string|table", code = "string", is = "string", value = "boolean|number|string|table",
}
local TIMER = options.known { time = "string", loops = "string", date = "string", zone = "string" }

local function timer(one)
   local rule = options.broken(one, TIMER)
   if rule then return false, rule end
   if not one.time:find("^[012]%d:[0-5]%d$") or one.time > "23:59" then return false, 'time: "07:30" expected' end
   local loops = one.loops or "1111111"
   if not loops:find("^[01][01][01][01][01][01][01]$") then
      return false, 'loops: seven digits 0 or 1 expected, Sunday first'
   end
   return true, { time = one.time, loops = loops, date = one.date, zone = one.zone }
end

-- { id=, code=, is=, value = wire } or { time=, loops=, date=, zone= }
local function condition(self, one)
   if type(one) == "table" and one.time then return timer(one) end
   local rule = options.broken(one, CONDITION)
   if rule then return false, rule end
   local id = space.device_id(one.device)
   if not id then return false, "device: a device or its id expected" end
   if one.is and not OPERATORS[one.is] then return false, 'is: "==", "<", ">", "<=" or ">=" expected' end
   if not one.code or one.value == nil then return false, "code and value expected" end
   local ok, wire, message, info = wire_of(self, id, one.code, one.value, points.encode_reported)
   if not ok or wire == nil then return ok, wire, message, info end
   return true, { id = id, code = one.code, is = one.is or "==", value = wire }
end

-- A list of terms, each made by `make`: true and it, or what is wrong, named.
local function list_of(self, list, name, make)
   local made = {}
   for i, one in ipairs(list) do
      local ok, term, message, info = true, { raw = one }, nil, nil
      if type(one) ~= "table" or one.entity_id == nil then ok, term, message, info = make(self, one) end
      if not ok then return false, ("%s[%d]: %s"):format(name, i, tostring(term)) end
      if term == nil then return true, nil, message, info end
      made[i] = term
   end
   return true, made
end

local MATCHES = { any = true, all = true }

--- What a program says of a scene or an automation, in terms.
-- @tparam table self an object of the home
-- @tparam table given `name`, `actions`, `conditions`, `match`, and members of one generation's own
-- @return true and the same with `actions` and `conditions` as terms; or what is wrong
function terms.read(self, given)
   local made = {}
   for name, value in next, given do made[name] = value end
   local rule = given.name ~= nil and space.bad_name(given.name)
   if rule then return false, rule end
   if given.match and not MATCHES[given.match] then return false, 'match: "any" or "all" expected' end
   for name, make in next, { actions = action, conditions = condition } do
      if given[name] ~= nil then
         local list = given[name]
         local is_list = type(list) == "table" and (list[1] ~= nil or name == "conditions" and next(list) == nil)
         if not is_list then
            return false, name .. ": a list expected"
         end
         local ok, made_list, message, info = list_of(self, list, name, make)
         if not ok or made_list == nil then return ok, made_list, message, info end
         made[name] = made_list
      end
   end
   return true, made
end

-- }}}

-- {{{ How a generation writes it

local v1, v2 = {}, {}

function v1.action(term, made)
   made[#made + 1] = { entity_id = term.id, action_executor = "dpIssue", executor_property = term.values }
end

function v1.condition(term, number)
   if term.time then
      return {
         entity_id = "timer", entity_type = 6, order_num = number,
         display = { time = term.time, loops = term.loops, date = term.date, timezone_id = term.zone },
      }
   end
   return {
      entity_id = term.id, entity_type = 1, order_num = number,
      display = { code = term.code, operator = term.is, value = term.value },
   }
end

v1.matches = { name = "match_type", any = 1, all = 2 }
v1.own = { "background", "match_type", "preconditions", "condition_rule" }

-- One for each data point.
function v2.action(term, made)
   for _, code in ipairs(bytes.names(term.values)) do
      made[#made + 1] = {
         entity_id = term.id, action_executor = "device_issue",
         executor_property = { function_code = code, function_value = term.values[code] },
      }
   end
end

function v2.condition(term, number)
   if term.time then
      return {
         entity_id = "timer", entity_type = "timer", code = number,
         expr = { time = term.time, loops = term.loops, date = term.date, time_zone_id = term.zone },
      }
   end
   return {
      entity_id = term.id, entity_type = "device_report", code = number,
      expr = { status_code = term.code, comparator = term.is, status_value = term.value },
   }
end

v2.matches = { name = "decision_expr", any = "or", all = "and" }
v2.own = { "decision_expr", "effective_time" }
v2.lacks = { ["<="] = true, [">="] = true }

local WRITERS = { ["v1.0"] = v1, ["v2.0"] = v2 }

-- The rule that keeps a generation from writing it.
local function unfit(generation, given)
   for other, writer in next, WRITERS do
      for _, name in ipairs(other ~= generation and writer.own or {}) do
         if given[name] ~= nil then return ("%s: of %s, and this goes by %s"):format(name, other, generation) end
      end
   end
   local lacks = WRITERS[generation].lacks or {}
   for i, term in ipairs(given.conditions or {}) do
      if lacks[term.is] then
         return ('conditions[%d]: is: "%s" is nothing that %s knows'):format(i, term.is, generation)
      end
   end
end

--- Those of some generations that can write it.
-- @tparam table order of generations
-- @tparam table given in terms
-- @treturn ?table order; nil and the rule that keeps the first from it, where none can
function terms.order(order, given)
   local able, rule = {}, nil
   for _, generation in ipairs(order) do
      local why = unfit(generation, given)
      if not why then able[#able + 1] = generation end
      rule = rule or why
   end
   if not able[1] then return nil, rule end
   return able
end

--- Writes it as a generation takes it.
-- @tparam string generation
-- @tparam table given in terms
-- @treturn table body
function terms.write(generation, given)
   local writer, body = WRITERS[generation], {}
   for name, value in next, given do body[name] = value end
   body.match = nil
   if given.match then body[writer.matches.name] = writer.matches[given.match] end
   if given.actions then
      body.actions = json.array()
      for _, term in ipairs(given.actions) do
         if term.raw then body.actions[#body.actions + 1] = term.raw else writer.action(term, body.actions) end
      end
   end
   if given.conditions then
      body.conditions = json.array()
      for i, term in ipairs(given.conditions) do body.conditions[i] = term.raw or writer.condition(term, i) end
   end
   return body
end

-- }}}

return terms

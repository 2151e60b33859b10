--- generations.lua: one vocabulary over the three generations of Tuya's device API.
-- The idea: an operation is named once (info, status, commands, ...), and a table says how each generation is asked for
-- it and how its answer reads. Which one a project may call is learnt: the first that answers stays.
-- The danger: 1106 is said of a device that is not the project's as well as of an API that is not. So the others
-- are asked only until a generation has answered anything.
-- @module tuya.generations

local json = require("tuya.json")

local generations = {}

-- What is said of an API that the project may not call; published, except that 1108 may mean it too [inferred].
local NOT_THIS_ONE = {
   [1106] = true, [1108] = true, [28841101] = true, [28841102] = true, [28841105] = true, [28841106] = true,
}

-- {{{ How answers read

-- isOnline -> online, productId -> product_id
local function snake(name)
   local made = name:gsub("%u", function(letter) return "_" .. letter:lower() end)
   return made == "is_online" and "online" or made
end

--- A device as v1.0 writes it, of any generation's.
-- @tparam table given
-- @treturn ?table nil when it is none
function generations.read_device(given)
   if type(given) ~= "table" or type(given.id) ~= "string" then return nil end
   local made = {}
   for name, value in next, given do made[type(name) == "string" and snake(name) or name] = value end
   if type(made.custom_name) == "string" and made.custom_name ~= "" then made.name = made.custom_name end
   return made
end

--- The values of a list of `{ code=, value= }`.
-- @tparam table list
-- @treturn ?table nil when it is none
function generations.read_values(list)
   if type(list) ~= "table" then return nil end
   local values = {}
   for _, item in ipairs(list) do
      if type(item) ~= "table" or type(item.code) ~= "string" then return nil end
      values[item.code] = item.value
   end
   return values
end

local function read_properties(result)
   return generations.read_values(type(result) == "table" and result.properties)
end

local function as_it_is(result)
   return result
end

-- What only says that it worked.
local function read_done()
   return true
end

-- }}}

local function get(pattern, read)
   return {
      build = function(id, query)
         return { method = "GET", path = (pattern:gsub("{id}", id)), query = query }
      end,
      read = read or as_it_is,
   }
end

local function send(method, pattern, body_of)
   return {
      build = function(id, argument)
         local body, rule = body_of(argument)
         if not body then return nil, rule end
         return { method = method, path = (pattern:gsub("{id}", id)), body = body }
      end,
      read = read_done,
   }
end

local function commands(list)
   return { commands = list }
end

-- The properties are JSON text in the JSON body, as in Tuya's table of parameters.
local function issue(list)
   local properties = {}
   for _, command in ipairs(list) do properties[command.code] = command.value end
   local text, rule = json.encode(properties)
   if not text then return nil, "properties: " .. rule end
   return { properties = text }
end

local function name(text)
   return { name = text }
end

local function attribute(text)
   return { type = 1, data = text }
end

local V1, INDUSTRY, THING = "/v1.0/devices/{id}", "/v1.0/iot-03/devices/{id}", "/v2.0/cloud/thing/{id}"

local OPERATIONS = {
   ["v1.0"] = {
      info = get(V1, generations.read_device),
      status = get(V1 .. "/status", generations.read_values),
      specification = get(V1 .. "/specifications"),
      commands = send("POST", V1 .. "/commands", commands),
      sub_devices = get(V1 .. "/sub-devices"),
      rename = send("PUT", V1, name),
      statistic_types = get(V1 .. "/all-statistic-type"),
   },
   ["iot-03"] = {
      info = get("/v1.1/iot-03/devices/{id}", generations.read_device),
      status = get(INDUSTRY .. "/status", generations.read_values),
      specification = get("/v1.2/iot-03/devices/{id}/specification"),
      commands = send("POST", INDUSTRY .. "/commands", commands),
      sub_devices = get(INDUSTRY .. "/sub-devices"),
   },
   ["v2.0"] = {
      info = get(THING, generations.read_device),
      status = get(THING .. "/shadow/properties", read_properties),
      specification = get(THING .. "/model"),
      commands = send("POST", THING .. "/shadow/properties/issue", issue),
      rename = send("POST", THING .. "/attribute", attribute),
   },
}

-- Services of their own: v1.0's may be refused by 1106 where v2.0's is not, whatever else v1.0 answers [so one client
-- has met it].
local APART = { scene = true, automation = true }

-- Is the failure about the API, so that another generation may answer?
local function may_ask_another(known, operation, generation, info)
   if info.kind ~= "api" or not NOT_THIS_ONE[info.code] then return false end
   local has_answered = known.answered[generation]
   if APART[operation] then has_answered = known.generations[operation] ~= nil end
   return info.code ~= 1106 or not has_answered
end

--- Tries the generations in turn until one answers.
-- @tparam table known
-- @tparam string operation its name, under which the one that answers is remembered
-- @tparam table order generations to try
-- @tparam function ask called with a generation: true, result, message, info; or false, rule
-- @treturn boolean ok
-- @return result, or nil
-- @treturn ?string message, of the first failure
-- @treturn table info
-- @treturn ?string the generation that answered
function generations.try(known, operation, order, ask)
   local message, info
   for _, generation in ipairs(order) do
      local ok, result, why, about = ask(generation)
      if not ok then return false, result end
      if result ~= nil then
         known.generations[operation], known.answered[generation] = generation, true
         return true, result, nil, about, generation
      end
      message, info = message or why, info or about
      if not may_ask_another(known, operation, generation, about) then return true, nil, why, about end
   end
   return true, nil, message, info
end

local function carry_out(generation, inner, client, operation, id, argument, options)
   local how = OPERATIONS[generation][operation]
   local spec, rule = how.build(id, argument)
   if not spec then return false, rule end
   return inner.read(client, spec, how.read, options)
end

--- Carries out an operation on a device.
-- @tparam table inner what the client lets its modules do
-- @tparam client client
-- @tparam string operation
-- @tparam string id
-- @param argument query, commands or name
-- @tparam ?table options `timeout`, `retries` and the like, of the call
-- @return as of `try`
function generations.call(inner, client, operation, id, argument, options)
   local ok, known = inner.known(client)
   if not ok then return false, known end
   local order = known:order(operation, function(generation) return OPERATIONS[generation][operation] ~= nil end)
   return generations.try(known, operation, order, function(generation)
      return carry_out(generation, inner, client, operation, id, argument, options)
   end)
end

--- Carries out an operation by one generation, whatever was learnt.
-- @return true, result, message, info; or false, rule
-- @function generations.by
generations.by = carry_out

return generations

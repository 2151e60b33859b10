--- commands.lua: what a program wants of a device, checked, sent the way that works, and seen to arrive.
-- The idea: values are checked by the specification before anything is sent; a data point that the standard instruction
-- set lacks goes through the thing model, at once where the specification says so, and after a refusal (2008, 2003)
-- where only the cloud knew. What was learnt stays with the product.
-- The danger: a call must not be sent twice. Only a refusal leads to the other way, never a doubt.
-- @module tuya.commands

local bytes = require("tuya.bytes")
local errors = require("tuya.errors")
local generations = require("tuya.generations")
local json = require("tuya.json")
local options = require("tuya.options")
local points = require("tuya.points")
local same = require("tuya.points.same")
local specifications = require("tuya.specifications")

local commands = {}

local NOT_STANDARD = { [2003] = true, [2008] = true }

-- {{{ What was given

local function command(code, value)
   if type(code) ~= "string" or code == "" then return nil, "a code must be a string" end
   if value == nil then return nil, ("%q has no value"):format(options.shown(code)) end
   return { code = code, value = value }
end

-- { switch = true } in byte order of the codes, so that the same table always makes the same body.
local function from_map(values)
   local codes = bytes.names(values)
   if not codes then return nil, "a code must be a string" end
   local list = {}
   for i, code in ipairs(codes) do
      local made, rule = command(code, values[code])
      if not made then return nil, rule end
      list[i] = made
   end
   return list
end

local function from_list(given)
   local list, count = {}, 0
   for _ in next, given do count = count + 1 end
   if count ~= #given then return nil, "a list with names or holes; give { code=, value= } each, or code = value" end
   for i, one in ipairs(given) do
      if type(one) ~= "table" then return nil, "a list of { code=, value= }, or a table code = value" end
      local made, rule = command(one.code, one.value)
      if not made then return nil, rule end
      list[i] = made
   end
   return list
end

--- The commands of what a program gave.
-- @tparam table values code = value, or a list of `{ code=, value= }`
-- @treturn ?table list of `{ code=, value= }`; nil and the rule that is broken
function commands.of(values)
   if type(values) ~= "table" then return nil, "a table code = value expected, got " .. type(values) end
   if next(values) == nil then return nil, "no command given" end
   if values[1] ~= nil then return from_list(values) end
   return from_map(values)
end

-- }}}

-- {{{ Checking

-- Which specification is to be asked about a code: true and it, or false and the rule; nil, message, info: failed.
local function authority(job, standard, code)
   local point = standard.by_code[code]
   if standard.is_model or point and point.writable then return true, standard, standard.is_model end
   local ok, model, message, info = specifications.model(job.inner, job.client, job.id)
   if not ok or model == nil then return ok, model, message, info end
   local other = model and model.by_code[code]
   if other and other.writable then return true, model, true end
   return true, model or standard, false
end

-- Checks and converts a list. A command of the result has `specification` and says whether it goes through the model.
local function checked(job, standard, list)
   local made = {}
   for i, one in ipairs(list) do
      local ok, specification, through_model, info = authority(job, standard, one.code)
      if not ok or specification == nil then return ok, specification, through_model, info end
      local wire, rule = points.encode(specification, one.code, one.value)
      if wire == nil then return false, rule end
      made[i] = { code = one.code, value = wire, through_model = through_model, specification = specification }
   end
   return true, made
end

-- The list as it is, each on the way that was learnt.
local function unchecked(job, list)
   for _, one in ipairs(list) do one.through_model = job.known:goes_through_model(job.id, one.code) end
   return true, list
end

local function prepare(job, list)
   if job.check == false then return unchecked(job, list) end
   local ok, standard, message, info = specifications.of(job.inner, job.client, job.id)
   if not ok or standard == nil then return ok, standard, message, info end
   if not standard then return unchecked(job, list) end
   local made
   ok, made, message, info = checked(job, standard, list)
   if not ok or made == nil then return ok, made, message, info end
   for _, one in ipairs(made) do
      if job.known:goes_through_model(job.id, one.code) then one.through_model = true end
   end
   return true, made
end

-- }}}

-- {{{ Sending

local function plain(list)
   local sent = {}
   for i, one in ipairs(list) do sent[i] = { code = one.code, value = one.value } end
   return sent
end

local function codes_of(list)
   local codes = {}
   for i, one in ipairs(list) do codes[i] = one.code end
   return codes
end

local function through_model(job, list)
   return generations.by("v2.0", job.inner, job.client, "commands", job.id, plain(list), job.options)
end

-- What was refused as not standard, by the thing model; what it takes is learnt.
local function fall_back(job, list, message, info)
   local ok, done, why, detail = through_model(job, list)
   if not ok then return false, done end
   if done == nil then
      if detail.kind == "api" and detail.code ~= 2001 then return true, nil, message, info end
      return true, nil, why, detail
   end
   for _, one in ipairs(list) do job.known:learn_through_model(job.id, one.code) end
   job.inner.log(job.client, {
      event = "fallback", device_id = job.id, codes = codes_of(list), code = info.code, path = detail.path,
   })
   return true, done, nil, detail
end

local function standard_way(job, list)
   local ok, done, message, info, generation =
      generations.call(job.inner, job.client, "commands", job.id, plain(list), job.options)
   if not ok or done ~= nil then return ok, done, message, info end
   local is_free = job.known.api == "auto" and generation ~= "v2.0"
   if is_free and info.kind == "api" and NOT_STANDARD[info.code] then return fall_back(job, list, message, info) end
   return true, nil, message, info
end

-- Sends both halves; when the second fails, its detail says which codes the cloud had taken.
local function send(job, list)
   local standard, other = {}, {}
   for _, one in ipairs(list) do
      local half = one.through_model and other or standard
      half[#half + 1] = one
   end
   local ok, done, message, info = true, true, nil, nil
   if standard[1] then ok, done, message, info = standard_way(job, standard) end
   if not ok or done == nil or not other[1] then return ok, done, message, info end
   ok, done, message, info = through_model(job, other)
   if ok and done == nil and standard[1] then info.accepted = codes_of(standard) end
   return ok, done, message, info
end

-- }}}

-- {{{ Confirming

local FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2 -- seconds between two looks

-- What the device has, by the two ways that its data points are read.
local function look(job, list)
   local seen, ways = {}, {}
   for _, one in ipairs(list) do ways[one.through_model and true or false] = true end
   if ways[false] then
      local ok, values = generations.call(job.inner, job.client, "status", job.id)
      if not ok then return false, values end
      for code, value in next, values or {} do seen[code] = value end
   end
   if ways[true] then
      local query = { codes = codes_of(list) }
      local ok, values = generations.by("v2.0", job.inner, job.client, "status", job.id, query)
      if not ok then return false, values end
      for code, value in next, values or {} do
         if seen[code] == nil then seen[code] = value end
      end
   end
   return true, seen
end

-- What is seen, and was sent unchecked as a table, is JSON text.
local function as_sent(sent, now)
   local is_text = type(sent) == "table" and type(now) == "string"
   return is_text and json.decode(now) or now
end

-- The last of a list for each code.
local function last_of_each(list)
   local last = {}
   for _, one in ipairs(list) do last[one.code] = one end
   return last
end

-- Whether what was sent is there; a countdown runs on while it is looked for.
local function has_arrived(code, sent, now, elapsed)
   if same(sent, now) then return true end
   if not code:find("^countdown") or type(sent) ~= "number" or type(now) ~= "number" then return false end
   return now < sent and now >= sent - elapsed - 1
end

-- What is not there, some seconds after it was sent.
local function missing_of(list, seen, elapsed)
   local missing, last = {}, last_of_each(list)
   for _, one in ipairs(list) do
      local sent, now = one.value, as_sent(one.value, seen[one.code])
      if one.specification then
         sent = points.decode(one.specification, one.code, sent)
         now = points.decode(one.specification, one.code, now)
      end
      if one == last[one.code] and not has_arrived(one.code, sent, now, elapsed) then
         missing[#missing + 1] = { code = one.code, sent = sent, seen = now }
      end
   end
   return missing
end

local function unconfirmed(job, missing)
   local parts = {}
   for i, one in ipairs(missing) do
      parts[i] = ("%s (%s sent, %s seen)"):format(one.code, points.text(one.sent), points.text(one.seen))
   end
   return errors.failure {
      kind = "unconfirmed", code = "unconfirmed", sent = "yes", attempts = 1, missing = missing,
      message = ("sent to %s and taken, but not seen within %s s: %s"):format(
         job.id, tostring(job.confirm), table.concat(parts, ", ")),
   }
end

-- Looks until all values are there or the time is over.
local function confirm(job, list, info)
   local began, pause = job.inner.now(job.client), FIRST_PAUSE
   local ends = began + job.confirm
   while true do
      local ok, seen = look(job, list)
      if not ok then return false, seen end
      local missing = missing_of(list, seen, job.inner.now(job.client) - began)
      if not missing[1] then return true, true, nil, info end
      local left = ends - job.inner.now(job.client)
      if left <= 0 then return true, unconfirmed(job, missing) end
      job.inner.sleep(job.client, math.min(pause, left))
      pause = math.min(pause * 2, LONGEST_PAUSE)
   end
end

-- }}}

--- Sends commands to a device.
-- @tparam table job `inner`, `client`, `id`; `check` (false: as they are), `confirm` (seconds), `options` of the call
-- @tparam table values code = value, or a list of `{ code=, value= }`
-- @treturn boolean ok; false with the rule that the program broke
-- @return true; or nil, message, info
function commands.send(job, values)
   local list, rule = commands.of(values)
   if not list then return false, rule end
   local ok, message, info
   ok, job.known = job.inner.known(job.client)
   if not ok then return false, job.known end
   ok, list, message, info = prepare(job, list)
   if not ok or list == nil then return ok, list, message, info end
   local done
   ok, done, message, info = send(job, list)
   if not ok or done == nil or not job.confirm then return ok, done, message, info end
   return confirm(job, list, info)
end

-- The list checked by the thing model; as it is where there is none, or where nothing is to be checked.
local function by_model(job, list)
   local ok, model, message, info = true, false, nil, nil
   if job.check ~= false then
      ok, model, message, info = specifications.model(job.inner, job.client, job.id)
   end
   if not ok or model == nil then return ok, model, message, info end
   for _, one in ipairs(list) do
      if model then
         local wire, rule = points.encode(model, one.code, one.value)
         if wire == nil then return false, rule end
         one.value, one.specification = wire, model
      end
      one.through_model = true
   end
   return true, list
end

--- Sends properties by the thing model, checked by it.
-- @return as of `send`
function commands.send_properties(job, values)
   local list, rule = commands.of(values)
   if not list then return false, rule end
   local ok, made, message, info = by_model(job, list)
   if not ok or made == nil then return ok, made, message, info end
   local done
   ok, done, message, info = through_model(job, made)
   if not ok or done == nil or not job.confirm then return ok, done, message, info end
   return confirm(job, made, info)
end

return commands

--- reactions.lua: what devices of a simulated home do by themselves, over the cloud's time.
-- The idea: a command starts something (a countdown, a curtain's travel, a room that warms up); where it stands at any
-- moment is reckoned from when it began. So nothing runs in between, and an hour may pass at once.
-- The danger: what is under way is kept in the home as plain data, so that it outlives the process with it.
-- @module tuya.simulator.reactions

local values = require("tuya.simulator.values")

local reactions = {}

local TRAVEL = 20 -- seconds of a curtain from one end to the other
local WARMING = 60 -- seconds in which a heated room gains a tenth of a degree
local COOLING = 120 -- seconds in which an unheated one loses it
local OUTSIDE = 150 -- tenths of a degree, to which it falls
local POWER, CURRENT = 600, 261 -- of what is plugged in: 60 W, 261 mA

local function value_of(device, code)
   local point = device.by_code[code]
   return point and point.value
end

--- A change to a value that the data point may have; nil where it has it already.
local function change(device, code, value)
   local point = device.by_code[code]
   local accepted = point and values.accept(point, value)
   return accepted ~= nil and accepted ~= point.value and { point = point, value = accepted } or nil
end

local function begin(device, name, task)
   device.under_way = device.under_way or {}
   device.under_way[name] = task
end

local function rounded(number)
   return math.floor(number + 0.5)
end

local SWITCHES = { "switch_1", "switch_led", "switch" }

local function switch_of(device)
   for _, code in ipairs(SWITCHES) do
      if device.by_code[code] then
         return code
      end
   end
   return nil
end

-- {{{ What a change starts: by code, each gives further changes at once

local starts = {}

function starts.countdown_1(device, seconds, now)
   begin(device, "countdown", seconds > 0 and { ends = now + seconds * 1000 } or nil)
   return {}
end

local function measured(device, on)
   return {
      change(device, "cur_power", on and POWER or 0) or false,
      change(device, "cur_current", on and CURRENT or 0) or false,
   }
end

function starts.switch_1(device, on)
   return measured(device, on)
end

local function travel_to(device, place, now)
   local from = value_of(device, "percent_state")
   begin(device, "travel", { from = from, to = place, began = now })
   return { change(device, "work_state", place >= from and "opening" or "closing") or false }
end

function starts.percent_control(device, place, now)
   return travel_to(device, place, now)
end

function starts.control(device, word, now)
   if word == "open" or word == "close" then
      return travel_to(device, word == "open" and 100 or 0, now)
   end
   if word == "stop" then
      begin(device, "travel", nil)
   end
   return {}
end

local function warm(device, _, now)
   if not device.by_code.temp_current then
      return {}
   end
   begin(device, "warmth", { from = value_of(device, "temp_current"), began = now })
   return {}
end

starts.temp_set, starts.switch = warm, warm

-- }}}

-- {{{ Where things stand

local stands = {}

function stands.countdown(device, task, now)
   local left = math.max(0, math.ceil((task.ends - now) / 1000))
   local code = switch_of(device)
   local ticked = change(device, "countdown_1", left)
   if ticked then
      ticked.by_itself = true -- or the countdown would begin anew
   end
   local changes = { ticked or false }
   if left == 0 then
      device.under_way.countdown = nil
      changes[2] = code and change(device, code, not value_of(device, code)) or false
   end
   return changes
end

function stands.travel(device, task, now)
   local way = (now - task.began) / 1000 / TRAVEL * 100
   local distance = math.abs(task.to - task.from)
   if way >= distance then
      device.under_way.travel = nil
      return { change(device, "percent_state", task.to) or false }
   end
   local place = task.from + (task.to > task.from and way or -way)
   return { change(device, "percent_state", rounded(place)) or false }
end

function stands.warmth(device, task, now)
   local goal = value_of(device, "switch") and value_of(device, "temp_set") or OUTSIDE
   local pace = goal > task.from and WARMING or -COOLING
   local moved = (now - task.began) / 1000 / pace
   local warmth = task.from + (moved > 0 and math.floor(moved) or math.ceil(moved))
   if moved > 0 then
      warmth = math.min(warmth, goal)
   else
      warmth = math.max(warmth, goal)
   end
   return { change(device, "temp_current", warmth) or false }
end

-- }}}

local function those_that_are(list)
   local made = {}
   for _, one in ipairs(list) do
      if one then
         made[#made + 1] = one
      end
   end
   return made
end

--- What changes of a device lead to at once. Only devices whose product says so react.
-- @tparam table device
-- @tparam table changes that were made
-- @tparam number now ms
-- @treturn table further changes
function reactions.to(device, changes, now)
   local further = {}
   if not device.reacts then
      return further
   end
   for _, one in ipairs(changes) do
      local start = not one.by_itself and starts[one.point.code]
      for _, next_one in ipairs(start and those_that_are(start(device, one.value, now)) or {}) do
         further[#further + 1] = next_one
      end
   end
   return further
end

local ORDER = { "countdown", "travel", "warmth" }

--- What has changed of a device by now, of what is under way.
-- @tparam table device
-- @tparam number now ms
-- @treturn table changes
function reactions.by_now(device, now)
   local changes = {}
   for _, name in ipairs(device.under_way and ORDER or {}) do
      local task = device.under_way[name]
      for _, one in ipairs(task and those_that_are(stands[name](device, task, now)) or {}) do
         changes[#changes + 1] = one
      end
   end
   return changes
end

return reactions

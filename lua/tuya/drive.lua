--- drive.lua: who carries out a call, and the driver that blocks.
-- The idea: a call does not know who carries it out. A task of a scheduler, or whoever else has offered to, is
-- asked first; what remains is the blocking driver, which carries out one effect after the other until the op
-- is done. A call's deadline bounds every one of them, pauses included.
-- The danger: an op that waits for another which nobody steps would wait for ever; here the driver steps
-- that one itself.
-- @module tuya.drive

local drive = {}

local no_time = "no time left before the timeout"
local timed_out = { kind = "network", code = "timeout", message = no_time, sent = "no" }

local effects = {}
local run

function effects.send(host, deadline, sealed, policy)
   local left = deadline - host.transport:now()
   if left <= 0 then return nil, no_time, timed_out end
   local most = policy.timeout
   if most and most < left then left = most end
   return host.transport:send(sealed,
      { timeout = left, connect_timeout = policy.connect_timeout, endpoint = policy.endpoint })
end

function effects.sleep(host, deadline, seconds)
   if seconds >= deadline - host.transport:now() then return false end
   host.transport:sleep(seconds)
   return true
end

local main = {} -- stands for the main program, which has no coroutine on Lua 5.1

-- Whether somebody else is in the middle of an op: an outer call, or another coroutine that still lives.
local function is_driven(other)
   return other.driver and (other.driver == main or coroutine.status(other.driver) ~= "dead")
end

-- Where other calls go on meanwhile, what they wait for is run apart from all of them: a request that is torn away
-- would take it along. `beside`: the call that wants it does not wait.
local function share(host, deadline, other, beside)
   local transport = host.transport
   if not other.driver then
      other.driver = main
      local function apart() run(host, transport:now() + host.timeout, other) end
      local may_start, started = pcall(transport.apart, transport, apart)
      if not may_start then
         other:abandon(started) -- or every later call would wait for it
         error(started, 0)
      end
      if not started then apart() end
   end
   if beside then return nil end
   if not transport:await(function() return other.done end, deadline) then return nil, timed_out end
   return other:returned()
end

function effects.wait(host, deadline, other, beside)
   if host.transport.apart then return share(host, deadline, other, beside) end
   local ticker = host.ticker
   local is_ticked = ticker and other.driver == ticker
   if is_ticked and other.stage ~= "stepping" then
      ticker:finish(other, deadline)
      if not other.done then return nil, timed_out end
   elseif not other.done then
      if is_ticked or is_driven(other) then -- by what calls here, where it is in the middle of a step
         error("the token is being renewed by an outer call or another coroutine: this call would wait for ever", 0)
      end
      if other.driver then other:abandon("its coroutine is dead") else run(host, deadline, other) end
   end
   return other:returned()
end

function effects.load(host, _, key)
   return host.store:load(key)
end

function effects.swap(host, _, key, old, new, life)
   return host.store:swap(key, old, new, life)
end

-- Steps with the answer to the last effect, carries out the next one, and so on.
local function continue(host, deadline, op, effect, a, b, c, d)
   if host.log then host.flush() end
   if effect == nil then return end
   return continue(host, deadline, op, op:step(effects[effect](host, deadline, a, b, c, d)))
end

function run(host, deadline, op)
   op.driver = op.driver or coroutine.running() or main
   local ok, trouble = pcall(continue, host, deadline, op, op:step())
   if ok then return end
   op:abandon(trouble) -- or whoever waits for it later would wait for ever
   error(trouble, 0)
end

-- Those who offered to carry out calls, in order.
local offers = {}

--- Offers to carry out calls.
-- @tparam function pick asked at every call, with the host: a driver, or nil when this call is not its own. A
-- driver is a function called as `drive.run` is, and answers as that does
function drive.offer(pick)
   offers[#offers + 1] = pick
end

--- Who carries out a call that is made here and now.
-- @tparam table host
-- @treturn ?function a driver; nil: it would block
function drive.pick(host)
   for i = 1, #offers do
      local driver = offers[i](host)
      if driver then return driver end
   end
end

--- Runs an op to its end, blocking.
-- @tparam table host `transport`, `store` and `flush()`, which hands pending log events out
-- @tparam op op
-- @tparam number timeout of the whole op, in seconds
-- @treturn boolean whether the op ended by itself
-- @return what the op returned; or what was raised
function drive.block(host, op, timeout)
   local ok, trouble = pcall(run, host, host.transport:now() + timeout, op)
   if not ok then return false, trouble end
   return true, op:returned()
end

--- Runs an op to its end, by whoever carries it out here.
-- @tparam table host
-- @tparam op op
-- @tparam number timeout of the whole op, in seconds
-- @treturn boolean whether the op ended by itself
-- @return what the op returned; or what was raised
function drive.run(host, op, timeout)
   return (drive.pick(host) or drive.block)(host, op, timeout)
end

return drive

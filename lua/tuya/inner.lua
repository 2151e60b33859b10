--- inner.lua: what a client lets the modules about devices and homes do with it.
-- The idea: they make calls one after the other, each of which is carried out by whoever drives where it is made: it
-- blocks, suspends a task, or is a step of the op of a started function (flow.lua). So they are written once.
-- The danger: to hand them the client's context would hand them key and token; they get functions.
-- @module tuya.inner

local drive = require("tuya.drive")
local errors = require("tuya.errors")
local known = require("tuya.known")
local op = require("tuya.op")
local token = require("tuya.token")

local inner = {}

local yield = op.yield

local function sleep(seconds)
   return yield("sleep", seconds)
end

local function with_options(spec, given)
   for name, value in next, given or {} do spec[name] = value end
   return spec
end

local function unreadable(spec, info)
   return errors.failure {
      kind = "http", code = info.status, status = info.status, tid = info.tid, sent = "yes", attempts = 1,
      method = spec.method, path = spec.path, message = "the answer has not the form that this call answers in",
   }
end

--- Makes what a client's modules get.
-- @tparam function execute makes a call of a client: true, result, message, info; or false and the rule
-- @tparam function open_context gives a client's context; or nil and the rule
-- @treturn table functions, each called with a client first
function inner.new(execute, open_context)
   local made = { execute = execute }

   -- Makes a call and reads its result; what `read` makes nil of is a failure.
   function made.read(client, spec, read, given)
      local ok, result, message, info = execute(client, with_options(spec, given))
      if not ok or result == nil then return ok, result, message, info end
      local what = read(result)
      if what == nil then return true, unreadable(spec, info) end
      return true, what, nil, info
   end

   function made.known(client)
      local context, rule = open_context(client)
      if not context then return false, rule end
      return true, known.of(context)
   end

   -- Whether it acts for a person, and not for the project.
   function made.logs_in(client)
      local context = open_context(client)
      return context ~= nil and context.grant.name ~= nil
   end

   -- Whose token it has: true and the uid, or what failed.
   function made.uid(client)
      local context, rule = open_context(client)
      if not context then return false, rule end
      return drive.run(context, op.new(token.uid, context), context.timeout)
   end

   function made.log(client, event)
      local context = open_context(client)
      if not context or not context.log then return end
      context.log(event)
      context.flush()
   end

   -- Seconds of a clock that is never set.
   function made.now(client)
      return assert(open_context(client)).transport:now()
   end

   -- Milliseconds since 1970.
   function made.clock(client)
      return assert(open_context(client)).clock()
   end

   function made.sleep(client, seconds)
      return drive.run(assert(open_context(client)), op.new(sleep, seconds), seconds + 1)
   end

   return made
end

return inner

-- hostile_gc.lua: a helper for busted (--helper=spec/c/hostile_gc.lua): the collector runs as often as it may.
-- The idea: what is only borrowed, by C or by a weak table, is soon gone. All there is, is collected every few thousand
-- instructions; in between there is no pause: a cycle begins where one ends.
-- The danger: hooks belong to coroutines, and LuaJIT's compiled code calls none; so a coroutine gets its own when it is
-- made, and the compiler is off. Too few collections fail the run.
local busted = require("busted")

local INSTRUCTIONS, ENOUGH = 10000, 1000

local compiler = rawget(_G, "jit")
if compiler then compiler.off() end

local collections = 0
local function collect()
   collections = collections + 1
   collectgarbage()
end

local create = coroutine.create

local function create_hooked(f)
   local co = create(f)
   debug.sethook(co, collect, "", INSTRUCTIONS)
   return co
end

local function pass(ok, ...)
   if not ok then error((...), 0) end
   return ...
end

local function wrap_hooked(f)
   local co = create_hooked(f)
   return function(...)
      return pass(coroutine.resume(co, ...))
   end
end

rawset(coroutine, "create", create_hooked)
rawset(coroutine, "wrap", wrap_hooked)

if not pcall(collectgarbage, "generational", 1, 1) then -- 5.4 alone has it
   collectgarbage("setpause", 0)
   collectgarbage("setstepmul", 200)
end
debug.sethook(collect, "", INSTRUCTIONS)

busted.subscribe({ "suite", "end" }, function()
   debug.sethook()
   io.write(("\n%d whole collections\n"):format(collections))
   if collections < ENOUGH then
      io.write("too few: the collector was not hostile\n")
      os.exit(9, true)
   end
end)

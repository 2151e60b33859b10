-- storm.lua: a program: lua spec/storm.lua [CALLS]. A storm of calls (spec/support/storm.lua) in a state with nothing
-- else in it, so that all its garbage can be collected at every tick.
-- Ends with a line of counts, also in the file that TUYA_COUNTS names.
local nginx = require("spec.support.nginx")
local storm = require("spec.support.storm")

local CALLS = tonumber(arg[1] or 1000)

local passed, failed = 0, 0
local function check(what, fn, ...)
   local started = os.time()
   local ok, trouble = pcall(fn, ...)
   print(("%s: %s (%d s)"):format(ok and "ok" or "FAILED", what, os.time() - started))
   if ok then passed = passed + 1 else failed = failed + 1 end
   if not ok then print(trouble) end
end

local server = nginx.start()
check(CALLS .. " calls", storm.cancel, server, CALLS)
check("a transport that is shared", storm.share, server, math.max(200, math.ceil(CALLS / 50)))
check("clients that are dropped", storm.drop, server, math.max(50, math.ceil(CALLS / 100)))
check("states that end", storm.finish, server)
server.stop()

local ends = {}
for what, n in pairs(storm.tally) do ends[#ends + 1] = what .. " " .. n end
table.sort(ends)
print(table.concat(ends, ", "))
local line = ("storm: %d passed, %d failed, 0 skipped"):format(passed, failed)
print(line)
if os.getenv("TUYA_COUNTS") then
   local file = assert(io.open(os.getenv("TUYA_COUNTS"), "a"))
   file:write(line, "\n")
   file:close()
end
if failed > 0 then os.exit(1) end -- else the state is closed, and what is left then is a leak

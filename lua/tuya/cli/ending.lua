--- cli/ending.lua: how a run of the command ends.
-- The idea: an end is a raised table, which `cli.main` alone catches; its code is the exit code.
-- The danger: a code that a script reads one way and a person another; they are a contract.
-- @module tuya.cli.ending

local ending = {
   DONE = 0, REFUSED = 1, USAGE = 2, NETWORK = 3, MISTAKE = 4, UNEXPLAINED = 5,
   INTERRUPTED = 130, -- as shells say it: 128 + SIGINT
}

--- Ends the run with a line on stderr, and with a second one where there is advice.
function ending.fail(code, message, advice)
   error({ code = code, message = message, advice = advice }, 0)
end

--- Is this what lua's own handler raises for Ctrl-C?
function ending.is_interrupt(why)
   return type(why) == "string" and why:find("interrupted!", 1, true) ~= nil
end

--- Calls what raises at mistakes, and ends with its message then, without the place where it was raised.
function ending.attempt(run, ...)
   local ok, result, message, detail = pcall(run, ...)
   if ok then return result, message, detail end
   if type(result) == "table" or ending.is_interrupt(result) then error(result, 0) end
   local line = tostring(result):gsub("^[^\n]-:%d+: ", ""):gsub("^tuya[%w.:]*: ", "")
   ending.fail(ending.USAGE, line)
end

--- What a call of the client answered, or an end when it failed.
function ending.unless(result, message, detail)
   if result ~= nil then return result, detail end
   local is_lost = detail.kind == "network" or detail.kind == "http"
   ending.fail(is_lost and ending.NETWORK or ending.REFUSED, message, detail.advice)
end

--- The text as a whole number within limits, or an end with a line that says so.
function ending.whole_number(text, name, low, high)
   local number = text:find("^[0-9]+$") and tonumber(text)
   if not number or number < low or number > high then
      ending.fail(ending.USAGE, ("%s must be a whole number from %d to %d, not '%s'"):format(name, low, high, text))
   end
   return number
end

return ending

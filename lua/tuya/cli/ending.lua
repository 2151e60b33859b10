--- cli/ending.lua: how a run of the command ends.
-- The idea: an end is a raised table, which `cli.main` alone catches; its code is the exit code.
-- The danger: a code that a script reads one way and a person another; they are a contract.
-- @module tuya.cli.ending

local ending = {
   DONE = 0, REFUSED = 1, USAGE = 2, NETWORK = 3, MISTAKE = 4, UNEXPLAINED = 5,
   INTERRUPTED = 130, -- as shells say it: 128 + SIGINT
}

--- Ends the run with a line on stderr.
function ending.fail(code, message)
   error({ code = code, message = message }, 0)
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

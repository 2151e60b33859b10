--- cli.lua: the command `tuya`.
-- The idea: a subcommand is one entry of a table: its name, its options, what it does.
-- The danger: a traceback or a secret on somebody's terminal. Bad input gets one line on stderr and 2.
-- @module tuya.cli

local ending = require("tuya.cli.ending")

local cli = {}

local fail = ending.fail

local function complain(message)
   io.stderr:write("tuya: ", (tostring(message):gsub("%s*\n.*", "")), "\n")
end

local call, devices, manual = require("tuya.cli.call"), require("tuya.cli.devices"), require("tuya.cli.manual")

--- The subcommands, in the order in which help shows them.
local COMMANDS = {
   call.get, call.post, call.put, call.patch, call.delete,
   devices.list, devices.status, devices.send,
   (require("tuya.cli.watch")),
   (require("tuya.cli.sign")), -- in brackets: 5.4 gives the path besides
   (require("tuya.cli.diagnose")),
   (require("tuya.cli.simulate")),
   (require("tuya.cli.login")),
   (require("tuya.cli.token")),
   (require("tuya.cli.regions")),
   (require("tuya.cli.doctor")),
   manual.completion, manual.page,
}

local EPILOG = [[
Credentials: --profile NAME, or TUYA_ACCESS_ID and TUYA_ACCESS_SECRET, or the profile "default".
Profiles: ~/.config/tuya/config.json, which nobody else may read.
Further variables: TUYA_REGION or TUYA_ENDPOINT, TUYA_CA_FILE, NO_COLOR.
Exit codes: 0 done, 1 the cloud refused, 2 wrong usage, 3 network, 4 diagnosis found a mistake, 5 unexplained.]]

--- The parser, and the subcommands with theirs.
local function new_parser()
   local ok, argparse = pcall(require, "argparse")
   if not ok then
      fail(ending.USAGE, "the command needs argparse: install the rock argparse or the Debian package lua-argparse")
   end
   local parser, made = argparse("tuya", "A signed client for the Tuya Cloud OpenAPI.", EPILOG), {}
   parser:flag("--version", "Print the version and end.")
   parser:command_target("command")
   parser:require_command(false)
   for i, command in ipairs(COMMANDS) do
      made[i] = { name = command.name, parser = parser:command(command.name, command.summary) }
      command.describe(made[i].parser)
   end
   return parser, made
end

local function run(arguments)
   local ok, options = (new_parser()):pparse(arguments)
   if not ok then
      fail(ending.USAGE, options)
   end
   if options.version then
      io.stdout:write("tuya ", require("tuya")._VERSION, "\n")
      return ending.DONE
   end
   for _, command in ipairs(COMMANDS) do
      if command.name == options.command then
         return command.run(options, new_parser)
      end
   end
   fail(ending.USAGE, "a command is required; tuya --help lists them")
end

--- Runs the command.
-- @tparam table arguments as in `arg`
-- @treturn integer the exit code: 0 done, 1 the cloud refused, 2 wrong usage, 3 network,
-- 4 diagnosis found a mistake, 5 unexplained, 130 interrupted
function cli.main(arguments)
   local ok, result = pcall(run, arguments)
   if ok then
      return result
   end
   if ending.is_interrupt(result) then
      return ending.INTERRUPTED
   end
   if type(result) ~= "table" then
      complain(result)
      return ending.USAGE
   end
   if result.message then
      complain(result.message)
   end
   if result.advice then
      io.stderr:write("      ", result.advice, "\n")
   end
   return result.code
end

return cli

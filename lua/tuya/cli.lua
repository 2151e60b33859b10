--- cli.lua: the command `tuya`.
-- The idea: a subcommand is one entry of a table: its name, its options, what it does.
-- The danger: a traceback or a secret on somebody's terminal. Bad input gets one line on stderr and 2.
-- @module tuya.cli

local cli = {}

local DONE, USAGE, NETWORK = 0, 2, 3
local INTERRUPTED = 130 -- as shells say it: 128 + SIGINT

local function complain(message)
   io.stderr:write("tuya: ", (tostring(message):gsub("%s*\n.*", "")), "\n")
end

--- Ends the run with a line on stderr; `main` catches it.
local function fail(code, message)
   error({ code = code, message = message }, 0)
end

-- {{{ simulate

local simulate = {
   name = "simulate",
   summary = "Serve a simulated Tuya cloud on this machine.",
}

function simulate.describe(command)
   command:argument("home", "The devices, a JSON file; a small home if none is named."):args("?")
   command:option("--port", "Port to listen on; 0 takes one that is free.", "0")
   command:flag("--tls", "Serve HTTPS, with a certificate that it makes.")
   command:option("--token-ttl", "Seconds that a token lives.", "7200")
   command:flag("--quiet", "No line for each request.")
   command:flag("--forever", "Keep running when stdin ends.")
   command:epilog(table.concat({
      "The first line of stdout is the port. It runs until its stdin ends.",
      "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET name the project; without them one is made up.",
   }, "\n"))
end

--- The text as a whole number within limits, or an end with a line that says so.
local function whole_number(text, name, low, high)
   local number = text:find("^[0-9]+$") and tonumber(text)
   if not number or number < low or number > high then
      fail(USAGE, ("%s must be a whole number from %d to %d, not '%s'"):format(name, low, high, text))
   end
   return number
end

--- The project's id and secret, and whether they were made up.
local function project_of_environment()
   local id, secret = os.getenv("TUYA_ACCESS_ID"), os.getenv("TUYA_ACCESS_SECRET")
   if (id or "") ~= "" and (secret or "") ~= "" then
      return id, secret, false
   end
   if (id or "") ~= "" or (secret or "") ~= "" then
      fail(USAGE, "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET belong together: set both or none")
   end
   local core = require("tuya.core")
   return core.nonce():sub(1, 20), core.nonce(), true
end

local function write_file(path, text)
   local file, message = io.open(path, "w")
   if not file then
      fail(USAGE, "cannot write the CA file: " .. message)
   end
   file:write(text)
   file:close()
end

--- Calls what raises when something on this machine is missing, and ends with its message then.
local function attempt(run, ...)
   local ok, result, message = pcall(run, ...)
   if not ok then
      fail(USAGE, (tostring(result):gsub("^[^\n]-:%d+: ", ""))) -- without the place where it was raised
   end
   return result, message
end

local TICK = 1 -- seconds; a Ctrl-C just before the wait is heeded after it

local function serve(listener, forever)
   io.stdout:write(listener.port, "\n")
   io.stdout:flush()
   repeat
      local what = listener:tick(TICK, not forever)
   until what == "closed"
end

--- Serves with the authority's certificate in a file, which is removed whatever ends it.
local function serve_with_ca(listener, forever)
   local path = os.tmpname()
   local ok, why = pcall(function()
      write_file(path, listener.ca)
      io.stderr:write("CA file: ", path, "\n")
      serve(listener, forever)
   end)
   os.remove(path)
   if not ok then
      error(why, 0)
   end
end

--- The simulated cloud that the options and the environment ask for.
local function new_simulator(options)
   local ttl = whole_number(options.token_ttl, "--token-ttl", 1, 31536000)
   local id, secret, made_up = project_of_environment()
   local sim, message = attempt(require, "tuya.simulator").new({
      access_id = id,
      access_secret = secret,
      home = options.home,
      token_ttl = ttl,
      console = not options.quiet and function(line)
         io.stderr:write(line, "\n")
      end or nil,
   })
   if not sim then
      fail(USAGE, message)
   end
   return sim, made_up and "made-up project: TUYA_ACCESS_ID=" .. id .. " TUYA_ACCESS_SECRET=" .. secret .. "\n"
end

function simulate.run(options)
   local port = whole_number(options.port, "--port", 0, 65535)
   local sim, made_up = new_simulator(options)
   local listener, message = attempt(sim.listen, sim, port, { tls = options.tls })
   if not listener then
      fail(NETWORK, message)
   end
   io.stderr:write(made_up or "")
   local ok, why = pcall(listener.ca and serve_with_ca or serve, listener, options.forever)
   listener:close()
   if not ok then
      error(why, 0)
   end
   return DONE
end

-- }}}

--- The subcommands, in the order in which help shows them.
local COMMANDS = { simulate }

local function new_parser()
   local ok, argparse = pcall(require, "argparse")
   if not ok then
      fail(USAGE, "the command needs argparse: install the rock argparse or the Debian package lua-argparse")
   end
   local parser = argparse("tuya", "A signed client for the Tuya Cloud OpenAPI.")
   parser:flag("--version", "Print the version and end.")
   parser:command_target("command")
   parser:require_command(false)
   for _, command in ipairs(COMMANDS) do
      command.describe(parser:command(command.name, command.summary))
   end
   return parser
end

local function run(arguments)
   local ok, options = new_parser():pparse(arguments)
   if not ok then
      fail(USAGE, options)
   end
   if options.version then
      io.stdout:write("tuya ", require("tuya")._VERSION, "\n")
      return DONE
   end
   for _, command in ipairs(COMMANDS) do
      if command.name == options.command then
         return command.run(options)
      end
   end
   fail(USAGE, "a command is required; tuya --help lists them")
end

--- Is this what lua's own handler raises for Ctrl-C?
local function is_interrupt(why)
   return type(why) == "string" and why:find("interrupted!", 1, true) ~= nil
end

--- Runs the command.
-- @tparam table arguments as in `arg`
-- @treturn integer the exit code: 0 done, 1 the cloud refused, 2 wrong usage, 3 network, 130 interrupted
function cli.main(arguments)
   local ok, result = pcall(run, arguments)
   if ok then
      return result
   end
   if is_interrupt(result) then
      return INTERRUPTED
   end
   if type(result) ~= "table" then
      complain(result)
      return USAGE
   end
   if result.message then
      complain(result.message)
   end
   return result.code
end

return cli

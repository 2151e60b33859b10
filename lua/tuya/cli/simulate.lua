--- cli/simulate.lua: `tuya simulate`, the simulated cloud from the shell.
-- The idea: options become those of `tuya.simulator`; the first line of stdout is the port.
-- The danger: a child that outlives its parent; it ends when its stdin does.
-- @module tuya.cli.simulate

local ending = require("tuya.cli.ending")

local fail = ending.fail

local simulate = {
   name = "simulate",
   summary = "Serve a simulated Tuya cloud on this machine.",
}

function simulate.describe(command)
   command:argument("home", "The devices, a JSON file; a small home if none is named."):args("?")
   command:option("--port", "Port to listen on; 0 takes one that is free.", "0")
   command:flag("--tls", "Serve HTTPS, with a certificate that it makes.")
   command:option("--token-ttl", "Seconds that a token lives.", "7200")
   command:option("--fault", "What goes wrong: 'METHOD PATH: FAULT [SECONDSs] [COUNT]'; may be given again."):count("*")
   command:option("--log", "A file that gets a line of JSON for each request, before it is answered.")
   command:flag("--quiet", "No line for each request.")
   command:flag("--forever", "Keep running when stdin ends.")
   command:epilog(table.concat({
      "The first line of stdout is the port. It runs until its stdin ends.",
      "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET name the project; without them one is made up.",
   }, "\n"))
end

--- The project's id and secret, and whether they were made up.
local function project_of_environment()
   local id, secret = os.getenv("TUYA_ACCESS_ID"), os.getenv("TUYA_ACCESS_SECRET")
   if (id or "") ~= "" and (secret or "") ~= "" then
      return id, secret, false
   end
   if (id or "") ~= "" or (secret or "") ~= "" then
      fail(ending.USAGE, "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET belong together: set both or none")
   end
   local core = require("tuya.core")
   return core.nonce():sub(1, 20), core.nonce(), true
end

local function write_file(path, text)
   local file, message = io.open(path, "w")
   if not file then
      fail(ending.USAGE, "cannot write the CA file: " .. message)
   end
   file:write(text)
   file:close()
end

--- A function that appends each entry of the log to a file, a line of JSON each; nil without a file.
local function log_to(path)
   if not path then
      return nil
   end
   local file, message = io.open(path, "a")
   if not file then
      fail(ending.USAGE, "--log: " .. message)
   end
   file:setvbuf("line")
   local json = require("tuya.json")
   return function(entry)
      file:write(json.encode(entry), "\n")
   end
end

--- Calls what raises when something on this machine is missing, and ends with its message then.
local function attempt(run, ...)
   local ok, result, message = pcall(run, ...)
   if not ok then
      fail(ending.USAGE, (tostring(result):gsub("^[^\n]-:%d+: ", ""))) -- without the place where it was raised
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
   local ttl = ending.whole_number(options.token_ttl, "--token-ttl", 1, 31536000)
   local id, secret, made_up = project_of_environment()
   local sim, message = attempt(attempt(require, "tuya.simulator").new, {
      access_id = id,
      access_secret = secret,
      home = options.home,
      token_ttl = ttl,
      faults = options.fault,
      log = log_to(options.log),
      console = not options.quiet and function(line)
         io.stderr:write(line, "\n")
      end or nil,
   })
   if not sim then
      fail(ending.USAGE, message)
   end
   return sim, made_up and "made-up project: TUYA_ACCESS_ID=" .. id .. " TUYA_ACCESS_SECRET=" .. secret .. "\n"
end

function simulate.run(options)
   local port = ending.whole_number(options.port, "--port", 0, 65535)
   local sim, made_up = new_simulator(options)
   local listener, message = attempt(sim.listen, sim, port, { tls = options.tls })
   if not listener then
      fail(ending.NETWORK, message)
   end
   io.stderr:write(made_up or "")
   local ok, why = pcall(listener.ca and serve_with_ca or serve, listener, options.forever)
   listener:close()
   if not ok then
      error(why, 0)
   end
   return ending.DONE
end

return simulate

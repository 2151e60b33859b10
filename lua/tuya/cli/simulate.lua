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
   command:option("--projects", "Several projects and users, a JSON file, instead of HOME and the environment.")
   command:option("--data-centre", "Which data centre this is: cn, us, us-e, eu, eu-w, in or sg.")
   command:option("--algorithm", "v1: a project older than 2021-06-30, which takes both."):choices({ "v1", "v2" })
   command:option("--skew", "Milliseconds that the cloud's clock is ahead; --skew=-60000: a minute behind.", "0")
   command:flag("--no-clock-check", "Take every t, for recorded requests.")
   command:flag("--one-token", "Whoever asks gets a new token, which revokes the one before.")
   command:option("--accept-token", "A token that was already issued, for recorded requests.")
   command:option("--callback-url", "Where owners are sent back to who authorize the project."):argname("<url>")
   command:option("--platform-url", "What log-ins are answered beside the token: where the account is.")
      :argname("<url>")
   command:option("--state", "A file in which tokens and devices outlive this process.")
   command:option("--token-ttl", "Seconds that a token lives.", "7200")
   command:option("--fault", "What goes wrong: 'METHOD PATH: FAULT [SECONDSs] [COUNT]'; may be given again."):count("*")
   command:option("--messages", "How changes are pushed: 'family=both em=aes_gcm duplicates=0.05 late=0.05'.")
   command:option("--mqtt", "A broker to push to as well: HOST:PORT, by TLS, or tcp://HOST:PORT.")
   command:option("--mqtt-ca", "A file with the authorities that signed its certificate.")
   command:option("--log", "A file that gets a line of JSON for each request, before it is answered.")
   command:flag("--quiet", "No line for each request.")
   command:flag("--forever", "Keep running when stdin ends.")
   command:epilog(table.concat({
      "The first line of stdout is the port. It runs until its stdin ends.",
      "TUYA_ACCESS_ID and TUYA_ACCESS_SECRET name the project; without them one is made up.",
      "TUYA_MQTT_USERNAME and TUYA_MQTT_PASSWORD name the account at the broker; the password also encrypts.",
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

--- Milliseconds, below 0 too.
local function skew_of(text)
   local sign, digits = text:match("^([+-]?)(.*)$")
   local skew = ending.whole_number(digits, "--skew", 0, 10 * 365 * 86400000)
   return sign == "-" and -skew or skew
end

--- A function that appends each entry of the log to a file, a line of JSON each, if there is one.
local function log_to(path)
   if not path then
      return function() end
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

local ENOENT = 2

--- What the file of the state holds; nil where there is none yet.
local function read_state(path)
   if not path then
      return nil
   end
   local file, message, number = io.open(path, "rb")
   if not file and number ~= ENOENT then
      fail(ending.USAGE, "--state: " .. message)
   end
   if not file then
      return nil
   end
   local text
   text, message = file:read("*a")
   file:close()
   if not text then
      fail(ending.USAGE, "--state: " .. path .. ": " .. message)
   end
   return text ~= "" and text or nil
end

--- Keeps the state in its file: before a request is answered, if it has changed anything.
local function keeper_of(path, sim)
   local kept
   return function()
      local text = path and sim:state()
      if text ~= kept then
         local done, message = require("tuya.file").replace(path, text)
         if not done then
            fail(ending.USAGE, "--state: " .. message)
         end
         kept = text
      end
   end
end

--- The options that name projects and homes.
local function whose(options)
   if options.projects then
      if options.home or options.algorithm or options.accept_token or options.callback_url then
         fail(ending.USAGE, "--projects goes without HOME, --algorithm, --accept-token and --callback-url: "
            .. "they stand in that file")
      end
      return { projects = options.projects }
   end
   local id, secret, made_up = project_of_environment()
   return {
      access_id = id, access_secret = secret, home = options.home, algorithm = options.algorithm,
      accept_token = options.accept_token, callback_url = options.callback_url,
   }, made_up and "made-up project: TUYA_ACCESS_ID=" .. id .. " TUYA_ACCESS_SECRET=" .. secret .. "\n"
end

-- The words name=value of a text: numbers and booleans as such.
local function messages_of(text)
   local given = {}
   for word in text:gmatch("%S+") do
      local name, value = word:match("^(%w+)=(.+)$")
      if not name then fail(ending.USAGE, "--messages: name=value expected, not '" .. word .. "'") end
      if value == "true" or value == "false" then given[name] = value == "true"
      else given[name] = tonumber(value) or value end
   end
   return given
end

--- The broker that the options and the environment name; nil: none.
local function broker_of(options)
   if not options.mqtt then
      return nil
   end
   return {
      url = options.mqtt:find("://", 1, true) and options.mqtt or "ssl://" .. options.mqtt, ca_file = options.mqtt_ca,
      username = os.getenv("TUYA_MQTT_USERNAME"), password = os.getenv("TUYA_MQTT_PASSWORD"),
   }
end

--- The simulated cloud that the options and the environment ask for.
local function new_simulator(options)
   local given, made_up = whose(options)
   given.mqtt = broker_of(options)
   local log, keep = log_to(options.log), nil
   given.token_ttl = ending.whole_number(options.token_ttl, "--token-ttl", 1, 31536000)
   given.skew = skew_of(options.skew)
   given.data_centre = options.data_centre
   given.one_token = options.one_token
   given.platform_url = options.platform_url
   given.check_clock = not options.no_clock_check
   given.faults = options.fault
   given.state = read_state(options.state)
   given.log = function(entry)
      keep()
      log(entry)
   end
   given.console = not options.quiet and function(line)
      io.stderr:write(line, "\n")
   end or nil
   local sim, message = ending.attempt(ending.attempt(require, "tuya.simulator").new, given)
   if not sim then
      fail(ending.USAGE, message)
   end
   if options.messages then ending.attempt(sim.messages, sim, messages_of(options.messages)) end
   keep = keeper_of(options.state, sim)
   return sim, made_up
end

function simulate.run(options)
   local port = ending.whole_number(options.port, "--port", 0, 65535)
   local sim, made_up = new_simulator(options)
   local listener, message = ending.attempt(sim.listen, sim, port, { tls = options.tls })
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

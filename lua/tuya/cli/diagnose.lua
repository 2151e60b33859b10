--- cli/diagnose.lua: `tuya diagnose`, which mistake made a signature.
-- The idea: the verdict is the exit code, so that a script can ask.
-- The danger: the secret; it comes from a file, the environment or a profile, and no report holds it.
-- @module tuya.cli.diagnose

local account = require("tuya.cli.account")
local ending = require("tuya.cli.ending")
local json = require("tuya.json")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local diagnose = { name = "diagnose", summary = "Say which mistake made the signature of a request." }

local CODES = { ok = ending.DONE, wrong = ending.MISTAKE, unexplained = ending.UNEXPLAINED }
local COLOURS = { ok = "green", wrong = "red", unexplained = "yellow" }

function diagnose.describe(command)
   command:argument("file", "A raw HTTP request, a curl command, or JSON { method, target, headers, body }; "
      .. "- or none for stdin."):args("?")
   command:option("--secret-file", "A file with the access secret."):argname("<file>")
   command:option("--token-file", "A file with the access token last issued, if it is known."):argname("<file>")
   command:option("--access-id", "The project's access id, if it is known."):argname("<id>")
   command:option("--server-time", "The cloud's clock when it refused, in ms: the t of its answer."):argname("<ms>")
   account.describe_profile(command)
   command:flag("--json", "Write the report as JSON.")
   command:epilog("The secret stands in --secret-file, in TUYA_ACCESS_SECRET or in a profile, never in an argument.\n"
      .. "Exit codes: 0 the signature is right, 4 a mistake was found, 5 nothing explains it.")
end

local function captured(options)
   if not options.file and require("tuya.core").is_terminal(0) then
      io.stderr:write("Paste the request, then end with Ctrl-D.\n")
   end
   local text = account.read(options.file or "-")
   if not text:find("^%s*{") then return text end
   local value, message = json.decode(text)
   return value or ending.fail(ending.USAGE, "not JSON: " .. screen.plain(message))
end

local function known(options)
   return {
      secret = account.secret(options),
      access_token = options.token_file and account.read_word(options.token_file),
      access_id = options.access_id,
      server_time = options.server_time
         and ending.whole_number(options.server_time, "--server-time", 1000000000000, 9999999999999),
   }
end

-- The report without what JSON cannot hold, its lists marked as such.
local function as_json(report)
   local copy = {}
   for name, value in pairs(report) do copy[name] = type(value) == "table" and json.array(value) or value end
   return raw.encode(copy)
end

function diagnose.run(options)
   local what = known(options)
   local report, message = ending.attempt(require("tuya").diagnose, captured(options), what)
   if not report then ending.fail(ending.USAGE, message) end
   if options.json then screen.json(as_json(report))
   else
      local head, rest = report.text:match("^([^\n]*)(.*)$")
      screen.write(screen.paint(COLOURS[report.verdict], head), rest, "\n")
   end
   return CODES[report.verdict]
end

return diagnose

--- cli/manual.lua: `tuya completion` and `tuya manual`: what shells and man(1) read.
-- The idea: both are made from the parser, so that neither can say what the command does not do.
-- The danger: a text that roff takes for a request; every line is escaped.
-- @module tuya.cli.manual

local ending = require("tuya.cli.ending")
local screen = require("tuya.cli.screen")

local manual = {}

--- `tuya completion`.
manual.completion = { name = "completion", summary = "Write the completions of a shell." }

function manual.completion.describe(command)
   command:argument("shell", "bash, zsh or fish."):choices { "bash", "zsh", "fish" }
   command:epilog("For this session: eval \"$(tuya completion bash)\"; for zsh and fish a file in their folders.")
end

function manual.completion.run(options, new_parser)
   local parser = new_parser()
   screen.write(parser["get_" .. options.shell .. "_complete"](parser))
   return ending.DONE
end

--- `tuya manual`.
manual.page = { name = "manual", summary = "Write the manual page, for man(1)." }

function manual.page.describe() end

local MARGIN = 100 -- of descriptions in the help that is read here: no label is longer

local function roff(text)
   return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"))
end

-- One line of help as roff.
local function line_of(line)
   local label, description = line:match("^   (%S.-)%s*$"), nil
   if label and #line > MARGIN then
      label, description = line:sub(4, MARGIN):match("^(.-)%s*$"), line:sub(MARGIN + 1)
   end
   if label then return ".TP\n.B " .. roff(label) .. "\n" .. roff(description or "") .. "\n" end
   local head = line:match("^(%a+):$")
   if head then return ".PP\n" .. head .. ":\n" end
   local usage = line:match("^Usage: (.*)$")
   if usage then return ".PP\n.B " .. roff(usage) .. "\n" end
   return line == "" and "" or ".PP\n" .. roff(line) .. "\n"
end

local function section(parser)
   local lines = {}
   for line in (parser:get_help() .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line_of(line) end
   return table.concat(lines)
end

function manual.page.run(_, new_parser)
   local parser, commands = new_parser()
   parser:help_description_margin(MARGIN):usage_max_width(10000)
   screen.write('.TH TUYA 1 "" "lua\\-tuya ', require("tuya")._VERSION, '" "User Commands"\n',
      ".SH NAME\ntuya \\- a signed client for the Tuya Cloud OpenAPI\n.SH SYNOPSIS\n", section(parser))
   screen.write(".SH COMMANDS\n")
   for _, command in ipairs(commands) do screen.write(".SS tuya ", command.name, "\n", section(command.parser)) end
   return ending.DONE
end

return manual

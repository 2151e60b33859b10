--- cli/screen.lua: what is written, and for whom.
-- The idea: a person at a terminal gets a table, colour and indentation; a pipe gets tabs or one line of JSON.
-- The danger: names of devices are other people's text; no control byte of theirs reaches a terminal.
-- @module tuya.cli.screen

local core = require("tuya.core")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")

local screen = {}

local STDOUT, STDERR = 1, 2

local COLOURS = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33" }

local function is_terminal()
   return core.is_terminal(STDOUT)
end

--- Text in a colour, where somebody sees it and has not asked for none.
function screen.paint(colour, text)
   if not is_terminal() or (os.getenv("NO_COLOR") or "") ~= "" then return text end
   return "\27[" .. COLOURS[colour] .. "m" .. text .. "\27[0m"
end

--- Writes to stdout; an end when that cannot be had (a full disk).
function screen.write(...)
   local ok, message = io.stdout:write(...)
   if ok then ok, message = io.stdout:flush() end
   if not ok then ending.fail(ending.USAGE, "cannot write: " .. tostring(message)) end
end

--- Writes JSON: indented on a terminal, one line in a pipe.
function screen.json(text)
   screen.write(is_terminal() and raw.indented(text) or raw.compact(text), "\n")
end

--- Text of others on one line, fit for a terminal.
function screen.plain(value)
   return (tostring(value):gsub("[%z\1-\31\127]", "?"))
end

-- Columns that a text takes: wide for most of East Asia and emoji, which is near enough for a table.
local function width(text)
   local points = select(2, text:gsub("[^\128-\191]", ""))
   return points + select(2, text:gsub("[\227-\237\240]", ""))
end

local function widths_of(lines)
   local widths = {}
   for _, line in ipairs(lines) do
      for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, width(cell)) end
   end
   return widths
end

local function aligned(line, widths)
   local cells = {}
   for i, cell in ipairs(line) do
      cells[i] = i == #line and cell or cell .. (" "):rep(widths[i] - width(cell))
   end
   return table.concat(cells, "  ")
end

local function cells_of(row, columns)
   local cells = {}
   for i = 1, columns do cells[i] = screen.plain(row[i] == nil and "" or row[i]) end
   return cells
end

--- Writes rows: a table under heads on a terminal; cells parted by tabs, without heads, in a pipe.
function screen.rows(heads, rows)
   local lines = { heads }
   for _, row in ipairs(rows) do lines[#lines + 1] = cells_of(row, #heads) end
   local widths = widths_of(lines)
   for i, line in ipairs(lines) do
      if not is_terminal() then
         if i > 1 then screen.write(table.concat(line, "\t"), "\n") end
      else
         local text = aligned(line, widths)
         screen.write(i == 1 and screen.paint("bold", text) or text, "\n")
      end
   end
end

--- Shows how far a long listing is, on a terminal's stderr; without text it takes that away.
function screen.progress(text)
   if not core.is_terminal(STDERR) then return end
   io.stderr:write("\r\27[K", text or "")
   io.stderr:flush()
end

return screen

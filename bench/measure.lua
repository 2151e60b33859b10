-- measure.lua: programs run in turns, and what their numbers come to.
-- The idea: a row is a program and what it printed, round by round. The machine drifts between speeds, so two rows
-- are compared round by round: their ratio is the median of the ratios of neighbours, never of numbers that were
-- taken minutes apart.

local measure = {}

--- What a command prints, as a list of words; raises with its complaint when it fails.
function measure.run(command)
   local pipe = assert(io.popen(command .. " 2>&1"))
   local text = pipe:read("*a")
   local ok, _, code = pipe:close()
   if not ok then error(("%s\nfailed (%s): %s"):format(command, tostring(code), text), 0) end
   local words = {}
   for word in text:gmatch("%S+") do words[#words + 1] = word end
   return words
end

--- Runs all rows in turns, every other round backwards: rows `{ name =, command = }` get `samples`, a list of lists
-- of numbers, and `words`, what the last run printed.
function measure.rounds(rows, rounds)
   for _, row in ipairs(rows) do row.samples = {} end
   for round = 1, rounds do
      for i = 1, #rows do
         local row = rows[round % 2 == 1 and i or #rows + 1 - i]
         row.words = measure.run(row.command)
         local numbers = {}
         for j, word in ipairs(row.words) do numbers[j] = tonumber(word) end
         row.samples[round] = numbers
      end
      io.stderr:write(".")
   end
   io.stderr:write("\n")
end

--- Median, least and greatest of a list of numbers.
function measure.spread(list)
   local sorted = {}
   for i, n in ipairs(list) do sorted[i] = n end
   table.sort(sorted)
   local half = #sorted / 2
   local median = half % 1 == 0 and (sorted[half] + sorted[half + 1]) / 2 or sorted[half + 0.5]
   return median, sorted[1], sorted[#sorted]
end

--- A row's numbers in one column (the first by default), round by round.
function measure.column(row, column)
   local list = {}
   for i, numbers in ipairs(row.samples) do list[i] = numbers[column or 1] end
   return list
end

--- The ratios of two rows, round by round.
function measure.ratios(row, base, column)
   local a, b, list = measure.column(row, column), measure.column(base, column), {}
   for i in ipairs(a) do list[i] = a[i] / b[i] end
   return list
end

--- "12.3 (11.9-14.0)"
function measure.text(list, format)
   local median, least, greatest = measure.spread(list)
   return (format .. " (" .. format .. "-" .. format .. ")"):format(median, least, greatest)
end

return measure

-- report.lua: busted's output, short. A dot for a test, then every failure whole, every skip with its reason,
-- and the counts; these also go to the file that TUYA_COUNTS names.
return function()
   local busted = require("busted")
   local handler = require("busted.outputHandlers.base")()
   local name = "specs on " .. (os.getenv("TUYA_VERSION") or _VERSION)

   local marks = { success = ".", failure = "F", error = "E", pending = "s" }

   handler.testEnd = function(_, _, status)
      io.write(marks[status] or "?")
      io.flush()
      return nil, true
   end

   local function print_troubles(list)
      for _, trouble in ipairs(list) do
         local text = trouble.message
         if type(text) ~= "string" then text = require("pl.pretty").write(text) end
         io.write("\nFAILED: ", trouble.trace.short_src, ":", trouble.trace.currentline, ": ", trouble.name, "\n")
         io.write(text, "\n")
         if trouble.trace.traceback then io.write(trouble.trace.traceback, "\n") end
      end
   end

   local function write_counts(passed, failed, skipped)
      local path = os.getenv("TUYA_COUNTS")
      if not path then return end
      local file = assert(io.open(path, "a"))
      file:write(("%s: %d passed, %d failed, %d skipped\n"):format(name, passed, failed, skipped))
      file:close()
   end

   handler.suiteEnd = function()
      print_troubles(handler.failures)
      print_troubles(handler.errors)
      for _, skipped in ipairs(handler.pendings) do
         io.write("\nskipped: ", skipped.name, skipped.message and ": " .. tostring(skipped.message) or "", "\n")
      end
      local failed = handler.failuresCount + handler.errorsCount
      local counts = ("\n%s: %d passed, %d failed, %d skipped\n")
      io.write(counts:format(name, handler.successesCount, failed, handler.pendingsCount))
      write_counts(handler.successesCount, failed, handler.pendingsCount)
      return nil, true
   end

   -- an error outside a test: a file that does not load, a failing setup
   handler.error = function(element, _, message)
      io.write("\nFAILED: ", tostring(element and element.name), ": ", tostring(message), "\n")
      return nil, true
   end

   busted.subscribe({ "test", "end" }, handler.testEnd, { predicate = handler.cancelOnPending })
   busted.subscribe({ "suite", "end" }, handler.suiteEnd)
   busted.subscribe({ "error", "file" }, handler.error)
   busted.subscribe({ "failure", "file" }, handler.error)
   busted.subscribe({ "error", "describe" }, handler.error)
   return handler
end

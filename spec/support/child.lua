-- child.lua: a program beside the spec. Two fifos, since io.popen cannot write and read at once: the child's
-- stdin ends when the spec closes it, or dies, and that is how the child is stopped.
local child = {}

local methods = {}
local metatable = { __index = methods }

local function quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A command line out of words, each quoted.
function child.command(words)
   local quoted = {}
   for i, word in ipairs(words) do quoted[i] = quote(word) end
   return table.concat(quoted, " ")
end

--- A fresh directory, removed by `child.remove`. parent: nil for where temporary files are
function child.directory(parent)
   local pipe = io.popen("mktemp -d" .. (parent and " -p " .. quote(parent) or ""))
   local path = pipe:read("*l")
   pipe:close()
   return path
end

function child.remove(path)
   os.execute("rm -rf " .. quote(path))
end

--- Starts a command whose first line on stdout says that it is ready; `line` has that line.
-- environment: what `env` takes besides, as words
function child.start(command, environment)
   local directory = child.directory()
   local into, out, trouble = directory .. "/in", directory .. "/out", directory .. "/err"
   os.execute(("mkfifo %s %s"):format(quote(into), quote(out)))
   local line = "env %s spec/support/alone %s <%s >%s 2>%s &"
   os.execute(line:format(environment or "", command, quote(into), quote(out), quote(trouble)))
   local self = setmetatable({ directory = directory, trouble = trouble }, metatable)
   self.stdin = assert(io.open(into, "w")) -- blocks until the child has opened its end
   self.stdout = assert(io.open(out, "r"))
   self.line = self.stdout:read("*l")
   if not self.line then error("the child did not start: " .. self:errors(), 2) end
   return self
end

--- What it has written on stderr so far.
function methods:errors()
   local file = assert(io.open(self.trouble, "r"))
   local text = file:read("*a")
   file:close()
   return text
end

--- Ends it, and waits until it is gone.
function methods:stop()
   self.stdin:close()
   local rest = self.stdout:read("*a")
   self.stdout:close()
   child.remove(self.directory)
   return rest
end

--- Starts a Lua program of this repository with the Lua that runs the spec.
function child.lua(program, ...)
   return child.start(child.command { os.getenv("LUA"), program, ... })
end

return child

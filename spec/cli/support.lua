-- support.lua: the command as a child: through pipes, and in a pseudo-terminal (by `script` of bsdutils).
local child = require("spec.support.child")

local support = {
   ID = "ak0123456789abcdef01",
   SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t01",
   SOCKET = "vdevo161563811262429",
}

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

function support.write(path, text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
end

-- Sanitized modules want their runtime preloaded; into the command alone, not into the shells around it.
local function sanitizer(words)
   for _, name in ipairs { "ASAN_OPTIONS", "LD_PRELOAD" } do
      local value = os.getenv(name)
      if value then table.insert(words, 1, name .. "=" .. value) end
   end
   table.insert(words, 1, "env")
   return words
end

-- A folder of this spec's own, with a HOME in it; `tuya` there is the command on the Lua that runs the spec.
function support.open()
   support.folder = child.directory()
   support.environment = {}
   os.execute("mkdir -p " .. support.folder .. "/home/.config/tuya")
   local program = child.command(sanitizer { os.getenv("LUA"), "bin/tuya" })
   support.write(support.folder .. "/tuya", "#!/bin/sh\nexec " .. program .. ' "$@"\n')
   os.execute("chmod +x " .. support.folder .. "/tuya")
end

function support.close()
   child.remove(support.folder)
end

-- Starts a simulated cloud with a project of this id; the child and its endpoint.
function support.cloud_of(id, ...)
   local words = child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet", ... }
   local environment = child.command { "TUYA_ACCESS_ID=" .. id, "TUYA_ACCESS_SECRET=" .. support.SECRET }
   local made = child.start(words, environment)
   return made, "http://127.0.0.1:" .. made.line
end

-- The same with the project of this spec.
function support.cloud(...)
   return support.cloud_of(support.ID, ...)
end

local function environment_of(changes)
   local words = { "env", "-i", "HOME=" .. support.folder .. "/home", "TERM=xterm" }
   for _, name in ipairs { "PATH", "LUA_PATH", "LUA_CPATH" } do
      words[#words + 1] = name .. "=" .. os.getenv(name)
   end
   for name, value in pairs(changes or support.environment) do words[#words + 1] = name .. "=" .. value end
   return child.command(words)
end

-- Runs a shell line in which `tuya` is the command: exit code, stdout, stderr.
function support.run(line, changes)
   local out, err, code = support.folder .. "/out", support.folder .. "/err", support.folder .. "/code"
   local script = "tuya() { " .. support.folder .. '/tuya "$@"; }; ' .. line
   os.execute(("%s sh -c %s </dev/null >%s 2>%s; echo $? >%s"):format(
      environment_of(changes), child.command { script }, out, err, code))
   return tonumber(read(code)), read(out), read(err)
end

-- The same in a pseudo-terminal: exit code and what the terminal got.
function support.terminal(line, changes)
   local command = support.folder .. "/tuya " .. line
   local code, out = support.run(child.command { "script", "-qec", command, "/dev/null" }, changes)
   return code, (out:gsub("\r\n", "\n"))
end

function support.project(endpoint) -- nil: none
   return {
      TUYA_ACCESS_ID = support.ID, TUYA_ACCESS_SECRET = support.SECRET, TUYA_ENDPOINT = endpoint,
   }
end

return support

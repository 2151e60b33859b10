std = "min"
-- what only some Lua versions have; each use asks for it first
read_globals = {
   "loadstring",
   "unpack",
   coroutine = { fields = { "close" } },
   table = { fields = { "unpack" } },
   math = { fields = { "type", "tointeger" } },
}
max_line_length = 120
include_files = { "**/*.lua", "bin/tuya", "*.rockspec", "src/*/*.rockspec" }
exclude_files = { "build" }
files["*.rockspec"] = { std = "+rockspec" }
files["src/*/*.rockspec"] = { std = "+rockspec" }
files["spec"] = { std = "+busted" }
files["lua/tuya/meta.lua"] = { ignore = { "211", "212", "241", "431" } }
for _, name in ipairs { "op", "openresty", "health", "transport/resty", "transport/cosocket", "store/shm", "store/redis" } do
   files["lua/tuya/" .. name .. ".lua"] = {
      read_globals = { ngx = { other_fields = true, fields = {
         status = { read_only = false }, header = { read_only = false, other_fields = true },
         ctx = { read_only = false, other_fields = true }, var = { read_only = false, other_fields = true },
      } } },
   }
end

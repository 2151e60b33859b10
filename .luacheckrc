std = "min"
max_line_length = 110
include_files = { "lua", "bin", "spec", "bench", "examples", "tools", "*.rockspec", "src/httpd/*.rockspec" }
exclude_files = { "build" }
files["*.rockspec"] = { std = "+rockspec" }
files["src/httpd/*.rockspec"] = { std = "+rockspec" }
files["spec"] = { std = "+busted" }
files["lua/tuya/meta.lua"] = { ignore = { "211", "212", "241" } }

-- process.lua: fork and SIGPIPE for specs, on every Lua: no package has them for all. process.c, built into the
-- build of the Lua that runs, where it is not there yet; the compiler is not what a sanitizer is to look at.
local child = require("spec.support.child")

local SOURCE = "spec/support/process.c"
local BUILD = [[set -e; unset LD_PRELOAD; out=$0/spec_process.so; [ "$out" -nt "$1" ] && exit; version=$TUYA_VERSION
   for name in "lua$version" "lua-$version" "lua$(echo "$version" | tr -d .)" "$version"; do
      if flags=$(pkg-config --cflags "$name" 2> /dev/null); then break; fi
   done
   cc -std=c99 -Wall -Wextra -Werror -shared -fPIC $flags -Isrc/lua -o "$out.$$" "$1" && mv "$out.$$" "$out"]]

local directory = os.getenv("TUYA_BUILD") or "build/" .. os.getenv("TUYA_VERSION")
local ended = os.execute(child.command { "sh", "-c", BUILD, directory, SOURCE })
assert(ended == true or ended == 0, SOURCE .. " cannot be built")
return assert(package.loadlib(directory .. "/spec_process.so", "luaopen_spec_process"))()

rockspec_format = "3.0"
package = "lua-tuya-httpd"
version = "scm-1"
source = {
   url = "git+https://github.com/lua-tuya/lua-tuya.git",
   dir = "lua-tuya/src/httpd",
}
description = {
   summary = "The listener of lua-tuya's simulated cloud",
   detailed = [[
The C module tuya.httpd over libmicrohttpd. It lets `tuya simulate` and `require("tuya.simulator").new{}:listen()`
of the rock lua-tuya listen on a socket; `handle()` works without it.
Make it in its own directory: cd src/httpd && luarocks make]],
   license = "MIT",
}
dependencies = {
   "lua >= 5.1, < 5.5",
}
external_dependencies = {
   MICROHTTPD = { library = "microhttpd" },
}
build = {
   type = "builtin",
   modules = {
      ["tuya.httpd"] = {
         sources = { "httpd.c" },
         incdirs = { "../lua", "$(MICROHTTPD_INCDIR)" },
         libdirs = { "$(MICROHTTPD_LIBDIR)" },
         libraries = { "microhttpd" },
      },
   },
}

rockspec_format = "3.0"
package = "lua-tuya-websocket"
version = "scm-1"
source = {
   url = "git+https://github.com/lua-tuya/lua-tuya.git",
   dir = "lua-tuya/src/websocket",
}
description = {
   summary = "The WebSockets of lua-tuya's events",
   detailed = [[
The C module tuya.websocket over libwslay and libcurl. It lets client:events{ via = "pulsar" } of the rock lua-tuya
receive, and `tuya simulate` push.
Make it in its own directory: cd src/websocket && luarocks make]],
   license = "MIT",
}
dependencies = {
   "lua >= 5.1, < 5.5",
}
external_dependencies = {
   WSLAY = { library = "wslay" },
   CURL = { library = "curl" },
   OPENSSL = { library = "crypto" },
}
build = {
   type = "builtin",
   modules = {
      ["tuya.websocket"] = {
         sources = { "websocket.c", "connection.c", "handshake.c", "frames.c", "../curl/watch.c", "../curl/dial.c" },
         incdirs = { "../lua", "../curl", "$(WSLAY_INCDIR)", "$(CURL_INCDIR)", "$(OPENSSL_INCDIR)" },
         libdirs = { "$(WSLAY_LIBDIR)", "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)" },
         libraries = { "wslay", "curl", "crypto", "dl" },
      },
   },
}

rockspec_format = "3.0"
package = "lua-tuya-mqtt"
version = "scm-1"
source = {
   url = "git+https://github.com/lua-tuya/lua-tuya.git",
   dir = "lua-tuya/src/mqtt",
}
description = {
   summary = "The MQTT of lua-tuya's events",
   detailed = [[
The C module tuya.mqtt over libmosquitto, libcurl (which resolves names without waiting) and OpenSSL. It lets
client:events{ via = "mqtt" } of the rock lua-tuya receive, and `tuya simulate --mqtt` publish.
Make it in its own directory: cd src/mqtt && luarocks make]],
   license = "MIT",
}
dependencies = {
   "lua >= 5.1, < 5.5",
}
external_dependencies = {
   MOSQUITTO = { header = "mosquitto.h", library = "mosquitto" },
   CURL = { library = "curl" },
   OPENSSL = { library = "ssl" },
}
build = {
   type = "builtin",
   modules = {
      ["tuya.mqtt"] = {
         sources = {
            "mqtt.c", "session.c", "packets.c", "resolve.c", "tls.c",
            "../curl/watch.c", "../curl/dial.c", "../curl/ca.c",
         },
         incdirs = { "../lua", "../curl", "$(MOSQUITTO_INCDIR)", "$(CURL_INCDIR)", "$(OPENSSL_INCDIR)" },
         libdirs = { "$(MOSQUITTO_LIBDIR)", "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)" },
         libraries = { "mosquitto", "curl", "ssl", "crypto", "pthread", "dl" },
      },
   },
}

-- The one list of C sources: CMakeLists.txt reads it from here. LuaRocks installs all of lua/ by itself.
rockspec_format = "3.0"
package = "lua-tuya"
version = "scm-1"
source = { url = "git+https://github.com/lua-tuya/lua-tuya.git" }
description = {
   summary = "A signed client for the Tuya Cloud OpenAPI",
   detailed = "Builds, signs and sends requests to Tuya's cloud; what is signed is what is sent, by type. "
      .. "With a simulated cloud to test against.",
   homepage = "https://github.com/lua-tuya/lua-tuya",
   license = "MIT",
   labels = { "iot", "http", "tuya" },
}
dependencies = {
   "lua >= 5.1, < 5.5",
   "lua-cjson >= 2.1.0",
   "argparse >= 0.7.0", -- bin/tuya
}
external_dependencies = {
   OPENSSL = { header = "openssl/evp.h", library = "crypto" },
   CURL = { library = "curl" }, -- no header: Debian keeps it where LuaRocks does not look, and gcc does
}
build = {
   type = "builtin",
   modules = {
      ["tuya.core"] = {
         sources = {
            "src/lua/core.c", "src/lua/http.c", "src/lua/system.c", "src/lua/values.c",
            "src/core/seal.c", "src/core/search.c", "src/core/url.c", "src/core/sealed.c", "src/core/hash_openssl.c",
            "src/core/message.c", "src/core/cipher_openssl.c",
         },
         incdirs = { "src/core", "src/lua", "$(OPENSSL_INCDIR)" },
         libdirs = { "$(OPENSSL_LIBDIR)" },
         libraries = { "crypto" },
      },
      ["tuya.curl"] = {
         sources = {
            "src/lua/curl.c",
            "src/curl/pool.c", "src/curl/watch.c", "src/curl/ca.c", "src/core/sealed.c",
         },
         incdirs = { "src/core", "src/curl", "src/lua", "$(CURL_INCDIR)", "$(OPENSSL_INCDIR)" },
         libdirs = { "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)" },
         libraries = { "curl", "ssl", "crypto", "pthread", "dl" },
      },
      ["tuya.file"] = {
         sources = { "src/file/file.c" },
         incdirs = { "src/lua" },
      },
   },
   install = { bin = { tuya = "bin/tuya" } },
}
test = { type = "command", command = "make test" }

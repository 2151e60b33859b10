# Run by cmake --install: what depends on the prefix.
set (prefix "${CMAKE_INSTALL_PREFIX}")
set (root "$ENV{DESTDIR}${prefix}")

# In brackets of the second level, so that no path can end the string.
file (READ "${source}/bin/tuya" script)
string (REGEX REPLACE "^#![^\n]*\n" "#!${lua}
package.path = [==[${prefix}/share/lua/${version}/?.lua;${prefix}/share/lua/${version}/?/init.lua;]==] .. package.path
package.cpath = [==[${prefix}/lib/lua/${version}/?.so;]==] .. package.cpath
" script "${script}")
file (WRITE "${root}/bin/tuya" "${script}")
file (CHMOD "${root}/bin/tuya" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
      GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

file (WRITE "${root}/lib/pkgconfig/tuya.pc" "prefix=${prefix}
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: tuya
Description: Signs requests for the Tuya Cloud OpenAPI
Version: ${tuya_version}
Requires.private: libcrypto
Libs: -L\${libdir} -ltuya
Libs.private: -lcrypto
Cflags: -I\${includedir}
")

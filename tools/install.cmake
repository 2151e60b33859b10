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

# Completions and the manual page are what the command says of itself; without argparse it says nothing.
function (generate into)
  execute_process (
    COMMAND "${CMAKE_COMMAND}" -E env --unset=LUA_INIT --unset=LUA_PATH_5_2 --unset=LUA_PATH_5_3 --unset=LUA_PATH_5_4
            --unset=LUA_CPATH_5_2 --unset=LUA_CPATH_5_3 --unset=LUA_CPATH_5_4
            "LUA_PATH=${source}/lua/?.lua;${source}/lua/?/init.lua;;" "LUA_CPATH=${build}/?.so;;"
            "${lua}" "${source}/bin/tuya" ${ARGN}
    OUTPUT_VARIABLE text ERROR_VARIABLE why RESULT_VARIABLE status)
  if (status EQUAL 0)
    file (WRITE "${root}/share/${into}" "${text}")
  else ()
    message (STATUS "share/${into} is left out: ${why}")
  endif ()
endfunction ()
generate (bash-completion/completions/tuya completion bash)
generate (zsh/site-functions/_tuya completion zsh)
generate (fish/vendor_completions.d/tuya.fish completion fish)
generate (man/man1/tuya.1 manual)

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

# Windows programs from Debian's mingw-w64, with the threads model in which std::thread and std::mutex work.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(target x86_64-w64-mingw32)
set(CMAKE_C_COMPILER ${target}-gcc-posix)
set(CMAKE_CXX_COMPILER ${target}-g++-posix)
set(CMAKE_RC_COMPILER ${target}-windres)

# What cmake/windows_libraries/build.sh made; nothing of this machine's own libraries and headers may be found.
set(VMTRIAGE_WINDOWS_LIBRARIES "" CACHE PATH "The folder that cmake/windows_libraries/build.sh prints")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VMTRIAGE_WINDOWS_LIBRARIES)
set(CMAKE_FIND_ROOT_PATH ${VMTRIAGE_WINDOWS_LIBRARIES} /usr/${target})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${VMTRIAGE_WINDOWS_LIBRARIES}/include)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${VMTRIAGE_WINDOWS_LIBRARIES}/include)

# Windows 10 and Server 2016 are the oldest systems; everything but Windows' own DLLs is linked in.
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_INIT "-D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -DNOMINMAX -DUNICODE -D_UNICODE")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,--no-insert-timestamp")

find_program(WINE NAMES wine64 wine PATHS /usr/lib/wine)
if(WINE)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${WINE})
endif()

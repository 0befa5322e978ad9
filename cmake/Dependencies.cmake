# One place that knows where each library comes from: Debian's -dev packages, as archives for the static release, shared elsewhere;
# for Windows, cmake/windows_libraries, or vcpkg with Visual Studio.
find_package(Threads REQUIRED)
if(MSVC)
  include(cmake/Vcpkg.cmake)
endif()
if(VMTRIAGE_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()

# find_dep(NAME): one library by its file name, as imported target dep::NAME.
function(find_dep name)
  if(TARGET dep::${name})
    return()
  endif()
  find_library(DEP_${name} ${name} REQUIRED)
  add_library(dep::${name} UNKNOWN IMPORTED)
  set_target_properties(dep::${name} PROPERTIES IMPORTED_LOCATION "${DEP_${name}}")
endfunction()

foreach(library boost_filesystem archive pugixml re2 z)
  find_dep(${library})
endforeach()
target_link_libraries(dep::re2 INTERFACE Threads::Threads)

# Built by cmake/isal: no Debian release has the archive.
find_library(DEP_isal isal HINTS ${VMTRIAGE_ISAL}/lib NO_CMAKE_FIND_ROOT_PATH REQUIRED)
find_path(DEP_isal_headers isa-l/igzip_lib.h HINTS ${VMTRIAGE_ISAL}/include NO_CMAKE_FIND_ROOT_PATH REQUIRED)
add_library(dep::isal UNKNOWN IMPORTED)
set_target_properties(dep::isal PROPERTIES IMPORTED_LOCATION "${DEP_isal}" INTERFACE_INCLUDE_DIRECTORIES "${DEP_isal_headers}")

if(WIN32)
  # Looked for when it is first used, so in the system's folder alone. What a program imports Windows looks for beside it first,
  # but for a few libraries of which this is none, and that place may be anybody's: a folder of downloads.
  set(sha256 ${PROJECT_BINARY_DIR}/libbcrypt_delayed.a delayimp)
  execute_process(COMMAND ${CMAKE_DLLTOOL} --input-def ${PROJECT_SOURCE_DIR}/cmake/bcrypt.def
    --output-delaylib ${PROJECT_BINARY_DIR}/libbcrypt_delayed.a COMMAND_ERROR_IS_FATAL ANY)
else()
  find_dep(nettle)
  set(sha256 dep::nettle)
endif()

if(VMTRIAGE_STATIC)
  # What libarchive.a needs for the formats that collectors/archive_formats.cpp names. In Debian's, libxml2 (for xar) is not among
  # them: with it the linker would bring in 30 MiB of character tables.
  set(needed lzma zstd lz4 bz2)
  if(NOT WIN32)
    list(PREPEND needed acl attr)
  endif()
  foreach(library ${needed})
    find_dep(${library})
    target_link_libraries(dep::archive INTERFACE dep::${library})
  endforeach()
  target_link_libraries(dep::archive INTERFACE ${sha256} dep::z)
  target_compile_definitions(dep::archive INTERFACE LIBARCHIVE_STATIC)
endif()

add_library(deps_collectors INTERFACE)
add_library(deps::collectors ALIAS deps_collectors)
target_link_libraries(deps_collectors INTERFACE dep::boost_filesystem dep::archive dep::pugixml $<$<PLATFORM_ID:Windows>:ws2_32>)

add_library(deps_analyzers INTERFACE)
add_library(deps::analyzers ALIAS deps_analyzers)
target_link_libraries(deps_analyzers INTERFACE dep::re2 dep::pugixml dep::z dep::isal Threads::Threads)

add_library(deps_agent INTERFACE)
add_library(deps::agent ALIAS deps_agent)
# Debian has no static spdlog and fmt: both are used header-only.
target_compile_definitions(deps_agent INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
target_link_libraries(deps_agent INTERFACE dep::archive dep::isal ${sha256} dep::z dep::re2 Threads::Threads)

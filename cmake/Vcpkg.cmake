# Where the libraries of vcpkg.json come from with Visual Studio, under the names of Dependencies.cmake. spdlog, fmt, CLI11 and
# nlohmann-json are headers only; they lie in the same folder as Boost's.
find_package(Boost CONFIG REQUIRED COMPONENTS filesystem)
find_package(LibArchive REQUIRED)
find_package(pugixml CONFIG REQUIRED)
find_package(re2 CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
function(name_dep name target)
  add_library(dep::${name} INTERFACE IMPORTED)
  target_link_libraries(dep::${name} INTERFACE ${target})
endfunction()
name_dep(boost_filesystem Boost::filesystem)
name_dep(archive LibArchive::LibArchive)
name_dep(pugixml pugixml::pugixml)
name_dep(re2 re2::re2)
name_dep(z ZLIB::ZLIB)

# The port of ISA-L has its own names: isal/ instead of isa-l/ for the headers' folder.
find_library(DEP_isal NAMES isa-l_static isal isa-l REQUIRED)
find_path(isal_headers igzip_lib.h PATH_SUFFIXES isa-l isal REQUIRED)
file(COPY ${isal_headers}/ DESTINATION ${PROJECT_BINARY_DIR}/isal/isa-l FILES_MATCHING PATTERN *.h)
set(DEP_isal_headers ${PROJECT_BINARY_DIR}/isal)

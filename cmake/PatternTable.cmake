# pattern_table(), which a program of this project writes while the project is built. Its source is the same for every system: a build
# for another one takes it from VMTRIAGE_PATTERN_TABLE, and does without where that is not given.
set(VMTRIAGE_PATTERN_TABLE "" CACHE FILEPATH "pattern_table.cpp of a build for this machine; for cross-compiling")

if(NOT CMAKE_CROSSCOMPILING)
  set(source ${PROJECT_BINARY_DIR}/pattern_table.cpp)
  add_executable(write_pattern_table analyzers/matcher/write_pattern_table.cpp analyzers/matcher/no_pattern_table.cpp)
  target_link_libraries(write_pattern_table PRIVATE analyzers project_warnings)
  add_custom_command(OUTPUT ${source} COMMAND write_pattern_table ${source} DEPENDS write_pattern_table VERBATIM)
elseif(EXISTS "${VMTRIAGE_PATTERN_TABLE}")
  set(source ${VMTRIAGE_PATTERN_TABLE})
else()
  message(STATUS "no pattern table: the program starts more slowly; ./dev builds one first")
  set(source analyzers/matcher/no_pattern_table.cpp)
endif()

add_library(pattern_table STATIC ${source})

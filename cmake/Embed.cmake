# Writes the source of embedded_files() from the declarations of the data and the rows of the table.
function(write_embedded_files source header declarations rows)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"
${declarations}
namespace vmtriage {
std::span<const EmbeddedFile> embedded_files() {
  static const EmbeddedFile files[] = {
${rows}  };
  return files;
}
}  // namespace vmtriage
" @ONLY)
endfunction()

# For a compiler whose assembler cannot include a file: a source file of numbers for each. Slower to compile.
function(embed_as_arrays target header directory files)
  set(declarations "")
  set(rows "")
  set(index 0)
  foreach(file ${files})
    file(READ ${PROJECT_SOURCE_DIR}/${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(....................................................................................................)" "\\1\n"
      bytes "${bytes}")
    file(CONFIGURE OUTPUT ${directory}/data_${index}.cpp CONTENT
      "extern const unsigned char vmtriage_data_${index}[];\nconst unsigned char vmtriage_data_${index}[] = {\n${bytes}0};\n" @ONLY)
    file(SIZE ${PROJECT_SOURCE_DIR}/${file} size)
    string(APPEND declarations "extern const unsigned char vmtriage_data_${index}[];\n")
    string(APPEND rows "      {\"${file}\", std::string_view(reinterpret_cast<const char*>(vmtriage_data_${index}), ${size})},\n")
    target_sources(${target} PRIVATE ${directory}/data_${index}.cpp)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
    math(EXPR index "${index} + 1")
  endforeach()
  write_embedded_files(${directory}/embedded.cpp ${header} "${declarations}" "${rows}")
  target_sources(${target} PRIVATE ${directory}/embedded.cpp)
endfunction()

# compact_data(RESULT DIRECTORY FILES): what is embedded of each file, a copy in DIRECTORY where Python can make one.
find_package(Python3 COMPONENTS Interpreter)
function(compact_data result directory files)
  if(NOT Python3_Interpreter_FOUND)
    message(STATUS "no Python: data is embedded with its examples and comments")
    list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/)
    set(${result} ${files} PARENT_SCOPE)
    return()
  endif()
  list(TRANSFORM files PREPEND ${directory}/ OUTPUT_VARIABLE copies)
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  set(script ${PROJECT_SOURCE_DIR}/cmake/compact_data.py)
  add_custom_command(OUTPUT ${copies} COMMAND ${Python3_EXECUTABLE} ${script} ${PROJECT_SOURCE_DIR} ${directory} ${files}
    DEPENDS ${script} ${sources} COMMENT "Compacting the data files" VERBATIM)
  set(${result} ${copies} PARENT_SCOPE)
endfunction()

# embed_files(TARGET HEADER GLOB...): compiles data files into TARGET, to be read through agent/base/embedded.h.
function(embed_files target header)
  set(files)
  foreach(pattern ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${pattern})
    list(APPEND files ${found})
  endforeach()
  list(SORT files)
  set(directory ${PROJECT_BINARY_DIR}/embedded)
  if(MSVC)
    embed_as_arrays(${target} ${header} ${directory} "${files}")
    return()
  endif()

  compact_data(copies ${directory} "${files}")
  set(section ".rodata")
  set(note "    .section .note.GNU-stack,\"\",%progbits\n")
  if(WIN32)
    set(section ".rdata,\"dr\"")
    set(note "")
  endif()
  set(assembly "    .section ${section}\n")
  set(declarations "")
  set(rows "")
  set(index 0)
  foreach(file copy IN ZIP_LISTS files copies)
    string(APPEND assembly "    .globl vmtriage_data_${index}\nvmtriage_data_${index}:\n    .incbin \"${copy}\"\n"
      "    .globl vmtriage_end_${index}\nvmtriage_end_${index}:\n    .byte 0\n")
    string(APPEND declarations "extern \"C\" const char vmtriage_data_${index}[], vmtriage_end_${index}[];\n")
    string(APPEND rows "      {\"${file}\", std::string_view(vmtriage_data_${index}, vmtriage_end_${index})},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND assembly "${note}")

  file(CONFIGURE OUTPUT ${directory}/embedded_data.S CONTENT "${assembly}" @ONLY)
  write_embedded_files(${directory}/embedded.cpp ${header} "${declarations}" "${rows}")
  target_sources(${target} PRIVATE ${directory}/embedded_data.S ${directory}/embedded.cpp)
  set_source_files_properties(${directory}/embedded_data.S PROPERTIES OBJECT_DEPENDS "${copies}" TARGET_DIRECTORY ${target})
endfunction()

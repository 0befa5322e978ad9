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

# What is embedded of a data file: rules come without their examples, a tenth of all data.
find_package(Python3 COMPONENTS Interpreter)
function(without_examples directory files)
  set(sources ${files})
  list(FILTER sources INCLUDE REGEX "^analyzers/rules/")
  if(NOT Python3_Interpreter_FOUND)
    message(STATUS "no Python: rules are embedded with their examples")
    return()
  endif()
  list(TRANSFORM sources REPLACE "^.*/" "${directory}/" OUTPUT_VARIABLE copies)
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
  file(MAKE_DIRECTORY ${directory})
  set(script ${PROJECT_SOURCE_DIR}/cmake/without_examples.py)
  add_custom_command(OUTPUT ${copies} COMMAND ${Python3_EXECUTABLE} ${script} ${directory} ${sources}
    DEPENDS ${script} ${sources} VERBATIM)
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

  set(rules ${directory}/rules)
  without_examples(${rules} "${files}")
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
  set(sources "")
  foreach(file ${files})
    set(source ${PROJECT_SOURCE_DIR}/${file})
    if(Python3_Interpreter_FOUND AND file MATCHES "^analyzers/rules/(.*)")
      set(source ${rules}/${CMAKE_MATCH_1})
    endif()
    list(APPEND sources ${source})
    string(APPEND assembly "    .globl vmtriage_data_${index}\nvmtriage_data_${index}:\n    .incbin \"${source}\"\n"
      "    .globl vmtriage_end_${index}\nvmtriage_end_${index}:\n    .byte 0\n")
    string(APPEND declarations "extern \"C\" const char vmtriage_data_${index}[], vmtriage_end_${index}[];\n")
    string(APPEND rows "      {\"${file}\", std::string_view(vmtriage_data_${index}, vmtriage_end_${index})},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND assembly "${note}")

  file(CONFIGURE OUTPUT ${directory}/embedded_data.S CONTENT "${assembly}" @ONLY)
  write_embedded_files(${directory}/embedded.cpp ${header} "${declarations}" "${rows}")
  target_sources(${target} PRIVATE ${directory}/embedded_data.S ${directory}/embedded.cpp)
  set_source_files_properties(${directory}/embedded_data.S PROPERTIES OBJECT_DEPENDS "${sources}" TARGET_DIRECTORY ${target})
endfunction()

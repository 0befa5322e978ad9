# embed_files(TARGET HEADER GLOB...): compiles data files into TARGET, to be read through agent/base/embedded.h.
function(embed_files target header)
  set(files)
  foreach(pattern ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${pattern})
    list(APPEND files ${found})
  endforeach()
  list(SORT files)

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
  foreach(file ${files})
    string(APPEND assembly "    .globl vmtriage_data_${index}\nvmtriage_data_${index}:\n    .incbin \"${PROJECT_SOURCE_DIR}/${file}\"\n"
      "    .globl vmtriage_end_${index}\nvmtriage_end_${index}:\n    .byte 0\n")
    string(APPEND declarations "extern \"C\" const char vmtriage_data_${index}[], vmtriage_end_${index}[];\n")
    string(APPEND rows "      {\"${file}\", std::string_view(vmtriage_data_${index}, vmtriage_end_${index})},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND assembly "${note}")

  set(directory ${PROJECT_BINARY_DIR}/embedded)
  file(CONFIGURE OUTPUT ${directory}/embedded_data.S CONTENT "${assembly}" @ONLY)
  file(CONFIGURE OUTPUT ${directory}/embedded.cpp CONTENT "#include \"${header}\"
${declarations}
namespace vmtriage {
std::span<const EmbeddedFile> embedded_files() {
  static const EmbeddedFile files[] = {
${rows}  };
  return files;
}
}  // namespace vmtriage
" @ONLY)
  target_sources(${target} PRIVATE ${directory}/embedded_data.S ${directory}/embedded.cpp)
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/)
  set_source_files_properties(${directory}/embedded_data.S PROPERTIES OBJECT_DEPENDS "${files}" TARGET_DIRECTORY ${target})
endfunction()

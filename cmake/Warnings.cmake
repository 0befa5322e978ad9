add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror=return-type
  -ffunction-sections -fdata-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 warns of `"/" + std::string` where nothing overlaps (its bug 105651).
  target_compile_options(project_warnings INTERFACE -Wno-restrict)
endif()
option(VMTRIAGE_WERROR "Warnings are errors" ON)
if(VMTRIAGE_WERROR)
  target_compile_options(project_warnings INTERFACE -Werror)
endif()

add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror=return-type
  -ffunction-sections -fdata-sections)
option(VMTRIAGE_WERROR "Warnings are errors" ON)
if(VMTRIAGE_WERROR)
  target_compile_options(project_warnings INTERFACE -Werror)
endif()

# Read by CPack before each package: what belongs into this one.
list(GET CPACK_INSTALL_CMAKE_PROJECTS 0 build)
string(TOLOWER ${CPACK_GENERATOR} family)
set(CPACK_INSTALL_CMAKE_PROJECTS ${build} vmtriage common / ${build} vmtriage ${family} /)

# SPDX-License-Identifier: Apache-2.0
# The third-party part of MONOCLE_KERNELS_ONLY: headers, which suit any architecture, and the test framework from its
# source. So a cross build needs no libraries of the other architecture, which Debian installs only after
# `dpkg --add-architecture`.
find_package(Threads REQUIRED)

# One folder with links to just these headers: /usr/include itself holds the C library's of this machine.
set(kernel_headers "${PROJECT_BINARY_DIR}/headers")
file(MAKE_DIRECTORY "${kernel_headers}")
foreach(header fmt tl xxhash.h)
  find_path(folder_of_${header} "${header}" PATHS /usr/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  file(CREATE_LINK "${folder_of_${header}}/${header}" "${kernel_headers}/${header}" SYMBOLIC)
endforeach()
foreach(name fmt::fmt tl::expected PkgConfig::XXHASH)
  add_library(${name} INTERFACE IMPORTED)
  target_include_directories(${name} SYSTEM INTERFACE "${kernel_headers}")
endforeach()
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)
target_compile_definitions(PkgConfig::XXHASH INTERFACE XXH_INLINE_ALL=1)

if(MONOCLE_BUILD_TESTS)
  find_path(googletest_source googletest/CMakeLists.txt PATHS /usr/src/googletest NO_DEFAULT_PATH
            NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  set(BUILD_GMOCK OFF)
  set(INSTALL_GTEST OFF)
  add_subdirectory("${googletest_source}" googletest EXCLUDE_FROM_ALL SYSTEM)
  include(GoogleTest)
endif()

# SPDX-License-Identifier: Apache-2.0
# One interface target carries the warning set, so that a room cannot forget it.
add_library(monocle_warnings INTERFACE)
target_compile_options(monocle_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
    -Wimplicit-fallthrough -Wundef>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 raises false positives of these inside its own headers and intrinsics (restrict: std::string + at -O3).
  target_compile_options(monocle_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized -Wno-uninitialized -Wno-null-dereference -Wno-restrict>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Clang reports libstdc++'s own use of std::get_temporary_buffer inside std::stable_sort.
  target_compile_options(monocle_warnings INTERFACE -Wno-deprecated-declarations)
endif()
if(MONOCLE_WERROR)
  target_compile_options(monocle_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

# SPDX-License-Identifier: Apache-2.0
# Sanitizers apply to every target of the build: mixing instrumented and plain objects gives false reports.
if(MONOCLE_SANITIZE)
  add_compile_options(-fsanitize=${MONOCLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MONOCLE_SANITIZE})
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

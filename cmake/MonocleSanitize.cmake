# SPDX-License-Identifier: Apache-2.0
option(MONOCLE_FUZZ "Build the libFuzzer targets (needs clang)" OFF)

# Sanitizers apply to every target of the build: mixing instrumented and plain objects gives false reports.
if(MONOCLE_SANITIZE)
  add_compile_options(-fsanitize=${MONOCLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MONOCLE_SANITIZE})
  if(MONOCLE_SANITIZE MATCHES "address.*undefined")
    # AddressSanitizer stops at null pointers and at objects that are gone or smaller; twice takes longer to compile.
    add_compile_options(-fno-sanitize=null,vptr,object-size)
  endif()
endif()
if(MONOCLE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link) # the targets themselves link -fsanitize=fuzzer
endif()

# The library's own checks wherever we look for bugs; stack and buffer guards in what is shipped.
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR MONOCLE_SANITIZE)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions($<$<NOT:$<COMPILE_LANGUAGE:CUDA>>:_FORTIFY_SOURCE=2>)
endif()

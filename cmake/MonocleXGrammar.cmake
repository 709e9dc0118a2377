# SPDX-License-Identifier: Apache-2.0
# The target `xgrammar`: the C++ core of XGrammar (Apache-2.0) as a static library. Its own build file is not used:
# it turns on -Werror and link-time optimisation for a compiler that is not ours.
monocle_package(xgrammar xgrammar_source)
file(GLOB_RECURSE xgrammar_files "${xgrammar_source}/cpp/*.cc")
list(FILTER xgrammar_files EXCLUDE REGEX "/cpp/tvm_ffi/")
add_library(xgrammar STATIC EXCLUDE_FROM_ALL ${xgrammar_files})
target_include_directories(xgrammar SYSTEM PUBLIC "${xgrammar_source}/include" "${xgrammar_source}/3rdparty/picojson"
                                                  "${xgrammar_source}/3rdparty/dlpack/include")
# Its log goes through two functions of ours: a keyword that it ignores must become an error, not a line on stderr.
target_compile_definitions(xgrammar PRIVATE XGRAMMAR_LOG_CUSTOMIZE=1
                                    PUBLIC XGRAMMAR_ENABLE_CPPTRACE=0 XGRAMMAR_ENABLE_INTERNAL_CHECK=0)
target_compile_options(xgrammar PRIVATE -w -g0 $<$<CONFIG:Release>:-O2>) # a fifth faster to compile than -O3
if(MONOCLE_SANITIZE MATCHES "undefined")  # what schemas do to its memory stays checked
  target_compile_options(xgrammar PRIVATE -fno-sanitize=undefined)
endif()
target_compile_features(xgrammar PUBLIC cxx_std_17)
monocle_together(xgrammar)

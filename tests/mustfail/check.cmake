# SPDX-License-Identifier: Apache-2.0
# cmake -DCASE=file.cc -DCOMPILER=c++ -DINCLUDE=src -P check.cmake
set(ENV{LC_ALL} C) # the expected messages are the untranslated ones
set(compile "${COMPILER}" -std=c++20 -fsyntax-only -Werror=unused-result -I "${INCLUDE}" "${CASE}")

file(STRINGS "${CASE}" expected REGEX "^// expect: ")
string(REGEX REPLACE "^// expect: " "" expected "${expected}")
if(expected STREQUAL "")
  message(FATAL_ERROR "${CASE} has no line '// expect: <regular expression>'")
endif()

execute_process(COMMAND ${compile} RESULT_VARIABLE code ERROR_VARIABLE output)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the good use must compile:\n${output}")
endif()

execute_process(COMMAND ${compile} -DMUST_FAIL RESULT_VARIABLE code ERROR_VARIABLE output)
if(code EQUAL 0)
  message(FATAL_ERROR "the bad use compiles")
endif()
if(NOT output MATCHES "${expected}")
  message(FATAL_ERROR "the bad use fails, but not with '${expected}':\n${output}")
endif()

# SPDX-License-Identifier: Apache-2.0

# monocle_room(<name> [DEPS <room>...] [LIBS <target>...] [LABELS <ctest label>...])
#
# A room is one folder under src/ and one static library monocle_<name>. Its sources are all *.cc of the
# folder tree except *_test.cc, which together form one test program <name>_test. DEPS are the rooms it may
# include; a room that is not named cannot be linked, which is half of the proof that the graph is a DAG.
function(monocle_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;LABELS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(target monocle_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE monocle_warnings)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  foreach(dep ${ARG_DEPS})
    target_link_libraries(${target} ${scope} monocle_${dep})
  endforeach()
  target_link_libraries(${target} ${scope} ${ARG_LIBS})
  if(MONOCLE_BUILD_TESTS AND tests)
    monocle_test(${name}_test SOURCES ${tests} LIBS ${target} LABELS unit ${ARG_LABELS})
  endif()
endfunction()

# monocle_test(<program> SOURCES <file>... LIBS <target>... LABELS <ctest label>... [ENV <VAR=value>...])
#
# One ctest entry per case. With a sanitizer, where the start of a process takes longer than most cases, four per
# program: <program>.0 to .3 are the shards of its cases.
function(monocle_test program)
  cmake_parse_arguments(ARG "" "PREFIX" "SOURCES;LIBS;LABELS;ENV" ${ARGN})
  if(NOT MONOCLE_BUILD_TESTS)
    return()
  endif()
  add_executable(${program} ${ARG_SOURCES})
  target_link_libraries(${program} PRIVATE ${ARG_LIBS} monocle_warnings GTest::gtest GTest::gtest_main)
  target_compile_definitions(${program} PRIVATE MONOCLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(MONOCLE_SANITIZE)
    foreach(shard RANGE 3)
      add_test(NAME ${ARG_PREFIX}${program}.${shard} COMMAND ${program})
      set_tests_properties(${ARG_PREFIX}${program}.${shard} PROPERTIES LABELS "${ARG_LABELS}"
        ENVIRONMENT "GTEST_TOTAL_SHARDS=4;GTEST_SHARD_INDEX=${shard};${ARG_ENV}")
    endforeach()
    return()
  endif()
  gtest_discover_tests(${program}
    TEST_PREFIX "${ARG_PREFIX}"
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" ENVIRONMENT "${ARG_ENV}")
endfunction()

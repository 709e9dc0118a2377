# SPDX-License-Identifier: Apache-2.0

# monocle_together(<target> [APART <file>...])
#
# With a sanitizer, compiling checked templates of headers takes most of a build: up to eight sources are one translation
# unit there, so that each unit instantiates them once. APART: files whose names in their anonymous namespaces are others'
# as well, or that include themselves per instruction set; ALL of them. Warnings of what the files are to each other there
# say nothing: preset ci has every file by itself.
add_library(monocle_together INTERFACE)  # linked behind monocle_warnings, so that its flags come last
target_compile_options(monocle_together INTERFACE -Wno-shadow -Wno-subobject-linkage)
function(monocle_together target)
  cmake_parse_arguments(ARG "" "" "APART" ${ARGN})
  if(MONOCLE_SANITIZE AND NOT ARG_APART STREQUAL "ALL")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_link_libraries(${target} PRIVATE monocle_together)
    set_source_files_properties(${ARG_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# monocle_room(<name> [DEPS <room>...] [LIBS <target>...] [LABELS <ctest label>...] [APART <file>...])
#
# A room is one folder under src/ and one static library monocle_<name>. Its sources are all *.cc of the
# folder tree except *_test.cc, which together form one test program <name>_test. DEPS are the rooms it may
# include; a room that is not named cannot be linked, which is half of the proof that the graph is a DAG. APART as above.
function(monocle_room name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;LABELS;APART" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(target monocle_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE monocle_warnings)
    monocle_together(${target} APART ${ARG_APART})
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
    monocle_test(${name}_test SOURCES ${tests} LIBS ${target} LABELS unit ${ARG_LABELS} APART ${ARG_APART})
  endif()
endfunction()

# monocle_test(<program> SOURCES <file>... LIBS <target>... LABELS <ctest label>... [ENV <VAR=value>...] [APART <file>...])
#
# One ctest entry per case. With a sanitizer, where the start of a process takes longer than most cases, four per
# program: <program>.0 to .3 are the shards of its cases.
function(monocle_test program)
  cmake_parse_arguments(ARG "" "PREFIX" "SOURCES;LIBS;LABELS;ENV;APART" ${ARGN})
  if(NOT MONOCLE_BUILD_TESTS)
    return()
  endif()
  add_executable(${program} ${ARG_SOURCES})
  target_link_libraries(${program} PRIVATE ${ARG_LIBS} monocle_warnings GTest::gtest GTest::gtest_main)
  target_compile_definitions(${program} PRIVATE MONOCLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  monocle_together(${program} APART ${ARG_APART})
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

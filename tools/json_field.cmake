# SPDX-License-Identifier: Apache-2.0
# cmake -DFILE=list.json -DINDEX=0 -DFIELD=name -P json_field.cmake: prints one field of one object of a JSON list on
# stdout; FIELD=length prints the number of objects.
file(READ "${FILE}" text)
if(FIELD STREQUAL "length")
  string(JSON value LENGTH "${text}")
else()
  string(JSON value GET "${text}" ${INDEX} ${FIELD})
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "${value}")

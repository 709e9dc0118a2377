# SPDX-License-Identifier: Apache-2.0

# monocle_package(<name> <out-variable>)
#
# The unpacked source of a package of cmake/packages.txt, downloaded once for all build folders of this tree by
# the pip client (with whatever index and cache the user configured) and checked against its SHA-256.
# -DMONOCLE_PACKAGES=DIR or the environment variable of that name points at files downloaded before, for machines
# without a network.
set(MONOCLE_PACKAGES "$ENV{MONOCLE_PACKAGES}" CACHE PATH "Folder of source packages downloaded before")

function(monocle_package name out)
  file(STRINGS "${PROJECT_SOURCE_DIR}/cmake/packages.txt" line REGEX "^${name} ")
  if(NOT line MATCHES "^${name} ([^ ]+) ([0-9a-f]+)$")
    message(FATAL_ERROR "cmake/packages.txt has no line for ${name}")
  endif()
  set(version "${CMAKE_MATCH_1}")
  set(sha256 "${CMAKE_MATCH_2}")
  set(folder "${PROJECT_SOURCE_DIR}/build/packages")
  set(source "${folder}/${name}-${version}")
  set(archive "${folder}/${name}-${version}.tar.gz")
  file(MAKE_DIRECTORY "${folder}")
  file(LOCK "${folder}/lock" GUARD FUNCTION TIMEOUT 300)
  if(NOT EXISTS "${source}.ok")
    if(MONOCLE_PACKAGES)
      set(archive "${MONOCLE_PACKAGES}/${name}-${version}.tar.gz")
    elseif(NOT EXISTS "${archive}")
      message(STATUS "Downloading ${name} ${version} with pip")
      execute_process(
        COMMAND python3 -m pip download --quiet --no-deps --no-binary "${name}" --dest "${folder}" "${name}==${version}"
        RESULT_VARIABLE code ERROR_VARIABLE errors)
      if(NOT code EQUAL 0)
        message(FATAL_ERROR "Could not download ${name} ${version} with pip. Put ${name}-${version}.tar.gz into a folder "
                            "and configure with -DMONOCLE_PACKAGES=FOLDER.\n${errors}")
      endif()
    endif()
    if(NOT EXISTS "${archive}")
      message(FATAL_ERROR "${archive} does not exist")
    endif()
    file(SHA256 "${archive}" actual)
    if(NOT actual STREQUAL sha256)
      message(FATAL_ERROR "${archive} has SHA-256 ${actual}, expected ${sha256}")
    endif()
    file(REMOVE_RECURSE "${source}")
    file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${folder}")
    file(TOUCH "${source}.ok")
  endif()
  set(${out} "${source}" PARENT_SCOPE)
endfunction()

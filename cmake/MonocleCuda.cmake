# SPDX-License-Identifier: Apache-2.0
# Whether the CUDA backend is built, and for which GPUs.
set(MONOCLE_CUDA AUTO CACHE STRING "Build the CUDA backend: ON, OFF, or AUTO = where a new enough nvcc is")
set_property(CACHE MONOCLE_CUDA PROPERTY STRINGS AUTO ON OFF)
# As nvcc names them. compute_NN is PTX, which the driver compiles: for GPUs that come later.
set(MONOCLE_CUDA_ARCHS "sm_80;sm_86;sm_89;sm_90a;sm_100;sm_120;compute_90" CACHE STRING
    "GPU architectures of the CUDA backend")
set(oldest_nvcc 12.8)  # the first that knows sm_120

set(monocle_with_cuda ${MONOCLE_CUDA})
if(MONOCLE_CUDA STREQUAL "AUTO")
  set(monocle_with_cuda OFF)
  find_program(MONOCLE_NVCC nvcc HINTS /usr/local/cuda/bin)
  mark_as_advanced(MONOCLE_NVCC)
  if(MONOCLE_NVCC)
    execute_process(COMMAND "${MONOCLE_NVCC}" --version OUTPUT_VARIABLE nvcc_says ERROR_QUIET)
    string(REGEX MATCH "release ([0-9]+\\.[0-9]+)" found "${nvcc_says}")
    if(found AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL oldest_nvcc)
      set(monocle_with_cuda ON)
      message(STATUS "CUDA backend: built with nvcc ${CMAKE_MATCH_1} for ${MONOCLE_CUDA_ARCHS}")
    else()
      message(STATUS "CUDA backend: not built, ${MONOCLE_NVCC} is older than ${oldest_nvcc}")
    endif()
  else()
    message(STATUS "CUDA backend: not built, no nvcc")
  endif()
endif()

if(monocle_with_cuda)
  enable_language(CUDA)
  if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # older CMake with a newer nvcc
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  find_package(CUDAToolkit REQUIRED)
endif()

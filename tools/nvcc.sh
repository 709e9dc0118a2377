#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/nvcc.sh FOLDER: prints the directory of an nvcc that can build the CUDA backend: the machine's own, else NVIDIA's
# packages of the Python index, unpacked in FOLDER (100 MB of downloads; Debian's own nvcc is too old). Fails if there is none.
set -eu
folder=$1
version=13.0

own=$(command -v nvcc || true)
if [ -n "$own" ]; then
  dirname "$own"
  exit 0
fi
toolkit=$folder/nvidia/cu13
if [ ! -x "$toolkit/bin/nvcc" ]; then
  mkdir -p "$folder/wheels"
  for part in nvcc crt runtime cccl; do
    python3 -m pip download -q --no-deps --only-binary=:all: -d "$folder/wheels" "nvidia-cuda-$part==$version.*" >&2
  done
  python3 -m pip download -q --no-deps --only-binary=:all: -d "$folder/wheels" "nvidia-nvvm==$version.*" >&2
  for wheel in "$folder"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$folder"
  done
  ln -sfn lib "$toolkit/lib64" # where nvcc looks, and CMake for the other
  ln -sf "$(cd "$toolkit/lib" && ls libcudart.so.*)" "$toolkit/lib/libcudart.so"
  chmod +x "$toolkit"/bin/* "$toolkit"/nvvm/bin/*
fi
"$toolkit/bin/nvcc" --version >&2
echo "$toolkit/bin"

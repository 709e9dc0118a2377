#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/format.sh [--check]: formats every C++ and CUDA file, or lists those that are not and fails. One pinned version,
# because each one breaks lines differently: clang-format-19 from Debian, or `pip install clang-format==19.1.7`.
set -eu
cd "$(dirname "$0")/.."

for program in clang-format-19 clang-format; do
  if command -v "$program" >/dev/null && "$program" --version | grep -q 'version 19\.'; then
    found=$program
    break
  fi
done
if [ -z "${found:-}" ]; then
  echo "format: clang-format 19 is missing (apt-get install clang-format-19)" >&2
  exit 2
fi
mode=-i
[ "${1:-}" != --check ] || mode="--dry-run -Werror"
# shellcheck disable=SC2086 # the mode is meant to split
find src include apps tests bench \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 -r "$found" $mode

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
list() {
  find src include apps tests bench \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) -print0
}

if [ "${1:-}" = --check ]; then
  # shellcheck disable=SC2016 # expanded by the inner shell
  list | xargs -0 -r -n 1 sh -c '"$0" "$1" | cmp -s - "$1" || { echo "not formatted: $1"; exit 1; }' "$found"
else
  list | xargs -0 -r "$found" -i
fi

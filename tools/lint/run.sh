#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every check of the tree that needs no build, all of them even if one fails. What is not installed is named and skipped.
set -u
cd "$(dirname "$0")/../.." || exit
failed=0

check() {
  name=$1
  shift
  if "$@"; then :; else
    echo "lint: $name failed" >&2
    failed=$((failed + 1))
  fi
}
have() {
  command -v "$1" >/dev/null || { echo "lint: $1 is not installed, skipped"; return 1; }
}

for script in layers size spdx readme links lint_test; do
  check "$script" python3 -B "tools/lint/$script.py"
done
have shellcheck && check shellcheck shellcheck tools/*.sh tools/lint/*.sh packaging/*.sh packaging/debian/p* .ci/run
have hadolint && check hadolint hadolint packaging/Dockerfile
have codespell && check codespell codespell -q 3 ./*.md docs

[ "$failed" -eq 0 ] || { echo "lint: $failed checks failed" >&2; exit 1; }
echo "lint: all passed"

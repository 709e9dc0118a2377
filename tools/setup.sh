#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/setup.sh GROUP...: installs the packages of the groups of apt.txt that are missing (Debian bookworm; root or
# sudo). Does nothing, and needs no rights, when all are there.
set -eu

cd "$(dirname "$0")/.."

packages_of() {
  awk -v group="[$1]" '/^#/ || NF == 0 { next } /^\[/ { inside = ($1 == group); found += inside; next }
    inside { print } END { exit found ? 0 : 1 }' apt.txt
}

# is_new_enough COMMAND VERSION: the command is on PATH, from wherever, and says at least this version.
is_new_enough() {
  command -v "$1" >/dev/null || return 1
  version=$("$1" --version | sed 's/^v//')
  [ "$(printf '%s\n' "$2" "$version" | sort -V | head -n 1)" = "$2" ]
}

# Lines of apt.txt in, the packages that are missing out.
missing_of() {
  while read -r package command version; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || { [ -n "$command" ] && is_new_enough "$command" "$version"; } || printf ' %s' "$package"
  done
}

missing=""
for group in "$@"; do
  lines=$(packages_of "$group") || { echo "setup: apt.txt has no group [$group]" >&2; exit 2; }
  missing="$missing$(printf '%s\n' "$lines" | missing_of)"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: this is not Debian; install the equivalents of:$missing" >&2
  exit 1
fi
run=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: as root, run: apt-get install$missing" >&2; exit 1; }
  run="sudo"
fi

# shellcheck disable=SC2086 # the lists are meant to split into words
install() {
  $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing </dev/null
}

echo "setup: installing$missing"
# Package lists may be absent or old: fetch them only if what is here cannot do it.
# shellcheck disable=SC2086
if ! apt-cache show --no-all-versions $missing >/dev/null 2>&1 || ! install; then
  $run apt-get update -q </dev/null
  install
fi

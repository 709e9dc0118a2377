#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/setup.sh GROUP...: installs the packages of the groups of apt.txt that are missing (Debian bookworm; root or
# sudo). Does nothing, and needs no rights, when all are there.
set -eu

cd "$(dirname "$0")/.."

packages_of() {
  awk -v group="[$1]" '/^#/ || NF == 0 { next } /^\[/ { inside = ($1 == group); found += inside; next }
    inside { print $1 } END { exit found ? 0 : 1 }' apt.txt
}

missing=""
for group in "$@"; do
  packages=$(packages_of "$group") || { echo "setup: apt.txt has no group [$group]" >&2; exit 2; }
  for package in $packages; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
  done
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

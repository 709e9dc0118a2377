#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/fresh.sh FOLDER [TARGET...]: proves the Makefile on an empty Debian bookworm (default: demo test). Makes a minimal
# system in FOLDER with debootstrap, clones the committed tree into it, and runs `make TARGET` there with nothing else
# installed. Root only. MIRROR names another Debian mirror, FRESH_COPY files to copy in (apt settings, certificates),
# FRESH_CPUS how many CPUs it may use (default 2).
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
root=$1
shift
[ $# -gt 0 ] || set -- demo test
[ "$(id -u)" -eq 0 ] || { echo "fresh: chroot needs root" >&2; exit 2; }

if [ ! -e "$root/etc/debian_version" ]; then
  debootstrap --variant=minbase --include=make,ca-certificates bookworm "$root" \
    "${MIRROR:-http://deb.debian.org/debian}"
fi
for file in ${FRESH_COPY:-}; do
  mkdir -p "$root$(dirname "$file")"
  cp "$file" "$root$file"
done
rm -rf "$root/src"
git clone -q --depth 1 "file://$source" "$root/src"

mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
cpus=$(taskset -cp $$ | sed 's/.*: //')
[ "$(nproc)" -le "${FRESH_CPUS:-2}" ] || cpus="0-$((${FRESH_CPUS:-2} - 1))"
for target in "$@"; do
  begun=$(date +%s)
  echo "=== make $target"
  # An empty environment: nothing of the host's paths, caches or proxies helps by accident.
  taskset -c "$cpus" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    chroot "$root" make -C /src "$target" </dev/null
  echo "--- make $target: $(($(date +%s) - begun)) s on $(taskset -c "$cpus" nproc) CPUs"
done

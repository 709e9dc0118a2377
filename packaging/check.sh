#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packaging/check.sh PACKAGE.deb ROOT: installs the package into ROOT, a Debian bookworm made by
# `debootstrap --variant=minbase bookworm ROOT`, with what it depends on and nothing else; asks the demo model about a
# sample there, serves, checks health, stops. Root only. ROOT is used up.
set -eu
deb=$1
root=$2
port=${MONOCLE_CHECK_PORT:-7899}

environment="PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
# shellcheck disable=SC2086 # the environment is meant to split into words
inside() { chroot "$root" env -i $environment "$@"; }
fail() { echo "check: $1" >&2; exit 1; }

cp "$deb" "$root/tmp/monocle.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
server=""
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount "$root/proc"
}
trap cleanup EXIT

inside apt-get update -q
inside apt-get install -y -q --no-install-recommends /tmp/monocle.deb
inside monocle --version
inside monocle doctor | grep '^Model *\(/usr/bin/\.\./\|/usr/\)share/monocle/models/demo' || fail "the demo model is not found"

samples=/usr/share/monocle/models/demo/samples
answer=$(inside monocle ask --temperature 0 --image "$samples/line-en.png" "Read the text in the image.")
grep -qF "\"$answer\"" "$root$samples/expected.json" || fail "the answer about line-en.png is '$answer'"
echo "ask: $answer"

if inside monocle healthcheck --url "http://127.0.0.1:$port"; then fail "healthy before it was started"; fi
if inside monocle serve --host 0.0.0.0 --port "$port"; then fail "it listens beyond loopback without a key"; fi
# Not through inside(): the signal below is for the server, not for a shell around it.
# shellcheck disable=SC2086
chroot "$root" env -i $environment monocle serve --port "$port" &
server=$!
tries=0
until inside monocle healthcheck --url "http://127.0.0.1:$port" >/dev/null; do
  tries=$((tries + 1))
  { [ "$tries" -lt 60 ] && kill -0 "$server"; } || fail "it does not become healthy"
  sleep 1
done
inside monocle healthcheck --url "http://127.0.0.1:$port"
kill -TERM "$server"
wait "$server" || fail "it did not stop in order"
server=""

inside dpkg --purge monocle
for path in usr/bin/monocle etc/monocle usr/share/monocle usr/share/doc/monocle; do
  [ ! -e "$root/$path" ] || fail "purge left /$path"
done
echo "check: passed"

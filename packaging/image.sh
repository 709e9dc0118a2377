#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packaging/image.sh ROOTFS.tar [PACKAGE.deb]: builds packaging/Dockerfile with buildah, without an image registry, and
# asks the image. ROOTFS.tar is a Debian bookworm (`debootstrap --variant=minbase --include=ca-certificates`), imported as
# the base. With PACKAGE.deb the stages that make the page and the package are replaced by that file; without it both
# run, the page's on an image named by NODE. Root only; STORAGE is kept for the next run.
set -eu
cd "$(dirname "$0")/.."
rootfs=$1
deb=${2:-}
node=${NODE:-docker.io/library/node:22-bookworm-slim}
storage=${STORAGE:-/var/tmp/monocle-images}
base=localhost/monocle-base
port=7860
work=$(mktemp -d)
name=""
server=""  # the program's process: with this isolation it has no name space of its own

image() { buildah --root "$storage" --runroot "$work/run" --storage-driver vfs "$@"; }
fail() { echo "image: $1" >&2; exit 1; }
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$name" ] || image rm "$name" >/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

mkdir "$work/base"
ln "$rootfs" "$work/base/rootfs.tar" 2>/dev/null || cp "$rootfs" "$work/base/rootfs.tar"
printf 'FROM scratch\nADD rootfs.tar /\nCMD ["/bin/sh"]\n' >"$work/base/Dockerfile"
image bud -q --isolation chroot -t "$base" "$work/base"

if [ -n "$deb" ]; then
  mkdir "$work/context"
  cp "$deb" "$work/context/monocle.deb"
  { printf 'ARG BASE\nFROM scratch AS build\nCOPY monocle.deb /deb/\n'
    sed -n '/ AS runtime$/,$p' packaging/Dockerfile; } >"$work/Dockerfile"
  image bud --format docker --isolation chroot --build-arg BASE="$base" -f "$work/Dockerfile" -t monocle "$work/context"
else
  image bud --format docker --isolation chroot --build-arg BASE="$base" --build-arg NODE="$node" \
    -f packaging/Dockerfile -t monocle .
fi
image inspect --type image --format '{{.Docker.Config.User}} {{.Docker.Config.StopSignal}} {{.Docker.Config.Healthcheck.Test}}
' monocle
image images monocle

# What `docker run -p 7860:7860 -e QUANTIZE=int8 -e MAX_IMAGE_SIZE=1024 -e ENABLE_SLIDING_WINDOW=true monocle` starts.
name=$(image from monocle)
image run --isolation chroot --env QUANTIZE=int8 --env MAX_IMAGE_SIZE=1024 --env ENABLE_SLIDING_WINDOW=true "$name" -- \
  /bin/sh -c 'echo "process $$"; exec /usr/bin/monocle serve' >"$work/log" 2>&1 &
container=$!
tries=0
until image run --isolation chroot "$name" -- /usr/bin/monocle healthcheck; do
  tries=$((tries + 1))
  { [ "$tries" -lt 60 ] && kill -0 "$container"; } || { cat "$work/log" >&2; fail "it does not become healthy"; }
  sleep 1
done
cat "$work/log"
server=$(sed -n 's/^process //p' "$work/log")
key=$(sed -n 's/^  key *\(mk-[0-9a-f]*\).*/\1/p' "$work/log")
[ -n "$key" ] || fail "the log names no key"

code=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/v1/models")
[ "$code" = 401 ] || fail "without a key /v1/models answers $code"
picture=$(base64 -w0 models/demo/samples/line-en.png)
printf '{"model":"monocle-demo","temperature":0,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}},{"type":"text","text":"Read the text in the image."}]}]}' \
  "$picture" >"$work/request.json"
answer=$(curl -s -H "Authorization: Bearer $key" -H 'Content-Type: application/json' --data-binary "@$work/request.json" \
  "http://127.0.0.1:$port/v1/chat/completions")
echo "$answer"
case $answer in
  *'"The small model reads this line."'*) ;;
  *) fail "another answer was expected" ;;
esac

# As the image's STOPSIGNAL does.
kill -TERM "$server"
wait "$container" || fail "it did not stop in order"
server=""
echo "image: passed"

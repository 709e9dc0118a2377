#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/demo.sh PROGRAM MODEL_DIR: asks the model about the pictures of MODEL_DIR/samples, whose expected.json is a
# list of {"file", "question", "answer"}; several files are separated by spaces, a folder holds the frames of a clip.
# Prints each answer and exits 1 if one is not the expected one. JSON is read by CMake, which the build needs anyway, so
# that no interpreter has to be installed.
set -eu
here=$(dirname "$0")
program=$1
model=$2
samples=$model/samples

[ -x "$program" ] || { echo "demo: $program is missing; run make build" >&2; exit 2; }
[ -f "$samples/expected.json" ] || { echo "demo: $samples/expected.json is missing" >&2; exit 2; }
field() {
  cmake -DFILE="$samples/expected.json" -DINDEX="$1" -DFIELD="$2" -P "$here/json_field.cmake"
}

count=$(field "" length)
index=0
wrong=0
echo "The demo model is small and was trained by this project; it is not Qwen's."
while [ "$index" -lt "$count" ]; do
  files=$(field "$index" file)
  question=$(field "$index" question)
  expected=$(field "$index" answer)
  printf '\npicture   %s\nquestion  %s\n' "$files" "$question"
  set --
  for file in $files; do
    kind=--image
    [ -d "$samples/$file" ] && kind=--video
    set -- "$@" "$kind" "$samples/$file"
  done
  started=$(date +%s%N)
  answer=$("$program" ask --model "$model" "$@" --temperature 0 --max-tokens 768 "$question") || answer=""
  took_ms=$((($(date +%s%N) - started) / 1000000))
  printf 'answer    %s\n' "$answer"
  if [ "$answer" = "$expected" ]; then
    printf 'right, in %s ms\n' "$took_ms"
  else
    printf 'WRONG, expected: %s\n' "$expected"
    wrong=$((wrong + 1))
  fi
  index=$((index + 1))
done

printf '\n%s of %s right\n' "$((count - wrong))" "$count"
[ "$count" -gt 0 ] && [ "$wrong" -eq 0 ]

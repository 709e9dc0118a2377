#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes everything that run.py compares: llama.cpp, one random checkpoint of the 2B shape, and that checkpoint in every
# engine's format. About 40 minutes on one core, 25 GB of disk, 12 GB of
# memory. What exists is kept.
#
#   bench/peers/prepare.sh MONOCLE [FOLDER]     # MONOCLE: our program; FOLDER: build/peers unless given
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
monocle=$1
folder=${2:-$root/build/peers}
models=$folder/models
source=$folder/llama.cpp-source
python=$folder/transformers/bin/python

# make FILE COMMAND...: runs the command, whose last word is the file to write, unless the file exists.
make_file() {
  local file=$1
  shift
  [ -e "$file" ] || { echo "$file"; "$@" "$file.part"; mv "$file.part" "$file"; }
}

# environment NAME: a Python environment with the packages of NAME.txt.
environment() {
  [ -d "$folder/$1" ] || python3 -m venv "$folder/$1"
  "$folder/$1/bin/python" -m pip install --quiet -r "$here/$1.txt"
}

"$here/build_llama_cpp.sh" "$folder"
environment transformers
mkdir -p "$models"
make_file "$models/checkpoint" "$python" "$here/random_checkpoint.py" "$root/models/demo" "$source"

for format in ${FORMATS:-bf16 int8 int4}; do
  make_file "$models/monocle-$format.monocle" "$monocle" quantize --format "$format" "$models/checkpoint"
done

convert=("$python" "$here/convert_gguf.py" "$source" "$models/checkpoint")
make_file "$models/llama-bf16.gguf" "${convert[@]}"
make_file "$models/llama-vision-bf16.gguf" "${convert[@]}" --mmproj
make_file "$models/llama-vision-f16.gguf" "${convert[@]}" --mmproj --outtype f16
quantize() { "$folder/llama.cpp/bin/llama-quantize" "$models/llama-bf16.gguf" "$2" "$1"; }
for type in q8_0 q4_0 q4_K_M; do
  make_file "$models/llama-$type.gguf" quantize "$type"
done

# torchvision's wheels need the CUDA build of torch, and fail beside another one when they are imported.
if [ ! -e "$models/openvino-int8" ]; then
  environment openvino
  "$folder/openvino/bin/python" -m pip uninstall --quiet --yes torchvision
  make_file "$models/openvino-int8" "$folder/openvino/bin/optimum-cli" export openvino --model "$models/checkpoint" \
    --task image-text-to-text --weight-format int8
fi

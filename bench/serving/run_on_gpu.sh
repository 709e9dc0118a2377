#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole server on real GPUs, with random weights in the 2B shape: start, memory against the plan, latencies,
# throughput with and without HTTP, two GPUs against one. JSON and logs go to $OUT.
# STEPS: which of "start memory model latency text pictures engine two lost". PROGRAM: monocle. WORK: room for 13 GB.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$here/results}
PROGRAM=${PROGRAM:-$here/build/release/apps/monocle}
TESTS=${TESTS:-$here/build/cuda/tests}
WORK=${WORK:-/tmp/monocle}
STEPS=${STEPS:-start memory model latency text pictures engine}
PORT=${PORT:-7901}
SHAPE=${SHAPE:-2b}        # SHAPE=tiny DEVICE=cpu tries the script itself out
DEVICE=${DEVICE:-cuda:0}
MODEL=$WORK/random-$SHAPE
mkdir -p "$OUT" "$WORK"
log() { echo "[$(date +%T) +${SECONDS}s] $*"; }
used_mib() { nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -i 0 2>/dev/null || echo 0; }
one_line() { python3 -c 'import json,sys
for level in json.load(open(sys.argv[1]))["levels"]:
    t = level["ttft_ms"]
    print("  %s: %.2f req/s, %.0f tok/s out, prompt %d, cached %d, ttft p50 %.1f p95 %.1f ms, tpot p50 %.2f ms, errors %s" % (
        level["level"], level["requests_per_second"], level["output_tokens_per_second"], level["prompt_tokens"] // max(1, level["requests"]),
        level["cached_tokens"], t["p50"], t["p95"], level["tpot_ms"]["p50"], level["errors"]))' "$1"; }

prepare() {
  [ -f "$MODEL/model.safetensors" ] || timeout 60 "$PROGRAM" bench checkpoint "$SHAPE" "$MODEL" --texts "$here/models/demo" || exit 1
  log "checkpoint written"
}

serve() { # FLAGS...: starts a server and waits until it takes requests
  "$PROGRAM" serve --model "$MODEL" --port "$PORT" --max-num-batched-tokens "${STEP_TOKENS:-4096}" \
    --max-model-len 8192 --max-queue 1024 "$@" >"$OUT/serve.log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    grep -q "Stop with" "$OUT/serve.log" && return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  log "the server did not start"
  tail -5 "$OUT/serve.log"
  return 1
}
stop() {
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
}
# NAME SECONDS FLAGS...: one load, its JSON and the CPU time of each of the server's threads
load() {
  local name=$1 limit=$2
  shift 2
  cat /proc/"$server"/task/*/stat >"$WORK/before" 2>/dev/null
  timeout "$limit" "$PROGRAM" bench serve --url "http://127.0.0.1:$PORT/v1" --json "$@" >"$OUT/$name.json" 2>"$OUT/$name.log" ||
    { log "$name failed"; tail -3 "$OUT/$name.log"; }
  cat /proc/"$server"/task/*/stat >"$WORK/after" 2>/dev/null
  one_line "$OUT/$name.json"
  python3 - "$WORK/before" "$WORK/after" <<'P'
import sys
def ticks(path):
    return {line.split()[0]: sum(map(int, line.rsplit(")", 1)[1].split()[11:13])) for line in open(path)}
before, after = map(ticks, sys.argv[1:])
busy = sorted((after[t] - before.get(t, 0) for t in after), reverse=True)[:6]
print("  busiest server threads, CPU seconds:", " ".join("%.2f" % (b / 100) for b in busy))
P
}

start() {
  timeout 60 "$PROGRAM" quantize "$MODEL" "$WORK/random-$SHAPE.monocle" --format bf16 >"$OUT/quantize.log" 2>&1 || tail -2 "$OUT/quantize.log"
  log "packed file written"
  python3 - "$PROGRAM" "$DEVICE" "$MODEL" "$WORK/random-$SHAPE.monocle" >"$OUT/start.json" <<'P'
import json, subprocess, sys, time
program, device, *models = sys.argv[1:]
out = []
for model in models:
    seconds = []
    for _ in range(4):
        begun = time.monotonic()
        run = subprocess.Popen([program, "ask", "--model", model, "--device", device, "-n", "2", "hello"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        run.stdout.read(1)
        seconds.append(round(time.monotonic() - begun, 3))
        run.communicate()
    out.append({"model": model.rsplit("/", 1)[1], "process_start_to_first_text_s": sorted(seconds[1:]), "first_run_s": seconds[0]})
print(json.dumps(out, indent=2))
P
  cat "$OUT/start.json"
  timeout 20 "$PROGRAM" ask --model "$MODEL" --device "$DEVICE" --json -n 2 hello >"$OUT/start_ask.json" && grep -A6 timing_ms "$OUT/start_ask.json"
}

# What the program holds with one picture request, and what it planned.
memory() {
  local idle
  idle=$(used_mib)
  python3 - "$WORK/picture.bmp" <<'P'
import random, struct, sys
side = 1024
rows = bytes(random.Random(1).randrange(256) for _ in range(side * 3)) * side
open(sys.argv[1], "wb").write(b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + len(rows), 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + rows)
P
  nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 20 >"$WORK/used" &
  local watch=$!
  timeout 30 "$PROGRAM" ask --model "$MODEL" --device "$DEVICE" -n 32 --image "$WORK/picture.bmp" --json "What is this?" >"$OUT/ask_picture.json"
  kill $watch
  log "VRAM: idle $idle MiB, most with one picture request $(sort -n "$WORK/used" | tail -1) MiB"
  printf '{"idle_mib": %s, "ask_with_picture_peak_mib": %s}\n' "$idle" "$(sort -n "$WORK/used" | tail -1)" >"$OUT/memory.json"
}

model() {
  timeout 60 "$PROGRAM" bench model --model "$MODEL" --device "$DEVICE" --prompt 512 --gen 64 --repeats 5 --json >"$OUT/bench_model_2b_bf16.json"
  timeout 60 "$PROGRAM" bench model --model "$MODEL" --device "$DEVICE" --prompt 512 --gen 64 --repeats 5 --image 2048 | tee "$OUT/bench_model.txt"
}

latency() {
  local words=(--prompt-words 12 12 --answer-tokens 2 2 --slo-ttft 35)
  load ttft_1024 30 -c 1 --requests 20 --warmup 3 --images 1 --image-side 1024 "${words[@]}"
  load ttft_2048 30 -c 1 --requests 10 --warmup 2 --images 1 --image-side 2048 "${words[@]}"
  load text_1 30 -c 1 --requests 3 --prompt-words "${WORDS:-248}" "${WORDS:-248}" --answer-tokens 256 256
}
text() { load text_256 60 -c 256 --requests 768 --warmup 8 --prompt-words "${WORDS:-248}" "${WORDS:-248}" --answer-tokens 256 256; }
pictures() { load pictures_32 60 -c 32 --requests 192 --warmup 4 --images 1 --image-side 1024 --prompt-words 12 12 --answer-tokens 128 128; }
engine() {
  timeout 60 "$PROGRAM" bench engine --model "$MODEL" --device "$DEVICE" --requests 256 --prompt 512 --gen 256 --repeats 3 --json >"$OUT/engine_text_256.json"
  timeout 60 "$PROGRAM" bench engine --model "$MODEL" --device "$DEVICE" --requests 32 --prompt 32 --gen 128 --image 1024 --repeats 3 --json >"$OUT/engine_pictures_32.json"
  timeout 60 "$PROGRAM" bench engine --model "$MODEL" --device "$DEVICE" --requests 1 --prompt 32 --gen 2 --image 1024 --repeats 9 --json >"$OUT/engine_picture_1.json"
  grep -hE "per_second|p50|p95" "$OUT"/engine_*.json
}
# Two GPUs: the same load per GPU, on one and on both.
two() {
  local devices
  for devices in 0 0,1; do
    local gpus=$(((${#devices} + 1) / 2))
    serve --device "cuda:$devices" || return
    load "text_gpus_$gpus" 40 -c $((256 * gpus)) --requests $((512 * gpus)) --warmup 8 --prompt-words "${WORDS:-248}" "${WORDS:-248}" --answer-tokens 256 256
    load "pictures_gpus_$gpus" 40 -c $((32 * gpus)) --requests $((160 * gpus)) --warmup 4 --images 1 --image-side 1024 --prompt-words 12 12 --answer-tokens 128 128
    curl -s "http://127.0.0.1:$PORT/metrics" | grep monocle_device_ | grep -v "^#" | sed 's/{.*device/{device/' >"$OUT/metrics_gpus_$gpus.txt"
    grep generation "$OUT/metrics_gpus_$gpus.txt"
    stop
  done
}
lost() { # a process each: two of the tests ruin theirs
  local what
  for what in BothDevices ADeviceThatIsLost AFaultingKernel; do
    timeout 20 "$TESTS/engine/gpu_pool_test" --gtest_filter="*$what*" >>"$OUT/gpu_pool_test.txt" 2>&1
    log "$what: exit $?"
  done
  grep -E "OK|FAILED|SKIPPED|Failure" "$OUT/gpu_pool_test.txt" | head -20
}

log "$(nvidia-smi --query-gpu=name,driver_version,clocks.sm,memory.total --format=csv,noheader)"
prepare
serving=
for step in $STEPS; do
  log "step $step"
  case $step in
    latency | text | pictures)
      if [ -z "$serving" ]; then
        before=$(used_mib)
        serve --device "$DEVICE" || exit 1
        serving=yes
        log "serving; VRAM $before -> $(used_mib) MiB"
        grep -A9 "memory of" "$OUT/serve.log"
      fi
      "$step"
      log "VRAM $(used_mib) MiB"
      ;;
    *)
      [ -z "$serving" ] || stop
      serving=
      "$step"
      ;;
  esac
done
[ -z "$serving" ] || stop
log "done"

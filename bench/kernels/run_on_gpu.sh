#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the CUDA backend and runs parity, golden, sanitizer and speed steps; JSON and logs go to $OUT.
# STEPS: which of "parity golden engine sanitize bench roof profile" to run. BUILD: the build folder. COMMIT: for the record.
set -u
cd "$(dirname "$0")/../.."
OUT=${OUT:-results}
BUILD=${BUILD:-/tmp/build-gpu}
STEPS=${STEPS:-parity golden engine bench sanitize roof}
mkdir -p "$OUT"
log() { echo "[$(date +%T)] $*"; }

log "$(nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem --format=csv,noheader)"
cmake -G Ninja -S . -B "$BUILD" -DCMAKE_BUILD_TYPE=Release -DMONOCLE_CUDA=ON -DMONOCLE_CUDA_ARCHS=sm_90a \
  >"$OUT/build.log" 2>&1 || { tail -20 "$OUT/build.log"; exit 1; }
timeout 240 ninja -C "$BUILD" -k 0 parity_test cuda_model_bench monocle golden_test engine_model_test >>"$OUT/build.log" 2>&1
log "built: $?"
grep -E "error|FAILED" "$OUT/build.log" | head -20

parity() {
  local shards=12 pids=() i
  for ((i = 0; i < shards; ++i)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i timeout 100 "$BUILD/tests/parity/parity_test" \
      --gtest_filter='*/cuda_*' --gtest_brief=1 >"/tmp/parity.$i" 2>&1 &
    pids+=($!)
  done
  wait "${pids[@]}"
  cat /tmp/parity.* >"$OUT/parity.log"
  local passed failed
  passed=$(grep -oE "PASSED  \] [0-9]+" "$OUT/parity.log" | awk '{s+=$3} END {print s+0}')
  failed=$(grep -c "FAILED  \] .*cuda" "$OUT/parity.log")
  printf '{"suite": "parity of every verb, cuda against reference", "commit": "%s", "passed": %d, "failed": %d, "shards_finished": %d, "shards": %d}\n' \
    "${COMMIT:-unknown}" "$passed" "$failed" "$(grep -cE "tests? ran" "$OUT/parity.log")" "$shards" | tee "$OUT/parity.json"
  grep -E "FAILED  \] .*cuda" "$OUT/parity.log" | sed 's/ (.*//' | sed 's/.*cuda_//' | cut -c1-60 | sort | uniq | head -40
  grep -E "worst:|what\(\)|CHECK|GPU reported|never written" "$OUT/parity.log" | cut -c1-160 | head -20
}
golden() {
  timeout 80 "$BUILD/tests/golden/golden_test" --gtest_filter='Cuda/*' >"$OUT/golden.log" 2>&1
  grep -E "FAILED|PASSED|rms error|Failure" "$OUT/golden.log" | head -40
}
# Answers that do not depend on what else is computed, with --batch-invariant: heads of 32 channels, and the demo model's of
# 64, which have kernels of their own.
engine() {
  local test=$BUILD/tests/engine/engine_model_test
  timeout 60 "$test" --gtest_filter='Cuda/*' >"$OUT/engine.log" 2>&1
  MONOCLE_MODEL=models/demo timeout 60 "$test" --gtest_filter='Cuda/*-*AnEmbedding*' >>"$OUT/engine.log" 2>&1
  grep -E "FAILED|PASSED|Failure" "$OUT/engine.log" | head -20
}
bench() {
  timeout 110 "$BUILD/bench/kernels/cuda_model_bench" 2b bf16 >"$OUT/model_bf16.json" 2>"$OUT/bench.log"
  cat "$OUT/bench.log"
}
serial() {
  MONOCLE_NO_OVERLAP=1 timeout 60 "$BUILD/bench/kernels/cuda_model_bench" 2b bf16 >"$OUT/model_bf16_serial.json" 2>"$OUT/serial.log"
  cat "$OUT/serial.log"
}
sanitize() {
  local tool
  for tool in memcheck racecheck; do  # racecheck: three minutes, nearly all of it for sampling
    timeout 240 compute-sanitizer --tool "$tool" --error-exitcode 9 "$BUILD/tests/parity/parity_test" \
      --gtest_filter="${SANITIZE:-Verbs/Parity.Reference/cuda_linear_bf16_xbf16_m[1245]*:Verbs/Parity.Reference/cuda_attend_paged_mixed_h4_kv2_d128*:Verbs/Parity.Reference/cuda_attend_packed_1_h3_d72*:Verbs/Parity.Reference/cuda_rope_append_t17_h4*:Verbs/SampleParity*cuda_sample_v1027}" \
      --gtest_brief=1 >"$OUT/$tool.log" 2>&1
    log "$tool: exit $?"
    tail -3 "$OUT/$tool.log"
  done
}
roof() {
  timeout 40 python3 - <<'P' | tee "$OUT/roof.json"
import json, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
b = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
s, e = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
times = []
for i in range(13):
    s.record(); a @ b; e.record(); e.synchronize()
    times.append(s.elapsed_time(e))
times = sorted(times[3:])
print(json.dumps({"gemm": "8192^3 bf16, torch " + torch.__version__, "tflop_s": 2 * 8192**3 / times[5] / 1e9}))
P
}
# Time of every kernel of the first prompt and the first decode step, one after the other (no overlap).
profile() {
  local batch
  for batch in ${PROFILE_BATCHES:-1 32}; do
    timeout 60 ncu --clock-control none --metrics gpu__time_duration.sum,dram__bytes_read.sum,dram__throughput.avg.pct_of_peak_sustained_elapsed \
      --csv -k 'regex:(linear|attend|rope|norm|sample|embed|gather)' -c "${NCU_COUNT:-480}" \
      "$BUILD/bench/kernels/cuda_model_bench" 2b bf16 "$batch" >"/tmp/ncu.$batch" 2>&1
    python3 bench/kernels/summarise_profile.py "/tmp/ncu.$batch" | tee "$OUT/profile_$batch.txt"
  done
}
for step in $STEPS; do
  log "step $step"
  "$step"
done
log "done"

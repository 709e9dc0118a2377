// SPDX-License-Identifier: Apache-2.0
// Verbs in the order a decoder layer issues them for single tokens: backends may compute several of
// them in one kernel, or read the cache before the verb ahead has ended.
#include <algorithm>
#include <cmath>
#include <deque>

#include "cases.h"

namespace monocle::parity {
namespace {

constexpr std::int32_t kBlock = 16;

struct StepSetup {
  std::string name;
  std::vector<std::int32_t> contexts;  // keys of each sequence, the current one included
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int64_t hidden = 0;
  std::int64_t inner = 0;
  std::int32_t window = 0;
  std::int32_t sinks = 0;

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(contexts.size()); }
  [[nodiscard]] std::int64_t q_dim() const { return std::int64_t{heads} * head_dim; }
  [[nodiscard]] std::int64_t kv_dim() const { return std::int64_t{kv_heads} * head_dim; }
};

// The integers of a step: blocks in shuffled order, the current token in the last slot.
struct Integers {
  std::vector<std::int32_t> query_start{0}, context, table, positions;
  std::vector<std::int64_t> slots;
  std::int32_t max_blocks = 0;
  std::int32_t blocks = 0;
};

Integers make_integers(const StepSetup& setup, Random& random) {
  Integers out;
  for (const std::int32_t context : setup.contexts) {
    out.max_blocks = std::max(out.max_blocks, (context + kBlock - 1) / kBlock);
    out.blocks += (context + kBlock - 1) / kBlock;
  }
  std::vector<std::int32_t> order;
  for (std::int32_t block = 0; block < out.blocks; ++block) {
    order.push_back(block);
  }
  random.shuffle(order);
  for (const std::int32_t context : setup.contexts) {
    std::int32_t last = 0;
    for (std::int32_t j = 0; j < out.max_blocks; ++j) {
      const bool used = j * kBlock < context;
      last = used ? order.back() : last;
      out.table.push_back(used ? last : -1);
      if (used) {
        order.pop_back();
      }
    }
    out.slots.push_back(std::int64_t{last} * kBlock + (context - 1) % kBlock);
    out.context.push_back(context);
    out.query_start.push_back(out.query_start.back() + 1);
  }
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int32_t context : setup.contexts) {
      out.positions.push_back(context + axis);
    }
  }
  return out;
}

class Layer {
 public:
  Layer(Backend& backend, const StepSetup& setup, const Movement& movement)
      : backend_(backend), setup_(setup), rig_(backend), random_(setup.name) {
    integers_ = make_integers(setup, random_);
    x_ = moved(random_.tensor(setup.rows(), setup.hidden, DType::kF32), movement, 1);
    k_ = moved(random_.tensor(std::int64_t{integers_.blocks} * setup.kv_heads * kBlock,
                              setup.head_dim, DType::kBF16, 0, 4.0F),
               movement, 2);
    v_ = moved(random_.tensor(k_.rows(), setup.head_dim, DType::kBF16, 0, 4.0F), movement, 3);
  }

  // Everything is put into memory before the first verb: a write between two verbs parts them.
  std::vector<HostTensor> run() {
    const TensorView x = rig_.put(x_);
    const KvView kv = put_cache();
    const TensorView normed = room(setup_.hidden, DType::kBF16);
    const TensorView qkv = room(setup_.q_dim() + 2 * setup_.kv_dim(), DType::kF32);
    const TensorView q = room(setup_.q_dim(), DType::kBF16);
    const TensorView y = room(setup_.q_dim(), DType::kBF16);
    const TensorView inner = room(setup_.inner, DType::kBF16);
    const NormArgs before = norm(x, normed);
    const NormArgs between = norm(x, normed);
    const std::int64_t kv_dim = setup_.kv_dim();
    const LinearArgs project = linear(normed, {setup_.q_dim(), kv_dim, kv_dim}, qkv);
    const RopeAppendArgs rope = rope_append(qkv, kv, q);
    const AttendPagedArgs attend = attend_paged(q, kv, y);
    LinearArgs out = linear(y, {setup_.hidden}, x);
    LinearArgs gate_up = linear(normed, {setup_.inner, setup_.inner}, inner);
    LinearArgs down = linear(inner, {setup_.hidden}, x);
    out.residual = down.residual = x;
    gate_up.epilogue = Epilogue::kSwiGlu;

    backend_.norm(before);
    backend_.linear(project);
    backend_.rope_append(rope);
    backend_.attend_paged(attend);
    backend_.linear(out);
    backend_.norm(between);
    backend_.linear(gate_up);
    backend_.linear(down);
    std::vector<HostTensor> results{x_,
                                    k_,
                                    v_,
                                    HostTensor(q.rows, q.cols, q.dtype),
                                    HostTensor(y.rows, y.cols, y.dtype),
                                    HostTensor(normed.rows, normed.cols, normed.dtype)};
    const TensorView views[] = {x, cache_[0], cache_[1], q, y, normed};
    for (std::size_t i = 0; i < results.size(); ++i) {
      rig_.get(views[i], results[i]);
    }
    return results;
  }

 private:
  TensorView room(std::int64_t cols, DType dtype) {
    return rig_.put(HostTensor(setup_.rows(), cols, dtype));
  }
  KvView put_cache() {
    cache_[0] = rig_.put(k_);
    cache_[1] = rig_.put(v_);
    return {cache_[0].data, cache_[1].data,  k_.dtype(),     integers_.blocks,
            kBlock,         setup_.kv_heads, setup_.head_dim};
  }
  NormArgs norm(const TensorView& x, const TensorView& y) {
    NormArgs args;
    args.x = x;
    args.weight = rig_.put(random_.vector(x.cols, 1.0F, 0.3F));
    args.y = y;
    return args;
  }
  LinearArgs linear(const TensorView& x, const std::vector<std::int64_t>& parts,
                    const TensorView& y) {
    LinearArgs args;
    args.x = x;
    args.w.parts = static_cast<int>(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      weights_.push_back(random_.weight(QuantFormat::kBF16, parts[i], x.cols));
      args.w.part[i] = rig_.put(weights_.back());
    }
    args.y = y;
    return args;
  }
  RopeAppendArgs rope_append(const TensorView& qkv, const KvView& kv, const TensorView& q) {
    std::vector<float> inv_freq;
    std::vector<std::uint8_t> axis;
    for (std::int32_t c = 0; c < setup_.head_dim / 2; ++c) {
      inv_freq.push_back(static_cast<float>(std::pow(5e6, -2.0 * c / setup_.head_dim)));
      axis.push_back(static_cast<std::uint8_t>(c % 3));
    }
    RopeAppendArgs args;
    args.qkv = qkv;
    args.q_norm = rig_.put(random_.vector(setup_.head_dim, 1.0F, 0.2F));
    args.k_norm = rig_.put(random_.vector(setup_.head_dim, 1.0F, 0.2F));
    args.positions = rig_.put(integers_.positions);
    args.rope = {rig_.put(inv_freq), rig_.put(axis), 1.0F};
    args.slots = {rig_.put(integers_.slots), integers_.slots.size()};
    args.kv = kv;
    args.q = q;
    return args;
  }
  AttendPagedArgs attend_paged(const TensorView& q, const KvView& kv, const TensorView& y) {
    AttendPagedArgs args;
    args.q = q;
    args.kv = kv;
    args.heads = setup_.heads;
    args.scale = 1.0F / std::sqrt(static_cast<float>(setup_.head_dim));
    args.query_start = {rig_.put(integers_.query_start), integers_.query_start.size()};
    args.context = {rig_.put(integers_.context), integers_.context.size()};
    args.block_table = rig_.put(integers_.table);
    args.max_blocks = integers_.max_blocks;
    args.window = setup_.window;
    args.sinks = setup_.sinks;
    args.y = y;
    return args;
  }

  Backend& backend_;
  const StepSetup& setup_;
  Rig rig_;
  Random random_;
  Integers integers_;
  std::deque<HostWeight> weights_;  // the CPU reads them where they lie
  TensorView cache_[2];
  HostTensor x_, k_, v_;
};

}  // namespace

std::vector<Case> step_cases() {
  const StepSetup setups[] = {
      {"one", {1}, 16, 8, 128, 256, 384},
      {"one_long", {513}, 16, 8, 128, 2048, 160},
      {"one_of_64", {130}, 4, 1, 64, 136, 72},
      {"three", {16, 17, 700}, 8, 1, 128, 256, 320},
      {"eight", {1, 2, 15, 16, 17, 64, 65, 129}, 4, 2, 128, 512, 6144},
      {"nine", {31, 32, 33, 63, 64, 65, 1, 200, 128}, 4, 2, 64, 1152, 264},
      {"window", {1, 20, 41, 300}, 4, 2, 128, 256, 128, 40, 0},
      {"window_sinks", {1, 20, 58, 300}, 4, 2, 128, 256, 128, 40, 18},
  };
  std::vector<StepSetup> all(std::begin(setups), std::end(setups));
  for (const int rows : {17, 33, 64}) {
    StepSetup many{fmt::format("rows_{}", rows), {}, 4, 2, 128, 512, 1024};
    for (int i = 0; i < rows; ++i) {
      many.contexts.push_back(1 + i * 37 % 150);
    }
    all.push_back(many);
  }
  std::vector<Case> cases;
  for (StepSetup& setup : all) {
    setup.name = "layer_step_" + setup.name;
    const auto run = [setup](Backend& backend, const Movement& movement) {
      return Layer(backend, setup, movement).run();
    };
    cases.push_back({setup.name, run, matches_within(run, 2.0 * kUnitBF16, 8)});
  }
  return cases;
}

}  // namespace monocle::parity

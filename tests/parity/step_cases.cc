// SPDX-License-Identifier: Apache-2.0
// Verbs in the order a decoder layer issues them for single tokens: backends may compute several of
// them in one kernel, or read the cache before the verb ahead has ended.
#include <algorithm>
#include <cmath>
#include <deque>

#include "cases.h"
#include "kv_pages.h"

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
  int layers = 1;
  std::int64_t head = 0;  // rows of a matrix behind the layers and a norm; 0 = none
  bool replay =
      false;  // issued inside replay(): what the layers leave between them is not compared
  QuantFormat format = QuantFormat::kBF16;
  DType kv = DType::kBF16;

  [[nodiscard]] QuantFormat head_format() const {  // as a packed file has it
    return format == QuantFormat::kInt4Group ? QuantFormat::kInt8Channel : format;
  }
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

// One layer's verbs.
struct LayerVerbs {
  NormArgs before;
  LinearArgs project;
  RopeAppendArgs rope;
  AttendPagedArgs attend;
  LinearArgs out;
  NormArgs between;
  LinearArgs gate_up;
  LinearArgs down;

  void issue(Backend& backend) const {
    backend.norm(before);
    backend.linear(project);
    backend.rope_append(rope);
    backend.attend_paged(attend);
    backend.linear(out);
    backend.norm(between);
    backend.linear(gate_up);
    backend.linear(down);
  }
};

// What follows the last layer.
struct HeadVerbs {
  NormArgs norm;
  LinearArgs linear;
};

class Layers {
 public:
  Layers(Backend& backend, const StepSetup& setup, const Movement& movement)
      : backend_(backend), setup_(setup), movement_(movement), rig_(backend), random_(setup.name) {
    integers_ = make_integers(setup, random_);
    x_ = moved(random_.tensor(setup.rows(), setup.hidden, DType::kF32), movement, 1);
    const std::int64_t keys = std::int64_t{integers_.blocks} * setup.kv_heads * kBlock;
    for (int i = 0; i < 2 * setup.layers; ++i) {
      cache_.push_back(random_.tensor(keys, setup.head_dim, host_type(setup.kv), 0, 4.0F));
    }
  }

  // Everything is put into memory before the first verb: a write between two verbs parts them.
  std::vector<HostTensor> run() {
    const Rooms rooms{.x = rig_.put(x_),
                      .normed = room(setup_.hidden, DType::kBF16),
                      .qkv = room(setup_.q_dim() + 2 * setup_.kv_dim(), DType::kF32),
                      .q = room(setup_.q_dim(), DType::kBF16),
                      .y = room(setup_.q_dim(), DType::kBF16),
                      .inner = room(setup_.inner, DType::kBF16)};
    put_integers();
    std::vector<TensorView> views{rooms.x};
    std::vector<HostTensor> results{x_};
    std::vector<LayerVerbs> layers;
    std::vector<PlacedPages> pages;
    for (std::size_t i = 0; i < cache_.size(); ++i) {
      pages.push_back(put_pages(rig_, cache_[i], setup_.kv, movement_, 2 + i));
    }
    for (std::size_t i = 0; i < pages.size(); i += 2) {
      const KvView kv{pages[i].data,   pages[i + 1].data, pages[i].dtype, integers_.blocks,  kBlock,
                      setup_.kv_heads, setup_.head_dim,   pages[i].scale, pages[i + 1].scale};
      layers.push_back(verbs(rooms, kv));
    }
    const HeadVerbs head = head_verbs(rooms.x);
    const auto issue = [&] {
      for (const LayerVerbs& layer : layers) {
        layer.issue(backend_);
      }
      if (setup_.head > 0) {
        backend_.norm(head.norm);
        backend_.linear(head.linear);
      }
    };
    if (setup_.head > 0) {
      views.push_back(head.linear.y);
      results.emplace_back(setup_.rows(), setup_.head, DType::kF32);
    }
    if (setup_.replay) {
      backend_.replay(1, issue);
    } else {
      issue();
      for (const TensorView& view : {rooms.q, rooms.y, rooms.normed}) {
        views.push_back(view);
        results.emplace_back(view.rows, view.cols, view.dtype);
      }
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      rig_.get(views[i], results[i]);
    }
    for (std::size_t i = 0; i < pages.size(); ++i) {
      results.push_back(read_pages(backend_, pages[i], cache_[i]));
    }
    return results;
  }

 private:
  // What all layers work on.
  struct Rooms {
    TensorView x, normed, qkv, q, y, inner;
  };
  TensorView room(std::int64_t cols, DType dtype) {
    return rig_.put(HostTensor(setup_.rows(), cols, dtype));
  }
  // Shared by all layers.
  void put_integers() {
    std::vector<float> inv_freq;
    std::vector<std::uint8_t> axis;
    for (std::int32_t c = 0; c < setup_.head_dim / 2; ++c) {
      inv_freq.push_back(static_cast<float>(std::pow(5e6, -2.0 * c / setup_.head_dim)));
      axis.push_back(static_cast<std::uint8_t>(c % 3));
    }
    positions_ = rig_.put(integers_.positions);
    rope_ = {rig_.put(inv_freq), rig_.put(axis), 1.0F};
    slots_ = {rig_.put(integers_.slots), integers_.slots.size()};
    query_start_ = {rig_.put(integers_.query_start), integers_.query_start.size()};
    context_ = {rig_.put(integers_.context), integers_.context.size()};
    table_ = rig_.put(integers_.table);
  }
  LayerVerbs verbs(const Rooms& rooms, const KvView& kv) {
    const auto& [x, normed, qkv, q, y, inner] = rooms;
    const std::int64_t kv_dim = setup_.kv_dim();
    const NormArgs before = norm(x, normed);
    const NormArgs between = norm(x, normed);
    LayerVerbs out{.before = before,
                   .project = linear(normed, {setup_.q_dim(), kv_dim, kv_dim}, qkv),
                   .rope = rope_append(qkv, kv, q),
                   .attend = attend_paged(q, kv, y),
                   .out = linear(y, {setup_.hidden}, x),
                   .between = between,
                   .gate_up = linear(normed, {setup_.inner, setup_.inner}, inner),
                   .down = linear(inner, {setup_.hidden}, x)};
    out.out.residual = out.down.residual = x;
    out.gate_up.epilogue = Epilogue::kSwiGlu;
    return out;
  }
  HeadVerbs head_verbs(const TensorView& x) {
    if (setup_.head == 0) {
      return {};
    }
    const TensorView normed = room(setup_.hidden, DType::kBF16);
    return {norm(x, normed),
            linear(normed, {setup_.head}, room(setup_.head, DType::kF32), setup_.head_format())};
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
    return linear(x, parts, y, setup_.format);
  }
  LinearArgs linear(const TensorView& x, const std::vector<std::int64_t>& parts,
                    const TensorView& y, QuantFormat format) {
    LinearArgs args;
    args.x = x;
    args.w.parts = static_cast<int>(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      weights_.push_back(random_.weight(format, parts[i], x.cols));
      args.w.part[i] = rig_.put(weights_.back());
    }
    args.y = y;
    return args;
  }
  RopeAppendArgs rope_append(const TensorView& qkv, const KvView& kv, const TensorView& q) {
    RopeAppendArgs args;
    args.qkv = qkv;
    args.q_norm = rig_.put(random_.vector(setup_.head_dim, 1.0F, 0.2F));
    args.k_norm = rig_.put(random_.vector(setup_.head_dim, 1.0F, 0.2F));
    args.positions = positions_;
    args.rope = rope_;
    args.slots = slots_;
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
    args.query_start = query_start_;
    args.context = context_;
    args.block_table = table_;
    args.max_blocks = integers_.max_blocks;
    args.window = setup_.window;
    args.sinks = setup_.sinks;
    args.y = y;
    return args;
  }

  Backend& backend_;
  const StepSetup& setup_;
  Movement movement_;
  Rig rig_;
  Random random_;
  Integers integers_;
  std::deque<HostWeight> weights_;  // the CPU reads them where they lie
  HostTensor x_;
  std::vector<HostTensor> cache_;  // keys and values of each layer
  const std::int32_t* positions_ = nullptr;
  RopeTable rope_;
  std::span<const std::int64_t> slots_;
  std::span<const std::int32_t> query_start_, context_;
  const std::int32_t* table_ = nullptr;
};

// What a backend may run as one: heads of 128 channels, up to 8 sequences, keys that fill blocks
// and parts of blocks, more rows of weights than a GPU has multiprocessors; and what it must not,
// among them.
void add_replayed(std::vector<StepSetup>& all) {
  const auto add = [&](StepSetup setup, QuantFormat format) {
    setup.replay = true;
    setup.format = format;
    setup.name += fmt::format("_{}", format_info(format).name);
    all.push_back(setup);
  };
  for (const QuantFormat format : {QuantFormat::kBF16, QuantFormat::kInt8Channel,
                                   QuantFormat::kFp8Channel, QuantFormat::kInt4Group}) {
    add({"one", {1}, 4, 2, 128, 256, 384, 0, 0, 3}, format);
    if (format != QuantFormat::kInt4Group) {  // a draw that the harness calls too sensitive there
      add({"one_headed", {200}, 4, 2, 128, 256, 384, 0, 0, 2, 2560}, format);
    }
    add({"two_headed_oddly", {9, 140}, 4, 2, 128, 256, 384, 0, 0, 1, 1000}, format);
    add({"three_headed", {16, 17, 700}, 4, 2, 128, 256, 320, 0, 0, 2, 16}, format);
    add({"eight_headed", {1, 2, 30, 4, 500, 6, 7, 8}, 4, 2, 128, 576, 320, 0, 0, 2, 4240}, format);
    add({"one_long", {1500}, 4, 2, 128, 1088, 1600, 0, 0, 1}, format);
    add({"two", {64, 130}, 4, 2, 128, 576, 200, 0, 0, 2}, format);
    add({"three", {16, 17, 700}, 8, 1, 128, 256, 320, 0, 0, 2}, format);
    add({"window_sinks", {1, 20, 58, 300}, 4, 2, 128, 256, 128, 40, 18, 2}, format);
    add({"heads_of_64", {130, 5}, 4, 2, 64, 256, 128, 0, 0, 2}, format);
    add({"wide_inside", {3, 40, 7}, 4, 2, 128, 128, 6272, 0, 0, 1}, format);
    const StepSetup narrow_caches[] = {
        {"one_kvi8", {40}, 4, 2, 128, 256, 384, 0, 0, 3},
        {"one_long_kvi8", {1500}, 4, 2, 128, 1088, 1600, 0, 0, 1},
        {"two_kvi8", {64, 289}, 4, 2, 128, 576, 200, 0, 0, 2},
        {"three_kvi8", {32, 33, 700}, 8, 1, 128, 256, 320, 0, 0, 2},
        {"window_sinks_kvi8", {1, 20, 58, 300}, 4, 2, 128, 256, 128, 40, 18, 2},
        {"eight_headed_kvi8", {1, 2, 30, 4, 500, 6, 7, 8}, 4, 2, 128, 576, 320, 0, 0, 2, 4240}};
    for (StepSetup setup : narrow_caches) {
      setup.kv = DType::kI8;
      add(setup, format);
    }
    for (const int rows : {5, 8, 9, 32, 45, 100}) {
      StepSetup many{fmt::format("rows_{}", rows), {}, 4, 2, 128, 512, 1152, 0, 0, 2};
      many.head = rows > 9 ? 640 : 0;
      for (int i = 0; i < rows; ++i) {
        many.contexts.push_back(1 + i * 37 % 150);
      }
      if (rows <= 64 || format == QuantFormat::kBF16) {  // more: x is quantised
        add(many, format);
      }
    }
  }
}

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
  for (const std::size_t i :
       {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 9U}) {  // the same over a cache of int8
    StepSetup narrow = all[i];
    narrow.kv = DType::kI8;
    narrow.name += "_kvi8";
    all.push_back(narrow);
  }
  // More items than blocks run at once on a large GPU.
  StepSetup many{"rows_100_kvi8", {}, 8, 4, 128, 256, 128};
  many.kv = DType::kI8;
  for (int i = 0; i < 100; ++i) {
    many.contexts.push_back(3 + i * 37 % 150);
  }
  all.push_back(many);
  const std::size_t single = all.size();
  add_replayed(all);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < all.size(); ++i) {
    StepSetup& setup = all[i];
    setup.name = (i < single ? "layer_step_" : "layers_replayed_") + setup.name;
    const auto run = [setup](Backend& backend, const Movement& movement) {
      // There x is quantised beside int8 weights: another result, see linear's cases.
      const bool other =
          ((setup.format == QuantFormat::kInt8Channel || setup.format == QuantFormat::kInt4Group) &&
           backend.capabilities().name.starts_with("cpu")) ||
          (setup.kv == DType::kI8 && !backend.capabilities().int8_kv);
      return other ? std::vector<HostTensor>() : Layers(backend, setup, movement).run();
    };
    // Behind a head columns are many and alike: eight say too little of what moving inputs can do.
    const std::int64_t group = setup.head > 0 ? 16 : 8;
    // The movement that an int8 cache is judged by holds the rounding of the current token's row,
    // which is most of a short sequence.
    const bool few_keys = *std::ranges::min_element(setup.contexts) < 3;
    const double roundings = setup.kv == DType::kI8 && few_keys ? 1.7 : 2.0;
    cases.push_back({setup.name, run, matches_within(run, roundings * kUnitBF16, group)});
  }
  return cases;
}

}  // namespace monocle::parity

// SPDX-License-Identifier: Apache-2.0
#include "cuda/step_program.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace monocle::cuda {
namespace {

constexpr int kRows = 3;
constexpr int kHidden = 256;
constexpr int kHeads = 4;
constexpr int kKvHeads = 2;
constexpr int kInner = 320;

// Memory that is never touched: only addresses are compared.
alignas(16) std::array<std::byte, 16 * 64> memory;
void* place(std::size_t i) { return memory.data() + 16 * i; }

enum Where : std::size_t { kX, kNormed, kQkv, kQ, kY, kInside, kIntegers, kNorms, kWeights = 16 };

LinearArgs linear(Where x, std::int64_t cols, std::vector<std::int64_t> parts, Where y, DType dtype,
                  std::size_t weight) {
  LinearArgs args;
  args.x = {place(x), DType::kBF16, kRows, cols};
  args.w.parts = static_cast<int>(parts.size());
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    args.w.part[i] = {place(weight + i), nullptr, QuantFormat::kBF16, parts[i], cols};
    rows += parts[i];
  }
  args.y = {place(y), dtype, kRows, rows};
  return args;
}

std::vector<RecordedVerb> layers(int count) {
  std::vector<RecordedVerb> verbs;
  const TensorView x{place(kX), DType::kF32, kRows, kHidden};
  const TensorView normed{place(kNormed), DType::kBF16, kRows, kHidden};
  const std::int64_t q_dim = kHeads * 128;
  const std::int64_t kv_dim = kKvHeads * 128;
  for (int i = 0; i < count; ++i) {
    NormArgs norm;
    norm.x = x;
    norm.y = normed;
    norm.weight = static_cast<const float*>(place(kNorms));
    const std::size_t weights = kWeights + 4 * static_cast<std::size_t>(i);
    const LinearArgs project =
        linear(kNormed, kHidden, {q_dim, kv_dim, kv_dim}, kQkv, DType::kF32, weights);
    RopeAppendArgs rope;
    rope.qkv = project.y;
    rope.q_norm = rope.k_norm = norm.weight;
    rope.positions = static_cast<const std::int32_t*>(place(kIntegers));
    rope.slots = {static_cast<const std::int64_t*>(place(kIntegers)), kRows};
    rope.kv = {place(weights), place(weights + 1), DType::kBF16, 8, 16, kKvHeads, 128};
    rope.q = {place(kQ), DType::kBF16, kRows, q_dim};
    AttendPagedArgs attend;
    attend.q = rope.q;
    attend.kv = rope.kv;
    attend.heads = kHeads;
    attend.query_start = {rope.positions, kRows + 1};
    attend.context = {rope.positions, kRows};
    attend.block_table = rope.positions;
    attend.y = {place(kY), DType::kBF16, kRows, q_dim};
    LinearArgs out = linear(kY, q_dim, {kHidden}, kX, DType::kF32, weights);
    LinearArgs gate_up =
        linear(kNormed, kHidden, {kInner, kInner}, kInside, DType::kBF16, weights + 1);
    gate_up.epilogue = Epilogue::kSwiGlu;
    gate_up.y.cols = gate_up.y.row_stride = kInner;
    LinearArgs down = linear(kInside, kInner, {kHidden}, kX, DType::kF32, weights + 2);
    out.residual = down.residual = x;
    verbs.insert(verbs.end(), {norm, project, rope, attend, out, norm, gate_up, down});
  }
  return verbs;
}

TEST(StepProgram, LayersAreRecognised) {
  const auto program = recognise_layers(layers(3));
  ASSERT_TRUE(program.has_value());
  EXPECT_EQ(program->layers, 3);
  EXPECT_EQ(program->verbs, 24U);
  EXPECT_EQ(program->rows, kRows);
  EXPECT_EQ(program->hidden, kHidden);
  EXPECT_EQ(program->q_dim, 512);
  EXPECT_EQ(program->kv_dim, 256);
  EXPECT_EQ(program->inner, kInner);
  EXPECT_EQ(program->format, QuantFormat::kBF16);
  EXPECT_EQ(program->x, place(kX));
  EXPECT_EQ(program->layer[2].k, place(kWeights + 8));
  EXPECT_EQ(program->layer[1].gate_up[1], place(kWeights + 6));
}

TEST(StepProgram, ACacheOfInt8BringsItsScales) {
  auto verbs = layers(2);
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    if (auto* rope = std::get_if<RopeAppendArgs>(&verbs[i])) {
      rope->kv.dtype = DType::kI8;
      rope->kv.k_scale = static_cast<float*>(place(50 + i));
      rope->kv.v_scale = static_cast<float*>(place(51 + i));
      std::get<AttendPagedArgs>(verbs[i + 1]).kv = rope->kv;
    }
  }
  const auto program = recognise_layers(verbs);
  ASSERT_TRUE(program.has_value());
  EXPECT_EQ(program->layer[1].k_scale, place(60));
  EXPECT_EQ(program->layer[1].v_scale, place(61));
  std::get<RopeAppendArgs>(verbs[2]).kv.dtype = DType::kBF16;
  EXPECT_FALSE(recognise_layers(verbs).has_value());
}

TEST(StepProgram, AHeadBehindThemBelongsToThem) {
  const auto with_head = [](const std::function<void(NormArgs&, LinearArgs&)>& change) {
    auto verbs = layers(2);
    NormArgs norm = std::get<NormArgs>(verbs[0]);
    norm.y.data = place(kQ);
    LinearArgs head = linear(kQ, kHidden, {640}, kInside, DType::kF32, 40);
    change(norm, head);
    verbs.insert(verbs.end(), {norm, head});
    return recognise_layers(verbs);
  };
  const auto program = with_head([](NormArgs&, LinearArgs&) {});
  ASSERT_TRUE(program.has_value());
  EXPECT_EQ(program->verbs, 18U);
  EXPECT_EQ(program->head.rows, 640);
  EXPECT_EQ(program->head.w, place(40));
  EXPECT_EQ(program->head.y, place(kInside));

  const auto layers_alone = [&](const std::function<void(NormArgs&, LinearArgs&)>& change) {
    const auto other = with_head(change);
    return other.has_value() && other->verbs == 16 && other->head.rows == 0;
  };
  EXPECT_TRUE(layers_alone([](NormArgs& norm, LinearArgs&) { norm.eps = 0.5F; }));
  EXPECT_TRUE(layers_alone([](NormArgs& norm, LinearArgs&) { norm.x.data = place(kY); }));
  EXPECT_TRUE(layers_alone([](NormArgs&, LinearArgs& head) { head.x.data = place(kNormed); }));
  EXPECT_TRUE(layers_alone([](NormArgs&, LinearArgs& head) { head.w.part[0].rows = 630; }));
  EXPECT_TRUE(layers_alone(
      [](NormArgs&, LinearArgs& head) { head.w.part[0].format = QuantFormat::kInt8Channel; }));
}

TEST(StepProgram, BesideInt4TheHeadIsInt8) {
  auto verbs = layers(1);
  const auto use = [](LinearArgs& linear, QuantFormat format) {
    for (WeightView& part : linear.w.part) {
      part.format = format;
      part.aux = place(0);
    }
  };
  for (RecordedVerb& verb : verbs) {
    if (auto* linear = std::get_if<LinearArgs>(&verb)) {
      use(*linear, QuantFormat::kInt4Group);
    }
  }
  NormArgs norm = std::get<NormArgs>(verbs[0]);
  norm.y.data = place(kQ);
  LinearArgs head = linear(kQ, kHidden, {640}, kInside, DType::kF32, 40);
  verbs.insert(verbs.end(), {norm, head});
  for (const auto& [format, with] : {std::pair{QuantFormat::kInt8Channel, 10U},
                                     {QuantFormat::kInt4Group, 8U},
                                     {QuantFormat::kBF16, 8U}}) {
    use(std::get<LinearArgs>(verbs.back()), format);
    const auto program = recognise_layers(verbs);
    ASSERT_TRUE(program.has_value());
    EXPECT_EQ(program->format, QuantFormat::kInt4Group);
    EXPECT_EQ(program->verbs, with);
  }
}

// Weights of one format, whose rows have scales where they are bytes.
TEST(StepProgram, LayersOfBytesHaveScales) {
  const auto in = [](QuantFormat format, const void* aux) {
    auto verbs = layers(1);
    for (RecordedVerb& verb : verbs) {
      if (auto* linear = std::get_if<LinearArgs>(&verb)) {
        for (WeightView& part : linear->w.part) {
          part.format = format;
          part.aux = aux;
        }
      }
    }
    return recognise_layers(verbs);
  };
  for (const QuantFormat format :
       {QuantFormat::kInt8Channel, QuantFormat::kFp8Channel, QuantFormat::kInt4Group}) {
    const auto program = in(format, place(0));
    ASSERT_TRUE(program.has_value());
    EXPECT_EQ(program->format, format);
    EXPECT_EQ(program->layer[0].out_scale, place(0));
    EXPECT_FALSE(in(format, nullptr).has_value());
  }
  EXPECT_FALSE(in(QuantFormat::kF16, nullptr).has_value());
}

TEST(StepProgram, AnythingElseIsNot) {
  EXPECT_FALSE(recognise_layers({}).has_value());
  auto verbs = layers(2);
  EXPECT_FALSE(recognise_layers(std::span(verbs).first(15)).has_value());
  EXPECT_FALSE(recognise_layers(std::span(verbs).subspan(1, 8)).has_value());
  EXPECT_FALSE(recognise_layers(layers(kMaxLayers + 1)).has_value());

  const auto with = [](std::size_t verb, const std::function<void(RecordedVerb&)>& change) {
    auto changed = layers(2);
    change(changed[verb]);
    return recognise_layers(changed).has_value();
  };
  EXPECT_TRUE(with(9, [](RecordedVerb&) {}));
  EXPECT_FALSE(with(0, [](RecordedVerb& v) { std::get<NormArgs>(v).kind = NormKind::kLayer; }));
  EXPECT_FALSE(with(8, [](RecordedVerb& v) { std::get<NormArgs>(v).eps = 0.5F; }));
  EXPECT_FALSE(with(1, [](RecordedVerb& v) {
    std::get<LinearArgs>(v).bias = static_cast<const float*>(place(0));
  }));
  EXPECT_FALSE(with(
      9, [](RecordedVerb& v) { std::get<LinearArgs>(v).w.part[0].format = QuantFormat::kF32; }));
  EXPECT_FALSE(
      with(2, [](RecordedVerb& v) { std::get<RopeAppendArgs>(v).kv.dtype = DType::kF32; }));
  EXPECT_FALSE(with(10, [](RecordedVerb& v) { std::get<RopeAppendArgs>(v).positions = nullptr; }));
  EXPECT_FALSE(with(11, [](RecordedVerb& v) { std::get<AttendPagedArgs>(v).window = 7; }));
  EXPECT_FALSE(with(3, [](RecordedVerb& v) {  // two queries of one sequence
    auto& attend = std::get<AttendPagedArgs>(v);
    attend.context = attend.context.first(kRows - 1);
  }));
  EXPECT_FALSE(with(4, [](RecordedVerb& v) { std::get<LinearArgs>(v).residual = {}; }));
  EXPECT_FALSE(
      with(6, [](RecordedVerb& v) { std::get<LinearArgs>(v).epilogue = Epilogue::kNone; }));
  EXPECT_FALSE(with(7, [](RecordedVerb& v) { std::get<LinearArgs>(v).x.data = place(kNormed); }));
}

TEST(StepProgram, ANormBetweenTwoLinearsIsSplit) {
  static constexpr BatchDevice kDevice{132, 30};
  const auto with = [](std::size_t first,
                       const std::function<void(std::vector<RecordedVerb>&)>& change) {
    auto verbs = layers(2);
    for (RecordedVerb& verb : verbs) {  // more rows than one launch takes
      if (auto* linear = std::get_if<LinearArgs>(&verb)) {
        linear->x.rows = linear->y.rows = 32;
        linear->residual.rows = linear->residual.data != nullptr ? 32 : 0;
      } else if (auto* norm = std::get_if<NormArgs>(&verb)) {
        norm->x.rows = norm->y.rows = 32;
      }
    }
    change(verbs);
    return splits_norm(std::span<const RecordedVerb>(verbs).subspan(first), kDevice);
  };
  const auto as_they_are = [](std::vector<RecordedVerb>&) {};
  EXPECT_TRUE(with(4, as_they_are));    // out, norm, gate and up
  EXPECT_TRUE(with(7, as_they_are));    // down, norm, the next layer's q k v
  EXPECT_FALSE(with(15, as_they_are));  // nothing follows
  EXPECT_FALSE(with(1, as_they_are));
  EXPECT_FALSE(with(4, [](auto& v) { std::get<NormArgs>(v[5]).kind = NormKind::kLayer; }));
  EXPECT_FALSE(with(4, [](auto& v) { std::get<NormArgs>(v[5]).x.data = place(kY); }));
  EXPECT_FALSE(with(4, [](auto& v) { std::get<LinearArgs>(v[6]).x.data = place(kY); }));
  EXPECT_FALSE(with(4, [](auto& v) { std::get<LinearArgs>(v[7]).x.data = place(kNormed); }));
  EXPECT_FALSE(with(4, [](auto& v) { std::get<LinearArgs>(v[4]).x.rows = 3; }));
}

TEST(StepProgram, KeysOfFewItemsAreDivided) {
  EXPECT_EQ(item_parts(1, 132), kMostItemParts);
  EXPECT_EQ(item_parts(8, 132), 16);  // one sequence of eight kv heads
  EXPECT_EQ(item_parts(32, 132), 4);
  EXPECT_EQ(item_parts(64, 132), 2);
  EXPECT_EQ(item_parts(67, 132), 1);
  EXPECT_EQ(item_parts(256, 132), 1);
}

}  // namespace
}  // namespace monocle::cuda

// SPDX-License-Identifier: Apache-2.0
#include "text/fold.h"

#include <gtest/gtest.h>

namespace monocle {
namespace {

TEST(Fold, FullWidthBecomesOrdinary) {
  EXPECT_EQ(to_nfkc("Ａｂ１２３，（合同）"), "Ab123,(合同)");
  EXPECT_EQ(to_nfkc("①ﬁ"), "1fi");
  EXPECT_EQ(to_nfkc("e\u0301"), "\u00e9");
  EXPECT_EQ(to_nfkc(""), "");
}

TEST(Fold, IllFormedBytesAreReplaced) {
  EXPECT_EQ(to_nfkc("a\xffz"), "a\uFFFDz");
  EXPECT_EQ(to_code_points("\xe4\xb8").size(), 1U);
}

TEST(Fold, LowerCaseKeepsWhatHasNone) { EXPECT_EQ(to_lower("ÄBC 合同 1"), "äbc 合同 1"); }

TEST(Fold, WhiteSpace) {
  EXPECT_EQ(collapse_space("  a \n\t b\u3000c "), "a b c");
  EXPECT_EQ(collapse_space(" \n"), "");
  EXPECT_EQ(without_space(" 北 京\u3000华\n"), "北京华");
}

TEST(Fold, CodePoints) { EXPECT_EQ(to_code_points("a合😀"), U"a合😀"); }

}  // namespace
}  // namespace monocle

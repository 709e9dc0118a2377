// SPDX-License-Identifier: Apache-2.0
// Fields of a document. A field is right when its meaning is: names after NFKC without blanks and
// brackets, amounts to the cent whether in digits or capitals, dates of the calendar.
#include <string>

#include "score/edit.h"
#include "score/score.h"
#include "task/fields.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

std::string plain_name(std::string_view text) {
  std::string out;
  for (const char c : without_space(to_nfkc(text))) {
    if (std::string_view("()[]<>\"'").find(c) == std::string_view::npos) {
      out += c;
    }
  }
  return out;
}

bool same_value(GoldField::Kind kind, const std::string& gold, const std::string& found) {
  switch (kind) {
    case GoldField::Kind::kAmount: {
      const auto cents = task::amount_cents(found);
      return cents && cents == task::amount_cents(gold);
    }
    case GoldField::Kind::kDate: {
      const auto date = task::iso_date(found);
      return date && date == task::iso_date(gold);
    }
    case GoldField::Kind::kText:
      return plain_name(gold) == plain_name(found);
  }
  return false;
}

}  // namespace

Score score_contract(const Case& asked, std::string_view answer) {
  const auto parsed = task::parse_fields(answer);
  const task::Fields found = parsed.value_or(task::Fields());
  Score score;
  score.valid = parsed.has_value();
  double right = 0;
  double true_positives = 0;  // of values that are there, for F1: null is no value
  double wanted = 0;
  double given = 0;
  for (const auto& [name, value] : found) {
    given += value.has_value();
  }
  for (const GoldField& field : asked.fields) {
    const auto member = found.find(field.name);
    const bool there = member != found.end();
    const bool both = there && field.value && member->second;
    const bool same = both ? same_value(field.kind, *field.value, *member->second)
                           : there && !field.value && !member->second;
    right += same;
    wanted += field.value.has_value();
    true_positives += same && both;
    score.add("field: " + field.name, same ? 1 : 0);
    if (field.kind == GoldField::Kind::kText && field.value) {
      score.add("similarity: " + field.name,
                both ? similarity(plain_name(*field.value), plain_name(*member->second)) : 0.0);
    }
  }
  const auto fields = static_cast<double>(asked.fields.size());
  score.quality = right / fields;
  score.add("field_exact", right, fields);
  score.add("all_fields", right == fields ? 1 : 0);
  score.add("field_f1", 2 * true_positives, wanted + given);  // micro: sums over all cases
  score.add("valid", score.valid ? 1 : 0);
  return score;
}

}  // namespace monocle::score

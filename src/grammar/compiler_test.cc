// SPDX-License-Identifier: Apache-2.0
#include "grammar/compiler.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <string>
#include <vector>

namespace monocle {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer loaded = [] {
    std::ifstream file(MONOCLE_SOURCE_DIR "/tests/data/tokenizer/tokenizer.json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    auto result = Tokenizer::load(text);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return std::move(*result);
  }();
  return loaded;
}

TokenId stop_id() { return tokenizer().id_of("<|im_end|>").value(); }

GrammarCompiler& compiler() {
  static const auto made = GrammarCompiler::create(tokenizer(), std::vector<TokenId>{stop_id()},
                                                   tokenizer().vocab_size(), {});
  return *made;
}

bool allowed(const std::vector<std::uint32_t>& mask, TokenId id) {
  const auto i = static_cast<std::size_t>(id);
  return ((mask[i / 32] >> (i % 32)) & 1U) != 0;
}

// Feeds the bytes of `text` token by token; the number of tokens it took, or -1 when one is
// refused.
int feed(TokenMatcher& matcher, std::string_view text) {
  int taken = 0;
  for (const TokenId id : tokenizer().encode(text, SpecialTokens::kAsText)) {
    if (!matcher.accept(id)) {
      return -1;
    }
    ++taken;
  }
  return taken;
}

bool matches(GrammarCompiler::Matcher made, std::string_view text) {
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
  return made && feed(**made, text) >= 0 && (*made)->accept(stop_id());
}

// A random walk over the allowed tokens; "" when it does not end in time.
std::string walk(TokenMatcher& matcher, std::mt19937& random, int steps) {
  std::vector<std::uint32_t> mask((static_cast<std::size_t>(tokenizer().vocab_size()) + 31) / 32);
  std::vector<TokenId> answer;
  for (int step = 0; step < steps; ++step) {
    std::vector<TokenId> choices;
    const bool restricted = matcher.fill(mask);
    for (TokenId id = 0; id < tokenizer().vocab_size(); ++id) {
      if (!restricted || allowed(mask, id)) {
        choices.push_back(id);
      }
    }
    EXPECT_FALSE(choices.empty()) << tokenizer().decode(answer, false);
    if (choices.empty()) {
      return "";
    }
    const bool may_stop = !restricted || allowed(mask, stop_id());
    const TokenId id =
        may_stop && random() % 2 == 0 ? stop_id() : choices[random() % choices.size()];
    EXPECT_TRUE(matcher.accept(id)) << tokenizer().decode(answer, false) << " + " << id;
    if (id == stop_id()) {
      EXPECT_TRUE(matcher.finished());
      // As an answer is shown: bytes that are no character are U+FFFD.
      return tokenizer().decode(answer, false);
    }
    answer.push_back(id);
  }
  return "";
}

constexpr const char* kPerson = R"({
  "type": "object",
  "properties": {"name": {"type": "string", "maxLength": 4}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
  "required": ["name", "age"], "additionalProperties": false})";

TEST(GrammarCompiler, schema_allows_what_it_describes_and_nothing_else) {
  EXPECT_TRUE(matches(compiler().json_schema(kPerson), R"({"name": "Li", "age": 7})"));
  EXPECT_TRUE(matches(compiler().json_schema(kPerson), R"({ "name":"","age":99 })"));
  EXPECT_FALSE(matches(compiler().json_schema(kPerson), R"({"name": "Li"})"));
  EXPECT_FALSE(matches(compiler().json_schema(kPerson), R"({"name": "Li", "age": 100})"));
  EXPECT_FALSE(matches(compiler().json_schema(kPerson), R"({"name": "Lisbet", "age": 1})"));
  EXPECT_FALSE(matches(compiler().json_schema(kPerson), R"({"name": "Li", "age": 1, "x": 2})"));
  EXPECT_FALSE(matches(compiler().json_schema(kPerson), R"(hello)"));
}

TEST(GrammarCompiler, random_walks_end_in_valid_json) {
  std::mt19937 random(7);
  int ended = 0;
  for (int i = 0; i < 40; ++i) {
    auto matcher = compiler().json_schema(kPerson);
    ASSERT_TRUE(matcher.has_value());
    const std::string text = walk(**matcher, random, 400);
    if (text.empty()) {
      continue;
    }
    ++ended;
    const auto json = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << text;
    EXPECT_EQ(json.size(), 2U) << text;
    EXPECT_LE(json.at("age").get<int>(), 99) << text;
  }
  EXPECT_GT(ended, 20);
}

TEST(GrammarCompiler, any_object) {
  EXPECT_TRUE(matches(compiler().json_object(), R"({"a": [1, {"b": null}]})"));
  EXPECT_FALSE(matches(compiler().json_object(), R"([1])"));
}

TEST(GrammarCompiler, white_space_ends) {
  const std::string spaces(200, ' ');
  EXPECT_FALSE(matches(compiler().json_object(), "{" + spaces + "}"));
  EXPECT_TRUE(matches(compiler().json_object(), "{" + spaces.substr(0, 20) + "}"));
}

TEST(GrammarCompiler, regex_matches_the_whole_answer) {
  EXPECT_TRUE(matches(compiler().regex("[A-C]{2}-[0-9]+"), "AB-12"));
  EXPECT_FALSE(matches(compiler().regex("[A-C]{2}-[0-9]+"), "AB-"));
  EXPECT_FALSE(matches(compiler().regex("[A-C]{2}-[0-9]+"), "xAB-1"));
}

TEST(GrammarCompiler, ebnf) {
  const char* grammar = "root ::= \"yes\" | \"no\" rest\nrest ::= [0-9]*";
  EXPECT_TRUE(matches(compiler().ebnf(grammar), "no42"));
  EXPECT_FALSE(matches(compiler().ebnf(grammar), "yes42"));
}

TEST(GrammarCompiler, choice_takes_any_text) {
  const std::vector<std::string> choices{"是", "a \"b\"", "new\nline"};
  for (const std::string& value : choices) {
    EXPECT_TRUE(matches(compiler().choice(choices), value)) << value;
  }
  EXPECT_FALSE(matches(compiler().choice(choices), "a"));
  EXPECT_FALSE(compiler().choice({}).has_value());
}

const std::vector<ToolGrammar> kTools{
    {"weather", R"({"type": "object", "properties": {"city": {"type": "string"}},
                    "required": ["city"], "additionalProperties": false})"},
    {"now", ""}};
const std::string kCall =
    "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";

TEST(GrammarCompiler, required_tools_allow_calls_only) {
  const ToolRules required{.required = true, .parallel = true};
  EXPECT_TRUE(matches(compiler().tool_calls(kTools, required), kCall));
  EXPECT_TRUE(matches(compiler().tool_calls(kTools, required), kCall + "\n" + kCall));
  EXPECT_FALSE(matches(compiler().tool_calls(kTools, required), "Hello"));
  EXPECT_FALSE(matches(compiler().tool_calls(kTools, required), ""));
  const ToolRules one{.required = true, .parallel = false};
  EXPECT_FALSE(matches(compiler().tool_calls(kTools, one), kCall + "\n" + kCall));
}

TEST(GrammarCompiler, free_tools_allow_text_and_well_formed_calls) {
  const ToolRules rules{.required = false, .parallel = true};
  EXPECT_TRUE(matches(compiler().tool_calls(kTools, rules), "Hello"));
  EXPECT_TRUE(matches(compiler().tool_calls(kTools, rules), "Let me see.\n" + kCall));
  EXPECT_FALSE(matches(compiler().tool_calls(kTools, rules),
                       "<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}\n</tool_call>"));
}

TEST(GrammarCompiler, control_tokens_are_never_allowed_but_stop_at_the_end) {
  auto matcher = compiler().regex("a?");
  ASSERT_TRUE(matcher.has_value());
  std::vector<std::uint32_t> mask((static_cast<std::size_t>(tokenizer().vocab_size()) + 31) / 32);
  ASSERT_TRUE((*matcher)->fill(mask));
  for (TokenId id = 0; id < tokenizer().vocab_size(); ++id) {
    if (tokenizer().is_special(id)) {
      EXPECT_EQ(allowed(mask, id), id == stop_id()) << id;
    }
  }
}

struct Refused {
  const char* schema;
  const char* says;
};

class RefusedSchema : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedSchema, names_what_it_cannot_do) {
  const auto made = compiler().json_schema(GetParam().schema);
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find(GetParam().says), std::string::npos) << made.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedSchema,
    ::testing::Values(
        Refused{"{", "not valid JSON"}, Refused{"[]", "a schema is an object"},
        Refused{R"({"not": {}})", "schema.not"},
        Refused{R"({"type":"object","properties":{"a":{"if":{}}}})", "schema.properties.a.if"},
        Refused{R"({"type":"array","items":{"type":"string"},"uniqueItems":true})", "uniqueItems"},
        Refused{R"({"type":"number","multipleOf":0.1})", "multipleOf"},
        Refused{R"({"$ref":"http://x/y"})", "schema.$ref"},
        Refused{R"({"$ref":"#/no/such"})", "schema"},
        Refused{R"({"$ref":"#","minLength":2})", "beside"},
        Refused{R"({"anyOf":[{"type":"string"}],"minLength":2})", "beside"},
        Refused{R"({"enum":[1,2],"type":"string"})", "no value"},
        Refused{R"({"enum":[]})", "at least one"},
        Refused{R"({"allOf":[{"type":"string"},{"maxLength":2}]})", "allOf"},
        Refused{R"({"type":"string","maxLength":1000000000})", "maxLength"},
        Refused{R"x({"type":"string","pattern":"((a{1000}){1000})"})x", "repetitions"},
        Refused{R"({"type":"string","pattern":"a{1000000000}"})", "repetitions"},
        Refused{R"({"type":"array","minItems":-1})", "minItems"},
        Refused{R"({"type":"nothing"})", "nothing"}, Refused{"false", "schema"}));

TEST(GrammarCompiler, deep_schemas_are_refused) {
  for (const int depth : {40, 1000, 100000}) {
    std::string text;
    for (int i = 0; i < depth; ++i) {
      text += R"({"type":"array","items":)";
    }
    text += "true" + std::string(static_cast<std::size_t>(depth), '}');
    EXPECT_FALSE(compiler().json_schema(text).has_value()) << depth;
  }
  EXPECT_FALSE(compiler().regex(std::string(1000, '(') + std::string(1000, ')')).has_value());
  EXPECT_FALSE(compiler().ebnf("root ::= " + std::string(60000, '(')).has_value());
}

TEST(GrammarCompiler, broken_expressions_are_refused_not_ignored) {
  for (const char* pattern : {"(", "[a", "a{2,1}", "*", "+a", "(?=a)b", "\\"}) {
    EXPECT_FALSE(compiler().regex(pattern).has_value()) << pattern;
  }
  for (const char* grammar : {"", "root ::=", "root ::= x", "start ::= \"a\"", "root ::= \"a"}) {
    EXPECT_FALSE(compiler().ebnf(grammar).has_value()) << grammar;
  }
}

TEST(GrammarCompiler, forms_without_any_answer_are_refused) {
  for (const auto& made :
       {compiler().ebnf("root ::= root"), compiler().json_schema(R"({"$ref": "#"})")}) {
    ASSERT_FALSE(made.has_value());
    EXPECT_NE(made.error().message.find("no answer"), std::string::npos) << made.error().message;
  }
}

TEST(GrammarCompiler, reference_cycles_end) {
  const char* cycle =
      R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})";
  EXPECT_FALSE(compiler().json_schema(cycle).has_value());
  const char* tree =
      R"({"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false})";
  EXPECT_TRUE(matches(compiler().json_schema(tree), R"({"next": {"next": {}}})"));
}

}  // namespace
}  // namespace monocle

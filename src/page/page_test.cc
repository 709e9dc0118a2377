// SPDX-License-Identifier: Apache-2.0
#include "page/page.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace monocle {
namespace {

std::size_t byte_at(std::span<const std::byte> bytes, std::size_t index) {
  return std::to_integer<std::size_t>(bytes[index]);
}

TEST(Page, HasAnIndexUnderBothNames) {
  const PageFile* index = find_page_file("/");
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index, find_page_file("/index.html"));
  EXPECT_EQ(index->mime, "text/html; charset=utf-8");
  EXPECT_FALSE(page_file_is_immutable(*index));
}

TEST(Page, OnlyNamesWithAHashNeverChange) {
  const auto immutable = [](std::string_view path) {
    return page_file_is_immutable({path, "", "", {}, 0});
  };
  EXPECT_TRUE(immutable("/assets/index-Bx3k9_aQ.js"));
  EXPECT_TRUE(immutable("/assets/a-V04f-VXs.css"));
  for (const char* path :
       {"/assets/page.js", "/assets/licenses.txt", "/index.html", "/index-Bx3k9_aQ.js",
        "/assets/-Bx3k9_aQ.js", "/assets/x-short.js", "/assets/none", ""}) {
    EXPECT_FALSE(immutable(path)) << path;
  }
}

TEST(Page, EveryFileIsFoundByItsPath) {
  for (const PageFile& file : page_files()) {
    EXPECT_EQ(find_page_file(file.path), &file) << file.path;
  }
}

TEST(Page, UnknownPathsAreNotFound) {
  for (const char* path :
       {"", "index.html", "/index.htm", "/index.html/", "//", "/../index.html", "/~", "/assets/"}) {
    EXPECT_EQ(find_page_file(path), nullptr) << path;
  }
}

TEST(Page, EveryFileIsAWholeGzipMemberWithoutATime) {
  for (const PageFile& file : page_files()) {
    ASSERT_GE(file.gzip.size(), 18u) << file.path;
    EXPECT_EQ(byte_at(file.gzip, 0), 0x1fu) << file.path;
    EXPECT_EQ(byte_at(file.gzip, 1), 0x8bu) << file.path;
    for (std::size_t i = 3; i < 8; ++i)
      EXPECT_EQ(byte_at(file.gzip, i), 0u) << file.path;  // flags, mtime
    std::size_t inflated = 0;  // the trailer's last four bytes, little-endian
    for (std::size_t i = 4; i > 0; --i) {
      inflated = inflated << 8 | byte_at(file.gzip, file.gzip.size() - 5 + i);
    }
    EXPECT_EQ(inflated, file.raw_bytes) << file.path;
  }
}

TEST(Page, TagsAreQuotedAndDifferent) {
  std::set<std::string> tags;
  for (const PageFile& file : page_files()) {
    EXPECT_GE(file.etag.size(), 18u) << file.path;
    EXPECT_EQ(file.etag.front(), '"') << file.path;
    EXPECT_EQ(file.etag.back(), '"') << file.path;
    EXPECT_TRUE(tags.emplace(file.etag).second) << file.path;
    EXPECT_FALSE(file.mime.empty()) << file.path;
  }
}

TEST(Page, FitsItsBudget) {
  std::size_t bytes = 0;
  for (const PageFile& file : page_files()) bytes += file.gzip.size();
  EXPECT_LE(bytes, 600u * 1024u);
}

}  // namespace
}  // namespace monocle

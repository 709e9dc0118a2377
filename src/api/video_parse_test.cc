// SPDX-License-Identifier: Apache-2.0
// Videos as clients send them: frames in one URI or in an array, with their times.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "api/chat_parse.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

const std::string kThree = R"("data:video/jpeg;base64,QUE=,QkI=,Q0M=")";

std::string video_url(const std::string& url, const std::string& more = "") {
  return part(R"({"type":"video_url","video_url":{"url":)" + url + "}" + more + "}");
}

std::string frames(const std::string& array, const std::string& more = "") {
  return part(R"({"type":"video","video":)" + array + more + "}");
}

EncodedVideo only_video(const std::string& body) {
  ChatRequest request = good(body);
  EXPECT_EQ(request.videos.size(), 1U);
  EXPECT_EQ(request.messages[0].parts[0].kind, ContentPart::Kind::kVideo);
  return request.videos.empty() ? EncodedVideo{} : request.videos[0];
}

TEST(Item32And33, FramesArriveInOneUriOrInAnArray) {
  const std::vector<std::string> expected = {"AA", "BB", "CC"};
  const std::string bodies[] = {
      video_url(kThree),
      part(R"({"type":"video_url","video_url":)" + kThree + "}"),
      part(R"({"type":"input_video","input_video":{"url":)" + kThree + "}}"),
      video_url(R"(" DATA:Video/JPEG;BASE64,QUE=,QkI=,Q0M")"),
      frames(R"(["data:image/png;base64,QUE=","data:image/jpeg;base64,QkI=","data:;base64,Q0M="])"),
  };
  for (const std::string& body : bodies) {
    const EncodedVideo video = only_video(body);
    EXPECT_EQ(video.frames, expected) << body;
    EXPECT_TRUE(video.seconds.empty());
    EXPECT_EQ(good(body).warnings.size(), 1U) << "times are missing";
  }
  EXPECT_EQ(only_video(video_url(kThree)).path, "messages[0].content[0].video_url.url");
}

TEST(Item33, TimesStandBesideTheFramesOrTheUri) {
  const std::vector<double> halves = {0, 0.5, 1};
  for (const std::string key : {"fps", "sample_fps"}) {
    EXPECT_EQ(only_video(video_url(kThree, R"(,")" + key + R"(":2)")).seconds, halves);
  }
  EXPECT_EQ(
      only_video(part(R"({"type":"video_url","video_url":{"url":)" + kThree + R"(,"fps":2}})"))
          .seconds,
      halves);
  const std::vector<double> given = {0.25, 0.25, 9.5};
  EXPECT_EQ(only_video(video_url(kThree, R"(,"timestamps":[0.25,0.25,9.5],"fps":7)")).seconds,
            given);
  EXPECT_TRUE(good(video_url(kThree, R"(,"fps":2)")).warnings.empty());
  const auto with_kwargs = [](std::string body, const std::string& kwargs) {
    return body.insert(1, R"("mm_processor_kwargs":{)" + kwargs + "},");
  };
  const std::string kwargs = R"("fps":2,"do_sample_frames":false)";
  EXPECT_EQ(only_video(with_kwargs(video_url(kThree, R"(,"fps":1)"), kwargs)).seconds,
            (std::vector<double>{0, 1, 2}));
  const ChatRequest request = good(with_kwargs(video_url(kThree), kwargs));
  EXPECT_EQ(request.videos[0].seconds, halves);
  EXPECT_TRUE(request.warnings.empty());
  EXPECT_EQ(bad(with_kwargs(video_url(kThree), R"("fps":0)")).param, "mm_processor_kwargs.fps");
  EXPECT_TRUE(good(video_url(R"("data:video/jpeg;base64,QUE=")")).warnings.empty())
      << "one frame needs no rate";
}

struct Bad {
  std::string body;
  std::string code;
  std::string param;  // behind messages[0].content[0]
  std::string word;
  int status = 400;
};

TEST(Item31To33, WhatIsWrongIsNamed) {
  const std::string one = R"(["data:image/png;base64,QUE="])";
  const Bad table[] = {
      {video_url(R"("data:video/mp4;base64,QUE=")"), "unsupported_modality", ".video_url.url",
       "data:video/mp4"},
      {video_url(R"("https://example.com/a.mp4")"), "remote_media_disabled", ".video_url.url",
       "videos"},
      {video_url(R"("file:///a.mp4")"), "file_url_refused", ".video_url.url", "video"},
      {video_url(R"("/a.mp4")"), "invalid_video_url", ".video_url.url", "/a.mp4"},
      {video_url(R"("data:video/jpeg;base64,QUE=,,Q0M=")"), "invalid_base64", ".video_url.url",
       "frame 1 of messages[0]"},
      {video_url(R"("data:video/jpeg;base64,QUE=,***")"), "invalid_base64", ".video_url.url",
       "base64"},
      {video_url(R"("data:video/jpeg;base64,")"), "invalid_base64", ".video_url.url", "frame 0"},
      {part(R"({"type":"video_url","video_url":{}})"), "missing_required_parameter",
       ".video_url.url", "missing"},
      {part(R"({"type":"input_video"})"), "missing_required_parameter", ".input_video", "missing"},
      {frames("[]"), "invalid_value", ".video", "at least one"},
      {frames("[1]"), "invalid_type", ".video[0]", "data: URI"},
      {frames(R"(["http://example.com/a.png"])"), "remote_media_disabled", ".video[0]", "network"},
      {frames(one, R"(,"fps":0)"), "invalid_value", ".fps", "0.001"},
      {frames(one, R"(,"fps":1001)"), "invalid_value", ".fps", "1000"},
      {frames(one, R"(,"fps":"2")"), "invalid_type", ".fps", "number"},
      {frames(one, R"(,"timestamps":[1,2])"), "invalid_value", ".timestamps", "1 frames"},
      {frames(one, R"(,"timestamps":[-1])"), "invalid_value", ".timestamps[0]", "-1"},
      {video_url(kThree, R"(,"timestamps":[1,3,2])"), "invalid_value", ".timestamps[2]", "before"},
  };
  for (const Bad& row : table) {
    const ApiError error = bad(row.body);
    EXPECT_EQ(error.status, row.status) << row.body;
    EXPECT_EQ(error.code, row.code) << row.body << error.message;
    EXPECT_EQ(error.param, "messages[0].content[0]" + row.param) << row.body;
    EXPECT_NE(error.message.find(row.word), std::string::npos) << error.message;
  }
  for (const std::string role : {"system", "assistant"}) {
    const std::string part = R"({"type":"video","video":)" + one + "}";
    EXPECT_EQ(bad(chat_of(R"({"role":")" + role + R"(","content":[)" + part + "]}")).param,
              "messages[0].content[0]");
  }
}

TEST(Item32, ManyFramesAndManyBytesAreRefused) {
  std::string uri = "data:video/jpeg;base64,QUE=";
  for (int i = 0; i < 768; ++i) {
    uri += ",QUE=";
  }
  ApiError error = bad(video_url('"' + uri + '"'));
  EXPECT_EQ(error.status, 413);
  EXPECT_NE(error.message.find("769 frames, the limit is 768"), std::string::npos);
  uri.resize(uri.size() - 5);
  EXPECT_EQ(good(video_url('"' + uri + '"')).videos[0].frames.size(), 768U);

  ParseLimits limits;
  limits.max_video_bytes = 3;
  const auto request = parse_chat(video_url(kThree), limits);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().status, 413);
  EXPECT_EQ(request.error().param, "messages[0].content[0].video_url.url");
  EXPECT_NE(request.error().message.find("frame 1 of"), std::string::npos);

  const std::string clip = R"({"type":"video_url","video_url":)" + kThree + R"(,"fps":1})";
  std::string content = clip;
  for (int i = 0; i < 8; ++i) {
    content += "," + clip;
  }
  error = bad(chat_of(R"({"role":"user","content":[)" + content + "]}"));
  EXPECT_EQ(error.code, "too_many_videos");
}

}  // namespace
}  // namespace monocle::api

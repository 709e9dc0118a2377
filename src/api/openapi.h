// SPDX-License-Identifier: Apache-2.0
// The API's description (OpenAPI 3.1) as the server hands it out: docs/user/openapi.json, built in.
#pragma once

#include <string_view>

namespace monocle::api {

std::string_view openapi_json();

}  // namespace monocle::api

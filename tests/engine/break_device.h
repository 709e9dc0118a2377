// SPDX-License-Identifier: Apache-2.0
// For tests of what happens when a GPU is lost.
#pragma once

namespace monocle::test {

// Ruins the calling process's context on this GPU for good, as a faulty kernel would: every later
// call on it fails. Other GPUs do not notice.
void break_device(int device);

}  // namespace monocle::test

// SPDX-License-Identifier: Apache-2.0
// For tests of what happens when a GPU is lost.
#pragma once

namespace monocle::test {

// Destroys this process's context on the GPU: streams, memory and code there are gone.
void destroy_context(int device);
// Runs a kernel that writes where there is no memory.
void fault(int device);

}  // namespace monocle::test

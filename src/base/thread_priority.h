// SPDX-License-Identifier: Apache-2.0
// Who goes first when there are more threads than CPUs.
#pragma once

namespace monocle {

// Lets others run before the calling thread: `by` steps of nice(2), each of which leaves it about a
// fifth less of a CPU that it shares. There is no way back up without privileges.
void lower_thread_priority(int by);

}  // namespace monocle

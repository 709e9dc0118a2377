# SPDX-License-Identifier: Apache-2.0
"""Training of monocle's demo model: drawn pictures in, a Qwen3-VL checkpoint out."""

# SPDX-License-Identifier: Apache-2.0
"""Lets pytest, started anywhere, import the package `train`."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""api_items_test.py PROGRAM [unittest arguments]: the API from outside, one test per item of its conformance list (the
number is in the name), against the demo model on loopback. Standard library only; the official clients are in api_clients/."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "api"))
import case  # noqa: E402
import items_embeddings  # noqa: E402
import items_keys  # noqa: E402
import serving  # noqa: E402
from items_chat import *  # noqa: E402,F401,F403
from items_content import *  # noqa: E402,F401,F403
from items_embeddings import *  # noqa: E402,F401,F403
from items_keys import *  # noqa: E402,F401,F403
from items_other import *  # noqa: E402,F401,F403
from items_stream import *  # noqa: E402,F401,F403
from items_transport import *  # noqa: E402,F401,F403

if __name__ == "__main__":
    program = sys.argv.pop(1)
    items_keys.Keys.program = items_embeddings.EmbeddingParity.program = program
    with serving.server(program) as url:
        case.Case.client = serving.Client(url)
        run = unittest.main(exit=False)
    sys.exit(not run.result.wasSuccessful())

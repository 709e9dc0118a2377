// SPDX-License-Identifier: Apache-2.0
import { addTexts } from "./index";
import { en } from "./panels_en";
import { zh } from "./panels_zh";

addTexts({ en, zh });

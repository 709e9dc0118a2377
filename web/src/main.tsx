// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { dropUnusedPictures, loadChats } from "./state/app";
import { text } from "./state/draft";
import { watchServer } from "./state/server";
import { applySettings, change } from "./state/settings";
import { App } from "./ui/app";
import { NARROW } from "./ui/sidebar";

const MAX_PREFILL = 4000;

/** ?q= fills the box and nothing more: whoever made the link must not be able to ask in the reader's name. */
function prefill(): void {
  const url = new URL(location.href);
  const asked = url.searchParams.get("q");
  if (asked === null) return;
  text.value = asked.slice(0, MAX_PREFILL);
  history.replaceState(null, "", url.pathname + url.hash);
}

async function start(): Promise<void> {
  applySettings();
  if (matchMedia(NARROW).matches) change({ sidebar: false });
  prefill();
  watchServer();
  await loadChats();
  const host = document.getElementById("app");
  if (host) render(<App />, host);
  void dropUnusedPictures();
}

void start();

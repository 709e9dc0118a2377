// SPDX-License-Identifier: Apache-2.0
import { t, type Key } from "../i18n";
import { chats, currentId, found, panel, query, removeChat, say, show, store } from "../state/app";
import type { Chat } from "../state/chat";
import { clear } from "../state/draft";
import { link, model, status } from "../state/server";
import { change, settings } from "../state/settings";
import { IconButton } from "./bits";
import { Icon, Logo } from "./icons";

const DAY_MS = 86_400_000;
export const NARROW = "(max-width: 820px)";

export function startNew(): void {
  clear();
  show(null);
  closeOnPhone();
  document.getElementById("question")?.focus();
}

export function closeOnPhone(): void {
  if (matchMedia(NARROW).matches) change({ sidebar: false });
}

function groupOf(chat: Chat): Key {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (chat.updated >= midnight) return "nav.today";
  return chat.updated >= midnight - 6 * DAY_MS ? "nav.week" : "nav.older";
}

function drop(chat: Chat): void {
  void removeChat(chat.id).then((gone) => {
    if (gone) say(t("nav.deleted"), { label: t("nav.undo"), run: () => store(gone) });
  });
}

function Entry({ chat }: { chat: Chat }) {
  const title = chat.title || t("nav.untitled");
  return (
    <li class={chat.id === currentId.value ? "now" : ""}>
      <a href={`#/c/${chat.id}`} aria-current={chat.id === currentId.value ? "page" : undefined}
        onClick={(event) => { event.preventDefault(); clear(); show(chat.id); closeOnPhone(); }}>
        {title}
      </a>
      <IconButton icon="trash" label={t("nav.delete", { title })} onClick={() => drop(chat)} />
    </li>
  );
}

function History() {
  if (chats.value.length === 0) return <p class="hint nav-note">{t("nav.empty")}</p>;
  if (found.value.length === 0) return <p class="hint nav-note">{t("nav.nothing", { query: query.value })}</p>;
  const groups: Key[] = ["nav.today", "nav.week", "nav.older"];
  return (
    <>
      {groups.map((group) => {
        const members = found.value.filter((chat) => groupOf(chat) === group);
        if (members.length === 0) return null;
        return (
          <section key={group}>
            <h2>{t(group)}</h2>
            <ul>{members.map((chat) => <Entry key={chat.id} chat={chat} />)}</ul>
          </section>
        );
      })}
    </>
  );
}

export function statusText(): string {
  if (link.value === "connecting") return t("status.connecting");
  if (link.value === "offline") return t("status.offline");
  if (link.value === "locked") return t("error.key");
  const { running = 0, waiting = 0 } = status.value?.queue ?? {};
  const parts: string[] = [];
  if (running > 0) parts.push(t("status.busy", { n: running }));
  if (waiting > 0) parts.push(t("status.waiting", { n: waiting }));
  return parts.join(" · ") || t("status.idle");
}

function StatusButton() {
  const kv = status.value?.kv_blocks;
  const part = kv?.total ? (kv.used ?? 0) / kv.total : 0;
  const busy = (status.value?.queue?.running ?? 0) > 0;
  return (
    <button type="button" class="status-button" aria-haspopup="dialog" onClick={() => (panel.value = "status")}>
      <span class={`dot ${link.value} ${busy ? "busy" : ""}`} aria-hidden="true" />
      <span class="status-words">
        <span class="status-model">{model.value?.id ?? "monocle"}</span>
        <span class="status-line">{statusText()}{kv?.total ? ` · KV ${Math.round(part * 100)} %` : ""}</span>
      </span>
    </button>
  );
}

export function Sidebar() {
  return (
    <nav id="sidebar" class="sidebar" aria-label={t("nav.history")}>
      <div class="brand">
        <Logo />
        <span>monocle</span>
        <span class="grow" />
        <IconButton icon="menu" label={t("nav.close")} onClick={() => change({ sidebar: false })} />
      </div>
      <button type="button" class="new-chat" onClick={startNew}><Icon name="plus" />{t("nav.new")}</button>
      <div class="search">
        <Icon name="search" size={16} />
        <input
          id="search" type="search" placeholder={t("nav.search")} aria-label={t("nav.search")} value={query.value}
          onInput={(event) => (query.value = event.currentTarget.value)}
        />
      </div>
      <div class="history"><History /></div>
      <div class="sidebar-foot">
        <StatusButton />
        <IconButton icon="keys" label={t("nav.help")} onClick={() => (panel.value = "help")} />
        <IconButton icon="gear" label={t("nav.settings")} onClick={() => (panel.value = "settings")} />
      </div>
    </nav>
  );
}

export function TopBar() {
  return (
    <div class="top-bar">
      {!settings.value.sidebar && (
        <>
          <IconButton icon="menu" label={t("nav.open")} onClick={() => change({ sidebar: true })} />
          <IconButton icon="plus" label={t("nav.new")} onClick={startNew} />
        </>
      )}
      <span class="grow" />
      {model.value?.demo && <span class="demo-chip" title={t("demo.text")}>{t("demo.short")}</span>}
      <button type="button" class="status-mini" aria-label={t("status.open", { text: statusText() })} onClick={() => (panel.value = "status")}>
        <span class={`dot ${link.value} ${(status.value?.queue?.running ?? 0) > 0 ? "busy" : ""}`} aria-hidden="true" />
      </button>
    </div>
  );
}

// SPDX-License-Identifier: Apache-2.0
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { answering, current, currentId, path } from "../state/app";
import { pickTask } from "../state/draft";
import { model } from "../state/server";
import { taskHint, taskName, TASKS } from "../tasks";
import { Icon, Logo } from "./icons";
import { QuestionView, ReplyView } from "./message_view";

const NEAR_PX = 80;
/** The row of figures under an answer appears after its last word. */
const AFTER_END_MS = 1000;

export function DemoNotice() {
  if (!model.value?.demo) return null;
  return (
    <aside class="demo-notice" aria-label={t("demo.title")}>
      <Icon name="alert" size={18} />
      <p><strong>{t("demo.title")}</strong> {t("demo.text")}</p>
    </aside>
  );
}

function Empty() {
  return (
    <div class="empty">
      <Logo size={52} />
      <h1>{t("app.tagline")}</h1>
      <DemoNotice />
      <ul class="task-cards">
        {TASKS.filter((id) => id !== "ask").map((id) => (
          <li key={id}>
            <button type="button" onClick={() => pickTask(id)}>
              <Icon name={id} size={20} />
              <strong>{t(taskName(id))}</strong>
              <span>{t(taskHint(id))}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Follows the end of the answer for as long as the reader is there. */
function useFollow(): preact.RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    let top = 0;
    let height = 0;
    const onScroll = (): void => {
      // Shrinking content moves the view as well; only going up by itself is the reader's wish.
      if (host.scrollHeight - host.scrollTop - host.clientHeight < NEAR_PX) near.current = true;
      else if (host.scrollTop < top && host.scrollHeight >= height) near.current = false;
      top = host.scrollTop;
      height = host.scrollHeight;
    };
    let busyAt = 0;
    const follow = (): void => {
      if (path.peek().length === 0) return; // the tasks to choose from are read from their top
      if (answering.peek()) busyAt = performance.now();
      if (near.current && performance.now() - busyAt < AFTER_END_MS) host.scrollTop = host.scrollHeight;
    };
    const observer = new ResizeObserver(follow);
    host.addEventListener("scroll", onScroll, { passive: true });
    if (host.firstElementChild) observer.observe(host.firstElementChild);
    return () => {
      host.removeEventListener("scroll", onScroll);
      observer.disconnect();
    };
  }, [currentId.value]);
  const last = path.value[path.value.length - 1]?.id;
  useLayoutEffect(() => {
    near.current = true;
    if (box.current) box.current.scrollTop = last ? box.current.scrollHeight : 0;
  }, [last]);
  return box;
}

function Announcer() {
  const busy = answering.value;
  const was = useRef(false);
  const text = busy ? t("live.started") : was.current ? t("live.done") : "";
  was.current = was.current || busy !== null;
  return <p class="offscreen" role="status">{text}</p>;
}

export function Thread() {
  const box = useFollow();
  const messages = path.value;
  return (
    <div class="thread" ref={box} tabIndex={-1}>
      {messages.length === 0 ? <Empty /> : (
        <div class="thread-inner">
          <h1 class="offscreen">{current.value?.title ?? ""}</h1>
          {messages.map((message) =>
            message.role === "user"
              ? <QuestionView key={message.id} message={message} />
              : <ReplyView key={message.id} message={message} />)}
        </div>
      )}
      <Announcer />
    </div>
  );
}

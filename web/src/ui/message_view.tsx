// SPDX-License-Identifier: Apache-2.0
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { duration, t } from "../i18n";
import { clock, type Clip } from "../media/clip";
import type { Picture } from "../media/picture";
import { again, asCode, branchOff, current, editing, panel, path, say, switchTo } from "../state/app";
import { siblingsOf, type Failure, type Message } from "../state/chat";
import { edit } from "../state/draft";
import { status } from "../state/server";
import { streamOf, type Stream } from "../state/stream";
import { taskName } from "../tasks";
import { AnswerView } from "./answer_view";
import { CopyButton, IconButton } from "./bits";
import { ClipMark } from "./clip_mark";
import { Icon } from "./icons";
import { Shown } from "./picture_view";
import { TimingView } from "./timing_view";
import { Zoomed } from "./zoomed";

function Versions({ message }: { message: Message }) {
  const all = current.value ? siblingsOf(current.value, message) : [];
  if (all.length < 2) return null;
  const at = all.findIndex((other) => other.id === message.id);
  return (
    <span class="versions" role="group" aria-label={t("answer.version", { n: at + 1, all: all.length })}>
      <IconButton icon="left" label={t("answer.previous")} disabled={at === 0} onClick={() => switchTo(all[at - 1]!)} />
      <span aria-hidden="true">{at + 1}/{all.length}</span>
      <IconButton icon="right" label={t("answer.next")} disabled={at === all.length - 1} onClick={() => switchTo(all[at + 1]!)} />
    </span>
  );
}

function Thumbnail({ picture }: { picture: Picture }) {
  const [zoomed, setZoomed] = useState(false);
  return (
    <>
      <button type="button" class="thumb" aria-label={t("picture.open", { name: picture.name })} onClick={() => setZoomed(true)}>
        <Shown picture={picture} />
      </button>
      {zoomed && <Zoomed picture={picture} onClose={() => setZoomed(false)} />}
    </>
  );
}

interface ClipProps {
  picture: Picture;
  clip: Clip;
}

/** The window with the frames is fetched when the first one is opened. */
function ClipThumbnail({ picture, clip }: ClipProps) {
  const [View, setView] = useState<FunctionComponent<ClipProps & { onClose: () => void }> | null>(null);
  const open = (): void => void import("./clip_view").then((module) => setView(() => module.default));
  const { name } = picture;
  return (
    <>
      <button type="button" class="thumb" aria-label={t("clip.open", { name, time: clock(clip.duration) })} onClick={open}>
        <Shown picture={picture} />
        <ClipMark time={clock(clip.duration)} />
      </button>
      {View && <View picture={picture} clip={clip} onClose={() => setView(null)} />}
    </>
  );
}

export function QuestionView({ message }: { message: Message }) {
  const task = message.task && message.task !== "ask" ? message.task : null;
  return (
    <article class={`message question ${editing.value?.id === message.id ? "editing" : ""}`} aria-label={t("role.you")}>
      {message.pictures.length > 0 && (
        <div class="thumbs">
          {message.pictures.map((picture) => picture.clip
            ? <ClipThumbnail key={picture.hash} picture={picture} clip={picture.clip} />
            : <Thumbnail key={picture.hash} picture={picture} />)}
        </div>
      )}
      {message.text !== "" && (
        <div class="bubble">
          {task && <span class="task-tag"><Icon name={task} size={14} />{t(taskName(task))}</span>}
          <p>{message.text}</p>
        </div>
      )}
      <div class="actions" role="group" aria-label={t("answer.actions")}>
        <Versions message={message} />
        <CopyButton text={() => message.text} />
        <IconButton icon="edit" label={t("answer.edit")} onClick={() => edit(message)} />
      </div>
    </article>
  );
}

function Waiting({ stream }: { stream: Stream }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - stream.started) / 1000)), 500);
    return () => clearInterval(timer);
  }, [stream]);
  const queued = status.value?.queue?.waiting ?? 0;
  const text =
    stream.phase.value === "sending" && queued > 0 ? t("wait.queue", { n: queued })
    : stream.phase.value === "sending" ? t("wait.sending")
    : t("wait.reading");
  return (
    <p class="waiting">
      <span class="pulse" aria-hidden="true" />
      {text}
      {seconds >= 2 && <span class="waiting-time">{duration(seconds * 1000).replace(".00", "").replace(".0", "")}</span>}
    </p>
  );
}

function failureText(failure: Failure): string {
  if (failure.code === "unreachable") return t("error.unreachable");
  if (failure.code === "connection_lost") return t("error.connection_lost");
  if (failure.code === "picture_missing") return t("error.picture");
  if (failure.status === 401) return t("error.key");
  if ((failure.status === 429 || failure.status === 503) && failure.retryAfter > 0) {
    return `${t("error.busy", { n: failure.retryAfter })} ${failure.message}`.trim();
  }
  return failure.message || t("error.unknown", { status: failure.status });
}

function FailureView({ message, failure }: { message: Message; failure: Failure }) {
  return (
    <div class="failure" role="alert">
      <Icon name="alert" size={20} />
      <div>
        <strong>{t("error.title")}</strong>
        <p>{failureText(failure)}</p>
        {failure.code !== "" && failure.status > 0 && <code>{failure.status >= 400 ? `${failure.status} ` : ""}{failure.code}</code>}
        <div class="row">
          {failure.status === 401 && (
            <button type="button" class="button" onClick={() => (panel.value = "settings")}>{t("error.key.action")}</button>
          )}
          <button type="button" class="button" onClick={() => again(message)}>{t("answer.retry")}</button>
        </div>
      </div>
    </div>
  );
}

function Ending({ message }: { message: Message }) {
  if (message.failure) return <FailureView message={message} failure={message.failure} />;
  if (message.finish === "stopped") return <p class="note">{t("answer.stopped")}</p>;
  if (message.finish === "length") return <p class="note warn">{t("answer.length")}</p>;
  if (message.finish === "lost") return <p class="note warn">{t("answer.lost")}</p>;
  return message.text.trim() === "" ? <p class="note">{t("answer.empty")}</p> : null;
}

/**
 * The pictures an answer is about: those of the nearest question above it that has any. Places in a video are drawn on
 * its first frame, unless there are pictures beside it.
 */
function picturesFor(message: Message): Picture[] {
  const all = path.value;
  for (let i = all.findIndex((m) => m.id === message.id); i >= 0; i--) {
    const { pictures } = all[i]!;
    const still = pictures.filter((picture) => !picture.clip);
    if (pictures.length > 0) return still.length > 0 ? still : pictures;
  }
  return [];
}

export function ReplyView({ message }: { message: Message }) {
  const [raw, setRaw] = useState(false);
  const stream = streamOf(message.id);
  const text = stream ? stream.text.value : message.text;
  const question = message.parent ? current.value?.messages[message.parent] : undefined;
  const pictures = picturesFor(message);
  const branch = (): void => {
    if (branchOff(message)) say(t("answer.branched"));
  };
  return (
    <article class="message reply" aria-label={t("role.model")} aria-busy={stream !== undefined}>
      {stream && text === "" ? <Waiting stream={stream} />
        : raw && !stream ? <pre class="raw" tabIndex={0}>{text}</pre>
        : <AnswerView text={text} live={stream !== undefined} pictures={pictures} schema={question?.schema} />}
      {!stream && (
        <>
          <Ending message={message} />
          {!message.failure && <TimingView message={message} />}
          <div class="actions" role="group" aria-label={t("answer.actions")}>
            <Versions message={message} />
            <CopyButton text={() => message.text} />
            <IconButton icon="again" label={t("answer.again")} onClick={() => again(message)} />
            <IconButton icon="branch" label={t("answer.branch")} onClick={branch} />
            <IconButton icon="source" label={t("answer.raw")} pressed={raw} onClick={() => setRaw(!raw)} />
            <IconButton icon="code" label={t("code.title")} onClick={() => (asCode.value = message.id)} />
          </div>
        </>
      )}
    </article>
  );
}

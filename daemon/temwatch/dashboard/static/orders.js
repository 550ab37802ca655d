// What a person said, on its way to the store. An order stays here, across reloads, until the daemon has confirmed it.
// It is repeated under the same cmd_id, so whatever was lost on the way, it has one effect. One after the other.

import { Refused, result } from "./api.js";
import { keepLabel, on, operator, site, tell } from "./site.js";

const KEPT = "temwatch.unsaved";
const AGAIN_MS = 1000;
const LONGEST_MS = 8000;
const LOST = new Set(["unreachable", "DaemonUnreachable", "CommandDelayed", "stale_token", "signed_out"]);
let waiting = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
const promises = new Map();
let busy = false;
let timer = null;

export const unsaved = () => waiting;

/** Queue an order; the promise ends when the daemon has confirmed or refused it. */
export function order(cmd, args, { undoOf = null } = {}) {
  const entry = { cmd_id: crypto.randomUUID(), cmd, args, operator: operator(), undoOf, since: Date.now(), failed: 0 };
  waiting.push(entry);
  if (answers.has(undoOf)) meant(entry);
  save();
  const done = new Promise((resolve, reject) => promises.set(entry.cmd_id, { resolve, reject }));
  done.catch(() => {});
  run();
  return { cmd_id: entry.cmd_id, done };
}

const answers = new Map(); // cmd_id -> result

/** An undo may be asked for before what it takes back is confirmed: only then is it known which label that was. */
function meant(undo) {
  undo.args = { ...undo.args, label_id: answers.get(undo.undoOf).label_id };
  undo.undoOf = null;
}

export async function run() {
  if (busy || !waiting.length || !site.token) return;
  busy = true;
  clearTimeout(timer);
  const entry = waiting[0];
  try {
    if (entry.undoOf) throw new Refused({ code: "nothing", message: "there is nothing to take back" });
    finish(entry, await send(entry));
  } catch (error) {
    // Only the daemon's own "no" ends an order. Everything else may have been lost on the way, in either direction.
    const lost = !(error instanceof Refused) || LOST.has(error.code);
    if (!lost) refuse(entry, error);
    else {
      entry.failed += 1;
      save();
      timer = setTimeout(run, AGAIN_MS);
    }
  }
  busy = false;
  if (waiting.length && !timer) run();
}

async function send({ cmd, cmd_id, args, operator: by }) {
  const response = await fetch("api/order", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Temwatch-Token": site.token },
    body: JSON.stringify({ cmd, cmd_id, args, operator: by }),
    signal: AbortSignal.timeout(LONGEST_MS),
  });
  return result(response);
}

function finish(entry, answer) {
  timer = null;
  waiting = waiting.filter((one) => one !== entry);
  answers.set(entry.cmd_id, answer);
  waiting.filter((one) => one.undoOf === entry.cmd_id).forEach(meant);
  if (answer?.finding_id) {
    keepLabel(answer);
    waiting.forEach((one) => follow(one, answer));
  }
  save();
  promises.get(entry.cmd_id)?.resolve(answer);
  tell("saved", { entry, answer });
}

/** What was said here meanwhile is no conflict with what is said here next. */
function follow(later, answer) {
  const { cmd, args } = later;
  if (cmd === "label.set" && args.finding_id === answer.finding_id && args.expect_revision === answer.revision - 1) later.args = { ...args, expect_revision: answer.revision };
}

function refuse(entry, error) {
  timer = null;
  waiting = waiting.filter((one) => one !== entry);
  save();
  if (error.current) keepLabel(error.current);
  promises.get(entry.cmd_id)?.reject(error);
  tell("refused", { entry, error });
}

function save() {
  localStorage.setItem(KEPT, JSON.stringify(waiting));
  tell("unsaved", waiting);
}

on("connected", () => {
  clearTimeout(timer);
  timer = null;
  run();
});

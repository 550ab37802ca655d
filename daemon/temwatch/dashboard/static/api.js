// Questions to the daemon through the page's server, and the frames and pictures kept from them.

import { keepLabel, on, operator } from "./site.js";

export class Refused extends Error {
  constructor(error, status) {
    super(error.message);
    this.code = error.code;
    this.current = error.current ?? null;
    this.status = status;
  }
}

export async function ask(cmd, args = {}) {
  const query = new URLSearchParams({ args: JSON.stringify(args), operator: operator() });
  return result(await fetch(`api/ask/${cmd}?${query}`));
}

export async function result(response) {
  const reply = await response.json().catch(() => null);
  if (reply?.ok) return reply.result;
  throw new Refused(reply?.error ?? { code: "unreachable", message: `the server answered ${response.status}` }, response.status);
}

const KEEP = 24;
const reports = new Map();
const pictures = new Map();
on("card", (card) => reports.delete(card.frame_id));

function kept(cache, key, make) {
  if (!cache.has(key)) {
    const made = make();
    made.catch(() => cache.delete(key));
    cache.set(key, made);
    if (cache.size > KEEP) cache.delete(cache.keys().next().value);
  }
  return cache.get(key);
}

/** Return {state, reason, next_step, report}; report is null for a frame that was not inspected. */
export const frame = (id) => kept(reports, id, async () => result(await fetch(`api/frame/${id}`)));

/** Return the decoded preview, or null where none is kept. */
export const picture = (id) =>
  kept(pictures, id, async () => {
    const response = await fetch(`api/preview/${id}.jpg`);
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`no picture: ${response.status}`);
    return createImageBitmap(await response.blob());
  });

/** Fetch the labels that stand in a frame; returns the objects people have drawn in it. */
export async function labelsOf(id) {
  const { labels, drawn } = await ask("label.list", { frame_id: id });
  [...labels, ...drawn].forEach(keepLabel);
  return drawn;
}

/** Return every label that stands, newest first. */
export async function standingLabels() {
  const found = new Map();
  let after = 0;
  do {
    const page = await ask("label.page", { after, limit: 1000 });
    page.labels.filter((label) => label.stands && !label.undone && label.class).forEach((label) => found.set(label.finding_id, label));
    after = page.next_after;
  } while (after !== null);
  return [...found.values()].sort((a, b) => b.label_id - a.label_id);
}

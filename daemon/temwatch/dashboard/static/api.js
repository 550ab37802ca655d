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

/** Return the outlines of a frame's findings as SVG points, in the report's order; empty where none are to be had. */
export async function contours(id) {
  const response = await fetch(`api/contours/${id}`);
  const type = response.headers.get("content-type") ?? "";
  const bytes = response.ok && type.startsWith("application/octet-stream") ? await response.arrayBuffer() : new ArrayBuffer(0);
  return unpacked(new DataView(bytes));
}

/** Return a window of a frame at full resolution, or null where its file can't be read any more. */
export async function pixels(id, place) {
  const response = await fetch(`api/pixels/${id}?${new URLSearchParams(place)}`);
  return response.status === 200 && response.headers.get("content-type") === "image/jpeg" ? createImageBitmap(await response.blob()) : null;
}

/** Little-endian int32: how many, how many points each, then (row, col) points one after the other. */
export function unpacked(view) {
  const number = (k) => view.getInt32(4 * k, true);
  const count = view.byteLength ? number(0) : 0;
  let at = 1 + count;
  return Array.from({ length: count }, (_, k) => {
    const places = Array.from({ length: number(1 + k) }, (_point, i) => `${number(at + 2 * i + 1)},${number(at + 2 * i)}`);
    at += 2 * places.length;
    return places.join(" ");
  });
}

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

// Words for what a status says: how long ago, how many a minute. Pure.

import { short } from "./geometry.js";

/** How many frames of a folder came to an end a minute, over the last five; the server counts them. */
export function rateOf(status, name) {
  const rate = status.per_minute?.[name] ?? null;
  return rate === null ? "…" : short(rate);
}

export function ago(iso) {
  const s = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (s < 90) return `${Math.round(s)} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  return s < 172800 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} days ago`;
}

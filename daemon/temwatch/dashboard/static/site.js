// What the page knows: frames, labels, status. Changes are told to whoever listens.

export const site = {
  cards: new Map(), // frame_id -> card, oldest first
  labels: new Map(), // finding_id -> the label that stands, or null where it was taken back
  epoch: "",
  seq: 0,
  status: null,
  silent: true, // the daemon was not heard of
  connected: false,
  token: "",
  version: "",
  signedIn: null, // {name, role} where people sign in
  signedOut: false,
};

const listeners = new Map();

export function on(what, told) {
  if (!listeners.has(what)) listeners.set(what, new Set());
  listeners.get(what).add(told);
  return () => listeners.get(what).delete(told);
}

export function tell(what, value) {
  for (const told of [...(listeners.get(what) ?? [])]) told(value);
}

const MOST_CARDS = 600;

export function keepCard(card) {
  site.cards.delete(card.frame_id);
  site.cards.set(card.frame_id, card);
  if (site.cards.size <= MOST_CARDS) return;
  // What was set aside waits for somebody: newer frames do not hide it.
  const oldest = [...site.cards.values()].find((one) => one.kind !== "set_aside") ?? card;
  site.cards.delete(oldest.frame_id);
}

export const newest = () => [...site.cards.values()].reverse();
export const inspected = () => newest().filter((card) => card.kind === "inspected");

/** Take a label as what stands for its finding, unless a later statement is known already. */
export function keepLabel(label) {
  if (label.stands === false && label.blind) return; // a second opinion; it never stands
  const known = site.labels.get(label.finding_id);
  if (known && known.revision > label.revision) return;
  site.labels.set(label.finding_id, label);
  tell("label", label);
}

export function operator() {
  return site.signedIn?.name ?? document.getElementById("operator").value.trim();
}

/** Return the one word for how things are, and why. */
export function stateWord() {
  if (site.signedOut) return ["signed out", "frames are shown to those who may see them"];
  if (!site.connected) return ["disconnected", "the page's server does not answer; trying again"];
  if (site.silent) return ["silent", "the daemon does not answer; is `temwatch run` running?"];
  return [site.status?.state ?? "starting", site.status?.reason ?? ""];
}

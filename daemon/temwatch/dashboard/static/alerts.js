// What somebody should look at: a short list with since when and what to do, the same on every screen. Calm: an alert
// is told once, stays until it is over or dismissed (in this browser), and makes no sound unless it was asked to.

import { ask } from "./api.js";
import { on, site, tell } from "./site.js";
import { asideCount, standing, troubles } from "./troubles.js";

const KEPT = "temwatch.alerts";
const SOUND = "temwatch.sound";
const SILENT_MS = 5000; // a server that has only just begun has not heard of the daemon yet
const kept = { alerts: [], asides: 0, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
const DRIFT_MS = 60_000; // how often frames alone make it ask
let drift = null; // not asked for yet
let askedAt = 0;
let silentSince = null;

export const alerts = () => kept.alerts.filter((one) => !one.dismissed);
export const sounds = () => localStorage.getItem(SOUND) === "on";

export function dismiss(id) {
  // What was set aside until now has been seen; one more is news.
  if (id === "aside") kept.asides = asideCount(site.status);
  else kept.alerts.find((one) => one.id === id).dismissed = true;
  look();
}

export function setSound(wanted) {
  localStorage.setItem(SOUND, wanted ? "on" : "off");
  if (wanted) beep();
}

function look() {
  if (!site.connected || site.signedOut) return; // the head says so already
  if (site.status && !site.silent) kept.asides = Math.min(kept.asides, asideCount(site.status));
  silentSince = site.silent ? (silentSince ?? Date.now()) : null;
  const silent = silentSince !== null && Date.now() - silentSince > SILENT_MS;
  if (site.silent ? !silent : !site.status) return;
  const found = troubles({ status: site.status, silent, asides: kept.asides, ...drift });
  // What can't be asked now stands as it was last known.
  const unsure = kept.alerts.filter((one) => one.id !== "silent" && (silent || (drift === null && one.id.startsWith("drift"))));
  const before = new Set(kept.alerts.map((one) => one.id));
  kept.alerts = standing(kept.alerts, [...found, ...unsure], new Date().toISOString());
  localStorage.setItem(KEPT, JSON.stringify(kept));
  if (sounds() && kept.alerts.some((one) => !before.has(one.id))) beep();
  tell("alerts");
}

/** Half a second at 440 Hz, soft; browsers allow it once somebody has clicked in the page. */
function beep() {
  const context = new AudioContext();
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = 440;
  volume.gain.setValueAtTime(0.12, context.currentTime);
  volume.gain.linearRampToValueAtTime(0, context.currentTime + 0.5);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.5);
  tone.onended = () => context.close();
}

let asking = null;
function askDrift() {
  clearTimeout(asking);
  askedAt = Date.now();
  asking = setTimeout(() => ask("review.accuracy").then(({ alarms, unfamiliar }) => { drift = { alarms, unfamiliar }; look(); }, () => {}), 3000);
}

on("status", look);
on("state", () => site.silent && look());
on("connected", () => { look(); askDrift(); });
on("label", askDrift);
on("card", () => Date.now() - askedAt > DRIFT_MS && askDrift());

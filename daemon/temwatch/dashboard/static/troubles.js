// What somebody should look at, and what to do about it, from what the daemon says of itself. Pure.

const NEARLY_FULL_BYTES = 2e9;
const TO_DO = {
  offline: "Look whether the share is mounted. Its frames are not taken for deleted, and are found when it is back.",
  stalled: "Its file system does not answer: look at the server of the share. Other folders go on.",
  degraded: "It works, but as the reason says; `temwatch doctor` looks closer.",
};

/** Return what is wrong now, as {id, what, todo}: `asides` is how many set aside were seen before, `alarms` and `unfamiliar` those of review.accuracy. */
export function troubles({ status, silent, asides = 0, alarms = [], unfamiliar = [] }) {
  if (silent) return [{ id: "silent", what: "The daemon does not answer", todo: "Start it (`temwatch run`, or `systemctl start temwatch`); what is written meanwhile is found afterwards." }];
  if (!status) return [];
  const found = [];
  const away = Object.entries(status.roots).filter(([, root]) => TO_DO[root.state]);
  for (const [name, root] of away) found.push({ id: `root ${name} ${root.state}`, what: `Folder ${name} is ${root.state}${root.reason ? `: ${root.reason}` : ""}`, todo: TO_DO[root.state] });
  if (status.state === "full") found.push({ id: "full", what: `The state disk is full${reason(status)}`, todo: "Make room on it. Scanning goes on, inspecting waits, and all resumes by itself." });
  else if (status.disk_free_bytes < NEARLY_FULL_BYTES) found.push({ id: "disk", what: `The state disk is nearly full: ${(status.disk_free_bytes / 1e9).toFixed(1)} GB free`, todo: "Make room before inspecting has to wait." });
  if (status.state === "degraded" && !away.length) found.push({ id: "degraded", what: `Degraded${reason(status)}`, todo: "`temwatch doctor` says what to mend." });
  const set = asideCount(status);
  if (set > asides) found.push({ id: "aside", what: `${set - asides} ${set - asides === 1 ? "frame was" : "frames were"} set aside`, todo: "See below why; inspect again once the cause is gone." });
  for (const alarm of alarms) found.push({ id: `drift ${alarm.at}`, what: `The machine became worse at naming, noticed after ${alarm.n} labels`, todo: "See Models; label some of the newest frames in Review, then learn.", at: alarm.at });
  for (const one of unfamiliar) found.push({ id: `drift ${one.frame_id}`, what: `Folder ${one.root}: since ${one.path} the material is unlike what the recognizer learned`, todo: "Label some of these frames in Review, then learn." });
  return found;
}

const reason = (status) => (status.reason ? `: ${status.reason}` : "");
export const asideCount = (status) => Object.values(status.ledger).reduce((sum, one) => sum + one.set_aside, 0);

/** Return the alerts as they stand: known ones keep their time and whether they were dismissed; those that are over go. Pure. */
export function standing(known, found, now) {
  const before = new Map(known.map((one) => [one.id, one]));
  return found.map((one) => ({ ...one, at: one.at ?? before.get(one.id)?.at ?? now, dismissed: before.get(one.id)?.dismissed ?? false }));
}

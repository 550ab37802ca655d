// History: find frames by time, folder, verdict, class and name; open any of them.

import { ask } from "./api.js";
import { words } from "./classes.js";
import { csv, download, el, put } from "./dom.js";
import { newest, on, site } from "./site.js";

const SHOWN = 200;

export function history(main) {
  const wanted = { name: "", folder: "", verdict: "", class: "", from: "", to: "" };
  const older = []; // cards fetched on demand
  let before = null;
  let ended = false;
  const body = el("tbody");
  const said = el("p", { class: "soft", role: "status" });
  const field = (name, input) => {
    input.addEventListener("input", () => { wanted[name] = input.value; draw(); });
    return el("label", {}, `${name} `, input);
  };
  const options = (names) => [el("option", { value: "" }, "any"), ...names.map((name) => el("option", { value: name }, words(name)))];
  const root = el("select", {}, options([]));
  const kind = el("select", {}, options([]));
  put(main, el("div", { class: "page" }, el("h1", {}, "History"),
    el("div", { class: "filters" }, field("name", el("input", { type: "search", placeholder: "part of the name" })), field("folder", root),
      field("verdict", el("select", {}, options(["accept", "refer", "reject", "set_aside", "gone"]))), field("class", kind),
      field("from", el("input", { type: "datetime-local" })), field("to", el("input", { type: "datetime-local" })),
      el("button", { onclick: load }, "load older"), el("button", { onclick: save }, "CSV")),
    said, el("div", { class: "panel" }, el("table", { class: "list" }, el("thead", {}, el("tr", {}, ["frame", "folder", "verdict", "why", "found", "when"].map((name) => el("th", { scope: "col" }, name)))), body))));

  const all = () => {
    const seen = new Set();
    return [...newest(), ...older].filter((card) => !seen.has(card.frame_id) && seen.add(card.frame_id));
  };
  const when = (card) => card.acquired_at ?? card.at;
  const word = (card) => card.verdict?.decision ?? card.kind;

  function found() {
    return all().filter((card) => (!wanted.name || card.path.toLowerCase().includes(wanted.name.toLowerCase())) && (!wanted.folder || card.root === wanted.folder) && (!wanted.verdict || word(card) === wanted.verdict) &&
      (!wanted.class || card.counts?.[wanted.class] > 0) && (!wanted.from || (when(card) && Date.parse(when(card)) >= Date.parse(wanted.from))) && (!wanted.to || (when(card) && Date.parse(when(card)) <= Date.parse(wanted.to))));
  }

  function draw() {
    refill(root, [...new Set(all().map((card) => card.root))].sort());
    refill(kind, [...new Set(all().flatMap((card) => Object.keys(card.counts ?? {})))].sort());
    const cards = found();
    said.textContent = !all().length ? "No frame has come yet." : `${cards.length} of ${all().length} frames${ended ? ", all there are" : "; load older ones to look further back"}`;
    put(body, cards.slice(0, SHOWN).map((card) => el("tr", {}, el("td", { class: "path" }, el("a", { href: `#/frame/${card.frame_id}` }, card.path, card.z === null ? "" : ` #${card.z}`)), el("td", {}, card.root),
      el("td", {}, el("span", { class: "verdict small", "data-word": word(card) }, words(word(card)))), el("td", {}, card.verdict?.reasons[0] ?? card.reason ?? ""),
      el("td", {}, Object.entries(card.counts ?? {}).filter(([, n]) => n).map(([name, n]) => `${n} ${words(name)}`).join(", ") || "–"), el("td", { class: "soft when" }, (when(card) || "").slice(0, 19).replace("T", " ")))));
  }

  function refill(select, names) {
    const next = ["", ...names];
    if ([...select.options].map((one) => one.value).join() === next.join()) return;
    const value = select.value;
    put(select, options(names));
    select.value = value;
  }

  async function load() {
    try {
      const page = await ask("snapshot", { limit: 100, ...(before === null ? {} : { before }) });
      older.push(...page.reports.map(cardOf));
      before = page.next_before;
      ended = before === null;
      draw();
    } catch (error) {
      said.textContent = error.message;
    }
  }

  function save() {
    download("frames.csv", csv([["frame_id", "root", "path", "z", "verdict", "reason", "findings", "at"], ...found().map((card) => [card.frame_id, card.root, card.path, card.z, word(card), card.verdict?.reasons[0] ?? card.reason ?? "", card.findings ?? "", when(card)])]));
  }

  const told = on("cards", draw);
  draw();
  return { close: told };
}

/** A card of a whole report, as the server makes them; a snapshot's ends carry no time of their own. */
function cardOf(body) {
  const { frame_id, root, path, z, revision } = body;
  const place = { frame_id, root, path, z, revision, seq: 0, at: "" };
  if (!body.verdict) return { ...place, kind: body.reason === undefined ? "gone" : "set_aside", reason: body.reason ?? "", next_step: body.next_step ?? "" };
  return { ...place, kind: "inspected", verdict: body.verdict, counts: body.summary.count_by_class, findings: body.findings.length, shape: body.shape, nm_per_px: body.calibration.nm_per_px, acquired_at: body.acquired_at };
}

// One frame under its permanent address, #/frame/ID or #/frame/ID/FINDING: look, measure, label, draw, re-inject.

import { ask, frame, labelsOf, picture } from "./api.js";
import { announce, fact, finderPanel, frameBlock, needsName, undo, verdictBlock } from "./beside.js";
import { drawInto } from "./drawing.js";
import { el, put } from "./dom.js";
import { words } from "./classes.js";
import { order } from "./orders.js";
import { inspected, on } from "./site.js";
import { classesOf, FrameView } from "./view.js";

export function frameScreen(main, [id, finding]) {
  const side = { verdict: el("div"), drawing: el("div"), one: el("div"), past: el("div"), frame: el("div"), many: el("div"), hint: el("p", { class: "soft", role: "status" }) };
  const view = new FrameView({ choose: chosen, draw: (rectangle) => drawInto(view, rectangle, side.drawing), hint: (text) => { side.hint.textContent = text; } });
  put(main, el("h1", { class: "unseen" }, "Frame"), el("div", { class: "bench" }, view.root, el("aside", { class: "side", "aria-label": "Frame" },
    side.verdict, side.drawing, side.hint, side.one, side.past, side.frame, side.many)));
  const panel = finderPanel(view, side.one);
  let wantedPast = 0;

  async function open() {
    let got;
    try {
      got = await frame(id);
    } catch (error) {
      return put(main, el("div", { class: "page" }, el("h1", {}, "This frame can't be shown"), el("p", {}, error.message), el("a", { href: "#/history" }, "find another")));
    }
    if (!got.report) return put(main, notInspected(id, got));
    const image = await picture(id).catch(() => null);
    view.show(got.report, image);
    put(side.verdict, verdictBlock(got.report));
    put(side.frame, frameBlock(got.report), el("dl", { class: "facts" }, fact("taken", got.report.acquired_at ?? "not said"), fact("bytes", `sha256 ${got.report.sha256.slice(0, 12)}…`), fact("address", `#/frame/${id}`)));
    put(side.many, many(view));
    main.dataset.drawn = id;
    const drawn = await labelsOf(id).catch(() => []);
    view.show(got.report, image, { drawn });
    if (finding) {
      const one = view.outlines().find((other) => other.id === finding);
      view.choose(finding);
      if (one) view.closeUp(one.rectangle, 0.2);
    } else panel.refresh();
  }

  function chosen() {
    history.replaceState(null, "", `#/frame/${id}${view.chosen ? `/${view.chosen}` : ""}`);
    panel.refresh();
    past();
  }

  /** What people have said of the chosen finding, oldest first. */
  async function past() {
    const turn = ++wantedPast;
    const one = view.chosen;
    const { labels } = one ? await ask("label.history", { finding_id: one }).catch(() => ({ labels: [] })) : { labels: [] };
    if (turn !== wantedPast) return;
    put(side.past, labels.length ? el("section", {}, el("h2", {}, "Said so far"), el("table", { class: "list" }, el("tbody", {}, labels.map((label) =>
      el("tr", {}, el("td", {}, label.undone ? el("s", {}, words(label.class)) : words(label.class)), el("td", {}, label.by), el("td", { class: "num soft" }, label.at.slice(0, 16).replace("T", " "))))))) : "");
  }

  function step(by) {
    const cards = inspected();
    const next = cards[cards.findIndex((card) => card.frame_id === id) + by];
    if (next) location.hash = `#/frame/${next.frame_id}`;
  }

  const told = [
    on("label", (label) => {
      if (label.frame_id !== id || !view.report) return;
      if (label.drawn && !view.drawn.some((one) => one.finding_id === label.finding_id)) view.drawn.push(label);
      view.outline();
      panel.refresh();
      if (label.finding_id === view.chosen) past();
    }),
    on("card", (card) => card.frame_id === id && open()),
  ];
  open();
  return {
    key(event) {
      if (event.key === "n") return step(-1), true;
      if (event.key === "b") return step(1), true;
      if (event.key === "u") return undo(), true;
      return panel.key(event) || view.key(event.key);
    },
    close: () => told.forEach((stop) => stop()),
  };
}

export function reinject(id) {
  const { done } = order("frame.reinject", { frame_id: id });
  done.then(() => announce("queued again"));
  return done;
}

function notInspected(id, { state, reason, next_step: next }) {
  const said = el("p", { role: "status" });
  return el("div", { class: "page" }, el("h1", {}, `This frame is ${state.replace("_", " ")}`), el("p", {}, reason), el("p", { class: "soft" }, next),
    state === "set_aside" ? el("button", { onclick: () => reinject(id).then(() => put(said, "queued again"), (error) => put(said, error.message)) }, "inspect it again") : null, said);
}

/** Call many findings alike; what would change is shown before it is done. */
function many(view) {
  const choice = el("select", { "aria-label": "What they are" }, classesOf(view.report).map((name) => el("option", { value: name }, words(name))));
  const said = el("div", { role: "status", "data-bulk": "said" });
  const preview = async () => {
    const ids = view.shown().filter((one) => one.finding).map((one) => one.id).slice(0, 1000);
    if (!ids.length) return put(said, "no finding is shown");
    if (needsName()) return;
    const name = choice.value;
    try {
      const would = await order("label.bulk", { finding_ids: ids, class: name, dry_run: true }).done;
      put(said, el("p", {}, `${would.would_change} would change, ${would.same} are called so already, ${would.conflicts.length} were said otherwise by somebody, and stay so.`),
        el("button", { "data-bulk": "do", disabled: !would.would_change, onclick: async () => {
          const did = await order("label.bulk", { finding_ids: ids, class: name, dry_run: false }).done;
          await labelsOf(view.report.frame_id);
          put(said, `${did.labels.length} labels saved`);
        } }, `call all ${ids.length} ${words(name)}`));
    } catch (error) {
      put(said, error.message);
    }
  };
  return el("details", { class: "many" }, el("summary", {}, "many at once"), el("p", { class: "soft" }, "All findings that are shown (filter them above) are called:"), choice, " ", el("button", { "data-bulk": "preview", onclick: preview }, "what would change"), said);
}

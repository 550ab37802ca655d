// The page: its head, its screens by address (#/live, #/frame/ID …), and the keys.

import { alerts } from "./alerts.js";
import { announce } from "./beside.js";
import { el, put } from "./dom.js";
import { connect } from "./link.js";
import { on, site, stateWord } from "./site.js";
import { run, unsaved } from "./orders.js";
import { live } from "./live.js";
import { signIn, signOut } from "./sign_in.js";
import { keysHelp } from "./help.js";

const SCREENS = {
  live: { title: "Live", open: async () => live },
  frame: { open: async () => (await import("./frame.js")).frameScreen },
  review: { title: "Review", open: async () => (await import("./review.js")).review },
  history: { title: "History", open: async () => (await import("./history.js")).history },
  atlas: { title: "Atlas", open: async () => (await import("./atlas.js")).atlas },
  sizes: { title: "Sizes", open: async () => (await import("./sizes.js")).sizes },
  models: { title: "Models", open: async () => (await import("./models.js")).models },
  health: { title: "Health", open: async () => (await import("./health.js")).health },
};
const UNSAVED_AFTER_MS = 1200; // shorter waits are just waits
const byId = (id) => document.getElementById(id);
const main = byId("main");
let screen = null;
let turn = 0;

async function route() {
  if (main.querySelector("form.sign-in")) return;
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  const which = SCREENS[name] ? name : "live";
  const mine = ++turn;
  screen?.close?.();
  screen = null;
  put(byId("nav"), Object.entries(SCREENS).filter(([, one]) => one.title).map(([id, one]) => el("a", { href: `#/${id}`, "aria-current": id === which ? "page" : null }, one.title)));
  const make = await SCREENS[which].open();
  if (mine !== turn || main.querySelector("form.sign-in")) return;
  document.title = `${SCREENS[which].title ?? "Frame"} · temwatch`;
  put(main);
  delete main.dataset.drawn;
  main.dataset.screen = which;
  screen = make(main, rest);
}

function sayState() {
  const [word, reason] = stateWord();
  const state = byId("state");
  if (state.dataset.word !== word || state.title !== reason) {
    state.dataset.word = word;
    state.title = reason;
    put(state, el("b", {}, word), " ", el("span", {}, reason));
  }
}

function sayUnsaved() {
  const late = unsaved().filter((one) => one.failed > 0 || Date.now() - one.since > UNSAVED_AFTER_MS);
  const mark = byId("unsaved");
  mark.hidden = !late.length;
  mark.textContent = `NOT saved: ${late.length}`;
  mark.title = "kept in this browser and sent again until the daemon confirms; click to try now";
}

function sayAlerts() {
  const mark = byId("alerts");
  const open = alerts();
  const text = `${open.length} ${open.length === 1 ? "alert" : "alerts"}`;
  if (!mark.hidden && mark.textContent === text && mark.title === (open[0]?.what ?? "")) return;
  if (open.length) announce(open[0].what);
  mark.hidden = !open.length;
  mark.textContent = text;
  mark.title = open[0]?.what ?? "";
}

let noticeTimer = null;
function notice(text, stays = 8000) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (text) noticeTimer = setTimeout(() => notice(""), stays);
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("temwatch.theme", name);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "operator")) event.target.blur();
    return;
  }
  // A focused button or link keeps its own keys.
  if (event.target.matches("button, a, summary") && ["Enter", " "].includes(event.key)) return;
  if (event.key === "?") keysHelp(byId("keys"));
  else if (!screen?.key?.(event)) return;
  event.preventDefault();
});

byId("operator").value = localStorage.getItem("temwatch.operator") ?? "";
byId("operator").addEventListener("input", (event) => localStorage.setItem("temwatch.operator", event.target.value));
byId("unsaved").addEventListener("click", run);
byId("help").addEventListener("click", () => keysHelp(byId("keys")));
byId("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "light" ? "dark" : "light"));
theme(localStorage.getItem("temwatch.theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));

on("signed out", () => {
  screen?.close?.();
  screen = null;
  byId("who").hidden = true;
  byId("operator").parentElement.hidden = true;
  byId("nav").hidden = true;
  signIn(main);
});
on("connected", () => {
  byId("operator").parentElement.hidden = Boolean(site.signedIn);
  byId("who").hidden = !site.signedIn;
  if (site.signedIn) byId("who").textContent = `${site.signedIn.name} (${site.signedIn.role}) · sign out`;
});
byId("who").addEventListener("click", signOut);
on("state", sayState);
on("unsaved", sayUnsaved);
on("alerts", sayAlerts);
on("notice", (text) => notice(text));
on("refused", ({ error }) => notice(`Not taken: ${error.message}`, 15000));
setInterval(sayUnsaved, 500);
window.addEventListener("hashchange", () => {
  // Keys now belong to the new screen, not to the link that led to it.
  main.focus();
  route();
});
window.temwatch = { site }; // to look into from the browser's console
connect();
route();

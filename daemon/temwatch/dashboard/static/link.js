// The one WebSocket. It comes back by itself, and asks for what came after the last message it saw.

import { keepCard, keepLabel, site, tell } from "./site.js";

const WAITS_MS = [250, 500, 1000, 2000];
const SIGNED_OUT = 4401; // as the server closes on who is not, or no longer, signed in
const DEAF_MS = 7000; // the server says something every two seconds
let failures = 0;
let socket = null;
let lastHeard = 0;
let again = null;

export function connect() {
  clearTimeout(again);
  const url = new URL("live", document.baseURI.split("#")[0]);
  url.protocol = url.protocol.replace("http", "ws");
  if (site.epoch) url.search = new URLSearchParams({ epoch: site.epoch, since: site.seq });
  socket = new WebSocket(url);
  const mine = socket;
  lastHeard = Date.now();
  socket.onmessage = (message) => {
    lastHeard = Date.now();
    take(JSON.parse(message.data));
  };
  socket.onclose = ({ code }) => {
    if (mine !== socket) return;
    site.connected = false;
    site.signedOut = code === SIGNED_OUT;
    tell("state");
    if (site.signedOut) {
      tell("signed out");
      return;
    }
    again = setTimeout(connect, WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)]);
  };
}

// A laptop that slept has a connection that only looks alive.
setInterval(() => {
  if (socket && socket.readyState <= 1 && Date.now() - lastHeard > DEAF_MS) {
    const deaf = socket;
    socket = null;
    deaf.onclose = null;
    deaf.close();
    site.connected = false;
    tell("state");
    connect();
  }
}, 1000);

function take(event) {
  switch (event.type) {
    case "hello":
      failures = 0;
      site.connected = true;
      Object.assign(site, { token: event.token, version: event.version, silent: event.silent, signedIn: event.signed_in });
      if (event.status) site.status = event.status;
      if (event.missed) event.missed.forEach(takeEvent);
      if (event.missed) site.seq = event.seq;
      else if (event.epoch) begin(event);
      tell("connected");
      break;
    case "begin":
      begin(event);
      break;
    case "beat":
      site.silent = event.silent;
      break;
    case "status":
      site.status = event.status;
      site.silent = false;
      tell("status");
      break;
    default:
      takeEvent(event);
  }
  tell("state");
}

/** Take the newest frames whole; where it is the same history, what is known besides stays. */
function begin(event) {
  if (event.epoch !== site.epoch) {
    site.cards.clear();
    site.labels.clear();
  }
  Object.assign(site, { epoch: event.epoch, seq: event.seq });
  event.cards.forEach(keepCard);
  tell("cards");
  tell("begin");
}

function takeEvent(event) {
  site.seq = Math.max(site.seq, event.whole); // what came ahead of a message still missing is sent once more
  if (event.type === "card") {
    keepCard(event.card);
    tell("card", event.card);
    tell("cards");
  } else if (event.type === "label") keepLabel(event.label);
  else if (event.type === "model") tell("model", event);
}

// Signing in, where the page is served to other machines. What was not saved yet waits in this browser meanwhile.

import { el, put } from "./dom.js";

/** Show the form in place of everything; the page begins anew once somebody is in. */
export function signIn(main) {
  if (main.querySelector("form.sign-in")) return;
  const said = el("p", { role: "alert", class: "bad" });
  const name = el("input", { autocomplete: "username", "aria-label": "Name", placeholder: "name", required: true, maxlength: 64 });
  const password = el("input", { type: "password", autocomplete: "current-password", "aria-label": "Password", placeholder: "password", required: true });
  const form = el("form", { class: "sign-in" }, el("h1", {}, "Sign in"), name, password, el("button", { type: "submit" }, "Sign in"), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await post("api/sign-in", { name: name.value.trim(), password: password.value });
    if (answer.ok) location.reload();
    else said.textContent = answer.error.message;
  });
  put(main, form);
  name.focus();
}

export async function signOut() {
  await post("api/sign-out", {});
  location.reload();
}

async function post(path, body) {
  try {
    return await (await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
  } catch {
    return { ok: false, error: { message: "the page's server does not answer" } };
  }
}

// Keys do what the buttons do: 1 to 9 choose, S passes over, U takes back. The next task takes the
// place of the last one in the same page, so that no key is lost between two.

import { follow, settle } from "./console.js";

const TYPED = "input:not([type=hidden]):not([type=number]), textarea";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Escape") event.target.blur?.();
  const typing = event.target.matches?.(TYPED);
  const number = event.target.matches?.("input[type=number]") && /[\d.,e+-]/i.test(event.key);
  if (typing || number) return;
  const key = event.key.toLowerCase();
  const buttons = [...document.querySelectorAll("#review [data-key]")];
  const button = buttons.find((one) => one.dataset.key === key);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// What is pressed while a decision is on its way is not one for the task that comes next.
let sending = false;
let following = Boolean(document.querySelector("#work[data-on]"));

document.addEventListener("submit", async (event) => {
  if (event.target.id !== "review") return;
  event.preventDefault();
  if (sending) return;
  sending = true;
  const path = event.target.getAttribute("action"); // its buttons have that name, too
  const body = new URLSearchParams(new FormData(event.target, event.submitter));
  try {
    const reply = await fetch(path, { method: "POST", body });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (page.getElementById("review")) show(page);
    else location.assign(reply.url);
  } catch {
    location.reload();
  }
  sending = false;
});

function show(page) {
  const main = page.getElementById("main");
  settle(main);
  document.getElementById("main").replaceWith(main);
  main.querySelector("[autofocus]")?.focus();
  if (!following && main.querySelector("#work[data-on]")) {
    following = true;
    follow();
  }
}

// The try-it page: reads the form, asks, shows the answer, sends feedback. What comes from
// the server or from a caller is only ever set as text.

import { Picked, body, curl, python } from "./snippets.js";

const BARS_MAX = 10;

const element = (id) => document.getElementById(id);
const page = JSON.parse(element("page").dataset.page);
const ask = element("ask");
const feedback = element("feedback");
const fields = [...ask.querySelectorAll("[data-field]")].map((box) => ({
  ...JSON.parse(box.dataset.field),
  box,
  control: box.querySelector("[data-value]"),
  slider: box.querySelector("[data-slider]"),
  missing: box.querySelector("[data-missing]"),
  problem: box.querySelector("[data-problem]"),
  picked: null,
}));
let answered = null;

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Reading the form

function valueOf(field) {
  const { control } = field;
  switch (field.kind) {
    case "number":
      return control.value === "" ? null : Number(control.value);
    case "checkbox":
      return control.checked;
    case "select":
      return JSON.parse(control.value);
    case "datalist":
      return typed(field, control.value);
    case "time":
      return control.value === "" ? null : `${control.value}Z`;
    case "file":
      return field.picked;
    case "json":
      return parsed(control);
    default:
      return control.value;
  }
}

function typed(field, text) {
  if (text === "") return null;
  const known = field.known.find((value) => String(value) === text);
  if (known !== undefined) return known;
  if (field.types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  const number = Number(text);
  if (field.types.includes("number") && text.trim() !== "" && Number.isFinite(number)) return number;
  return text;
}

function parsed(control) {
  try {
    const value = JSON.parse(control.value);
    control.setCustomValidity("");
    return value;
  } catch {
    control.setCustomValidity("This is not JSON.");
    return null;
  }
}

function readRow() {
  return fields
    .filter((field) => !field.missing?.checked)
    .map((field) => [field.name, valueOf(field)])
    .filter(([, value]) => value !== null);
}

function shownRow() {
  const row = readRow();
  for (const field of fields) {
    if (field.kind === "file" && !field.picked && !field.missing?.checked) {
      row.push([field.name, new Picked("your-file", "")]);
    }
  }
  return row;
}

function pick(field, file) {
  field.picked = null;
  if (!file) return refresh();
  const reader = new FileReader();
  reader.onload = () => {
    if (field.control.files[0] !== file) return;
    const data = String(reader.result);
    field.picked = new Picked(file.name, data.slice(data.indexOf(",") + 1));
    refresh();
  };
  reader.readAsDataURL(file);
}

// Keeping the page in step with the form

function refresh() {
  for (const field of fields) {
    const missing = Boolean(field.missing?.checked);
    field.control.disabled = missing;
    if (field.slider) field.slider.disabled = missing;
    field.box.classList.toggle("is-missing", missing);
  }
  const row = shownRow();
  if (!element("curl")) return;
  element("curl").textContent = curl(page.apiUrl + page.predict, row, page.keys);
  element("python").textContent = python(page.apiUrl, page.endpoint, row, page.keys);
}

function clearProblem(field) {
  field.problem.textContent = "";
  field.control.removeAttribute("aria-invalid");
}

for (const field of fields) {
  field.slider?.addEventListener("input", () => {
    field.control.value = field.slider.value;
  });
  field.control.addEventListener("input", () => {
    if (field.slider && field.control.value !== "") field.slider.value = field.control.value;
  });
  if (field.kind === "file") {
    field.control.addEventListener("change", () => pick(field, field.control.files[0]));
  }
  field.box.addEventListener("input", () => clearProblem(field));
}
ask.addEventListener("input", refresh);
ask.addEventListener("reset", () => {
  setTimeout(() => {
    for (const field of fields) {
      field.picked = null;
      clearProblem(field);
    }
    refresh();
  });
});

// Asking

ask.addEventListener("submit", async (event) => {
  event.preventDefault();
  refresh();
  if (!ask.reportValidity()) return;
  const button = ask.querySelector("[type=submit]");
  button.disabled = true;
  fields.forEach(clearProblem);
  const startedMs = performance.now();
  try {
    const reply = await post(page.predict, body(readRow()));
    showAnswer(reply, performance.now() - startedMs);
    element("answer").scrollIntoView({ block: "nearest" });
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = false;
  }
});

class Refused extends Error {
  constructor(told) {
    super(told.message);
    this.hint = told.hint ?? "";
    this.problems = told.problems ?? [];
  }
}

async function post(path, content) {
  let response;
  let reply;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": page.csrf },
      body: content,
    });
  } catch {
    throw new Refused({ message: "The server is not reached.", hint: "Look whether it runs." });
  }
  try {
    reply = await response.json();
  } catch {
    throw new Refused({ message: `The reply, with status ${response.status}, is not JSON.` });
  }
  if (!response.ok) {
    throw new Refused(reply?.error ?? { message: `The server answered with status ${response.status}.` });
  }
  return reply;
}

// Showing

function showAnswer(reply, latencyMs) {
  answered = reply.predictions[0];
  const { id, version, arm, decided_by: by, ...outputs } = answered;
  const shown = element("answer");
  shown.replaceChildren();
  if (page.answer !== null && page.answer in outputs) {
    shown.append(make("p", "large", asText(outputs[page.answer])));
  }
  for (const [name, value] of Object.entries(outputs)) {
    if (name === page.answer) continue;
    shown.append(make("h3", "", name), isNamed(value) ? bars(value) : make("p", "", asText(value)));
  }
  const who = by === "pending" ? { "decided by": "a person, later" } : { version, arm };
  shown.append(facts({ ...who, "round trip": `${latencyMs.toFixed(0)} ms`, id }));
  element("whole").hidden = false;
  element("whole-json").textContent = JSON.stringify(reply, null, 2);
  if (feedback) feedback.hidden = by === "pending";
  if (feedback && by !== "pending") {
    element("noted").textContent = "";
    offerAnother(outputs[page.answer]);
  }
}

function showError(error) {
  answered = null;
  const shown = element("answer");
  shown.replaceChildren(make("p", "problem", error.message));
  if (error.hint) shown.append(make("p", "note", error.hint));
  element("whole").hidden = true;
  if (feedback) feedback.hidden = true;
  let first = null;
  for (const problem of error.problems ?? []) {
    const field = fields.find(({ name }) => name === problem.field);
    if (!field) continue;
    field.problem.textContent = problem.message;
    field.control.setAttribute("aria-invalid", "true");
    first ??= field.control;
  }
  first?.focus();
}

function isNamed(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    && Object.values(value).every((share) => typeof share === "number");
}

function bars(shares) {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b - a);
  const list = make("ul", "bars");
  for (const [name, share] of sorted.slice(0, BARS_MAX)) {
    const item = make("li");
    const track = make("span", "track");
    const fill = make("span", "fill");
    fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
    track.append(fill);
    item.append(make("span", "name", name), make("span", "share", asText(share)), track);
    list.append(item);
  }
  if (sorted.length > BARS_MAX) {
    list.append(make("li", "note", `and ${sorted.length - BARS_MAX} more below`));
  }
  return list;
}

function facts(named) {
  const list = make("dl");
  for (const [name, text] of Object.entries(named)) {
    list.append(make("dt", "", name), make("dd", name === "id" ? "code" : "", text));
  }
  return list;
}

function asText(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "string" ? value : JSON.stringify(value);
}

// Feedback

// Whoever does not press "It was right" means another label than the answered one.
function offerAnother(value) {
  const truth = element("truth");
  if (truth.dataset.form !== "json") return;
  const other = [...truth.options].find((option) => JSON.parse(option.value) !== value);
  if (other) truth.value = other.value;
}

async function tell(value) {
  if (answered === null) return;
  const noted = element("noted");
  try {
    await post(page.feedback, JSON.stringify({ feedback: [{ id: answered.id, value }] }));
    noted.textContent = `Noted: ${asText(value)}.`;
  } catch (error) {
    noted.textContent = `${error.message} ${error.hint}`;
  }
}

element("right")?.addEventListener("click", () => tell(answered[page.answer]));
feedback?.addEventListener("submit", (event) => {
  event.preventDefault();
  const truth = element("truth");
  const read = { json: JSON.parse, number: Number, text: String }[truth.dataset.form];
  tell(read(truth.value));
});

// Copying

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = element(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      element("copied").textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(source);
      element("copied").textContent = "Selected: copy it with the keyboard.";
    }
  });
}

refresh();

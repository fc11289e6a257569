// The try-it page: reads the form, asks, shows the answer, sends feedback. What comes from
// the server or from a caller is only ever set as text.

import { asText, facts, showOutputs, showRefusal } from "./answer.js";
import { clearProblem, fieldsOf, readRow, showMissing, showProblems } from "./fields.js";
import { Picked, body, curl, python } from "./snippets.js";

const element = (id) => document.getElementById(id);
const page = JSON.parse(element("page").dataset.page);
const ask = element("ask");
const feedback = element("feedback");
const fields = fieldsOf(ask);
let answered = null;

// Reading the form

function shownRow() {
  const row = readRow(fields);
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
  showMissing(fields);
  const row = shownRow();
  if (!element("curl")) return;
  element("curl").textContent = curl(page.apiUrl + page.predict, row, page.keys);
  element("python").textContent = python(page.apiUrl, page.endpoint, row, page.keys);
}

for (const field of fields) {
  if (field.kind === "file") {
    field.control.addEventListener("change", () => pick(field, field.control.files[0]));
  }
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

// Asking. Until this script is there the button would ask nobody, and lose what was filled in.

const button = ask.querySelector("[type=submit]");
if (button) button.disabled = false;

ask.addEventListener("submit", async (event) => {
  event.preventDefault();
  refresh();
  if (!button || !ask.reportValidity()) return;
  button.disabled = true;
  fields.forEach(clearProblem);
  const startedMs = performance.now();
  try {
    const reply = await post(page.predict, body(readRow(fields)));
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
  showOutputs(shown, outputs, page.answer);
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
  showRefusal(element("answer"), error);
  element("whole").hidden = true;
  if (feedback) feedback.hidden = true;
  showProblems(fields, error.problems ?? []);
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

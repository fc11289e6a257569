// The page: proves its model by the receipt, then answers rows of the form and pasted ones.

import { asText, facts, make, showOutputs, showRefusal } from "./answer.js";
import { rowsOf } from "./answers.js";
import { checkRows } from "./check.js";
import { clearProblem, fieldsOf, readRow, showMissing, showProblems } from "./fields.js";
import { InputError } from "./findings.js";
import { differences, rowsOfReceipt } from "./receipt.js";
import { start } from "./run.js";
import { readPasted } from "./texts.js";

const ROWS_SHOWN = 100;

const known = FAIRLEAD.facts;
const element = (id) => document.getElementById(id);
const ask = element("ask");
const many = element("many");
const fields = fieldsOf(ask);
let model = null;

// Starting

async function prove() {
  model = await start(FAIRLEAD).catch(({ message }) => {
    throw new Error(`The model cannot run in this browser: ${message}`);
  });
  const { receipt, tolerance } = known;
  const { rows, worst } = differences(receipt, tolerance, await model.predict(rowsOfReceipt(receipt)));
  const total = receipt.outputs.rows;
  if (rows) {
    const detail = worst ? `, by up to ${worst.toPrecision(3)}` : "";
    throw new Error(`The model does not reproduce its receipt in this browser: ${rows} of ${total} rows differ${detail}.`);
  }
  tell("good", `Checked: ${total} of ${total} rows of the receipt are answered as by the original.`);
  letAsk(true);
}

// The runtime takes one run at a time.
function letAsk(may) {
  for (const button of document.querySelectorAll("[type=submit]")) button.disabled = !may;
}

function tell(state, text) {
  const standing = element("standing");
  standing.dataset.state = state;
  standing.textContent = text;
}

// Asking

async function predict(rows) {
  const batch = checkRows(known, rows);
  const startedMs = performance.now();
  const answers = await model.predict(batch);
  return {
    predictions: rowsOf(known.outputs, answers, batch.rows),
    tookMs: performance.now() - startedMs,
  };
}

async function answer(read, show) {
  letAsk(false);
  fields.forEach(clearProblem);
  try {
    const { predictions, tookMs } = await predict(read());
    show(predictions, tookMs);
    element("whole").hidden = false;
    element("whole-json").textContent = JSON.stringify({ predictions }, null, 2);
  } catch (error) {
    refuse(error);
  } finally {
    letAsk(true);
  }
}

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  showMissing(fields);
  const row = readRow(fields); // which says of JSON whether it is any
  if (!ask.reportValidity()) return;
  answer(() => [Object.fromEntries(row)], showOne);
});

many.addEventListener("submit", (event) => {
  event.preventDefault();
  const read = () => readPasted(known.inputs, element("pasted").value);
  answer(read, showMany);
});

ask.addEventListener("input", () => showMissing(fields));
ask.addEventListener("reset", () => {
  setTimeout(() => {
    fields.forEach(clearProblem);
    showMissing(fields);
  });
});

// Showing

function showOne([outputs], tookMs) {
  const shown = element("answer");
  showOutputs(shown, outputs, known.answer);
  shown.append(facts({ version: known.version, took: `${tookMs.toFixed(1)} ms` }));
}

function showMany(predictions, tookMs) {
  const box = make("div", "scroll");
  const table = make("table");
  const names = known.outputs.map(({ name }) => name).filter((name) => name in predictions[0]);
  table.append(line("th", ["row", ...names]));
  predictions.slice(0, ROWS_SHOWN).forEach((outputs, row) => {
    table.append(line("td", [String(row), ...names.map((name) => asText(outputs[name]))]));
  });
  box.append(table);
  box.tabIndex = 0;
  const count = `${predictions.length} ${predictions.length === 1 ? "row" : "rows"}`;
  element("answer").replaceChildren(box, make("p", "note", `${count}, ${tookMs.toFixed(1)} ms`));
}

function line(tag, texts) {
  const row = make("tr");
  row.append(...texts.map((text) => make(tag, "", text)));
  return row;
}

function refuse(error) {
  const told = error instanceof InputError ? error : new InputError(`The model failed: ${error.message}`);
  const shown = element("answer");
  showRefusal(shown, told);
  if (told.problems.length > 1) shown.append(listOf(told.problems));
  element("whole").hidden = true;
  showProblems(fields, told.problems);
}

function listOf(problems) {
  const list = make("ul", "problems");
  for (const { row, field, message } of problems) {
    const place = [row === null ? "" : `row ${row}`, field === null ? "" : `field '${field}'`];
    list.append(make("li", "", `${place.filter(Boolean).join(", ")}: ${message}`));
  }
  return list;
}

showMissing(fields);
prove().catch((error) => tell("wrong", error.message));

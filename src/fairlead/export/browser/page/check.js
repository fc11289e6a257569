// Rows to columns, exactly: policies for what is missing, and every problem named.
//
// A column is { shape, values }: the first length of the shape is the rows; values lie in order.
// A missing number is NaN, a missing text or category null.

import { Findings, InputError } from "./findings.js";
import { nearest } from "./nearest.js";
import { Refused, describe, readerOf, shapeInWords } from "./read.js";

const NAME_SHOWN = 80;
const NUMERIC = ["number", "integer", "boolean"];

export function isNumeric(field) {
  return NUMERIC.includes(field.kind);
}

export function checkRows({ inputs, extra, words }, rows) {
  if (!Array.isArray(rows)) {
    throw new InputError(`The rows must be a list, got ${describe(rows)}.`, words.rowsHint);
  }
  if (!rows.length) throw new InputError(words.empty, words.rowsHint);
  const findings = new Findings(rows.length, words);
  const named = rows.map((row, place) => byName(inputs, place, row, findings));
  if (extra === "error") refuseExtra(inputs, named, findings);
  const columns = new Map();
  for (const field of inputs) {
    columns.set(field.name, readColumn(field, named, findings));
  }
  findings.raiseIfAny();
  return { rows: rows.length, columns };
}

function byName(inputs, row, value, findings) {
  const expected = `an object of fields, or a list of ${inputs.length} values in the signature's order`;
  if (Array.isArray(value)) {
    if (value.length === inputs.length) {
      return new Map(inputs.map((field, place) => [field.name, value[place]]));
    }
    findings.add(`has ${value.length} values; expected ${expected}`, { row, expected });
    return null;
  }
  if (describe(value) === "an object") return new Map(Object.entries(value));
  findings.add(`expected ${expected}, got ${describe(value)}`, { row, expected });
  return null;
}

function refuseExtra(inputs, rows, findings) {
  const known = inputs.map((field) => field.name);
  rows.forEach((values, row) => {
    for (const name of values?.keys() ?? []) {
      if (known.includes(name)) continue;
      const likely = nearest(name, known);
      const ask = likely === null ? "" : `; did you mean '${likely}'?`;
      const field = name.length <= NAME_SHOWN ? name : `${name.slice(0, NAME_SHOWN)}...`;
      findings.add(`is not a field of this model${ask}`, { row, field, nearest: likely });
    }
  });
}

function readColumn(field, rows, findings) {
  const read = readerOf(field);
  const { name, expected } = field;
  const blank = isNumeric(field) ? NaN : null;
  const found = rows.map((values, row) => {
    if (values === null) return blank;
    const value = values.get(name) ?? null;
    if (value === null) {
      if (field.missing === "error") {
        findings.add(`is missing; expected ${expected}`, { row, field: name, expected });
      }
      return field.missing === "impute" ? field.impute : blank;
    }
    try {
      return read(value);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      const message = `expected ${expected}, got ${refused.message}. ${refused.hint}`.trimEnd();
      findings.add(message, { row, field: name, expected });
      return blank;
    }
  });
  return field.kind === "tensor" ? stack(field, found, findings) : { shape: [rows.length], values: found };
}

function stack({ name, expected }, found, findings) {
  const first = found[0];
  found.forEach((each, row) => {
    if (!each || !first || String(each.shape) === String(first.shape)) return;
    findings.add(
      `has shape ${shapeInWords(each.shape)}, row 0 has ${shapeInWords(first.shape)}: `
        + "the rows of one request must be alike.",
      { row, field: name, expected },
    );
  });
  return { shape: [found.length, ...(first?.shape ?? [])], values: found.flatMap((each) => each?.values ?? []) };
}

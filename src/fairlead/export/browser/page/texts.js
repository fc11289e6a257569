// Rows that were pasted: a JSON list, or CSV, whose cells are values as their field has them.

import { InputError } from "./findings.js";
import { NUMBER } from "./read.js";

const BOOLEANS = { true: true, false: false, 1: true, 0: false };

export function readPasted(inputs, text) {
  return /^\s*[[{]/.test(text) ? fromJson(text) : fromCsv(inputs, text);
}

function fromJson(text) {
  let rows;
  try {
    rows = JSON.parse(text, finite);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError("The JSON is malformed.", "Check its quotes, commas and brackets.");
  }
  return rows;
}

function finite(_, value) {
  if (value === Infinity || value === -Infinity) {
    throw new InputError(
      "The JSON holds a number beyond the range of a double.",
      "Numbers reach to about 1.8e308.",
    );
  }
  return value;
}

function fromCsv(inputs, text) {
  const [names, ...lines] = cellsOf(text);
  const readers = names.map((name) => cellReader(inputs.find((field) => field.name === name)));
  return lines.map((cells, row) => {
    if (cells.length !== names.length) {
      throw new InputError(`Row ${row} has ${cells.length} cells, the line of names ${names.length}.`);
    }
    return Object.fromEntries(names.map((name, place) => [name, readers[place](cells[place])]));
  });
}

function cellsOf(text) {
  const lines = [];
  for (const [, line] of text.trim().matchAll(/((?:"(?:[^"]|"")*"|[^"\n])*)(?:\n|$)/g)) {
    if (line.trim() === "") continue;
    const cells = [...`,${line.replace(/\r$/, "")}`.matchAll(/,("(?:[^"]|"")*"|[^,]*)/g)];
    lines.push(cells.map(([, cell]) => unquoted(cell)));
  }
  return lines;
}

function unquoted(cell) {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

// Empty text is a missing value; what the text does not hold stays text, and is refused later.
function cellReader(field) {
  const read = { number, integer: number, boolean, tensor: json }[field?.kind]
    ?? (field?.kind === "category" ? categoryReader(field) : String);
  return (text) => (text === "" ? null : read(text));
}

function number(text) {
  return NUMBER.test(text) ? Number(text) : text;
}

function boolean(text) {
  return BOOLEANS[text.trim().toLowerCase()] ?? text;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Categories of text as they are; others by what was seen, or else by how they look.
function categoryReader({ families, categories }) {
  const numbers = families.includes("a number");
  const booleans = families.includes("a boolean");
  return (text) => {
    if ((!numbers && !booleans) || categories.includes(text)) return text;
    if (booleans && (!numbers || !["0", "1"].includes(text.trim()))) {
      const value = boolean(text);
      if (value !== text) return value;
    }
    return numbers ? number(text) : text;
  };
}

// What is wrong with rows, gathered row by row and field by field, bounded in size; said in the
// words of Fairlead's servers.

export class InputError extends Error {
  constructor(message, hint = "", problems = []) {
    super(message);
    this.hint = hint;
    this.problems = problems;
  }
}

export class Findings {
  constructor(rows, words) {
    this.rows = rows;
    this.words = words;
    this.count = 0;
    this.described = [];
    this.perField = new Map();
  }

  add(message, { row = null, field = null, expected = null, nearest = null } = {}) {
    this.count += 1;
    const seen = this.perField.get(field) ?? 0;
    if (!seen && this.perField.size >= this.words.fieldsMax) return;
    this.perField.set(field, seen + 1);
    if (seen < this.words.listedMax) this.described.push({ message, row, field, expected, nearest });
  }

  raiseIfAny() {
    if (!this.count) return;
    const place = ({ row }) => row ?? -1;
    const listed = this.described
      .toSorted((one, other) => place(one) - place(other))
      .slice(0, this.words.listedMax);
    const first = sentence(listed[0]);
    const message = this.count === 1
      ? first
      : `${this.count} problems in ${this.rows} rows. The first: ${first}`;
    throw new InputError(message, this.words.hint, listed);
  }
}

function sentence({ message, row, field }) {
  const place = row === null ? [] : [`row ${row}`];
  if (field !== null) place.push(`field '${field}'`);
  const text = place.length ? `${place.join(", ")}: ${message}` : message;
  return text[0].toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : ".");
}

// The parity receipt: rows that travel with the model, the answers they must reproduce, and how
// exactly. What is no number must be equal, as must whole numbers, which may be labels.

const INFINITE = { inf: Infinity, "-inf": -Infinity };

export function rowsOfReceipt({ inputs }) {
  return { rows: inputs.rows, columns: columnsOf(inputs) };
}

// How many rows are answered otherwise, and by how much the worst number differs.
export function differences({ outputs }, tolerance, answers) {
  const wrong = new Set();
  let worst = 0;
  for (const [name, want] of columnsOf(outputs)) {
    const have = answers.get(name);
    if (!have || String(have.shape) !== String(want.shape)) {
      return { rows: outputs.rows, worst: null };
    }
    const width = want.values.length / outputs.rows;
    const isClose = closeness(want, tolerance);
    want.values.forEach((value, place) => {
      const got = have.values[place];
      if (same(value, got)) return;
      const gap = want.floating ? Math.abs(value - got) : NaN;
      worst = Math.max(worst, gap || 0);
      if (!isClose(value, gap)) wrong.add(Math.floor(place / width));
    });
  }
  return { rows: wrong.size, worst };
}

function columnsOf({ rows, numbers, columns }) {
  const found = new Map();
  for (const [name, values] of Object.entries(numbers)) {
    found.set(name, { shape: [rows], values: values.map(number), floating: true });
  }
  for (const [name, { dtype, shape, values }] of Object.entries(columns)) {
    const floating = dtype[1] === "f";
    found.set(name, { shape, values: floating ? values.map(number) : values, floating });
  }
  return found;
}

function number(value) {
  return value === null ? NaN : INFINITE[value] ?? value;
}

function closeness({ shape, values, floating }, { absolute, relative }) {
  const isWhole = shape.length === 1 && values.every(Number.isInteger);
  if (!floating || isWhole) return () => false;
  return (want, gap) => gap <= absolute + relative * Math.abs(want);
}

function same(one, other) {
  return one === other || (Number.isNaN(one) && Number.isNaN(other));
}

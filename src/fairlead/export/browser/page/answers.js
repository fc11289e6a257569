// Columns of answers as rows of JSON, as a server would write them.

export function rowsOf(outputs, answers, count) {
  const columns = outputs
    .filter(({ name }) => answers.has(name))
    .map((output) => [output.name, valuesOf(output, answers.get(output.name), count)]);
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(columns.map(([name, values]) => [name, values[row]])));
}

function valuesOf({ kind, names }, { shape, values }, count) {
  if (kind === "tensor") {
    const width = count ? values.length / count : 0;
    return Array.from({ length: count }, (_, row) =>
      nested(shape.slice(1), values.slice(row * width, (row + 1) * width), names));
  }
  const read = kind === "boolean" ? Boolean : (value) => value;
  return values.map((value) => (Number.isNaN(value) ? null : read(value)));
}

// The last axis has names where they are known.
function nested(shape, values, names) {
  if (!shape.length) return values[0];
  if (shape.length === 1) {
    if (!names.length) return values;
    return Object.fromEntries(names.map((name, place) => [name, values[place]]));
  }
  const width = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, place) =>
    nested(shape.slice(1), values.slice(place * width, (place + 1) * width), names));
}

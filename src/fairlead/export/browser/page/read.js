// Reading one value exactly: what a field takes, and why not.

export const INTEGER_LIMIT = 2 ** 53;
export const NUMBER = /^[ \t\n\r\f\v]*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?[ \t\n\r\f\v]*$/;

const RANGES = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};

// A value is not what its field takes.
export class Refused extends Error {
  constructor(got, hint = "") {
    super(got);
    this.hint = hint;
  }
}

export function describe(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return { boolean: "a boolean", number: "a number", string: "text" }[typeof value] ?? "an object";
}

export function readerOf(field) {
  const reader = { number, integer, boolean, category, text, tensor }[field.kind];
  return (value) => reader(field, value);
}

function number(field, value) {
  const found = typeof value === "string" ? numberOf(field, value) : value;
  if (typeof found !== "number") throw new Refused(describe(value));
  if (!Number.isFinite(found)) throw new Refused("an infinite number");
  return found;
}

function numberOf(field, value) {
  if (!NUMBER.test(value)) throw new Refused("text");
  if (!field.coerce) {
    throw new Refused(
      "text that holds a number",
      "Send the number without quotes, or set `coerce` for this field.",
    );
  }
  return Number(value);
}

function integer(field, value) {
  const whole = number(field, value);
  if (!Number.isInteger(whole)) throw new Refused("a number with a fraction");
  if (Math.abs(whole) >= INTEGER_LIMIT) {
    throw new Refused(
      "an integer of 2^53 or more, which a double does not hold exactly",
      "Long numbers that only name something are better sent as text.",
    );
  }
  return whole;
}

function boolean(field, value) {
  if (typeof value !== "boolean") {
    throw new Refused(describe(value), "Send true or false, without quotes.");
  }
  return value ? 1 : 0;
}

function category(field, value) {
  if (!field.families.includes(describe(value))) throw new Refused(describe(value));
  if (!field.categories.length || field.unknown === "allow") return value;
  if (field.categories.includes(value)) return value;
  if (field.unknown === "impute") return field.impute;
  throw new Refused("a category that the model has not seen", field.known);
}

function text(field, value) {
  if (typeof value !== "string") throw new Refused(describe(value));
  return value;
}

// Elements in order, and the lengths of the axes.
function tensor(field, value) {
  if (!Array.isArray(value)) throw new Refused(describe(value));
  const shape = shapeOf(value);
  const fits = shape.length === field.shape.length
    && field.shape.every((want, axis) => want === -1 || want === shape[axis]);
  if (!fits) throw new Refused(`a tensor of shape ${shapeInWords(shape)}`);
  const values = value.flat(Infinity);
  const want = { object: "text", bool: "a boolean" }[field.element] ?? "a number";
  if (!values.every((each) => describe(each) === want)) {
    throw new Refused("a list with elements of another type");
  }
  return { shape, values: cast(field.element, values) };
}

function shapeOf(value) {
  if (!Array.isArray(value)) return [];
  if (!value.length) return [0];
  const [first, ...others] = value.map(shapeOf);
  if (!others.every((other) => String(other) === String(first))) {
    throw new Refused("a list of lists of unequal lengths");
  }
  return [value.length, ...first];
}

export function shapeInWords(shape) {
  return shape.map((length) => (length === -1 ? "any" : length)).join(" x ") || "a single value";
}

function cast(element, values) {
  if (element in RANGES) {
    const [low, high] = RANGES[element];
    if (!values.every((value) => Number.isInteger(value) && value >= low && value <= high)) {
      throw new Refused(`elements that ${element} does not hold`);
    }
  }
  if (!element.startsWith("float")) return values;
  const rounded = element === "float32" ? values.map(Math.fround) : values;
  if (!rounded.every(Number.isFinite)) {
    throw new Refused(`elements that are missing or beyond the range of ${element}`);
  }
  return rounded;
}

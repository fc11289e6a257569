// The graph: started on the runtime that the page carries, fed with columns, and its answers
// read back into columns.

import { isNumeric } from "./check.js";
import { InputError } from "./findings.js";

const ARRAYS = {
  float64: Float64Array,
  float32: Float32Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};
const LONG = { int64: BigInt64Array, uint64: BigUint64Array };
const LOWEST = -(2n ** 63n); // what NumPy makes of a missing number

export async function start({ runtime, model, facts }) {
  const url = URL.createObjectURL(new Blob([bytes(runtime.module)], { type: "text/javascript" }));
  const ort = await import(url);
  URL.revokeObjectURL(url);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = await unpacked(bytes(runtime.binary));
  const session = await ort.InferenceSession.create(bytes(model), { executionProviders: ["wasm"] });
  return new Model(ort, session, facts);
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
}

async function unpacked(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

class Model {
  constructor(ort, session, facts) {
    this.ort = ort;
    this.session = session;
    this.facts = facts;
  }

  // Columns of answers, by the names of the outputs.
  async predict(batch) {
    const { feeds, asked, outputs } = this.facts;
    const given = Object.fromEntries(feeds.map((feed) => [feed.name, this.tensor(feed, batch)]));
    const answers = await this.session.run(given, asked.map(({ name }) => name));
    return new Map(asked.map(({ name, field }) => {
      const output = outputs.find((each) => each.name === field);
      return [field, column(output, answers[name], batch.rows)];
    }));
  }

  tensor({ fields, dtype }, batch) {
    const columns = fields.map((name) => batch.columns.get(name));
    const [{ shape, values }] = columns;
    const { Tensor } = this.ort;
    if (dtype === "object") {
      const texts = values.map((value, row) => this.text(value, row, fields[0]));
      return new Tensor("string", texts, [batch.rows, 1]);
    }
    if (fields.length === 1) {
      return new Tensor(dtype, typed(dtype, values), shape.length > 1 ? shape : [batch.rows, 1]);
    }
    const matrix = Array.from({ length: batch.rows }, (_, row) => columns.map((each) => each.values[row]));
    return new Tensor(dtype, typed(dtype, matrix.flat()), [batch.rows, fields.length]);
  }

  text(value, row, field) {
    const { missingText } = this.facts;
    if (value === null) return missingText;
    if (value.includes("\0")) {
      throw new InputError(
        `Row ${row}, field '${field}': holds a NUL, which ends a text in a browser.`,
        "Leave it out.",
      );
    }
    return value === missingText ? `${missingText}?` : value;
  }
}

function typed(dtype, values) {
  if (dtype in LONG) return LONG[dtype].from(values, long);
  return ARRAYS[dtype].from(values, (value) => (value === null ? NaN : Number(value)));
}

function long(value) {
  const number = value === null ? NaN : Number(value);
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : LOWEST;
}

function column(output, tensor, rows) {
  const plain = tensor.type === "bool" && !isNumeric(output) ? Boolean : plainly;
  const values = Array.from(tensor.data, plain);
  if (output.kind !== "tensor") return { shape: [rows], values };
  const fixed = !output.shape.includes(-1);
  return { shape: fixed ? [rows, ...output.shape] : [...tensor.dims], values };
}

function plainly(value) {
  return typeof value === "bigint" ? Number(value) : value;
}

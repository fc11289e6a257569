// One row as a request in other languages. A row is a list of [name, value]; a value that is
// a `Picked` file stands for its bytes. A key is never written out: it is taken from the variable
// FAIRLEAD_KEY.

export class Picked {
  constructor(fileName, base64) {
    this.fileName = fileName;
    this.base64 = base64;
  }
}

export function body(row) {
  const values = row.map(([name, value]) => [name, value instanceof Picked ? value.base64 : value]);
  return `{"rows":[${object(values)}]}`;
}

function object(row) {
  const pairs = row.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${pairs.join(",")}}`;
}

export function curl(url, row, keys) {
  const key = keys ? ' \\\n  -H "Authorization: Bearer $FAIRLEAD_KEY"' : "";
  const end = `curl ${shell(url)}${key} \\\n  -H 'Content-Type: application/json'`;
  if (!row.some(([, value]) => value instanceof Picked)) {
    return `${end} \\\n  --data-raw ${shell(body(row))}`;
  }
  // Files may be longer than an argument can be, so the body goes through a pipe.
  let text = '{"rows":[{';
  const commands = [];
  row.forEach(([name, value], place) => {
    text += `${place ? "," : ""}${JSON.stringify(name)}:`;
    if (value instanceof Picked) {
      commands.push(`printf %s ${shell(`${text}"`)}`, `base64 < ${shell(value.fileName)} | tr -d '\\n'`);
      text = '"';
    } else {
      text += JSON.stringify(value);
    }
  });
  commands.push(`printf %s ${shell(`${text}}]}`)}`);
  return `{ ${commands.join("; \\\n  ")}; } | \\\n${end} \\\n  --data-binary @-`;
}

// In single quotes a shell reads everything as it is, but the quote itself.
function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function python(apiUrl, endpoint, row, keys) {
  const files = row.some(([, value]) => value instanceof Picked);
  const pairs = row.map(([name, value]) => `        ${literal(name)}: ${literal(value)},\n`);
  return [
    keys ? "import os\n" : "",
    files ? "from pathlib import Path\n" : "",
    keys || files ? "\n" : "",
    "from fairlead import Client\n\n",
    `client = Client(${literal(apiUrl)}${keys ? ', key=os.environ["FAIRLEAD_KEY"]' : ""})\n`,
    `answer = client.predict(\n    ${literal(endpoint)},\n    {\n${pairs.join("")}    },\n)\n`,
    "print(answer)",
  ].join("");
}

// Strings and finite numbers of JSON are literals of Python too.
function literal(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (value instanceof Picked) return `Path(${literal(value.fileName)}).read_bytes()`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, item]) => `${literal(key)}: ${literal(item)}`);
    return `{${pairs.join(", ")}}`;
  }
  return JSON.stringify(value);
}

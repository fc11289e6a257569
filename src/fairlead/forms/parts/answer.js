// Parts of an answer, drawn. What comes from a model or a caller is only ever set as text.

const BARS_MAX = 10;

export function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// The outputs of one row: the named one large, the others below it.
export function showOutputs(shown, outputs, large) {
  shown.replaceChildren();
  if (large !== null && large in outputs) {
    shown.append(make("p", "large", asText(outputs[large])));
  }
  for (const [name, value] of Object.entries(outputs)) {
    if (name === large) continue;
    shown.append(make("h3", "", name), isNamed(value) ? bars(value) : make("p", "", asText(value)));
  }
}

export function showRefusal(shown, error) {
  shown.replaceChildren(make("p", "problem", error.message));
  if (error.hint) shown.append(make("p", "note", error.hint));
}

function isNamed(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    && Object.values(value).every((share) => typeof share === "number");
}

function bars(shares) {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b - a);
  const list = make("ul", "bars");
  for (const [name, share] of sorted.slice(0, BARS_MAX)) {
    const item = make("li");
    const track = make("span", "track");
    const fill = make("span", "fill");
    fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
    track.append(fill);
    item.append(make("span", "name", name), make("span", "share", asText(share)), track);
    list.append(item);
  }
  if (sorted.length > BARS_MAX) {
    list.append(make("li", "note", `and ${sorted.length - BARS_MAX} more below`));
  }
  return list;
}

export function facts(named) {
  const list = make("dl");
  for (const [name, text] of Object.entries(named)) {
    list.append(make("dt", "", name), make("dd", name === "id" ? "code" : "", text));
  }
  return list;
}

export function asText(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "string" ? value : JSON.stringify(value);
}

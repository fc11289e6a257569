// The known word that a mistyped one was probably meant to be: the ratio of Ratcliff and
// Obershelp, as Python's difflib has it.

const LENGTH_MAX = 100;
const CUTOFF = 0.6;

export function nearest(word, known) {
  if (word.length > LENGTH_MAX) return null;
  let best = null;
  for (const other of known) {
    const found = ratio([...other], [...word]);
    if (found >= CUTOFF && (best === null || found > best.found || (found === best.found && other > best.other))) {
      best = { other, found };
    }
  }
  return best === null ? null : best.other;
}

function ratio(a, b) {
  const length = a.length + b.length;
  return length ? (2 * matches(a, b)) / length : 1;
}

// How many signs are in the longest common run, and left and right of it.
function matches(a, b) {
  const { start, other, size } = longest(a, b);
  if (!size) return 0;
  return size + matches(a.slice(0, start), b.slice(0, other))
    + matches(a.slice(start + size), b.slice(other + size));
}

function longest(a, b) {
  let best = { start: 0, other: 0, size: 0 };
  let before = new Map();
  for (let i = 0; i < a.length; i += 1) {
    const here = new Map();
    for (let j = 0; j < b.length; j += 1) {
      if (a[i] !== b[j]) continue;
      const size = (before.get(j - 1) ?? 0) + 1;
      here.set(j, size);
      if (size > best.size) best = { start: i - size + 1, other: j - size + 1, size };
    }
    before = here;
  }
  return best;
}

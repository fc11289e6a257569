// The fields of a form that was made from a signature: read as a row, kept in step, and told
// what is wrong. What comes from elsewhere is only ever set as text.

export function fieldsOf(form) {
  const fields = [...form.querySelectorAll("[data-field]")].map((box) => ({
    ...JSON.parse(box.dataset.field),
    box,
    control: box.querySelector("[data-value]"),
    slider: box.querySelector("[data-slider]"),
    missing: box.querySelector("[data-missing]"),
    problem: box.querySelector("[data-problem]"),
    picked: null,
  }));
  fields.forEach(listen);
  return fields;
}

function listen(field) {
  field.slider?.addEventListener("input", () => {
    field.control.value = field.slider.value;
  });
  field.control.addEventListener("input", () => {
    if (field.slider && field.control.value !== "") field.slider.value = field.control.value;
  });
  field.box.addEventListener("input", () => clearProblem(field));
}

// What is there, as a list of [name, value].
export function readRow(fields) {
  return fields
    .filter((field) => !field.missing?.checked)
    .map((field) => [field.name, valueOf(field)])
    .filter(([, value]) => value !== null);
}

function valueOf(field) {
  const { control } = field;
  switch (field.kind) {
    case "number":
      return control.value === "" ? null : Number(control.value);
    case "checkbox":
      return control.checked;
    case "select":
      return JSON.parse(control.value);
    case "datalist":
      return typed(field, control.value);
    case "time":
      return control.value === "" ? null : `${control.value}Z`;
    case "file":
      return field.picked;
    case "json":
      return parsed(control);
    default:
      return control.value;
  }
}

function typed(field, text) {
  if (text === "") return null;
  const known = field.known.find((value) => String(value) === text);
  if (known !== undefined) return known;
  if (field.types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  const number = Number(text);
  if (field.types.includes("number") && text.trim() !== "" && Number.isFinite(number)) return number;
  return text;
}

function parsed(control) {
  try {
    const value = JSON.parse(control.value);
    control.setCustomValidity("");
    return value;
  } catch {
    control.setCustomValidity("This is not JSON.");
    return null;
  }
}

export function showMissing(fields) {
  for (const field of fields) {
    const missing = Boolean(field.missing?.checked);
    field.control.disabled = missing;
    if (field.slider) field.slider.disabled = missing;
    field.box.classList.toggle("is-missing", missing);
  }
}

export function clearProblem(field) {
  field.problem.textContent = "";
  field.control.removeAttribute("aria-invalid");
}

export function showProblems(fields, problems) {
  let first = null;
  for (const problem of problems) {
    const field = fields.find(({ name }) => name === problem.field);
    if (!field) continue;
    field.problem.textContent = problem.message;
    field.control.setAttribute("aria-invalid", "true");
    first ??= field.control;
  }
  first?.focus();
}

// What all pages do: times in the reader's zone, live values, parts that are made anew when
// something changed, and figures, once the page can be read. Nothing that comes from the server is
// ever set as anything but text, points, or a part of a page that it rendered itself.

const LIBRARY = "/static/plotly.min.js";
const NARROW_PX = 480;
const SOON_MS = 300;

// Times

const near = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const far = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function localize(root) {
  const today = new Date().toDateString();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const time = new Date(element.dateTime);
    element.textContent = (time.toDateString() === today ? near : far).format(time);
    element.title = `${exact.format(time)} (${element.dateTime})`;
  }
}

// Live values

export function follow() {
  let known = {};  // of what changed between this page and its first event nothing else tells
  let timer = 0;
  const due = new Set();
  const renewSoon = () => {
    timer ||= setTimeout(async () => {
      timer = 0;
      const topics = [...due];
      due.clear();
      if (!await renew(topics)) topics.forEach((topic) => due.add(topic));
    }, SOON_MS);
  };
  const events = new EventSource("/live");
  events.addEventListener("message", (event) => {
    const { live, changed } = JSON.parse(event.data);
    for (const element of document.querySelectorAll("[data-live]")) {
      const text = live[element.dataset.live];
      if (text !== undefined && element.textContent !== text) element.textContent = text;
    }
    for (const element of document.querySelectorAll("[data-live-points]")) {
      const points = live[element.dataset.livePoints];
      if (points !== undefined) element.setAttribute("points", points);
    }
    const topics = Object.keys(changed).filter((topic) => known[topic] !== changed[topic]);
    topics.forEach((topic) => due.add(topic));
    known = changed;
    if (topics.length) renewSoon();
  });
  // What was under the reader's hands is made anew when they let go of it.
  const letGo = () => due.size && renewSoon();
  for (const end of ["focusout", "toggle"]) document.addEventListener(end, letGo, true);
}

// A part names topics in `data-on`, each as the beginning of those it is about. Tells whether all
// could be made anew: none is under the reader's hands.
async function renew(topics) {
  const parts = [...document.querySelectorAll("[data-on][id]")].filter((part) =>
    part.dataset.on.split(" ").some((start) => topics.some((topic) => topic.startsWith(start))));
  if (!parts.length) return true;
  const reply = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!reply) return false;
  if (!reply.ok || reply.redirected) return true;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  let whole = true;
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh?.isEqualNode(rendered.get(part))) continue;
    if (part.contains(document.activeElement) || part.querySelector("details[open]")) {
      whole = false;
      continue;
    }
    if (!fresh) {  // the page has become another one
      location.reload();
      return true;
    }
    part.replaceWith(fresh);
    settle(fresh);
  }
  return whole;
}

// What was rendered of each part: what is shown has the reader's times and drawn figures in it.
const rendered = new WeakMap();

export function settle(root) {
  const parts = [...root.querySelectorAll("[data-on][id]")];
  if (root.matches?.("[data-on][id]")) parts.push(root);
  for (const part of parts) rendered.set(part, part.cloneNode(true));
  localize(root);
  draw(root);
}

// Figures

const dark = matchMedia("(prefers-color-scheme: dark)");
let library = null;

function load() {
  library ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
  return library;
}

function themed(layout, width) {
  const style = getComputedStyle(document.documentElement);
  const [ink, line] = ["--quiet", "--line"].map((name) => style.getPropertyValue(name).trim());
  const { title, height, ...rest } = layout;
  const plain = {
    ...rest,
    autosize: true,
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
    legend: { ...rest.legend, font: { size: 11 } },
    margin: { ...rest.margin, t: rest.showlegend ? 36 : 12 },
  };
  for (const [name, axis] of Object.entries(plain)) {
    if (!/^[xy]axis/.test(name)) continue;
    plain[name] = { gridcolor: line, ...axis };
    if (axis.type === "date") Object.assign(plain[name], { tickangle: 0, nticks: Math.max(2, (width - 160) / 70 | 0) });
  }
  return plain;
}

async function drawOne(figure) {
  const canvas = figure.querySelector(".canvas");
  try {
    const [reply] = await Promise.all([fetch(figure.dataset.figure), load()]);
    if (!reply.ok) throw new Error(String(reply.status));
    const { data, layout } = await reply.json();
    canvas.replaceChildren();
    const options = { displayModeBar: false, responsive: true, doubleClick: "reset" };
    const width = canvas.clientWidth;
    if (width < NARROW_PX) for (const trace of data) trace.showscale = false;
    const paint = () => Plotly.react(canvas, data, themed(layout, width), options);
    await paint();
    if (figure.dataset.opens) canvas.on("plotly_click", (event) => open(figure, event.points[0]));
    dark.addEventListener("change", paint);
    figure.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  } catch {
    canvas.firstElementChild?.replaceChildren("It could not be drawn. The CSV has its numbers.");
  }
}

// A mark carries what it opens behind its label, in the order that the figure names it in.
function open(figure, point) {
  const names = figure.dataset.opens.split(" ");
  const values = [].concat(point.customdata).slice(1);
  if (values.length !== names.length || !values.every(Boolean)) return;
  const there = new URL(location.href);
  names.forEach((name, place) => there.searchParams.set(name, values[place]));
  there.hash = names[0];
  location.assign(there);
}

// Only what is looked at is drawn, and after what can be read.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    drawOne(entry.target);
  }
}, { rootMargin: "200px" });

function draw(root) {
  for (const figure of root.querySelectorAll("[data-figure]")) seen.observe(figure);
}

// One opens at a time, and Escape closes it.
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.pop[open]")) return;
  for (const other of document.querySelectorAll("details.pop[open]")) {
    if (other !== event.target) other.open = false;
  }
  event.target.querySelector("input:not([type=hidden])")?.focus();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.pop[open]")) open.open = false;
});

settle(document);
if (document.querySelector("[data-live], [data-live-points], [data-on]")) follow();

"use strict";

const figures = JSON.parse(document.getElementById("figures").textContent);
const places = [...document.querySelectorAll("[data-figure]")];

// Figures come without colours of grounds, lines and text: these are the page's.
function themed(layout) {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { gridcolor: color("--line"), linecolor: color("--line"), zerolinecolor: color("--line") };
  return {
    ...layout,
    paper_bgcolor: color("--card"),
    plot_bgcolor: color("--card"),
    font: { color: color("--ink"), family: "system-ui, sans-serif", size: 13 },
    xaxis: { ...layout.xaxis, ...axis },
    yaxis: { ...layout.yaxis, ...axis },
  };
}

function draw() {
  for (const place of places) {
    const { data, layout } = figures[Number(place.dataset.figure)];
    Plotly.react(place, data, themed(layout), { responsive: true, displaylogo: false });
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();

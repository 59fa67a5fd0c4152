"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { displayModeBar: false, responsive: true };
  const small = window.matchMedia("(max-width: 720px)");

  const layoutOf = (figure) => (small.matches && figure.narrow ? figure.narrow : figure.layout);
  const draw = (figure) => Plotly.react(figure.id, figure.data, structuredClone(layoutOf(figure)), options);

  // Show one unit of a polar chart alone; null shows all.
  const isolate = (chart, unit) => {
    const count = chart.data.length;
    const traces = Array.from({ length: count }, (_, i) => i);
    Plotly.restyle(chart, {
      opacity: traces.map((i) => (unit === null || i === unit ? 1 : 0.1)),
      "line.width": traces.map((i) => (i === unit ? 3.5 : 2)),
    }, traces);
    const chips = document.querySelector(`[data-chart="${chart.id}"]`);
    for (const chip of chips.children) chip.setAttribute("aria-pressed", Number(chip.dataset.trace) === unit);
  };

  const listen = (figure) => {
    const chart = document.getElementById(figure.id);
    const chips = document.querySelector(`[data-chart="${figure.id}"]`);
    if (!chips) return;
    let shown = null;
    const show = (unit) => {
      if (unit === shown) return;
      shown = unit;
      isolate(chart, unit);
    };
    chart.on("plotly_hover", (event) => show(event.points[0].curveNumber));
    chart.on("plotly_unhover", () => show(null));
    for (const chip of chips.children) {
      const unit = Number(chip.dataset.trace);
      chip.addEventListener("pointerenter", () => show(unit));
      chip.addEventListener("pointerleave", () => show(null));
      chip.addEventListener("focus", () => show(unit));
      chip.addEventListener("blur", () => show(null));
      chip.addEventListener("click", () => show(unit));
    }
  };

  // One colour scale for all heat maps, or one for each.
  const rescale = (choice) => {
    const figure = figures.find(({ scales }) => scales);
    const end = figure.scales[choice];
    Plotly.restyle(figure.id, { zmax: end });
    document.getElementById("scale-end").textContent = choice === "own" ? "each unit’s peak" : end.toFixed(1);
  };

  Promise.all(figures.map(draw)).then(() => {
    figures.forEach(listen);
    small.addEventListener("change", () => figures.forEach(draw));
    for (const choice of document.querySelectorAll('input[name="colours"]'))
      choice.addEventListener("change", () => rescale(choice.value));
    document.documentElement.dataset.drawn = "yes";
  });
})();

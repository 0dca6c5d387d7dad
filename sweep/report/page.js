(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figure-data").textContent);
  const touch = matchMedia("(pointer: coarse)").matches;
  const plots = Object.entries(figures).map(([name, figure]) => {
    const place = document.getElementById("plot-" + name);
    // A finger that scrolls the page must not zoom into a figure.
    const layout = touch ? { ...figure.layout, dragmode: false } : figure.layout;
    Plotly.newPlot(place, figure.data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: touch ? false : "hover",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    });
    return place;
  });
  // Paper is narrower than most windows, and nothing can be opened on it.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((each) => (each.open = true));
    plots.forEach((plot) => Plotly.relayout(plot, { width: 680 }));
  });
  addEventListener("afterprint", () => {
    opened.forEach((each) => (each.open = false));
    plots.forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
  });
  document.documentElement.dataset.drawn = plots.length;
})();

// Curves of what runs logged, with a log scale, smoothing, and runs on and off. Each
// `.curves` on the page holds its numbers as JSON, the panels of `Chart.draw`.
{
  const COLOURS = 7; // of the style sheet; further ones are made here
  const FIRST = 6; // panels that are seen at once; the others unfold
  const { draw, element } = Chart;

  const legend = (state, redraw) =>
    Object.entries(state.colours).map(([run, colour]) => {
      const swatch = element("i", { style: `background: ${colour}` });
      const pressed = { type: "button", "aria-pressed": "true" };
      const button = element("button", pressed, swatch, run);
      button.addEventListener("click", () => {
        const hides = !state.hidden.has(run);
        state.hidden[hides ? "add" : "delete"](run);
        button.setAttribute("aria-pressed", `${!hides}`);
        redraw();
      });
      return button;
    });

  const controls = (state, redraw) => {
    const log = element("input", { type: "checkbox" });
    log.addEventListener("change", () => {
      state.log = log.checked;
      redraw();
    });
    const range = { type: "range", min: 0, max: 0.99, step: 0.01, value: 0 };
    const smooth = element("input", range);
    smooth.addEventListener("input", () => {
      state.smooth = +smooth.value;
      redraw();
    });
    return [
      element("label", {}, log, "log scale"),
      element("label", {}, "smoothing", smooth),
      element("span", {}, "dashed: validation"),
    ];
  };

  for (const place of document.querySelectorAll(".curves")) {
    const panels = JSON.parse(place.querySelector("script").textContent);
    const runs = [...new Set(panels.flatMap((p) => p.lines.map((line) => line.run)))];
    const colour = (i) =>
      i < COLOURS ? `var(--c${i})` : `hsl(${(137.5 * i) % 360} 50% 50%)`;
    const colours = Object.fromEntries(runs.map((run, i) => [run, colour(i)]));
    const state = { hidden: new Set(), log: false, smooth: 0, colours };
    const places = panels.map(() => element("div", { class: "panel" }));
    const redraw = () => panels.forEach((panel, i) => draw(places[i], panel, state));
    const grid = (some) => element("div", { class: "panels" }, ...some);
    place.append(
      element("p", { class: "legend" }, ...legend(state, redraw)),
      element("p", { class: "controls" }, ...controls(state, redraw)),
      grid(places.slice(0, FIRST)),
    );
    if (panels.length > FIRST) {
      const summary = element("summary", {}, `${panels.length - FIRST} more`);
      const more = element("details", {}, summary, grid(places.slice(FIRST)));
      more.addEventListener("toggle", redraw);
      place.append(more);
    }
    redraw();
    addEventListener("resize", redraw);
  }
}

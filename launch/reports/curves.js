// Curves of what runs logged: values under the mouse, log scale, smoothing, runs on and
// off. Each `.curves` holds its numbers as JSON: [{title, lines: [{run, split, x, y}]}].
{
  const HEIGHT = 210, LEFT = 54, RIGHT = 10, TOP = 10, BOTTOM = 24, COLOURS = 7;
  const FIRST = 6; // panels; the others unfold
  const SHOWN = 8; // lines named under the mouse, the nearest first

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const drawn = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const number = (x) => {
    const size = Math.abs(x);
    if (size && (size < 1e-3 || size >= 1e7)) return x.toExponential(2);
    return x.toLocaleString("en", { maximumSignificantDigits: 4 });
  };
  const short = (x) => {
    if (Math.abs(x) >= 1e6) return `${+(x / 1e6).toPrecision(3)}M`;
    if (Math.abs(x) >= 1e4) return `${+(x / 1e3).toPrecision(3)}k`;
    return Math.abs(x) < 1e-3 && x ? x.toExponential(0) : `${+x.toPrecision(3)}`;
  };

  // The running mean, without a pull towards its start.
  const smoothed = (values, weight) => {
    let mean = 0, norm = 0;
    return values.map((y) => {
      if (y === null) return null;
      mean = weight * mean + (1 - weight) * y;
      norm = weight * norm + (1 - weight);
      return mean / norm;
    });
  };
  // Where all curves fall, huge first values would press the rest flat.
  const limits = (lines, log) => {
    const all = lines.map((line) => line.y.filter((y) => y !== null && (!log || y > 0)));
    const some = all.filter((ys) => ys.length);
    if (!some.length) return [0, 1];
    let low = Math.min(...some.flat()), high = Math.max(...some.flat());
    if (!log && some.every((ys) => ys.length > 20 ? ys.at(-1) < ys[0] : true))
      high = Math.max(...some.map((ys) =>
        [...ys].sort((a, b) => a - b)[ys.length > 20 ? Math.ceil(0.95 * ys.length) - 1 : ys.length - 1]));
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) / 2 || 1), high + (Math.abs(high) / 2 || 1)];
    const room = log ? 0 : 0.05 * (high - low);
    return [low - room, high + room];
  };
  const ticks = (low, high, count, log) => {
    if (log) {
      const powers = [];
      for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
        for (const digit of [1, 2, 5]) powers.push(digit * 10 ** p);
      const inside = powers.filter((x) => x >= low && x <= high);
      const tens = inside.filter((x) => Number.isInteger(Math.round(1e9 * Math.log10(x)) / 1e9));
      return inside.length > 6 && tens.length > 1 ? tens : inside;
    }
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
    return found;
  };

  const draw = (place, panel, state) => {
    const width = place.clientWidth;
    if (!width) return; // folded away
    const lines = panel.lines.filter((line) => !state.hidden.has(line.run));
    const log = state.log && lines.some((line) => line.y.some((y) => y > 0));
    const shown = lines.map((line) => ({ ...line, y: smoothed(line.y, state.smooth) }));
    const steps = lines.flatMap((line) => [line.x[0], line.x.at(-1)]);
    let [first, last] = steps.length ? [Math.min(...steps), Math.max(...steps)] : [0, 1];
    if (first === last) [first, last] = [first - 1, last + 1];
    const [low, high] = limits(shown, log);
    const scale = log ? Math.log : (y) => y;
    const x = (step) => LEFT + ((width - LEFT - RIGHT) * (step - first)) / (last - first);
    const y = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (scale(high) - scale(value))) / (scale(high) - scale(low));
    const svg = drawn("svg", { width, height: HEIGHT, role: "img", "aria-label": panel.title });
    const clip = `clip${state.clips++}`;
    const frame = { x: LEFT, y: TOP - 4, width: Math.max(0, width - LEFT - RIGHT), height: HEIGHT - TOP - BOTTOM + 8 };
    svg.append(drawn("clipPath", { id: clip }));
    svg.firstChild.append(drawn("rect", frame));
    for (const value of ticks(low, high, 5, log)) {
      svg.append(drawn("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "rule" }));
      svg.append(drawn("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
    }
    const whole = (step) => Number.isInteger(step);
    for (const step of ticks(first, last, width / 70, false).filter(whole))
      svg.append(drawn("text", { x: x(step), y: HEIGHT - 6, "text-anchor": "middle" }, short(step)));
    const path = (line, values, kind) => {
      const points = values.map((v, i) => [line.x[i], v]).filter(([, v]) => v !== null && (!log || v > 0));
      const style = `stroke: ${state.colours[line.run]}; fill: ${state.colours[line.run]}`;
      if (points.length === 1)
        return drawn("circle", { cx: x(points[0][0]), cy: y(points[0][1]), r: 3, style });
      const d = points.map(([s, v], i) => `${i ? "L" : "M"}${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      return drawn("path", { d, class: `${line.split} ${kind}`, style, "clip-path": `url(#${clip})` });
    };
    if (state.smooth) lines.forEach((line) => svg.append(path(line, line.y, "faint")));
    shown.forEach((line) => svg.append(path(line, line.y, "")));
    const cross = drawn("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cross", visibility: "hidden" });
    const box = element("div", { class: "values", hidden: "" });
    svg.append(cross);
    place.replaceChildren(element("h3", {}, panel.title), svg, box);
    svg.addEventListener("pointerleave", () => { box.hidden = true; cross.setAttribute("visibility", "hidden"); });
    svg.addEventListener("pointermove", (event) => {
      const frame = svg.getBoundingClientRect();
      const at = first + ((event.clientX - frame.left - LEFT) / (width - LEFT - RIGHT)) * (last - first);
      const near = shown.map((line) => {
        let best = 0;
        line.x.forEach((step, i) => { if (Math.abs(step - at) < Math.abs(line.x[best] - at)) best = i; });
        return { line, step: line.x[best], value: line.y[best] };
      }).filter(({ value }) => value !== null && (!log || value > 0));
      if (!near.length) return;
      const far = ({ value }) => Math.abs(y(value) - (event.clientY - frame.top));
      near.sort((a, b) => far(a) - far(b));
      box.replaceChildren(...near.slice(0, SHOWN).map(({ line, step, value }) => {
        const name = line.run + (line.split === "valid" ? ", validation" : "");
        const swatch = element("i", { style: `background: ${state.colours[line.run]}` });
        return element("div", {}, swatch, `${name} at ${step.toLocaleString("en")}: `, element("b", {}, number(value)));
      }));
      box.hidden = false;
      const left = x(near[0].step);
      cross.setAttribute("x1", left);
      cross.setAttribute("x2", left);
      cross.setAttribute("visibility", "visible");
      box.style.left = `${Math.max(0, Math.min(left + 10, width - box.offsetWidth))}px`;
    });
  };

  for (const place of document.querySelectorAll(".curves")) {
    const panels = JSON.parse(place.querySelector("script").textContent);
    const runs = [...new Set(panels.flatMap((p) => p.lines.map((line) => line.run)))];
    const colour = (i) => i < COLOURS ? `var(--c${i})` : `hsl(${(137.5 * i) % 360} 50% 50%)`;
    const colours = Object.fromEntries(runs.map((run, i) => [run, colour(i)]));
    const state = { hidden: new Set(), log: false, smooth: 0, clips: 0, colours };
    const places = panels.map(() => element("div", { class: "panel" }));
    const redraw = () => panels.forEach((panel, i) => draw(places[i], panel, state));
    const more = element("details", {},
      element("summary", {}, `${panels.length - FIRST} more`),
      element("div", { class: "panels" }, ...places.slice(FIRST)));
    more.addEventListener("toggle", redraw);
    const legend = runs.map((run) => {
      const swatch = element("i", { style: `background: ${colours[run]}` });
      const button = element("button", { type: "button", "aria-pressed": "true" }, swatch, run);
      button.addEventListener("click", () => {
        const hides = !state.hidden.has(run);
        state.hidden[hides ? "add" : "delete"](run);
        button.setAttribute("aria-pressed", `${!hides}`);
        redraw();
      });
      return button;
    });
    const log = element("input", { type: "checkbox" });
    log.addEventListener("change", () => { state.log = log.checked; redraw(); });
    const smooth = element("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0 });
    smooth.addEventListener("input", () => { state.smooth = +smooth.value; redraw(); });
    const controls = element("p", { class: "controls" },
      element("label", {}, log, "log scale"), element("label", {}, "smoothing", smooth),
      element("span", {}, "dashed: validation"));
    place.append(element("p", { class: "legend" }, ...legend), controls,
      element("div", { class: "panels" }, ...places.slice(0, FIRST)));
    if (panels.length > FIRST) place.append(more);
    redraw();
    addEventListener("resize", redraw);
  }
}

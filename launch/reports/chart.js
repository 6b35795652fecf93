// One chart as SVG: `Chart.draw(place, panel, state)` draws a panel of curves into an
// element. A panel is {title, lines: [{run, split, x, y}]}, and the state says which runs
// are hidden, their colours, and how much is smoothed.
const Chart = (() => {
  const HEIGHT = 210;
  const EDGE = { left: 54, right: 10, top: 10, bottom: 24 };
  const NAMED = 8; // lines named under the mouse, the nearest first
  const LONG = 20; // points: a longer line may have its huge first values cut

  const fill = (made, attributes, children) => {
    for (const [key, value] of Object.entries(attributes))
      made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const element = (name, attributes = {}, ...children) =>
    fill(document.createElement(name), attributes, children);
  const drawn = (name, attributes, ...children) =>
    fill(
      document.createElementNS("http://www.w3.org/2000/svg", name),
      attributes,
      children,
    );

  const exact = (x) => {
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
    let mean = 0;
    let norm = 0;
    return values.map((y) => {
      if (y === null) return null;
      mean = weight * mean + (1 - weight) * y;
      norm = weight * norm + (1 - weight);
      return mean / norm;
    });
  };

  // The y axis, as the figure has it: where all curves fall, huge first values would
  // press the rest flat, and are cut.
  const limits = (lines, visible, log) => {
    const all = lines.map((line) => line.y.filter(visible)).filter((ys) => ys.length);
    if (!all.length) return [0, 1];
    const top = (ys) => {
      const sorted = [...ys].sort((a, b) => a - b);
      return sorted[ys.length > LONG ? Math.ceil(0.95 * ys.length) - 1 : ys.length - 1];
    };
    const falls = !log && all.every((ys) => ys.length <= LONG || ys.at(-1) < ys[0]);
    const low = Math.min(...all.flat());
    const high = Math.max(...(falls ? all.map(top) : all.flat()));
    const same = Math.abs(low) / 2 || 1; // of a constant
    const room = low === high ? same : 0.05 * (high - low);
    if (log) return low === high ? [low / 2, high * 2] : [low, high];
    return [low - room, high + room];
  };

  const ticks = (low, high, count, log) => {
    if (log) {
      const powers = [];
      for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
        powers.push(p);
      const fine = powers.flatMap((p) => [1, 2, 5].map((digit) => digit * 10 ** p));
      const inside = (x) => x >= low && x <= high;
      const tens = powers.map((p) => 10 ** p).filter(inside);
      const found = tens.length > 2 ? tens : fine.filter(inside);
      if (found.length > 1) return found; // else less than a power: as if linear
    }
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
    return found;
  };

  // Where steps and values stand in a chart of some width.
  const scales = (width, lines, log) => {
    const visible = (y) => y !== null && (!log || y > 0);
    const steps = lines.flatMap((line) => [line.x[0], line.x.at(-1)]);
    let first = Math.min(...(steps.length ? steps : [0]));
    let last = Math.max(...(steps.length ? steps : [1]));
    const only = first === last ? first : null; // the step of a single point
    if (only !== null) [first, last] = [first - 1, last + 1];
    const [low, high] = limits(lines, visible, log);
    const [bottom, top] = log ? [Math.log(low), Math.log(high)] : [low, high];
    const wide = Math.max(width - EDGE.left - EDGE.right, 1);
    const tall = HEIGHT - EDGE.top - EDGE.bottom;
    return {
      ...{ width, wide, tall, first, last, only, low, high, log, visible },
      x: (step) => EDGE.left + (wide * (step - first)) / (last - first),
      y: (y) => EDGE.top + (tall * (top - (log ? Math.log(y) : y))) / (top - bottom),
      step: (x) => first + ((x - EDGE.left) / wide) * (last - first),
    };
  };

  const axes = (svg, at) => {
    for (const value of ticks(at.low, at.high, 5, at.log)) {
      const y = at.y(value);
      const ends = { x1: EDGE.left, x2: EDGE.left + at.wide, y1: y, y2: y };
      const place = { x: EDGE.left - 6, y: y + 4, "text-anchor": "end" };
      svg.append(drawn("line", { ...ends, class: "rule" }));
      svg.append(drawn("text", place, short(value)));
    }
    const many = ticks(at.first, at.last, at.width / 70, false);
    const steps = at.only === null ? many : [at.only];
    for (const step of steps.filter(Number.isInteger)) {
      const place = { x: at.x(step), y: HEIGHT - 6, "text-anchor": "middle" };
      svg.append(drawn("text", place, short(step)));
    }
  };

  const curve = (line, values, kind, at, colour, clip) => {
    const points = values
      .map((y, i) => [line.x[i], y])
      .filter(([, y]) => at.visible(y))
      .map(([step, y]) => [at.x(step).toFixed(1), at.y(y).toFixed(1)]);
    const style = `stroke: ${colour}; fill: ${colour}`;
    if (points.length === 1) {
      const [cx, cy] = points[0];
      return drawn("circle", { cx, cy, r: 3, style });
    }
    const d = points.length
      ? `M${points.map((point) => point.join(" ")).join("L")}`
      : "";
    const shape = { d, class: `${line.split} ${kind}`, "clip-path": `url(#${clip})` };
    return drawn("path", { ...shape, style });
  };

  // The values of all lines at the step under the mouse.
  const answer = (svg, box, shown, at, colours) => {
    const ends = { y1: EDGE.top, y2: EDGE.top + at.tall, visibility: "hidden" };
    const cross = drawn("line", { ...ends, class: "cross" });
    svg.append(cross);
    const nearest = (line, step) => {
      const distance = (i) => Math.abs(line.x[i] - step);
      const best = line.x.reduce((b, _, i) => (distance(i) < distance(b) ? i : b), 0);
      return { line, step: line.x[best], value: line.y[best] };
    };
    const named = ({ line, step, value }) => {
      const name = line.run + (line.split === "valid" ? ", validation" : "");
      const swatch = element("i", { style: `background: ${colours[line.run]}` });
      const text = `${name} at ${step.toLocaleString("en")}: `;
      return element("div", {}, swatch, text, element("b", {}, exact(value)));
    };
    svg.addEventListener("pointerleave", () => {
      box.hidden = true;
      cross.setAttribute("visibility", "hidden");
    });
    svg.addEventListener("pointermove", (event) => {
      const frame = svg.getBoundingClientRect();
      const step = at.step(event.clientX - frame.left);
      const near = shown.map((line) => nearest(line, step));
      const found = near.filter(({ value }) => at.visible(value));
      if (!found.length) return;
      const far = ({ value }) => Math.abs(at.y(value) - (event.clientY - frame.top));
      found.sort((a, b) => far(a) - far(b));
      box.replaceChildren(...found.slice(0, NAMED).map(named));
      box.hidden = false;
      const x = at.x(found[0].step);
      for (const end of ["x1", "x2"]) cross.setAttribute(end, x);
      cross.setAttribute("visibility", "visible");
      const left = Math.max(0, Math.min(x + 10, at.width - box.offsetWidth));
      box.style.left = `${left}px`;
    });
  };

  let clips = 0;
  const draw = (place, panel, state) => {
    const width = place.clientWidth;
    if (!width) return; // folded away
    const lines = panel.lines.filter((line) => !state.hidden.has(line.run));
    const smooth = (line) => (line.split === "train" ? state.smooth : 0);
    const shown = lines.map((line) => ({ ...line, y: smoothed(line.y, smooth(line)) }));
    const log = state.log && lines.some((line) => line.y.some((y) => y > 0));
    const at = scales(width, shown, log);
    const label = { role: "img", "aria-label": panel.title };
    const svg = drawn("svg", { width, height: HEIGHT, ...label });
    const clip = `clip${clips++}`;
    const inside = {
      x: EDGE.left,
      y: EDGE.top - 4,
      width: at.wide,
      height: at.tall + 8,
    };
    svg.append(drawn("clipPath", { id: clip }, drawn("rect", inside)));
    axes(svg, at);
    const add = (line, values, kind) =>
      svg.append(curve(line, values, kind, at, state.colours[line.run], clip));
    lines.filter(smooth).forEach((line) => add(line, line.y, "faint"));
    shown.forEach((line) => add(line, line.y, ""));
    const box = element("div", { class: "values", hidden: "" });
    place.replaceChildren(element("h3", {}, panel.title), svg, box);
    answer(svg, box, shown, at, state.colours);
  };
  return { draw, element };
})();

"use strict";
(() => {
  const MOST_PANELS = 40, MOST_LINES = 60, POINTS = 3000;
  const data = JSON.parse(document.getElementById("data").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const time = new Float64Array(bytes(data.time));
  const signals = data.signals.map((s) => ({ ...s, y: null, shown: false }));
  const values = (s) => (s.y ??= new Float32Array(bytes(s.values)));
  // plotly takes some tags in texts for markup; names of a deck are none.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const plot = document.getElementById("plot"), names = document.getElementById("names");
  const search = document.getElementById("search"), count = document.getElementById("count");
  let layout = data.layout, range = data.window;
  signals.slice(0, data.first).forEach((s) => { s.shown = true; });

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const cycle = () => ["blue", "orange", "good", "purple", "bad", "brown", "soft"].map((n) => css(`--${n}`));

  function index(at) {  // the first sample at or after a time
    let low = 0, high = time.length;
    while (low < high) { const mid = (low + high) >> 1; if (time[mid] < at) low = mid + 1; else high = mid; }
    return low;
  }

  function part(s) {  // least and greatest of each stretch, where there are more samples than pixels
    const y = values(s);
    const first = range ? Math.max(0, index(range[0]) - 1) : 0;
    const beyond = range ? Math.min(time.length, index(range[1]) + 1) : time.length;
    const n = beyond - first;
    if (n <= 2 * POINTS) return { x: time.slice(first, beyond), y: y.slice(first, beyond) };
    const x = new Float64Array(2 * POINTS), out = new Float32Array(2 * POINTS);
    for (let k = 0; k < POINTS; k++) {
      const a = first + Math.floor(n * k / POINTS), b = first + Math.floor(n * (k + 1) / POINTS);
      let least = a, most = a;
      for (let i = a + 1; i < b; i++) { if (y[i] < y[least]) least = i; if (y[i] > y[most]) most = i; }
      const [one, two] = least < most ? [least, most] : [most, least];
      x[2 * k] = time[one]; out[2 * k] = y[one]; x[2 * k + 1] = time[two]; out[2 * k + 1] = y[two];
    }
    return { x, y: out };
  }

  function panels(shown) {
    if (layout !== "combined") return shown.map((s) => [s]);
    const units = [...new Set(shown.map((s) => s.unit))];
    return units.map((unit) => shown.filter((s) => s.unit === unit));
  }

  function draw() {
    const all = signals.filter((s) => s.shown);
    const shown = all.slice(0, layout === "combined" ? MOST_LINES : MOST_PANELS);
    count.textContent = `${shown.length} shown of ${signals.length}` +
      (shown.length < all.length ? ` (${all.length} chosen)` : "");
    const groups = panels(shown), wide = plot.clientWidth || 800;
    const columns = layout === "grid" ? Math.max(1, Math.min(3, Math.floor(wide / 300))) : 1;
    const rows = Math.max(1, Math.ceil(groups.length / columns));
    const tall = layout === "combined" ? 320 : layout === "grid" ? 190 : 110;
    const height = rows * tall + 70, colours = cycle(), ink = css("--ink"), line = css("--line");
    const traces = [], figure = {
      height, margin: { l: 62, r: 12, t: 24, b: 42 }, paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 11 }, showlegend: layout === "combined",
      legend: { orientation: "h", yanchor: "bottom", y: 1 }, hovermode: layout === "combined" ? "x" : "closest",
      annotations: [], dragmode: "zoom", hoverlabel: { namelength: -1 },
    };
    groups.forEach((group, i) => {
      const row = Math.floor(i / columns), column = i % columns, id = i ? i + 1 : "";
      const gap = 26 / (height - 66), top = 1 - row / rows, gutter = 0.07;
      const left = column / columns + (column ? gutter / 2 : 0), right = (column + 1) / columns - (column < columns - 1 ? gutter / 2 : 0);
      const lowest = i + columns >= groups.length, own = layout === "grid";
      const axis = own ? id : "";
      figure[`yaxis${id}`] = {
        domain: [Math.max(0, top - 1 / rows), Math.max(0.01, top - gap)], anchor: `x${axis}`, gridcolor: line, zerolinecolor: line,
        title: { text: plain(group[0].unit), standoff: 4 }, fixedrange: true, nticks: 4, automargin: false,
      };
      if (own || !i) {
        figure[`xaxis${axis}`] = {
          domain: own ? [left, right] : [0, 1], anchor: own ? `y${id}` : `y${groups.length > 1 ? groups.length : ""}`,
          matches: own && i ? "x" : undefined, gridcolor: line, zerolinecolor: line, showticklabels: !own || lowest,
          title: { text: !own || lowest ? "time (ps)" : "", standoff: 4 }, range: range ?? [time[0], time[time.length - 1]],
        };
      }
      if (layout !== "combined") {
        figure.annotations.push({
          text: plain(group[0].name), x: own ? left : 0, y: Math.max(0.01, top - gap), xref: "paper", yref: "paper",
          xanchor: "left", yanchor: "bottom", showarrow: false, font: { size: 11, color: ink },
        });
      }
      group.forEach((s, k) => {
        const colour = layout === "combined" ? colours[k % colours.length] : colours[0];
        const common = { xaxis: `x${axis}`, yaxis: `y${id}`, name: plain(s.name), legendgroup: s.name };
        traces.push({
          ...part(s), ...common, type: "scatter", mode: "lines", line: { width: 1.2, color: colour },
          hovertemplate: `%{x:.2f} ps<br>%{y:.4g} ${plain(s.unit)}<extra>${plain(s.name)}</extra>`,
        });
        if (s.pulses.length) {
          traces.push({
            ...common, x: s.pulses, y: s.heights, type: "scatter", mode: "markers", showlegend: false,
            marker: { symbol: "triangle-down", size: 8, color: colour, line: { width: 1, color: ink } },
            hovertemplate: `pulse at %{x:.3f} ps<extra>${plain(s.name)}</extra>`,
          });
        }
      });
    });
    figure.modebar = { bgcolor: "rgba(0,0,0,0)", color: css("--grey"), activecolor: css("--blue") };
    const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]];
    Plotly.react(plot, traces, figure, { responsive: true, displaylogo: false, modeBarButtons: buttons });
    plot.dataset.ready = String(shown.length);
  }

  function matches(s) {
    const asked = search.value.trim().toLowerCase(), name = s.name.toLowerCase();
    if (!asked.includes("*")) return name.includes(asked);
    const words = asked.split("*").map((w) => w.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${words.join(".*")}$`).test(name);
  }

  function list() {
    names.replaceChildren(...signals.filter(matches).map((s) => {
      const label = document.createElement("label"), box = document.createElement("input");
      box.type = "checkbox"; box.checked = s.shown;
      box.addEventListener("change", () => { s.shown = box.checked; draw(); });
      label.append(box, " ", s.name);
      return label;
    }));
  }

  const choose = (rule) => { signals.forEach((s) => { s.shown = rule(s); }); list(); draw(); };
  search.addEventListener("input", list);
  document.getElementById("only").addEventListener("click", () => choose(matches));
  document.getElementById("none").addEventListener("click", () => choose(() => false));
  for (const name of ["stacked", "grid", "combined"]) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = name;
    button.setAttribute("aria-pressed", String(name === layout));
    button.addEventListener("click", () => {
      layout = name;
      document.querySelectorAll("#layouts button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
      draw();
    });
    document.getElementById("layouts").append(button);
  }
  list();
  draw();
  plot.on("plotly_relayout", (change) => {
    const key = Object.keys(change).find((k) => /^xaxis\d*\.(range|autorange)/.test(k));
    if (!key) return;
    const axis = key.split(".")[0], from = change[`${axis}.range[0]`], to = change[`${axis}.range[1]`];
    range = change[`${axis}.autorange`] || from === undefined ? null : [from, to];
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();

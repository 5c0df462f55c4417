"use strict";
// The figures, drawn by plotly from the page's data; which models are in colour is chosen for all
// of them at once.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const places = [...document.querySelectorAll("[data-chart]")];
  const chips = [...document.querySelectorAll("[data-variant]")];
  const first = new Set(
    chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => Number(chip.dataset.variant))
  );
  let chosen = new Set(first);
  const touch = matchMedia("(pointer: coarse)");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Names are text; plotly reads some markup in what it shows.
  const plain = (text) =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\n/g, "<br>");
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  };
  const config = {
    displaylogo: false, plotlyServerURL: "", responsive: true,
    // These alone: plotly 7 has one that sends the figure to a server.
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };

  const axis = (its, colour) => ({
    type: its.log ? "log" : "linear",
    range: its.log ? its.range.map(Math.log10) : its.range,
    tickvals: its.ticks.map((tick) => tick[0]),
    ticktext: its.ticks.map((tick) => plain(tick[1])),
    title: { text: plain(its.title), standoff: 8 },
    gridcolor: colour("line"), linecolor: colour("soft"), zeroline: false, automargin: true,
    fixedrange: touch.matches,
  });
  const layout = (colour, more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("soft") },
    margin: { l: 8, r: 12, t: 28, b: 8 }, hovermode: "closest", dragmode: touch.matches ? false : "zoom",
    hoverlabel: { bgcolor: colour("tint"), bordercolor: colour("faint"), font: { family: getComputedStyle(document.body).fontFamily, color: colour("ink"), size: 12 }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("faint"), activecolor: colour("ink") },
    ...more,
  });

  // A curve's sentences are made here; what lies at the first tick is zero.
  const said = (each, chart) => each.hover.length ? each.hover : each.threshold.map((at, n) => {
    const of = (axis, value) => (value <= axis.ticks[0][0] ? "0" : String(Number(value.toPrecision(3))));
    return `${each.name}\n${of(chart.x, each.x[n])} false accepts an hour\n` +
      `${of(chart.y, each.y[n])} % of the words missed\nthreshold ${at === null ? "above every score" : at.toFixed(3)}`;
  });
  const trace = (each, chart, colour) => {
    const bright = each.variant < 0 || chosen.has(each.variant);
    const ink = bright ? colour(`c${each.colour}`) : colour("faint");
    const points = chart.markers && each.x.length <= 30;
    return {
      type: "scatter", name: plain(each.name), x: each.x, y: each.y,
      mode: [chart.lines && "lines", points && "markers"].filter(Boolean).join("+"),
      line: { color: ink, width: bright ? 2.2 : 1, dash: bright ? each.dash : "solid" },
      marker: {
        color: ink, size: bright ? 10 : 7, symbol: bright ? each.symbol : "circle",
        line: { color: colour("paper"), width: 1 },
      },
      error_y: each.low.length && (bright || !chart.lines) ? {
        type: "data", symmetric: false, color: ink, thickness: bright ? 1.6 : 0.6, width: bright ? 3 : 0,
        array: each.high.map((high, n) => high - each.y[n]),
        arrayminus: each.low.map((low, n) => each.y[n] - low),
      } : undefined,
      hovertext: said(each, chart).map(plain), hoverinfo: "text", bright,
    };
  };

  // Names of the models in colour, beside their points, none over another.
  const names = (place, chart, colour) => {
    const shown = chart.series.filter((each) => chosen.has(each.variant));
    const x = (value) => Math.log(value / chart.x.range[0]) / Math.log(chart.x.range[1] / chart.x.range[0]);
    const y = (value) => (value - chart.y.range[0]) / (chart.y.range[1] - chart.y.range[0]);
    const wide = Math.max(200, place.clientWidth - 80), high = Math.max(200, place.clientHeight - 80);
    const taken = [];
    shown.sort((a, b) => b.y[0] - a.y[0]);
    return shown.map((each) => {
      const left = x(each.x[0]) > 0.6, width = 7.2 * each.name.length;
      const from = x(each.x[0]) * wide + (left ? -20 - width : 20);
      let at = (1 - y(each.y[0])) * high;
      const hit = (other) => Math.abs(other.at - at) < 15 && from < other.to && other.from < from + width;
      while (taken.some(hit)) at += 3;
      taken.push({ at, from, to: from + width });
      return {
        x: Math.log10(each.x[0]), y: each.y[0], text: plain(each.name), showarrow: true, arrowhead: 0,
        arrowwidth: 1, arrowcolor: colour("faint"), ax: left ? -20 : 20, ay: at - (1 - y(each.y[0])) * high,
        xanchor: left ? "right" : "left", standoff: 7, font: { color: colour("ink"), size: 12 },
        bgcolor: colour("paper"), opacity: 0.95, borderpad: 1,
      };
    });
  };

  const draw = (place, chart) => {
    const colour = colours();
    const traces = chart.series.map((each) => trace(each, chart, colour));
{% if search %}
    // Of a cloud every point is drawn, those in front larger; one name of the legend has both.
    if (chart.cloud) {
      traces.forEach((drawn, n) => {
        const { small } = chart.series[n];
        Object.assign(drawn, { mode: "markers", legendgroup: drawn.name });
        drawn.showlegend = !chart.series.some((other, m) => m > n && other.name === chart.series[n].name);
        drawn.marker.size = small ? 8 : 12;
        drawn.marker.opacity = small ? 0.5 : 1;
        if (drawn.marker.symbol === "star") drawn.marker.size = 18;
      });
    }
{% endif %}
    traces.sort((a, b) => a.bright - b.bright);
    if (chart.guide.length) {
      traces.unshift({
        type: "scatter", mode: "lines", x: chart.guide.map((at) => at[0]), y: chart.guide.map((at) => at[1]),
        line: { color: colour("soft"), width: 1.2, dash: "dot" }, hoverinfo: "skip",
{% if search %}
        showlegend: false,
{% endif %}
      });
    }
    const more = { xaxis: axis(chart.x, colour), yaxis: axis(chart.y, colour), annotations: [] };
    if (chart.labels) more.annotations = names(place, chart, colour);
    if (chart.mark) {
      const [x, text] = chart.mark;
      more.shapes = [{ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: colour("soft"), width: 1, dash: "dot" } }];
      more.annotations.push({ x, y: 1, yref: "paper", text: plain(text), showarrow: false, xanchor: x > (chart.x.range[0] + chart.x.range[1]) / 2 ? "right" : "left", xshift: x > (chart.x.range[0] + chart.x.range[1]) / 2 ? -5 : 5 });
{% if search %}
      if (chart.x.log) {
        // What is written beside a line wants the logarithm, the line itself does not.
        const right = Math.log(x / chart.x.range[0]) > Math.log(chart.x.range[1] / x);
        Object.assign(more.annotations.at(-1), { x: Math.log10(x), xanchor: right ? "right" : "left", xshift: right ? -5 : 5 });
      }
{% endif %}
    }
    if (chart.series.every((each) => each.variant < 0)) {
      more.showlegend = true;
      more.legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: colour("ink") } };
    }
    Plotly.react(place, traces, layout(colour, more), config);
  };

  const drawBytes = (place) => {
    const colour = colours(), its = data.bytes;
    place.style.height = `${110 + 22 * its.rows.length}px`;
    const traces = its.parts.map((part) => ({
      type: "bar", orientation: "h", name: plain(part.name), y: its.rows.map(plain), x: part.values,
      marker: { color: colour(`c${part.colour}`), line: { color: colour("paper"), width: 1 } },
      hovertext: its.rows.map((row, n) => plain(`${row}\n${part.name}: ${part.values[n].toLocaleString("en")} bytes`)),
      hoverinfo: "text",
    }));
    Plotly.react(place, traces, layout(colour, {
      barmode: "stack", bargap: 0.3, showlegend: true,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal", font: { color: colour("ink") } },
      xaxis: { title: { text: plain(its.title) }, gridcolor: colour("line"), zeroline: false, automargin: true, fixedrange: touch.matches, tickformat: ",d" },
      yaxis: { autorange: "reversed", automargin: true, tickfont: { color: colour("ink") }, fixedrange: true, dtick: 1, ticksuffix: " " },
    }), config);
  };

  const drawWeights = (place) => {
    const colour = colours(), select = document.querySelector("[data-weights]");
    place.querySelectorAll(".plot").forEach((each) => Plotly.purge(each));
    place.replaceChildren();
    for (const layer of data.weights[select.value]) {
      const panel = document.createElement("div"), plot = document.createElement("div");
      const head = document.createElement("h4"), detail = document.createElement("p");
      head.textContent = layer.name;
      detail.textContent = layer.detail;
      plot.className = "plot";
      panel.append(head, detail, plot);
      place.append(panel);
      const count = layer.counts.length, width = (layer.high - layer.low) / count || 1;
      const edge = (n) => Number((layer.low + n * width).toPrecision(4));
      Plotly.newPlot(plot, [{
        type: "bar", x: layer.counts.map((_, n) => layer.low + (n + 0.5) * width), y: layer.counts.map(Math.sqrt), width,
        marker: { color: colour("c2"), line: { width: 0 } }, hoverinfo: "text",
        hovertext: layer.counts.map((said, n) => `${edge(n)} to ${edge(n + 1)}: ${said.toLocaleString("en")}`),
      }], layout(colour, {
        margin: { l: 4, r: 4, t: 6, b: 24 }, bargap: 0, dragmode: false,
        xaxis: { gridcolor: colour("line"), zeroline: false, nticks: 5, fixedrange: true },
        yaxis: { visible: false, fixedrange: true },
      }), { ...config, displayModeBar: false });
    }
  };

  const drawOne = (place) => {
    const key = place.dataset.chart;
    if (key === "bytes") drawBytes(place);
    else if (key === "weights") drawWeights(place);
    else if (key === "det") {
      const select = document.querySelector("[data-det]");
      draw(place, select ? data.det[select.value] : Object.values(data.det)[0]);
    } else draw(place, data.charts[key]);
  };
  const drawAll = (which = () => true) => places.filter(which).forEach(drawOne);
  const models = (place) => ["size", "det", "noise"].includes(place.dataset.chart);

  const show = () => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chosen.has(Number(chip.dataset.variant))));
    drawAll(models);
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const variant = Number(chip.dataset.variant);
      if (!chosen.delete(variant)) chosen.add(variant);
      show();
    });
  }
  document.querySelectorAll("[data-all]").forEach((button) => {
    button.addEventListener("click", () => {
      chosen = button.dataset.all === "none" ? new Set() : new Set(first);
      show();
    });
  });
  document.querySelector("[data-det]")?.addEventListener("change", () => drawAll((place) => place.dataset.chart === "det"));
  document.querySelector("[data-weights]")?.addEventListener("change", () => drawAll((place) => place.dataset.chart === "weights"));
  dark.addEventListener("change", () => drawAll());
  drawAll();
})();

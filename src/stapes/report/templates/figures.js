"use strict";
// Every figure answers to the mouse and to the keyboard; legends and buttons switch series.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let hide = () => {};

  // A browser would show a title beside the tooltip.
  const label = (node) => {
    const title = node.querySelector(":scope > title");
    if (!title) return;
    node.setAttribute("aria-label", title.textContent);
    title.remove();
  };
  const onPress = (node, act) => {
    node.addEventListener("click", act);
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      act();
    });
  };

  // The points of a curve and the bins of a histogram are no elements of their own: one ring shows
  // the current one of them.
  const curve = (row, run, words) => {
    const at = run.getAttribute("d").match(/[\d.]+/g).map(Number);
    return run.dataset.values.split(";").map((values, n) => {
      const [x, y] = [at[2 * n], at[2 * n + 1]];
      const parts = values.split("|");
      const text = `${row.dataset.series}\n${words.replace(/\{(\d)\}/g, (_, part) => parts[part])}`;
      return { row, x, y, left: x, right: x, top: y, bottom: y, text };
    });
  };
  const bins = (row, run) => {
    const counts = run.dataset.counts.split(" ").map(Number);
    const [x, top, width, height] = run.dataset.box.split(" ").map(Number);
    const [low, high] = run.dataset.ends.split(" ").map(Number);
    const edge = (n) => Number((low + (n / counts.length) * (high - low)).toPrecision(4));
    const most = Math.max(...counts);
    const all = counts.map((count, n) => ({
      row, x: x + ((n + 0.5) / counts.length) * width, y: top + height * (1 - Math.sqrt(count / most)),
      left: x + (n / counts.length) * width, right: x + ((n + 1) / counts.length) * width, top,
      bottom: top + height, text: `${edge(n)} to ${edge(n + 1)}: ${count.toLocaleString("en")}`, count,
    }));
    return all.filter((bin) => bin.count);
  };
  const elements = (row) =>
    [...row.querySelectorAll(".mark")].map((node) => {
      const { x, y, width, height } = node.getBBox();
      const box = { left: x, right: x + width, top: y, bottom: y + height };
      return { row, node, x: x + width / 2, y: y + height / 2, ...box, text: node.getAttribute("aria-label") };
    });

  const answer = (svg) => {
    label(svg);
    svg.setAttribute("role", "application");
    svg.querySelectorAll(".row").forEach(label);
    const marks = [...svg.querySelectorAll(".mark")];
    for (const mark of marks) {
      label(mark);
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", "-1");
    }
    let ring = null, now = null, last = null, all = null;
    if (svg.querySelector(".run")) {
      ring = document.createElementNS(svg.namespaceURI, "circle");
      ring.setAttribute("class", "cursor");
      ring.setAttribute("role", "img");
      ring.setAttribute("r", 5);
      svg.append(ring);
    }
    (ring ?? marks[0])?.setAttribute("tabindex", "0");

    // Boxes are known once the figure is shown.
    const rows = () => {
      all ??= [...svg.querySelectorAll(".row")].map((row) => {
        const run = row.querySelector(".run");
        if (!run) return elements(row).sort((a, b) => a.x - b.x);
        return run.dataset.counts ? bins(row, run) : curve(row, run, svg.dataset.tip);
      });
      if (all.every((row) => row.length === 1)) all.sort((a, b) => a[0].x - b[0].x);
      const on = (item) => !item.row.closest(".off") && !item.node?.closest(".off");
      return all.map((row) => row.filter(on)).filter((row) => row.length);
    };
    const show = (item) => {
      hide();
      hide = () => {
        svg.querySelectorAll(".here, .at").forEach((node) => node.classList.remove("here", "at"));
        tip.hidden = true;
        now = null;
      };
      if (!item) return;
      now = last = item;
      for (const node of svg.querySelectorAll("[data-series]")) {
        node.classList.toggle("here", node.dataset.series === item.row.dataset.series);
      }
      const node = item.node ?? ring;
      if (!item.node) [ring.cx.baseVal.value, ring.cy.baseVal.value] = [item.x, item.y];
      node.classList.add("at");
      tip.textContent = item.text;
      tip.hidden = false;
      const at = new DOMPoint(item.x, item.node ? item.top : item.y).matrixTransform(svg.getScreenCTM());
      const left = Math.min(Math.max(4, at.x + 10), document.documentElement.clientWidth - tip.offsetWidth - 4);
      const above = at.y - tip.offsetHeight - 10;
      tip.style.left = `${left + scrollX}px`;
      tip.style.top = `${(above > 0 ? above : at.y + 18) + scrollY}px`;
    };
    const focus = (item) => {
      last = item;
      svg.querySelectorAll('[tabindex="0"]:not(.key)').forEach((node) => node.setAttribute("tabindex", "-1"));
      if (!item.node) {
        // A screen reader reads what gets the focus anew, not what changes its name.
        const next = ring.cloneNode();
        ring.replaceWith(next);
        ring = next;
        ring.setAttribute("aria-label", item.text);
      }
      const node = item.node ?? ring;
      node.setAttribute("tabindex", "0");
      node.focus();
    };

    const point = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = null, least = 14;
      for (const item of rows().flat()) {
        const x = Math.max(item.left - at.x, 0, at.x - item.right);
        const y = Math.max(item.top - at.y, 0, at.y - item.bottom);
        if (Math.hypot(x, y) < least) [best, least] = [item, Math.hypot(x, y)];
      }
      if (best !== now) show(best);
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", () => hide());
    svg.addEventListener("focusin", ({ target }) => {
      const items = rows().flat();
      if (!target.closest(".key")) show(items.find((item) => item.node === target) ?? last ?? items[0]);
    });
    svg.addEventListener("focusout", () => hide());
    svg.addEventListener("keydown", (event) => {
      const live = rows(), flat = live.flat(), item = flat.includes(last) ? last : flat[0];
      if (!item || event.target.closest(".key")) return;
      const row = live.findIndex((items) => items.includes(item)), n = flat.indexOf(item);
      const near = (items) => items?.reduce((a, b) => (Math.abs(b.x - item.x) < Math.abs(a.x - item.x) ? b : a));
      const steps = {
        ArrowRight: () => flat[n + 1], ArrowLeft: () => flat[n - 1], Home: () => flat[0], End: () => flat.at(-1),
        ArrowDown: () => near(live[row + 1]), ArrowUp: () => near(live[row - 1]),
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      focus(steps[event.key]() ?? item);
    });

    for (const key of svg.querySelectorAll(".key")) {
      key.setAttribute("role", "button");
      key.setAttribute("tabindex", "0");
      key.setAttribute("aria-pressed", "true");
      onPress(key, () => {
        const off = key.classList.toggle("off");
        key.setAttribute("aria-pressed", String(!off));
        for (const node of svg.querySelectorAll("[data-series]")) {
          if (node.dataset.series === key.dataset.series) node.classList.toggle("off", off);
        }
      });
    }
  };
  document.querySelectorAll("svg.f:not(.swatch)").forEach(answer);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

  // Which models are in colour, in all figures at once.
  const chips = [...document.querySelectorAll("[data-chip]")];
  const colour = (chip, on) => {
    chip.setAttribute("aria-pressed", String(on));
    for (const node of document.querySelectorAll(`[data-variant="${chip.dataset.chip}"]`)) {
      node.classList.toggle("plain", !on);
      // What is in colour lies on top.
      if (on && node.matches(".row")) [...node.parentNode.querySelectorAll(".row")].at(-1).after(node);
    }
  };
  const first = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true"));
  const same = (chip) => chips.filter((other) => other.dataset.chip === chip.dataset.chip);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      same(chip).forEach((each) => colour(each, on));
    });
  }
  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => {
      for (const chip of chips) colour(chip, button.dataset.all === "first" && first.has(chip));
    });
  }
  for (const select of document.querySelectorAll("[data-choose]")) {
    select.addEventListener("change", () => {
      const figure = select.closest("figure");
      for (const panel of figure.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== select.value;
      for (const name of figure.querySelectorAll("[data-chosen]")) name.textContent = select.value;
    });
  }
})();

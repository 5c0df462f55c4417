"use strict";
// Every figure works with the mouse and the keyboard; legends and buttons switch its series.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let hide = () => {};
  const set = (node, names) => Object.entries(names).forEach(([name, value]) => node.setAttribute(name, value));
  // A browser would show a title next to the tooltip.
  const label = (node) => {
    const title = node.querySelector(":scope > title");
    if (title) node.setAttribute("aria-label", title.textContent);
    title?.remove();
  };
  const numbers = (text) => text.match(/[-\d.e+]+/g).map(Number);

  // An item has a tooltip: its place, its box, its text. A mark is an element. The points of a curve
  // and the bins of a histogram are not: they share a ring that marks the current one.
  const elements = (row) => [...row.querySelectorAll(".mark")].map((node) => {
    const { x, y, width, height } = node.getBBox();
    return { row, node, x: x + width / 2, y: y + height / 2, box: [x, y, width, height], text: node.getAttribute("aria-label") };
  });
  const curve = (row, run, words) => {
    const places = run.getAttribute("d").slice(1).split("L").map(numbers);
    return run.dataset.values.split(";").map((values, n) => {
      const [x, y] = places[n];
      const text = words.replace(/\{(\d)\}/g, (_, part) => values.split("|")[part]);
      return { row, x, y, box: [x, y, 0, 0], text: `${row.dataset.series}\n${text}` };
    });
  };
  const bins = (row, run) => {
    const counts = numbers(run.dataset.counts), [low, high] = numbers(run.dataset.ends);
    const [left, top, all, height] = numbers(run.dataset.box), width = all / counts.length;
    const edge = (n) => Number((low + (n / counts.length) * (high - low)).toPrecision(4));
    const most = Math.max(...counts), name = row.querySelector(".name").textContent;
    return counts.map((count, n) => ({
      row, count, x: left + (n + 0.5) * width, y: top + height * (1 - Math.sqrt(count / most)),
      box: [left + n * width, top, width, height],
      text: `${name}\n${edge(n)} to ${edge(n + 1)}: ${count.toLocaleString("en")} weight${count === 1 ? "" : "s"}`,
    })).filter((bin) => bin.count);
  };
  const gap = ([x, y, width, height], at) =>
    Math.hypot(Math.max(x - at.x, 0, at.x - x - width), Math.max(y - at.y, 0, at.y - y - height));

  const activate = (svg) => {
    const marks = [...svg.querySelectorAll(".mark")];
    [svg, ...svg.querySelectorAll(".row"), ...marks].forEach(label);
    svg.setAttribute("role", "application");
    marks.forEach((mark) => set(mark, { role: "img", tabindex: -1 }));
    let ring = null, now = null, last = null, all = null;
    if (svg.querySelector(".run")) {
      ring = document.createElementNS(svg.namespaceURI, "circle");
      const run = svg.querySelector(".run"), row = run.closest(".row");
      const [first] = run.dataset.counts ? bins(row, run) : curve(row, run, svg.dataset.tip);
      set(ring, { class: "cursor", role: "img", r: 5, "aria-label": first?.text ?? "" });
      svg.append(ring);
    }
    (ring ?? marks[0])?.setAttribute("tabindex", 0);

    // Boxes are known once the figure is shown.
    const rows = () => {
      all ??= [...svg.querySelectorAll(".row")].map((row) => {
        const run = row.querySelector(".run");
        const items = !run ? elements(row) : run.dataset.counts ? bins(row, run) : curve(row, run, svg.dataset.tip);
        return run ? items : items.sort((a, b) => a.x - b.x);
      });
      if (all.every((row) => row.length === 1)) all.sort(([a], [b]) => a.x - b.x);
      const on = (item) => !(item.node ?? item.row).closest(".off");
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
      if (!item.node) set(ring, { cx: item.x, cy: item.y });
      (item.node ?? ring).classList.add("at");
      tip.textContent = item.text;
      tip.hidden = false;
      const at = new DOMPoint(item.x, item.node ? item.box[1] : item.y).matrixTransform(svg.getScreenCTM());
      const room = document.documentElement.clientWidth - tip.offsetWidth - 4;
      const above = at.y - tip.offsetHeight - 10;
      tip.style.left = `${Math.max(4, Math.min(at.x + 10, room)) + scrollX}px`;
      tip.style.top = `${(above > 0 ? above : at.y + 18) + scrollY}px`;
    };
    const focus = (item) => {
      last = item;
      svg.querySelectorAll(".mark, .cursor").forEach((node) => node.setAttribute("tabindex", -1));
      if (!item.node) {
        // A screen reader reads an element that gets the focus, not one whose label changes.
        const next = ring.cloneNode();
        ring.replaceWith(next);
        ring = next;
        ring.setAttribute("aria-label", item.text);
      }
      (item.node ?? ring).setAttribute("tabindex", 0);
      (item.node ?? ring).focus();
    };
    const point = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const nearest = rows().flat().reduce((best, item) => {
        const away = gap(item.box, at);
        return away < best.away ? { away, item } : best;
      }, { away: 14, item: null });
      if (nearest.item !== now) show(nearest.item);
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", () => hide());
    svg.addEventListener("focusout", () => hide());
    svg.addEventListener("focusin", ({ target }) => {
      const items = rows().flat();
      const first = items.find((item) => target !== ring || !item.node);
      if (!target.closest(".key")) show(items.find((item) => item.node === target) ?? last ?? first);
    });
    svg.addEventListener("keydown", (event) => {
      const live = rows(), flat = live.flat(), item = flat.includes(last) ? last : flat[0];
      if (!item || event.target.closest(".key")) return;
      const n = flat.indexOf(item), row = live.findIndex((items) => items.includes(item));
      const near = (items) => items?.reduce((a, b) => (Math.abs(b.x - item.x) < Math.abs(a.x - item.x) ? b : a));
      const steps = {
        ArrowRight: () => flat[n + 1], ArrowLeft: () => flat[n - 1], Home: () => flat[0], End: () => flat.at(-1),
        ArrowDown: () => near(live[row + 1]), ArrowUp: () => near(live[row - 1]),
      };
      if (!Object.hasOwn(steps, event.key)) return;
      event.preventDefault();
      focus(steps[event.key]() ?? item);
    });
    for (const key of svg.querySelectorAll(".key")) {
      set(key, { role: "button", tabindex: 0, "aria-pressed": true });
      const press = () => {
        const off = key.classList.toggle("off");
        key.setAttribute("aria-pressed", !off);
        for (const node of svg.querySelectorAll(".row, .mark")) {
          if (node.dataset.series === key.dataset.series) node.classList.toggle("off", off);
        }
      };
      key.addEventListener("click", press);
      key.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        press();
      });
    }
  };
  document.querySelectorAll("svg.f:not(.swatch)").forEach(activate);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

  // Buttons colour models in all figures at once, and draw them above the others.
  const chips = [...document.querySelectorAll("[data-chip]")];
  const pressed = (chip) => chip.getAttribute("aria-pressed") === "true";
  const first = new Set(chips.filter(pressed));
  const colour = (number, on) => {
    chips.filter((chip) => chip.dataset.chip === number).forEach((chip) => chip.setAttribute("aria-pressed", on));
    for (const node of document.querySelectorAll(`[data-variant="${number}"]`)) {
      node.classList.toggle("plain", !on);
      if (on && node.matches(".row")) [...node.parentNode.querySelectorAll(".row")].at(-1).after(node);
    }
  };
  for (const chip of chips) chip.addEventListener("click", () => colour(chip.dataset.chip, !pressed(chip)));
  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => {
      for (const chip of chips) colour(chip.dataset.chip, button.dataset.all === "first" && first.has(chip));
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

"use strict";
// The page without its figures: tables sort, rows open, a list chooses the model of the clips.
(() => {
  document.documentElement.classList.add("scripted");

  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const first = [...table.tBodies];
    const key = (body, column) => {
      const cell = body.rows[0].cells[column];
      if (cell.dataset.text !== undefined) return cell.dataset.text;
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = { none: "ascending", ascending: "descending", descending: "none" }[now];
        heads.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", next);
        const rows = [...first];
        const sign = next === "descending" ? -1 : 1;
        if (next !== "none") {
          rows.sort((one, other) => {
            const a = key(one, column), b = key(other, column);
            // An unknown value comes last in both orders.
            if (a === null || b === null) return (a === null) - (b === null);
            return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en"));
          });
        }
        table.append(...rows);
      });
    });
  };
  document.querySelectorAll("[data-sortable]").forEach(sortable);

  document.querySelectorAll(".more").forEach((button) => {
    button.addEventListener("click", () => {
      const row = document.getElementById(button.getAttribute("aria-controls"));
      row.hidden = !row.hidden;
      button.setAttribute("aria-expanded", String(!row.hidden));
    });
  });

  const wrong = document.querySelector("[data-wrong]");
  if (wrong) {
    const bodies = [...document.querySelectorAll("[data-wrong-in]")].map((body) => {
      const score = body.querySelector(".score");
      return { body, score, text: score.textContent, scores: body.dataset.scores.split(" "), models: body.dataset.wrongIn.split(" ") };
    });
    wrong.addEventListener("change", () => {
      for (const clip of bodies) {
        clip.body.hidden = wrong.value !== "" && !clip.models.includes(wrong.value);
        const known = wrong.value !== "" && clip.scores[wrong.value];
        clip.score.textContent = known ? Number(known).toFixed(3) : clip.text;
        if (known) clip.score.dataset.value = known;
        else delete clip.score.dataset.value;
      }
    });
  }
})();

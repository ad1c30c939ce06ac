// Marking a missed face: while "Mark a face" is open, two clicks in the photo fill in the four numbers.
"use strict";

for (const form of document.querySelectorAll("[data-mark]")) {
  const panel = form.closest("details");
  const canvas = document.querySelector("[data-canvas]");
  const drawing = canvas && canvas.querySelector(".outlines");
  if (!drawing) continue;
  form.querySelector("[data-mark-help]").hidden = false;
  const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  box.setAttribute("class", "mark-box");
  const { width, height } = drawing.viewBox.baseVal;
  let first = null;

  const at = (event) => {
    const frame = drawing.getBoundingClientRect();
    return [
      Math.min(width, Math.max(0, ((event.clientX - frame.left) / frame.width) * width)),
      Math.min(height, Math.max(0, ((event.clientY - frame.top) / frame.height) * height)),
    ];
  };
  const draw = () => {
    const values = { x: form.elements.x.value, y: form.elements.y.value, width: form.elements.width.value, height: form.elements.height.value };
    for (const [name, value] of Object.entries(values)) box.setAttribute(name, value || 0);
    drawing.append(box);
  };
  const fill = (one, other) => {
    form.elements.x.value = Math.round(Math.min(one[0], other[0]));
    form.elements.y.value = Math.round(Math.min(one[1], other[1]));
    form.elements.width.value = Math.round(Math.abs(one[0] - other[0]));
    form.elements.height.value = Math.round(Math.abs(one[1] - other[1]));
    draw();
  };

  panel.addEventListener("toggle", () => {
    canvas.classList.toggle("marking", panel.open);
    first = null;
    if (!panel.open) box.remove();
  });
  // In the capture phase: a click while marking is a corner, and not a link to somebody's face.
  canvas.addEventListener("click", (event) => {
    if (!panel.open) return;
    event.preventDefault();
    event.stopPropagation();
    if (first === null) {
      first = at(event);
      fill(first, first);
    } else {
      fill(first, at(event));
      first = null;
      form.querySelector("button.primary").focus();
    }
  }, true);
  canvas.addEventListener("pointermove", (event) => {
    if (panel.open && first !== null) fill(first, at(event));
  });
  form.addEventListener("input", draw);
}

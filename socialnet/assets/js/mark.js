// Marking a missed face: while "Mark a face" is open, dragging over the head, or pressing two corners around it, fills
// in the four numbers.
"use strict";

for (const form of document.querySelectorAll("[data-mark]")) {
  const panel = form.closest("details");
  const canvas = document.querySelector("[data-canvas]");
  const drawing = canvas && canvas.querySelector(".outlines");
  if (!drawing) continue;
  const hint = document.querySelector("[data-mark-hint]");
  const send = hint.querySelector("[data-mark-send]"); // beside the photo: the form's own may be far below it
  form.querySelector("[data-mark-help]").hidden = false;
  const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  box.setAttribute("class", "mark-box");
  const { width, height } = drawing.viewBox.baseVal;
  const fields = ["x", "y", "width", "height"].map((name) => form.elements[name]);
  const DRAG = 8; // px of the screen: less is a hand that trembled while it pressed
  let first = null; // the first of two corners
  let press = null; // where a finger or a button went down, until it comes up
  let dragged = false; // whether the last press was a drag: a click that follows one is no corner
  let before = []; // the numbers before this mark was begun

  const at = (event) => {
    const frame = drawing.getBoundingClientRect();
    return [
      Math.min(width, Math.max(0, ((event.clientX - frame.left) / frame.width) * width)),
      Math.min(height, Math.max(0, ((event.clientY - frame.top) / frame.height) * height)),
    ];
  };
  const draw = () => {
    for (const field of fields) box.setAttribute(field.name, field.value || 0);
    drawing.append(box);
  };
  const fill = (one, other) => {
    const corner = one.map((edge, axis) => Math.min(edge, other[axis]));
    const size = one.map((edge, axis) => Math.abs(edge - other[axis]));
    [...corner, ...size].forEach((number, place) => { fields[place].value = Math.round(number); });
    draw();
  };
  const begin = () => {
    before = fields.map((field) => field.value);
    send.hidden = true;
  };
  const finish = (one, other) => {
    fill(one, other);
    first = null;
    send.hidden = false;
    send.focus();
  };
  const cancel = () => {
    if (first === null && !(press && dragged)) return;
    first = press = null;
    fields.forEach((field, place) => { field.value = before[place]; });
    if (before.some(Boolean)) draw();
    else box.remove();
  };

  panel.addEventListener("toggle", () => {
    canvas.classList.toggle("marking", panel.open);
    hint.hidden = !panel.open;
    send.hidden = true;
    first = press = null;
    if (panel.open) canvas.scrollIntoView({ block: "nearest" });
    else box.remove();
  });

  canvas.addEventListener("dragstart", (event) => {
    if (panel.open) event.preventDefault(); // the picture itself stays where it is
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (!panel.open || !event.isPrimary || event.button !== 0) return;
    press = { x: event.clientX, y: event.clientY, corner: at(event) };
    dragged = false;
    canvas.setPointerCapture(event.pointerId); // it may end outside the photo
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!panel.open || !event.isPrimary) return;
    if (press && !dragged && Math.hypot(event.clientX - press.x, event.clientY - press.y) > DRAG) {
      if (first === null) begin();
      first = null; // a drag is a mark of its own, whatever was pressed before
      dragged = true;
    }
    if (press && dragged) fill(press.corner, at(event));
    else if (first !== null) fill(first, at(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (press && dragged) finish(press.corner, at(event));
    press = null;
  });
  canvas.addEventListener("pointercancel", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") cancel();
  });
  // In the capture phase: a click while marking is a corner, and not a link to somebody's face.
  canvas.addEventListener("click", (event) => {
    if (!panel.open) return;
    event.preventDefault();
    event.stopPropagation();
    if (dragged) return;
    if (first === null) {
      begin();
      first = at(event);
      fill(first, first);
    } else {
      finish(first, at(event));
    }
  }, true);
  form.addEventListener("input", draw);
}

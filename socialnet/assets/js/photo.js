// The photo page: arrow keys lead to the neighbours, and a chip stands over one's own face while it is pointed at.
"use strict";

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && document.querySelector(`.stage a[rel="${rel}"]`);
  if (link) location.assign(link.href);
});

for (const canvas of document.querySelectorAll("[data-canvas]")) {
  const outline = canvas.querySelector("[data-chip]");
  if (!outline) continue;
  const chip = document.getElementById(outline.dataset.chip);
  const place = () => {
    const face = outline.getBoundingClientRect();
    const frame = canvas.getBoundingClientRect();
    const middle = face.left - frame.left + face.width / 2 - chip.offsetWidth / 2;
    const above = face.top - frame.top - chip.offsetHeight - 8;
    const below = face.bottom - frame.top + 8;
    chip.style.left = `${Math.max(4, Math.min(middle, frame.width - chip.offsetWidth - 4))}px`;
    chip.style.top = `${above > 4 ? above : below}px`;
  };
  const show = () => {
    place();
    chip.classList.add("visible");
  };
  const hide = () => chip.classList.remove("visible");
  for (const name of ["pointerenter", "focus"]) outline.addEventListener(name, show);
  for (const name of ["pointerleave", "blur"]) outline.addEventListener(name, hide);
}

// Pressing a face in the photo opens the list beside it.
for (const link of document.querySelectorAll(".outline:not(.own)")) {
  link.addEventListener("click", () => {
    const tagging = document.getElementById("tag");
    if (tagging) tagging.open = true;
  });
}

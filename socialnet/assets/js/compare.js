// Two pictures, one over the other, with a line to drag (or move with the arrow keys) between them.
"use strict";

for (const pair of document.querySelectorAll("[data-before-after]")) {
  const slider = pair.querySelector("input[type=range]");
  const follow = () => pair.style.setProperty("--at", `${slider.value}%`);
  for (const hidden of pair.querySelectorAll("[hidden]")) hidden.hidden = false;
  pair.classList.add("live");
  slider.addEventListener("input", follow);
  follow();
}

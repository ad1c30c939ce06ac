// Files can be dropped on an area, which shows it and tells whoever reads them by a "dropped" event.
"use strict";

for (const area of document.querySelectorAll("[data-previews], [data-drop]")) {
  area.classList.add("live"); // what is chosen is shown below it: the browser's own button and words can go
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    area.dispatchEvent(new CustomEvent("dropped", { detail: event.dataTransfer.files }));
  });
}

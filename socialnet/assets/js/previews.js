// Chosen pictures as thumbnails, from the browser's own memory (blob:): nothing is sent. Files can also be dropped,
// added to in several goes, put in another order (by dragging, or with buttons), and left out again before sending.
"use strict";

for (const area of document.querySelectorAll("[data-previews]")) {
  const input = area.querySelector("input[type=file]");
  const list = area.querySelector("[data-list]");
  const leftOut = area.querySelector("[data-left-out]");
  let chosen = [];
  let addresses = [];

  const sameFile = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;

  // What will not do is left out and named at once, not after all of it was sent.
  const add = (files) => {
    const wrong = [];
    const good = [];
    for (const file of files) {
      const said = whatIsWrong(file, leftOut);
      if (said) wrong.push(said);
      else if (!chosen.some((known) => sameFile(known, file))) good.push(file);
    }
    const room = Number(leftOut.dataset.most || Infinity) - chosen.length;
    const names = good.splice(Math.max(0, room)).map((file) => file.name).join(", ");
    if (names) wrong.push(leftOut.dataset.tooMany.replace("%s", () => names));
    leftOut.replaceChildren(...wrong.map((sentence) => {
      const line = document.createElement("span");
      line.textContent = sentence;
      return line;
    }));
    chosen = chosen.concat(good);
    show();
  };

  const describe = (item, file, position) => {
    // A description that was typed stays with its file when another one is left out.
    const label = document.createElement("label");
    const words = document.createElement("span");
    words.className = "sr-only";
    words.textContent = list.dataset.describe.replace("%s", () => file.name);
    const text = document.createElement("input");
    text.name = "alt_texts";
    text.maxLength = 300;
    text.placeholder = list.dataset.describe.replace("%s", String(position + 1));
    text.value = file.altText || "";
    text.addEventListener("input", () => { file.altText = text.value; });
    label.append(words, text);
    item.append(label);
  };

  const move = (from, to) => {
    chosen.splice(to, 0, ...chosen.splice(from, 1));
    show();
    const told = list.dataset.moved.replace("%n", to + 1).replace("%t", chosen.length);
    area.querySelector("[data-moved-told]").textContent = told.replace("%s", () => chosen[to].name);
  };

  const tool = (words, sign, press) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", words);
    button.textContent = sign;
    button.addEventListener("click", press);
    return button;
  };

  const movers = (file, position) => [["earlier", "↑", -1], ["later", "↓", 1]].map(([name, sign, step]) => {
    const button = tool(`${list.dataset[name]}: ${file.name}`, sign, () => {
      move(position, position + step);
      const item = list.children[position + step]; // the focus goes along, to the other button at the end of the list
      (item.querySelector(`[data-move=${name}]:enabled`) || item.querySelector("[data-move]:enabled")).focus();
    });
    button.dataset.move = name;
    button.disabled = !chosen[position + step];
    return button;
  });

  const show = () => {
    const carrier = new DataTransfer();
    for (const file of chosen) carrier.items.add(file);
    input.files = carrier.files;
    for (const address of addresses) URL.revokeObjectURL(address);
    addresses = [];
    list.replaceChildren(...chosen.map((file, position) => {
      const item = document.createElement("li");
      const picture = document.createElement("img");
      picture.src = URL.createObjectURL(file);
      picture.width = picture.height = 96;
      picture.alt = file.name;
      addresses.push(picture.src);
      // A format this browser cannot draw is shown by its ending; the site can open it.
      picture.addEventListener("error", () => {
        const blank = document.createElement("span");
        blank.className = "preview-blank";
        blank.textContent = file.name.split(".").pop().toUpperCase();
        picture.replaceWith(blank);
      });
      const remove = tool(`${list.dataset.remove}: ${file.name}`, "×", () => {
        chosen = chosen.filter((other) => other !== file);
        show();
        input.focus();
      });
      remove.className = "preview-remove";
      const tools = document.createElement("span");
      tools.className = "preview-tools";
      if (list.dataset.moved && chosen.length > 1) tools.append(...movers(file, position));
      tools.append(remove);
      const frame = document.createElement("span");
      frame.className = "preview-frame";
      frame.append(picture);
      item.append(frame);
      if (list.dataset.describe) describe(item, file, position);
      item.append(tools);
      return item;
    }));
    if (list.dataset.moved && chosen.length > 1) {
      for (const item of list.children) {
        makeDraggable({ list, items: () => [...list.children], item, handle: item.firstChild, dropped: move });
      }
    }
    area.classList.toggle("filled", chosen.length > 0);
    area.dispatchEvent(new CustomEvent("previews", { bubbles: true, detail: chosen.length }));
  };

  input.addEventListener("change", () => add(input.files));
  area.addEventListener("dropped", (event) => add(event.detail));
  if (input.files.length) add(input.files); // kept by the browser across a reload
}

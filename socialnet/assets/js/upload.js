// Sends a post and shows how far each photo is. Without this file the form is sent as any other.
"use strict";

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const told = form.querySelector("[data-told]");
  const button = form.querySelector("[data-send]");
  const label = button.textContent;
  let sending = null;

  // The files travel in the order of the list, so the bytes sent so far say which one is under way.
  const show = (sent, total) => {
    const sizes = [...input.files].map((file) => file.size);
    const around = Math.max(0, total - sizes.reduce((sum, size) => sum + size, 0));
    let before = around;
    [...form.querySelectorAll("[data-list] > li")].forEach((item, at) => {
      const share = sizes[at] ? Math.min(1, Math.max(0, (sent - before) / sizes[at])) : 1;
      before += sizes[at];
      step(item, share >= 1 ? "sent" : share > 0 || at === 0 ? "uploading" : "waiting", share);
    });
  };

  const step = (item, name, share) => {
    let line = item.querySelector(".upload-step");
    if (!line) {
      line = document.createElement("span");
      line.className = "upload-step";
      const words = document.createElement("span");
      const bar = document.createElement("progress");
      bar.max = 100;
      line.append(words, bar);
      item.append(line);
    }
    line.dataset.step = name;
    line.firstChild.textContent = form.dataset[`step${name[0].toUpperCase()}${name.slice(1)}`];
    line.lastChild.value = Math.round(share * 100);
    line.lastChild.setAttribute("aria-label", line.firstChild.textContent);
  };

  const stop = (reasons) => {
    sending = null;
    form.classList.remove("sending");
    button.disabled = false;
    button.textContent = form.dataset.again || label;
    for (const item of form.querySelectorAll("[data-list] > li")) step(item, "failed", 0);
    told.replaceChildren(...reasons.map((reason) => {
      const line = document.createElement("span");
      line.className = "errorlist nonfield";
      line.textContent = reason;
      return line;
    }));
  };

  const answer = (request) => {
    let said = null;
    try {
      said = JSON.parse(request.responseText);
    } catch {
      // an error page: the same as no answer
    }
    if (request.status === 201 && said) location.assign(said.address);
    else stop(said && said.errors ? said.errors : [form.dataset.failed]);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sending) return;
    sending = new XMLHttpRequest();
    sending.open("POST", form.action);
    sending.setRequestHeader("Accept", "application/json");
    sending.upload.addEventListener("progress", (progress) => show(progress.loaded, progress.total));
    sending.addEventListener("load", () => answer(sending));
    for (const name of ["error", "abort", "timeout"]) sending.addEventListener(name, () => stop([form.dataset.failed]));
    told.replaceChildren();
    form.classList.add("sending");
    button.disabled = true;
    button.textContent = label;
    const data = new FormData(form);
    show(0, 1);
    sending.send(data);
  });

  // Another choice of photos is another post: what was said about the last one is over.
  form.addEventListener("previews", () => {
    told.replaceChildren();
    button.textContent = label;
  });
}

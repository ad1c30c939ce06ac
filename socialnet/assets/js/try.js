// Try it without an account: the photo goes up, its stand-ins come back, and both are compared on this page alone.
// "Before" is drawn from the visitor's own file and "after" from the answer: neither has an address elsewhere.
"use strict";

const form = document.querySelector("[data-try]");
const input = form.querySelector("input[type=file]");
const told = form.querySelector("[data-told]");
const button = form.querySelector("button[type=submit]");
const area = form.querySelector("[data-drop]");
const result = document.querySelector("[data-result]");
const buttons = form.querySelector("[data-buttons]"); // a chosen photo is sent by itself: for trying again alone
const TRIES = 6; // while somebody else is trying it
let addresses = [];

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

const send = async (left = TRIES) => {
  const answer = await fetch(form.action, {
    method: "POST", body: new FormData(form), headers: { Accept: "application/json, image/jpeg" },
  });
  if (answer.status !== 503 || left === 0) return answer;
  told.textContent = form.dataset.waiting;
  await wait(Number(answer.headers.get("Retry-After")) || 5);
  return send(left - 1);
};

const draw = (image, blob) => new Promise((resolve) => {
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  image.addEventListener("load", () => {
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
    resolve(true);
  }, { once: true });
  image.addEventListener("error", () => resolve(false), { once: true }); // a format only the site can open
  image.src = address;
});

const compare = async (file, blob, number) => {
  for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
  const [before, after] = result.querySelectorAll("img");
  const both = await Promise.all([draw(before, file), draw(after, blob)]);
  result.querySelector("[data-before]").hidden = !both[0];
  result.querySelector("[data-before-after]").classList.toggle("live", both[0]);
  result.querySelector("input[type=range]").hidden = !both[0];
  const link = result.querySelector("[data-download]");
  link.href = after.src;
  link.download = form.dataset.name;
  result.hidden = false;
  told.textContent = number === 1 ? form.dataset.doneOne : form.dataset.done.replace("%s", number);
  document.getElementById("result").focus();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = input.files[0];
  if (!file) return;
  button.disabled = true;
  buttons.hidden = true;
  result.hidden = true;
  told.classList.remove("error");
  told.textContent = form.dataset.sending;
  const later = setTimeout(() => { told.textContent = form.dataset.working; }, 1000);
  try {
    const answer = await send();
    clearTimeout(later);
    if (answer.ok) await compare(file, await answer.blob(), Number(answer.headers.get("X-Stand-Ins")));
    else throw new Error((await answer.json()).error);
  } catch (error) {
    clearTimeout(later);
    told.classList.add("error");
    buttons.hidden = false;
    told.textContent = error instanceof TypeError || error instanceof SyntaxError ? form.dataset.failed : error.message;
  } finally {
    button.disabled = false;
  }
});

// A photo that was chosen or dropped is tried at once: there is nothing else to say about it.
const tried = () => { if (input.files.length) form.requestSubmit(); };
input.addEventListener("change", tried);
area.addEventListener("dropped", (event) => {
  const files = new DataTransfer();
  if (event.detail[0]) files.items.add(event.detail[0]);
  input.files = files.files;
  tried();
});
buttons.hidden = true;
document.querySelector("[data-another]").addEventListener("click", () => input.click());
tried(); // chosen before this script was there

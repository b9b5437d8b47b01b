// Says at once what would be refused: after each change the form is judged by the same rules that
// judge it when it is sent. Without this everything is said when it is sent.

const PAUSE = 400; // ms after the last change

const form = document.querySelector("form[data-check]");
let waiting = null;
let asked = 0;

function fields() {
  const found = {};
  for (const [name, value] of new FormData(form)) {
    if (name !== "digest" && name !== "interface" && typeof value === "string") found[name] = value;
  }
  return found;
}

// A sentence's first letter is made large, but not that of a name: hv3, sda (960 GB), relay: …
function headed(text) {
  const first = text.split(" ")[0];
  const plain = /^\p{L}+$/u.test(first) && !text.startsWith(`${first} (`);
  return plain ? text[0].toUpperCase() + text.slice(1) : text;
}

function paragraph(problem) {
  const line = document.createElement("p");
  const what = document.createElement("b");
  what.textContent = headed(problem.what);
  line.append(what);
  if (problem.fix) {
    const fix = document.createElement("span");
    fix.className = "fix";
    fix.textContent = headed(problem.fix);
    line.append(" ", fix);
  }
  return line;
}

function describe(input, id, on) {
  const ids = (input.getAttribute("aria-describedby") || "").split(" ").filter((each) => each && each !== id);
  if (on) ids.unshift(id);
  if (ids.length) input.setAttribute("aria-describedby", ids.join(" "));
  else input.removeAttribute("aria-describedby");
  if (on) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function show(problems) {
  for (const input of form.querySelectorAll("[id][name]")) {
    const own = problems.filter((each) => each.field === input.name);
    const holder = input.closest(".field");
    if (!holder) continue;
    const id = `${input.id}-wrong`;
    let list = document.getElementById(id);
    holder.classList.toggle("is-wrong", own.length > 0);
    describe(input, id, own.length > 0);
    if (!own.length) {
      list?.remove();
      continue;
    }
    if (!list) {
      list = document.createElement("div");
      list.id = id;
      list.className = "wrong";
      holder.append(list);
    }
    list.replaceChildren(...own.map(paragraph));
  }
}

async function check() {
  const mine = ++asked;
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ fields: fields() }),
    });
    if (answer.ok && mine === asked) show((await answer.json()).problems);
  } catch {
    // The page says elsewhere that the laptop does not answer; sending the form judges it too.
  }
}

form?.addEventListener("change", () => {
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE);
});

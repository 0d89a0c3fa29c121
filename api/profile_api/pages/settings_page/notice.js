// What concerns the page as a whole: in a box that is read aloud, and brief news at its foot.

const box = document.getElementById("notice");
const status = document.getElementById("status");
let fading;

// A title, under it the sentences that explain it and, perhaps, what to do about it.
export function tell(title, sentences, { alarming = false, action = null } = {}) {
  const heading = document.createElement("h2");
  heading.textContent = title;
  const lines = sentences.map((sentence) => {
    const line = document.createElement("p");
    line.textContent = sentence;
    return line;
  });
  const buttons = action ? [document.createElement("button")] : [];
  for (const button of buttons) {
    button.type = "button";
    button.textContent = action.label;
    button.addEventListener("click", action.run);
  }
  box.replaceChildren(heading, ...lines, ...buttons);
  box.classList.toggle("alarming", alarming);
  box.hidden = false;
  box.focus();
}

export function clearNotice() {
  box.hidden = true;
  box.replaceChildren();
}

// News that needs no answer.
export function announce(text) {
  clearTimeout(fading);
  status.textContent = text;
  status.classList.add("shown");
  fading = setTimeout(() => status.classList.remove("shown"), 4000);
}

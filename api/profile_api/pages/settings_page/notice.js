// What concerns the page as a whole: in a box that is read aloud, and brief news at its foot.

const box = document.getElementById("notice");
const status = document.getElementById("status");
let fading;

// A title, and under it the sentences that explain it.
export function tell(title, sentences, { alarming = false } = {}) {
  const heading = document.createElement("h2");
  heading.textContent = title;
  const lines = sentences.map((sentence) => {
    const line = document.createElement("p");
    line.textContent = sentence;
    return line;
  });
  box.replaceChildren(heading, ...lines);
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

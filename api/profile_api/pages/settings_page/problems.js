// What went wrong, in words for the person whom it happened to, and what they can do.

import { duration, known, text } from "./texts.js";

const NUMBERED = new Set(["internal_error", "unexpected"]);
const SIGN_IN = new Set(["unauthenticated", "tenant_mismatch"]);
const HOPELESS = new Set(["forbidden", "not_found", "precondition_failed", "payload_too_large"]);

const LABELS = { renew: "do.sign-in", save: "do.save", read: "do.retry" };

const codeOf = ({ code }) => (known(`problem.${code}`) ? code : "unexpected");

// A problem of the sign-in brings its own words: it is told before there is a page, too.
export const titleOf = (problem) => problem.words?.title ?? text(`problem.${codeOf(problem)}`);

// The sentences below the title. `waits` are the seconds until the next save may be tried.
export function advice(problem, { isChanged, waits }) {
  if (problem.words) return problem.words.text;
  const code = codeOf(problem);
  const limited = code === "rate_limited";
  const wait = waits > 0 ? text("save.wait", { wait: duration(waits) }) : text("save.wait-over");
  const told = problem.notices.length ? problem.notices : [text(`problem.${code}.do`)];
  return [
    ...(limited ? [wait] : told),
    ...(isChanged ? [text("problem.kept")] : []),
    ...(NUMBERED.has(code) && problem.number
      ? [text("problem.number", { number: problem.number })]
      : []),
  ];
}

// What the button below does: "renew", "save" or "read"; null where there is none.
export function remedy(problem, { waits }) {
  const code = codeOf(problem);
  if (problem.words) return "renew";
  if (SIGN_IN.has(code)) return "renew";
  if (HOPELESS.has(code) || waits > 0) return null;
  return problem.during;
}

export const labelOf = (problem, does) => problem.words?.action ?? text(LABELS[does]);

// What is wrong with a field: `error` has the code, and the numbers of its rule; or, with a file
// that was chosen, its `kind`.
export function errorText({ code, kind, message, ...numbers }) {
  if (kind) return text(`file.${kind}`);
  return known(`error.${code}`) ? text(`error.${code}`, numbers) : message;
}

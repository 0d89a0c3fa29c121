// What went wrong, in words for the person whom it happened to, and what they can do.

import { duration, known, text } from "./texts.js";

const NUMBERED = new Set(["internal_error", "unexpected"]);
const SIGN_IN = new Set(["unauthenticated", "tenant_mismatch"]);
const HOPELESS = new Set(["forbidden", "not_found", "precondition_failed", "payload_too_large"]);

const codeOf = ({ code }) => (known(`problem.${code}`) ? code : "unexpected");

export const titleOf = (problem) => text(`problem.${codeOf(problem)}`);

// The sentences below the title. `waits` are the seconds until the next save may be tried.
export function advice(problem, { isChanged, waits }) {
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
  if (SIGN_IN.has(code)) return "renew";
  if (HOPELESS.has(code) || waits > 0) return null;
  return problem.during;
}

// What is wrong with a field: `error` has the code, and the numbers of its rule; or, with a file
// that was chosen, its `kind`.
export function errorText({ code, kind, message, ...numbers }) {
  if (kind) return text(`file.${kind}`);
  return known(`error.${code}`) ? text(`error.${code}`, numbers) : message;
}

// The rules for a name, as the service has them: limits count code points, not UTF-16 units.

const SPACE = /^\p{White_Space}+|\p{White_Space}+$/gu;
const FORBIDDEN =
  /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const INVISIBLE = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

export const codePoints = (text) => [...text].length;

// The code of the rule that a name breaks, or null.
export function brokenRule(text, limit) {
  if (codePoints(text) > 4 * limit) return "too_long";
  if (/\p{Cs}/u.test(text)) return "invalid_characters";
  const name = text.normalize("NFC");
  if (codePoints(name) > limit) return "too_long";
  return FORBIDDEN.test(name.replace(SPACE, "")) ? "invalid_characters" : null;
}

// The name as it would be stored; null where nothing of it can be seen.
export function cleaned(text) {
  const name = text.normalize("NFC").replace(SPACE, "");
  return INVISIBLE.test(name) ? null : name;
}

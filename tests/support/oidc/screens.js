// What people see of the provider, without anything from elsewhere.

const escaped = (text) => String(text).replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>
  body { max-width: 24rem; margin: 10vh auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif }
  button { display: block; width: 100%; margin: .5rem 0; padding: .75rem; font: inherit; text-align: start }
</style>
<h1>${title}</h1>
${body}
</html>`;

const name = ({ given_name: given, family_name: family, email }) =>
  escaped([given, family].filter(Boolean).join(' ') || email);

const CANCEL = '<button name="cancel" value="yes">Cancel</button>';

export const login = (people) =>
  page(
    'Who are you?',
    `<form method="post"><input type="hidden" name="prompt" value="login">${Object.entries(people)
      .map(([sub, told]) => `<button name="login" value="${escaped(sub)}">${name(told)}</button>`)
      .join('')}${CANCEL}</form>`,
  );

export const consent = (told, { client_id: client }) =>
  page(
    'May it know who you are?',
    `<p>${escaped(client)} wants to know that you are ${name(told)}.</p>
<form method="post"><input type="hidden" name="prompt" value="consent">
<button name="allow" value="yes">Allow</button>${CANCEL}</form>`,
  );

export const logout = (form) =>
  page('Sign out?', `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`);

export const over = (why) => page('This is over', `<p>${escaped(why)}</p>`);

export async function read(request) {
  let body = '';
  for await (const part of request) body += part;
  return new URLSearchParams(body);
}

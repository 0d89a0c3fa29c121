// What people read of the sign-in, in English: a title, what to do and what the button says.
// {provider} is the provider's host. A language is a file like this one, named in words.js.

export default {
  busy: { title: "Signing you in…" },
  welcome: {
    title: "Sign in to see your profile",
    text: ["You sign in with {provider}, and come back here."],
    action: "Sign in",
  },
  leaving: "Going to {provider}…",
  signOut: "Sign out",
  tenant: "Organisation",
  another: {
    title: "Somebody else signed in",
    text: ["Nothing was changed. Sign in again as the person who began here, or sign out first."],
    action: "Sign in again",
  },
  choose: {
    title: "For which organisation?",
    text: ["You belong to several. Choose the one whose profile you want to see."],
  },
  clocks: {
    title: "The clocks do not agree",
    text: [
      "{provider} and this service disagree about what time it is, so the sign-in was refused.",
      "Tell whoever runs this service; nothing is wrong with your account.",
    ],
    action: "Try again",
  },
  denied: {
    title: "You did not allow it",
    text: ["Without your consent the service cannot know who you are. Nothing was changed."],
    action: "Sign in",
  },
  elsewhere: {
    title: "Open this page at its own address",
    text: ["People can sign in there alone."],
    action: "Go there",
  },
  handed: {
    title: "You are signed in",
    text: ["You can close this window and go on where you were."],
  },
  insecure: {
    title: "Open this page by https",
    text: [
      "Browsers sign nobody in on a page that came by http.",
      "If its address has no https, ask whoever runs this service.",
    ],
  },
  misconfigured: {
    title: "{provider} does not know this page",
    text: ["Tell whoever runs this service: the sign-in is not set up as the provider expects it."],
    action: "Try again",
  },
  no_window: {
    title: "The browser held the window back",
    text: ["Allow this page to open windows, then try again. What you typed is still here."],
    action: "Sign in again",
  },
  not_accepted: {
    title: "This account cannot be used here",
    text: [
      "Its organisation does not use this service, or the service does not trust its sign-in.",
      "Sign in with another account, or ask whoever runs this service.",
    ],
    action: "Use another account",
  },
  not_theirs: {
    title: "The answer was not the provider's",
    text: ["What came back does not belong to this sign-in, so it was thrown away. Begin anew."],
    action: "Sign in",
  },
  over: {
    title: "Your session is over",
    text: ["Sign in again; what you typed is still here."],
    action: "Sign in again",
  },
  service_unreachable: {
    title: "The service cannot be reached",
    text: ["You are known to {provider}, but the service did not answer. Try again in a moment."],
    action: "Try again",
  },
  several: {
    title: "You belong to several organisations",
    text: [
      "{provider} did not say for which of them you signed in.",
      "If it lets you choose, sign in again and choose one; or ask whoever runs this service.",
    ],
    action: "Sign in again",
  },
  signed_out: {
    title: "You are signed out",
    text: ["Here and with {provider}."],
    action: "Sign in",
  },
  signed_out_here: {
    title: "You are signed out here",
    text: ["You may still be signed in with {provider}. Sign out there too on a shared computer."],
    action: "Sign in",
  },
  stale: {
    title: "This sign-in is over",
    text: ["It was used before, took too long or began in another window. Begin anew."],
    action: "Sign in",
  },
  unreachable: {
    title: "{provider} cannot be reached",
    text: ["Nothing is lost. Look whether you are online, and try again in a moment."],
    action: "Try again",
  },
};

// What people read of the sign-in, in German: see en.js.

export default {
  busy: { title: "Sie werden angemeldet …" },
  welcome: {
    title: "Melden Sie sich an, um Ihr Profil zu sehen",
    text: ["Sie melden sich bei {provider} an und kommen hierher zurück."],
    action: "Anmelden",
  },
  leaving: "Weiter zu {provider} …",
  signOut: "Abmelden",
  tenant: "Organisation",
  another: {
    title: "Jemand anderes hat sich angemeldet",
    text: [
      "Es wurde nichts geändert. Melden Sie sich als die Person an, die hier begonnen hat, oder zuerst ab.",
    ],
    action: "Erneut anmelden",
  },
  choose: {
    title: "Für welche Organisation?",
    text: ["Sie gehören zu mehreren. Wählen Sie die, deren Profil Sie sehen möchten."],
  },
  clocks: {
    title: "Die Uhren stimmen nicht überein",
    text: [
      "{provider} und dieser Dienst sind sich über die Uhrzeit uneins; darum wurde die Anmeldung abgelehnt.",
      "Sagen Sie es den Betreibern des Dienstes; mit Ihrem Konto ist alles in Ordnung.",
    ],
    action: "Noch einmal versuchen",
  },
  denied: {
    title: "Sie haben nicht zugestimmt",
    text: ["Ohne Ihre Zustimmung weiß der Dienst nicht, wer Sie sind. Es wurde nichts geändert."],
    action: "Anmelden",
  },
  elsewhere: {
    title: "Öffnen Sie diese Seite unter ihrer eigenen Adresse",
    text: ["Nur dort kann man sich anmelden."],
    action: "Dorthin gehen",
  },
  handed: {
    title: "Sie sind angemeldet",
    text: ["Sie können dieses Fenster schließen und weitermachen, wo Sie waren."],
  },
  insecure: {
    title: "Öffnen Sie diese Seite mit https",
    text: [
      "Auf einer Seite, die über http kam, melden Browser niemanden an.",
      "Gibt es keine Adresse mit https, fragen Sie die Betreiber des Dienstes.",
    ],
  },
  misconfigured: {
    title: "{provider} kennt diese Seite nicht",
    text: [
      "Sagen Sie es den Betreibern des Dienstes: Die Anmeldung ist nicht so eingerichtet, wie der Anbieter es erwartet.",
    ],
    action: "Noch einmal versuchen",
  },
  no_window: {
    title: "Der Browser hat das Fenster zurückgehalten",
    text: [
      "Erlauben Sie dieser Seite, Fenster zu öffnen, und versuchen Sie es noch einmal. Ihre Eingaben sind noch da.",
    ],
    action: "Erneut anmelden",
  },
  not_accepted: {
    title: "Mit diesem Konto geht es hier nicht",
    text: [
      "Seine Organisation nutzt diesen Dienst nicht, oder der Dienst vertraut der Anmeldung nicht.",
      "Melden Sie sich mit einem anderen Konto an, oder fragen Sie die Betreiber des Dienstes.",
    ],
    action: "Anderes Konto verwenden",
  },
  not_theirs: {
    title: "Die Antwort kam nicht vom Anbieter",
    text: ["Was zurückkam, gehört nicht zu dieser Anmeldung und wurde verworfen. Beginnen Sie neu."],
    action: "Anmelden",
  },
  over: {
    title: "Ihre Sitzung ist zu Ende",
    text: ["Melden Sie sich erneut an; Ihre Eingaben sind noch da."],
    action: "Erneut anmelden",
  },
  service_unreachable: {
    title: "Der Dienst ist nicht erreichbar",
    text: [
      "{provider} kennt Sie, aber der Dienst hat nicht geantwortet. Versuchen Sie es gleich noch einmal.",
    ],
    action: "Noch einmal versuchen",
  },
  several: {
    title: "Sie gehören zu mehreren Organisationen",
    text: [
      "{provider} hat nicht gesagt, für welche Sie sich angemeldet haben.",
      "Wenn Sie dort wählen können, melden Sie sich erneut an und wählen eine; oder fragen Sie die Betreiber des Dienstes.",
    ],
    action: "Erneut anmelden",
  },
  signed_out: {
    title: "Sie sind abgemeldet",
    text: ["Hier und bei {provider}."],
    action: "Anmelden",
  },
  signed_out_here: {
    title: "Sie sind hier abgemeldet",
    text: [
      "Bei {provider} sind Sie vielleicht noch angemeldet. Melden Sie sich an einem fremden Rechner auch dort ab.",
    ],
    action: "Anmelden",
  },
  stale: {
    title: "Diese Anmeldung ist vorbei",
    text: [
      "Sie wurde schon benutzt, hat zu lange gedauert oder begann in einem anderen Fenster. Beginnen Sie neu.",
    ],
    action: "Anmelden",
  },
  unreachable: {
    title: "{provider} ist nicht erreichbar",
    text: ["Es ist nichts verloren. Prüfen Sie Ihre Verbindung und versuchen Sie es gleich noch einmal."],
    action: "Noch einmal versuchen",
  },
};

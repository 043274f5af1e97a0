/**
 * How mail programs introduce what they quote, forward and sign, in the languages of our customers and their neighbours.
 * Taken from the programs' own translations (Thunderbird, Roundcube, K-9, Outlook, Gmail, Apple Mail, Samsung).
 */

/** "… wrote", as a word of its own. The word boundary of regular expressions knows no č and no Greek. */
const WROTE = word(
  'wrote|writes|schrieb|schreibt|geschrieben|scritto|scrive|écrit|escribió|escreveu|schreef|skrev|kirjoitti|pisze',
  'napisal|napisala|napisal(?:\\(a\\)|/a|-a)|napisalo|pisal|pisala|piše|sporočil|sporočila',
  'napisao|napisao/la|napisao\\(la\\)|napisao/napisala|pisao|έγραψε|написа|написал|написао|пише|пишет|napsal|napísal|írta|scris',
);

/** A day or a time, in any of the ways they are written. */
const WHEN =
  /\d{4}-\d\d-\d\d|\d{1,2}[./]\s?\d{1,2}[./]\s?\d{2,4}|\d{1,2}\.?\s\p{L}{3,12}\.?,?\s\d{4}|\p{L}{3,12}\.?\s\d{1,2},?\s\d{4}|(?<!\d)\d{1,2}[:.]\d{2}(?!\d)/u;

const ADDRESS_IN_BRACKETS = /[<([][^\s<>()[\]@]{1,80}@[^\s<>()[\]@]{1,120}[>)\]]/;

/** How sure it is that these words introduce a quote: 3 whatever follows, 2 and 1 only where quoted lines follow. */
export function attribution(text: string): 0 | 1 | 2 | 3 {
  if (text.length > 400 || !/[:：]$/.test(text)) return 0;
  const wrote = WROTE.test(text);
  const when = WHEN.test(text);
  const who = ADDRESS_IN_BRACKETS.test(text);
  if (wrote && when) return who ? 3 : 2;
  return wrote || when || who ? 1 : 0;
}

/** The first of several lines into which an introduction was broken. */
export function beginsAttribution(line: string): boolean {
  return (
    line.length <= 400 &&
    BEGINNING.test(line) &&
    /\d/.test(line) &&
    !/[.!?]\s+\p{Lu}\p{Ll}+\s+\p{Ll}/u.test(line)
  );
}
const BEGINNING = new RegExp(
  `^(?:${[
    'On|Am|Le|Il|El|Em|Op|Den|Dne|Dana|Na dan|Στις|Στο|Την|Dňa|W dniu|Dnia|V',
    'pon|tor|sre|čet|pet|sob|ned|uto|sri|sub|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Mo|Di|Mi|Do|Fr|Sa|So|Δευ|Τρί|Τετ|Πέμ|Παρ|Σάβ|Κυρ',
  ].join('|')})[.,]?(?=\\s)`,
  'i',
);

/** A line across with "Original message" in it. */
export function isOriginalMark(line: string): boolean {
  return line.length < 120 && ORIGINAL.test(line);
}
const ORIGINAL = new RegExp(
  `^[-_*=\\s]{2,40}(?:${[
    'Original (?:Message|e-?mail|Nachricht)|Original-Nachricht|Originalnachricht|Ursprüngliche (?:Nachricht|Mail)',
    'Izvirno sporočilo|Prvotno sporočilo|Izvorna poruka|Originalna poruka|Originalno sporočilo|Αρχικό μήνυμα|Πρωτότυπο μήνυμα',
    "Messaggio originale|Message d['’]origine|Message original|Mensaje original|Oorspronkelijk bericht|Reply message|Изворна порука",
  ].join('|')})[-_*=:\\s]{0,40}$`,
  'i',
);

export function isForwardMark(line: string): boolean {
  return line.length < 120 && FORWARD.test(line);
}
const FORWARD = new RegExp(
  `^[-_*=\\s]{0,40}(?:${[
    'Forwarded message|Begin forwarded message|Forwarded by [^:]{1,60}|Weitergeleitete Nachricht|Anfang der weitergeleiteten (?:Nachricht|E-Mail)',
    'Posredovano sporočilo|Začetek posredovanega sporočila|Proslijeđena poruka|Prosleđena poruka|Početak proslijeđene poruke',
    'Προωθημένο μήνυμα|Έναρξη προωθημένου μηνύματος|Αρχή προωθημένου μηνύματος|Messaggio inoltrato|Inizio messaggio inoltrato',
    'Message transféré|Message transmis|Début du message (?:réexpédié|transféré)|Mensaje reenviado|Doorgestuurd bericht',
  ].join('|')})[-_*=:\\s]{0,40}$`,
  'i',
);

export function isForwardSubject(subject: string): boolean {
  return /^\s*(?:\[[^\]]{1,40}\]\s*){0,3}(?:Fwd?|FW|WG|TR|RV|ENC|I|Posr(?:edovano)?|PD|Prosl(?:ijeđeno|eđeno)?|ΠΡΘ|ΠΡΟΩΘ)\s?:/iu.test(
    subject,
  );
}

/** The fields that Outlook and others put above the mail they quote. */
const FIELDS = {
  from: 'From|Von|Od|Šalje|Pošiljatelj|Absender|De|Da|Από|Van|Fra|Från|Od koga|Шаље|Од|Expéditeur|Mittente|От',
  sent: 'Sent|Date|Gesendet|Datum|Poslano|Poslato|Envoyé|Inviato|Data|Στάλθηκε|Αποστολή|Απεστάλη|Ημερομηνία|Verzonden|Enviado|Skickat|Sendt|Датум',
  to: 'To|An|Za|Prima|Primatelj|Prejemnik|Komu|À|A|Προς|Aan|Para|Till|Til|Прима',
  subject:
    'Subject|Betreff|Zadeva|Predmet|Naslov|Tema|Objet|Oggetto|Θέμα|Onderwerp|Asunto|Assunto|Ämne|Emne|Наслов',
};
const FIELD_LINES = Object.entries(FIELDS).map(
  ([field, words]) => [field, new RegExp(`^[*\\s]{0,3}(?:${words})\\s?[*]?:[*]?(?=\\s|$)`, 'i')] as const,
);

/** Which field of a quoted mail's head this line is. */
export function quotedField(line: string): string | null {
  if (line.length > 2000) return null;
  return FIELD_LINES.find(([, pattern]) => pattern.test(line))?.[0] ?? null;
}

/** "Sent from my iPhone" and its like: words of sending, and a thing that sends, in one short line. */
export function isDeviceSignature(line: string): boolean {
  const bare = line.trim();
  return bare.length <= 110 && SENT.test(bare) && DEVICE.test(bare) && !/[.!?]\s+\p{L}/u.test(bare);
}
const SENT = new RegExp(
  `^(?:${[
    'Sent (?:from|with|via|using|by)|Get|Download|Von|Gesendet|Diese Nachricht wurde von|Holen Sie sich|Outlook für',
    'Poslano (?:z|s|iz|sa|prek|preko|putem)|Poslato (?:sa|s|iz|pomoću)|Prenesite|Pridobite|Preuzmite|Nabavite|Dohvatite',
    'Στάλθηκε|Απεστάλη|Εστάλη|Αποστολή|Αποκτήστε|Λήψη|Κατεβάστε|Inviato|Scarica|Ottieni|Envoyé|Téléchargez?|Obtenez',
    'Enviado|Verzonden|Verstuurd|Skickat|Sendt|Lähetetty|Wysłan[eoy]|Odesláno|Odoslané|Послато',
  ].join('|')})(?=\\s)`,
  'i',
);
const DEVICE =
  /iPhon|iPad|Apple|Outlook|Samsung|Galaxy|Android|Huawei|Xiaomi|Redmi|Yahoo|Proton|Gmail|K-9|Thunderbird|BlackBerry|Nokia|Xperia|OnePlus|BlueMail|Tutanota|GMX|WEB\.DE|(?:Mail|Pošta|Пошта|Αλληλογραφία) (?:for|für|za|per|pour|για) |mob(?:ile|ilne|ilnog|iltelefon|itel)|pametnega telefona|κινητ|Handy/i;

/** RFC 3676: what follows is the signature. Without its blank, it is only a custom. */
export function signatureMark(line: string): 'exact' | 'custom' | null {
  if (line === '-- ') return 'exact';
  return /^(?:--|—)\s*$/.test(line) ? 'custom' : null;
}

function word(...lists: string[]): RegExp {
  return new RegExp(`(?<![\\p{L}\\d])(?:${lists.join('|')})(?![\\p{L}\\d])`, 'iu');
}

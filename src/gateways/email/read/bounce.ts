import type { Bounce, BouncedRecipient } from './inbound-mail';
import { type HeaderFields, isAddress, type RawAttachment } from './mime-tree';

export interface BounceQuestion {
  fields: HeaderFields;
  returnPath: string | null;
  fromAddress: string | null;
  toAddresses: string[];
  subject: string;
  text: string;
  attachments: RawAttachment[];
}

/**
 * What a mail server says about a mail it could not deliver, by RFC 3464 or in its own words.
 * Shape:   BounceQuestion → Bounce and how it was recognised, or null: this is no such mail
 */
export function readBounce(mail: BounceQuestion): { bounce: Bounce; reason: string } | null {
  const status = mail.attachments.find(({ declaredType }) =>
    /^message\/(?:global-)?delivery-status$/.test(declaredType),
  );
  const standard = status ? recipientsOfReport(status.content.toString('utf8')) : [];
  if (standard.length > 0) {
    const recipients = standard.map((recipient) =>
      recipient.diagnostic === null && standard.length === 1
        ? judged({ ...recipient, diagnostic: answersIn(mail.text)?.diagnostic ?? null })
        : recipient,
    );
    return { bounce: bounceOf(recipients, mail), reason: 'a delivery status report (RFC 3464)' };
  }
  if (!isFromMailServer(mail)) return null;
  const words = wordsOf(mail);
  if (!words) return null;
  const recipients = recipientsInWords(mail, words.action);
  return { bounce: bounceOf(recipients, mail), reason: words.reason };
}

function bounceOf(recipients: BouncedRecipient[], mail: BounceQuestion): Bounce {
  const failed = recipients.filter(({ action }) => action === 'failed');
  return {
    recipients,
    originalMessageId: originalMessageId(mail),
    permanent: failed.length > 0 && failed.every(({ permanent }) => permanent),
  };
}

/** RFC 3464: groups of fields; the first is of the mail, each other one of a recipient. */
function recipientsOfReport(report: string): BouncedRecipient[] {
  return report
    .slice(0, REPORT_CHARS)
    .split(/\r?\n[^\S\r\n]*\r?\n/)
    .map(fieldsOf)
    .filter(
      (fields) => fields.has('final-recipient') || fields.has('original-recipient') || fields.has('action'),
    )
    .slice(0, RECIPIENTS)
    .map((fields) => {
      const diagnostic = (fields.get('diagnostic-code') ?? '').replace(/^[\w-]+\s*;\s*/, '').trim();
      // Of an alias the mail was forwarded from, the first is what we wrote to.
      const address = addressIn(fields.get('original-recipient')) ?? addressIn(fields.get('final-recipient'));
      return judged({
        address,
        action: actionOf(fields.get('action') ?? 'failed'),
        status: statusIn(fields.get('status') ?? ''),
        diagnostic: diagnostic === '' ? null : diagnostic.slice(0, DIAGNOSTIC_CHARS),
      });
    });
}

const REPORT_CHARS = 200_000;
const RECIPIENTS = 100;
const DIAGNOSTIC_CHARS = 1_000;

function fieldsOf(group: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of group.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    if (!fields.has(name))
      fields.set(
        name,
        line
          .slice(colon + 1)
          .replace(/\s+/g, ' ')
          .trim(),
      );
  }
  return fields;
}

/** `rfc822; alice@example.com`, with or without brackets. */
function addressIn(value: string | undefined): string | null {
  const bare = (value ?? '')
    .replace(/^[\w-]+\s*;\s*/, '')
    .replace(/^<|>$/g, '')
    .trim();
  return isAddress(bare) ? bare : null;
}

function actionOf(word: string): BouncedRecipient['action'] {
  const known = /^(?:failed|delayed|delivered|relayed|expanded)/i.exec(word.trim())?.[0].toLowerCase();
  return (known as BouncedRecipient['action'] | undefined) ?? 'failed';
}

function statusIn(text: string): string | null {
  return /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(text)?.[0] ?? null;
}

/** Statuses by which the address is gone for good (RFC 3463); others refuse this mail, or not for ever. */
const GONE = /^5\.(?:1\.(?:1|2|3|6|10)|2\.1|4\.4)$/;
const GONE_WORDS =
  /user unknown|unknown user|no such (?:user|recipient|mailbox|address|person)|does(?: not|n['’]t) exist|(?:mailbox|recipient|address|account|user)[^.;]{0,60}(?:not found|unknown|disabled|inactive|deactivated|does not exist)|(?:mailbox|account) unavailable|recipient name is not recognized|not listed in|invalid (?:mailbox|recipient|address)|no mailbox (?:here )?by that name|doesn['’]t have a [\w.]+ account|over[- ]?quota inactive|unrouteable address|unbekannt|existiert nicht/i;
const NOT_GONE_WORDS =
  /quota|mailbox (?:is )?full|full mailbox|too (?:large|big)|size limit|spam|blocked|blacklist|policy|reputation|greylist|try again|temporar/i;

/** Fills in what the words say more exactly than the status, and decides whether the address is gone. */
function judged(recipient: Omit<BouncedRecipient, 'permanent'>): BouncedRecipient {
  const { action, diagnostic } = recipient;
  const inWords = statusIn(diagnostic ?? '');
  const isVague = recipient.status === null || /^[45]\.0\.0$/.test(recipient.status);
  const status = isVague && inWords ? inWords : recipient.status;
  const words = diagnostic ?? '';
  const refused = status?.startsWith('5') ?? /(?<!\d)55\d(?!\d)/.test(words);
  const permanent =
    action === 'failed' &&
    ((status !== null && GONE.test(status)) ||
      (refused && GONE_WORDS.test(words) && !NOT_GONE_WORDS.test(words)) ||
      (status === null &&
        !/(?<!\d)4\d\d(?!\d)/.test(words) &&
        GONE_WORDS.test(words) &&
        !NOT_GONE_WORDS.test(words)));
  return { ...recipient, status, permanent };
}

/** Nobody else may say that a mail came back: a customer who quotes such words is still a customer. */
function isFromMailServer({ returnPath, fromAddress, fields }: BounceQuestion): boolean {
  if (fields.has('x-failed-recipients')) return true;
  if (
    /^(?:mailer-?daemon|mail-?daemon|postmaster|mail-?delivery\S*|microsoftexchange[\da-f]+)@/i.test(
      fromAddress ?? '',
    )
  ) {
    return true;
  }
  return (
    returnPath === '' && /mail(?:er)?[- ]?(?:delivery|daemon)|postmaster/i.test(fields.first('from') ?? '')
  );
}

const DELAYED =
  /delivery (?:status notification )?\(?delay|(?:message|mail|delivery)[^.\n]{0,60}(?:delayed|not yet been delivered)|warning: (?:message|could not send)[^.\n]{0,80}(?:delayed|hours|minutes)|will (?:be retried|keep trying|continue to (?:be )?tr)|delivery (?:temporarily )?suspended|delivery incomplete|transient (?:failure|error)|zustellung (?:verzögert|verzoegert)|wurde noch nicht zugestellt|verzögerung/i;
const FAILED =
  /undeliver(?:able|ed)|delivery (?:status notification )?\(?failure|delivery (?:has )?failed|failed permanently|could(?: not|n['’]t) be delivered|unable to deliver|wasn['’]t able to deliver|was not delivered|returned mail|returning message to sender|failure notice|mail (?:delivery )?fail(?:ed|ure)|permanent (?:fatal )?error|did not reach the following recipient|address (?:not found|couldn['’]t be found)|message (?:blocked|not delivered)|delivery (?:error|problem)|unzustellbar|nicht zugestellt|konnte[n]? nicht|ni bil[oa]? (?:mogoče )?dostavljen|nedostavlj|neisporuč|nije (?:moguće )?isporuč|μη παραδοτ|δεν παραδόθηκε|αποτυχία παράδοσης/i;

function wordsOf({
  subject,
  text,
  fields,
}: BounceQuestion): { action: 'failed' | 'delayed'; reason: string } | null {
  const said = `${subject}\n${explanation(text).slice(0, 5_000)}`;
  // "Has not been delivered yet, will be tried for 4 days": both kinds of words; the delay is what is new.
  if (
    DELAYED.test(said) &&
    !/permanent (?:fatal )?(?:error|failure)|failed permanently|giving up|given up|gave up|endgültig/i.test(
      said,
    )
  ) {
    return { action: 'delayed', reason: 'a mail server says that it could not deliver yet' };
  }
  if (FAILED.test(said) || fields.has('x-failed-recipients')) {
    return { action: 'failed', reason: 'a mail server says that it could not deliver' };
  }
  return null;
}

/** What the server says itself, without the mail it sends back. */
function explanation(text: string): string {
  const copy = COPY_BELOW.exec(text);
  return copy && copy.index > 0 ? text.slice(0, copy.index) : text;
}
const COPY_BELOW =
  /^[-|=_ \t]{2,30}(?:below this line is|this is a copy of|the header of the original|original message|ursprüngliche nachricht|returned (?:mail|message)|message header|undelivered message|included is a copy|received:).*$|^(?:received|return-path):\s.*$/im;

/** Servers that write in sentences name each address on a line of its own, and the answer they got soon after it. */
function recipientsInWords(mail: BounceQuestion, action: 'failed' | 'delayed'): BouncedRecipient[] {
  const lines = explanation(mail.text).slice(0, REPORT_CHARS).split('\n').slice(0, 2_000);
  const own = new Set(
    [mail.fromAddress, ...mail.toAddresses].map((address) => (address ?? '').toLowerCase()),
  );
  const named = (mail.fields.first('x-failed-recipients') ?? '')
    .split(/[\s,;]+/)
    .filter(isAddress)
    .slice(0, RECIPIENTS);
  const found: { address: string; at: number }[] = [];
  const add = (address: string, at: number) => {
    const isKnown = found.some((other) => other.address.toLowerCase() === address.toLowerCase());
    if (!isKnown && found.length < RECIPIENTS) found.push({ address, at });
  };
  for (const [at, line] of lines.entries()) {
    const address =
      /^[\s*•-]{0,8}(?:to:\s*)?[<"]?([^\s<>()"]{1,80}@[^\s<>()"]{1,200}?)[>"]?(?:\s\([^)]{0,200}\))?[:,;]?(?:\s|$)/i.exec(
        line,
      )?.[1];
    if (!address || !isAddress(address)) continue;
    if (
      named.length > 0
        ? named.some((other) => other.toLowerCase() === address.toLowerCase())
        : !own.has(address.toLowerCase())
    ) {
      add(address, at);
    }
  }
  for (const address of named) add(address, -1);
  if (found.length === 0) {
    // Not on a line of its own: "Your message to <x> could not be delivered".
    const text = lines.join('\n');
    const address = [...text.matchAll(/[^\s<>()"',;:[\]]{1,80}@[^\s<>()"',;:[\]]{1,200}/g)]
      .map(([match]) => match.replace(/\.$/, ''))
      .find((match) => isAddress(match) && !own.has(match.toLowerCase()));
    const answer = answersIn(text);
    return [
      judged({
        address: address ?? null,
        action,
        status: answer?.status ?? null,
        diagnostic: answer?.diagnostic ?? null,
      }),
    ];
  }
  return found.map(({ address, at }, index) => {
    const next = found.slice(index + 1).find((other) => other.at > at)?.at;
    const near = at < 0 ? lines : lines.slice(at, Math.min(next ?? lines.length, at + 15));
    const answer = answersIn(near.join('\n')) ?? (found.length === 1 ? answersIn(lines.join('\n')) : null);
    return judged({
      address,
      action,
      status: answer?.status ?? null,
      diagnostic: answer?.diagnostic ?? null,
    });
  });
}

/** The line with the other server's answer, or with words that say why. */
function answersIn(text: string): { status: string | null; diagnostic: string } | null {
  const lines = text
    .slice(0, 20_000)
    .split('\n')
    .map((line) => line.trim());
  const at =
    first(lines, (line) => /(?<![\d.])[45]\d\d[ -](?:#?[45]\.\d|[A-Z<#"'(])/i.test(line)) ??
    first(lines, (line) => statusIn(line) !== null) ??
    first(lines, (line) => GONE_WORDS.test(line) || NOT_GONE_WORDS.test(line));
  if (at === null) return null;
  const diagnostic = lines
    .slice(at, at + 3)
    .filter((_, index, all) => all.slice(1, index + 1).every(Boolean))
    .join(' ')
    .slice(0, DIAGNOSTIC_CHARS);
  return { status: statusIn(diagnostic), diagnostic };
}

function first(lines: string[], is: (line: string) => boolean): number | null {
  const at = lines.findIndex(is);
  return at < 0 ? null : at;
}

/** Of the mail that came back: from its copy or its headers, else from what the report answers. */
function originalMessageId({ attachments, text, fields }: BounceQuestion): string | null {
  const copies = attachments
    .filter(({ declaredType }) =>
      /^(?:message\/(?:global|rfc822)|text\/rfc822-headers|message\/global-headers)/.test(declaredType),
    )
    .map(({ content }) => content.subarray(0, 65_536).toString('latin1'));
  for (const copy of [...copies, text.slice(0, REPORT_CHARS)]) {
    const id = /^[> \t|]{0,8}message-id:\s{0,20}(<[^<>\s]{3,500}>)/im.exec(copy)?.[1];
    if (id) return id;
  }
  return idsIn(fields.first('in-reply-to'))[0] ?? idsIn(fields.first('references')).at(-1) ?? null;
}

/** Message-IDs, with their brackets. */
export function idsIn(value: string | null): string[] {
  const ids = [...(value ?? '').matchAll(/<[^<>\s]{1,900}>/g)].map(([id]) => id);
  if (ids.length > 0) return ids.slice(-ID_COUNT);
  const bare = (value ?? '').trim();
  return /^[^\s<>]{3,900}$/.test(bare) && bare.includes('@') ? [`<${bare}>`] : [];
}

/** The newest of a long thread say enough. */
const ID_COUNT = 100;

import type { NodemailerError } from 'nodemailer';
import type { EmailOutcome } from './gateway';

/** What the server calls the mail in its log: "2.0.0 Ok: queued as 4FvK2t" (Postfix), "OK id=1tXyz-0001AB-2c" (Exim). */
export function queueIdOf(response: string): string | null {
  return /\b(?:queued as|id=)\s*<?([\w.@+-]{4,100})/i.exec(response)?.[1] ?? null;
}

/** The sign-in is missing, wrong or not allowed: nothing is wrong with the mail. */
const SIGN_IN = new Set([530, 534, 535, 538]);

/**
 * What became of a mail, by what the server said (RFC 5321) or how the line broke.
 * Shape:   the error, and whether the server can have had all of the mail → EmailOutcome
 * Errors:  throws where nobody knows
 */
export function outcomeOf(error: NodemailerError, isWhole: boolean): EmailOutcome {
  const { code, command } = error;
  const answer = answerOf(error);
  if (isWhole && answer === null) throw noAnswer(error.originalCode ?? code);
  if (code === 'EAUTH' || SIGN_IN.has(answer ?? 0)) {
    return { kind: 'unavailable', reason: `the mail server does not accept our sign-in${numbersOf(error)}` };
  }
  if (answer !== null) {
    const isOfThisMail = (code === 'EENVELOPE' || code === 'EMESSAGE') && answer !== 421;
    if (isOfThisMail && answer >= 500) {
      const status = command === 'RCPT TO' ? enhancedCodeOf(error) : undefined;
      return { kind: 'rejected', reason: refusalOf(error), ...(status === undefined ? {} : { status }) };
    }
    const reason = `the mail server does not take it now${numbersOf(error)}`;
    // The greeting or STARTTLS can be refused for good as well, but that says nothing of the mail; nor does what is
    // said to the sender, who is the same in all of them.
    return { kind: isOfThisMail && command !== 'MAIL FROM' ? 'temporary' : 'unavailable', reason };
  }
  if (!error.response) {
    if (code === 'EMESSAGE')
      return { kind: 'rejected', reason: 'the mail is larger than the mail server takes' };
    if (code === 'EENVELOPE') return { kind: 'rejected', reason: 'the address is not a valid one' };
  }
  if (code === 'EABORT' || code === 'ETIMEDOUT') {
    return { kind: 'unavailable', reason: 'the mail server did not answer in time' };
  }
  const detail = wordOf(error.originalCode ?? code);
  return { kind: 'unavailable', reason: `no connection to the mail server, or it broke off (${detail})` };
}

/** The refusal of a mail server; null where what came is none (an error page, a line of something else). */
function answerOf({ response, responseCode }: NodemailerError): number | null {
  return responseCode && /^[45]\d\d(?:[ -]|$)/.test(response ?? '') ? responseCode : null;
}

export function noAnswer(code: string | undefined): Error {
  // A new error: the other one repeats what the server said, and that the address.
  return Object.assign(new Error('no answer from the mail server'), { code: wordOf(code) });
}

function wordOf(code: string | undefined): string {
  return code !== undefined && /^\w{1,60}$/.test(code) ? code : 'error';
}

/** RFC 3463 with 7372 and 7505, by the most exact beginning. The server's own words stay out: they repeat the address. */
const ENHANCED: [start: string, words: string][] = [
  ['5.1.1', 'there is no such mailbox'],
  ['5.1.2', 'the domain of the address takes no mail'],
  ['5.1.10', 'the domain of the address takes no mail'],
  ['5.1.4', 'the address belongs to more than one mailbox'],
  ['5.1.6', 'the mailbox has moved elsewhere'],
  ['5.1.7', 'the mail server does not accept our sender address'],
  ['5.1.8', 'the mail server does not accept our sender address'],
  ['5.1.', 'the address is not a valid one'],
  ['5.2.1', 'the mailbox is switched off'],
  ['5.2.2', 'the mailbox is full'],
  ['5.2.3', 'the mail is too large for the mailbox'],
  ['5.2.', 'the mailbox does not take it'],
  ['5.3.4', 'the mail is larger than the mail server takes'],
  ['5.3.', 'the mail server of the recipient takes no mail'],
  ['5.4.6', 'the mail would go round in circles between mail servers'],
  ['5.4.14', 'the mail would go round in circles between mail servers'],
  ['5.4.', 'the mail server finds no way to the recipient'],
  ['5.5.', 'the mail server did not understand us'],
  ['5.6.', 'the mail server cannot take such a mail (its content or form)'],
  ['5.7.13', 'the account of the mailbox is switched off'],
  ['5.7.20', 'the mail server wants mail with a good DKIM signature'],
  ['5.7.21', 'the mail server wants mail with a good DKIM signature'],
  ['5.7.22', 'the mail server wants mail with a good DKIM signature'],
  ['5.7.23', 'our mail server is not allowed to send for our domain (SPF)'],
  ['5.7.24', 'our mail server is not allowed to send for our domain (SPF)'],
  ['5.7.25', 'the name of our mail server does not lead back to it (reverse DNS)'],
  ['5.7.26', 'the mail is neither signed nor sent by a server of our domain (DKIM, SPF)'],
  ['5.7.27', 'the domain of our sender address takes no mail'],
  ['5.7.', 'the mail server refused it by its rules (sender, content or reputation)'],
];

/** RFC 5321 4.2.3 and 7504, where nothing more exact is said. */
const BASIC: Record<number, string> = {
  521: 'the mail server of the recipient takes no mail',
  550: 'the mailbox cannot be reached',
  551: 'the mailbox has moved elsewhere',
  552: 'the mailbox is full, or the mail too large',
  553: 'the address is not a valid one',
  556: 'the domain of the address takes no mail',
};

function refusalOf(error: NodemailerError): string {
  const enhanced = enhancedCodeOf(error) ?? '';
  const known = ENHANCED.find(([start]) =>
    start.endsWith('.') ? enhanced.startsWith(start) : enhanced === start,
  );
  const words = known?.[1] ?? BASIC[error.responseCode ?? 0] ?? 'the mail server refused it';
  return `${words}${numbersOf(error)}`;
}

function numbersOf(error: NodemailerError): string {
  const numbers = [answerOf(error), enhancedCodeOf(error)].filter(Boolean);
  return numbers.length > 0 ? ` (${numbers.join(' ')})` : '';
}

function enhancedCodeOf({ response }: NodemailerError): string | undefined {
  return /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1];
}

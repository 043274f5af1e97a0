import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { createTransport, type NodemailerError, type SMTPPoolOptions } from 'nodemailer';
import type { EmailGateway, EmailOutcome, OutgoingEmail } from './gateway';

export interface SmtpSettings {
  /** SMTP_URL. */
  url: string;
  /** MAIL_FROM, or null: the user of SMTP_URL where that is an address, else support@`domain`, under the store's name. */
  from: string | null;
  /** The host people know this Zeton by. */
  domain: string;
  limits: {
    smtpConnections: number;
    smtpConnectMs: number;
    smtpSendMs: number;
  };
}

/**
 * Mail by a mail server. A few connections are kept open and shared.
 *
 * Encryption: `smtps://` from the start; `smtp://` by STARTTLS, and the server must offer it. Certificates are checked.
 * In the clear only to this machine itself, or where SMTP_URL ends in `?ignoreTLS=true`.
 *
 * Shape:   SmtpSettings → EmailGateway with close(), which lets what is being sent finish
 * Errors:  send() throws where nobody knows whether the server took the mail: it had all of it, and gave no answer to that
 *          (RFC 5321 4.5.3.2.6) or none that is one. Whatever breaks off before has certainly sent nothing.
 */
export function makeSmtpGateway(settings: SmtpSettings): EmailGateway & { close(): void } {
  const { limits } = settings;
  const server = smtpServer(settings.url);
  const sender = senderOf(settings, server.auth?.user);
  const options: SMTPPoolOptions & { pool: true } = {
    ...server,
    pool: true,
    maxConnections: limits.smtpConnections,
    connectionTimeout: limits.smtpConnectMs,
    dnsTimeout: limits.smtpConnectMs,
    greetingTimeout: limits.smtpConnectMs,
    socketTimeout: limits.smtpSendMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  const transport = createTransport(options);
  /** The mail as it is written to the server, by what is unique to each sending. */
  const written = new WeakMap<AbortSignal, Readable>();
  transport.use('stream', (mail, done) => {
    const { signal } = mail.data;
    mail.message.processFunc((text) => {
      if (signal) written.set(signal, text);
      return text;
    });
    done();
  });

  async function send(mail: OutgoingEmail): Promise<EmailOutcome> {
    if (!ONE_ADDRESS.test(mail.to)) return { kind: 'rejected', reason: 'the address is not a valid one' };
    const from = { name: oneLine(sender.name ?? mail.store.name), address: sender.address };
    const signal = AbortSignal.timeout(limits.smtpSendMs);
    /** The server can have all of it, the final dot too. It takes a mail over at that dot, not before. */
    const isWhole = () => written.get(signal)?.readableEnded === true;
    let response: string;
    try {
      const info = await transport.sendMail({
        // Given apart from the headers, so that no text of a header can add a recipient.
        envelope: { from: from.address, to: [mail.to] },
        from,
        to: { name: '', address: mail.to },
        subject: oneLine(mail.subject),
        messageId: mail.messageId,
        text: mail.text,
        headers: {
          'X-Zeton-Message': mail.id,
          // RFC 3834: nobody's absence notice answers this.
          ...(mail.kind === 'system' ? { 'Auto-Submitted': 'auto-generated' } : {}),
        },
        signal,
      });
      response = info.response ?? '';
    } catch (error) {
      return outcomeOf(error as NodemailerError, isWhole());
    }
    // "2 bananas" is a yes to nodemailer.
    if (!/^2\d\d(?:[ -]|$)/.test(response)) throw noAnswer('EPROTOCOL');
    return { kind: 'accepted', providerId: queueIdOf(response) ?? mail.messageId };
  }

  return { send, close: () => transport.close() };
}

/** How to reach the server, for nodemailer. Nothing else of the URL is taken: it could switch certificate checks off. */
export function smtpServer(url: string) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Port 465 speaks TLS from the first byte, whatever the scheme says.
  const secure = protocol === 'smtps:' || port === '465';
  const plain = !secure && (isThisMachine(host) || searchParams.get('ignoreTLS') === 'true');
  return {
    host,
    port: Number(port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !plain,
    ignoreTLS: plain,
    ...(username ? { auth: { user: decoded(username), pass: decoded(password) } } : {}),
  };
}

function isThisMachine(host: string): boolean {
  return host === '::1' || host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that stands for itself
  }
}

const ONE_ADDRESS = /^[^\s\p{Cc}<>,;:"()[\]\\@]+@[^\s\p{Cc}<>,;:"()[\]\\@]+$/u;

function senderOf({ from, domain }: SmtpSettings, user = ''): { name: string | null; address: string } {
  if (from === null) return { name: null, address: ONE_ADDRESS.test(user) ? user : `support@${domain}` };
  // Not left to nodemailer: it reads `Help, Ltd <help@example.com>` as two senders.
  const parts = /^(.*)<([^<>]+)>$/.exec(from);
  if (!parts) return { name: '', address: from };
  return { name: (parts[1] ?? '').trim().replace(/^"(.*)"$/, '$1'), address: parts[2] ?? '' };
}

/** A line break in a header would start a new one. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** What the server calls the mail in its log: "2.0.0 Ok: queued as 4FvK2t" (Postfix), "OK id=1tXyz-0001AB-2c" (Exim). */
function queueIdOf(response: string): string | null {
  return /\b(?:queued as|id=)\s*<?([\w.@+-]{4,100})/i.exec(response)?.[1] ?? null;
}

/** The sign-in is missing, wrong or not allowed: nothing is wrong with the mail. */
const SIGN_IN = new Set([530, 534, 535, 538]);

function outcomeOf(error: NodemailerError, isWhole: boolean): EmailOutcome {
  const { code, command } = error;
  const answer = answerOf(error);
  if (isWhole && answer === null) throw noAnswer(error.originalCode ?? code);
  if (code === 'EAUTH' || SIGN_IN.has(answer ?? 0)) {
    return { kind: 'unavailable', reason: `the mail server does not accept our sign-in${numbersOf(error)}` };
  }
  if (answer !== null) {
    const isOfThisMail = (code === 'EENVELOPE' || code === 'EMESSAGE') && answer !== 421;
    if (isOfThisMail && answer >= 500) return { kind: 'rejected', reason: refusalOf(error) };
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

function noAnswer(code: string | undefined): Error {
  // A new error: the other one repeats what the server said, and that the address.
  return Object.assign(new Error('no answer from the mail server'), { code: wordOf(code) });
}

function wordOf(code: string | undefined): string {
  return code !== undefined && /^\w{1,60}$/.test(code) ? code : 'error';
}

/** RFC 3463, by the most exact beginning. The server's own words stay out: they repeat the address. */
const ENHANCED: [start: string, words: string][] = [
  ['5.1.1', 'there is no such mailbox'],
  ['5.1.2', 'the domain of the address takes no mail'],
  ['5.1.10', 'the domain of the address takes no mail'],
  ['5.1.7', 'the mail server does not accept our sender address'],
  ['5.1.8', 'the mail server does not accept our sender address'],
  ['5.1.', 'the address is not a valid one'],
  ['5.2.1', 'the mailbox is switched off'],
  ['5.2.2', 'the mailbox is full'],
  ['5.2.3', 'the mail is too large for the mailbox'],
  ['5.3.4', 'the mail is larger than the mail server takes'],
  ['5.7.', 'the mail server refused it by its rules (sender, content or reputation)'],
];

const BASIC: Record<number, string> = {
  550: 'the mailbox cannot be reached',
  551: 'the mailbox has moved elsewhere',
  552: 'the mailbox is full, or the mail too large',
  553: 'the address is not a valid one',
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

import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { createTransport, type NodemailerError, type SMTPPoolOptions } from 'nodemailer';
import type { EmailAttachment, EmailGateway, EmailOutcome, OutgoingEmail } from './gateway';
import { letterOf } from './letter';
import { fromOf, oneLine, senderOf } from './own-address';
import { noAnswer, outcomeOf, queueIdOf } from './smtp-outcome';

export interface SmtpSettings {
  /** SMTP_URL. */
  url: string;
  /** MAIL_FROM, or null: the user of SMTP_URL where that is an address, else support@`domain`, under the store's name. */
  from: string | null;
  /** The host people know this Zeton by. */
  domain: string;
  /** Whether what is sent to the sender's mailbox comes to Zeton. */
  isRead?: boolean;
  /** PEM of an RSA key. */
  dkim?: { domain: string; selector: string; privateKey: string } | null;
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
  const sender = senderOf({ ...settings, smtpUrl: settings.url });
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
    ...(settings.dkim ? { dkim: signing(settings.dkim) } : {}),
  };
  const transport = createTransport(options);
  /** The mail as it is written to the server, signature and all, by what is unique to each sending. */
  const written = new WeakMap<AbortSignal, Readable>();
  transport.use('stream', (mail, done) => {
    const { signal } = mail.data;
    const create = mail.message.createReadStream.bind(mail.message);
    mail.message.createReadStream = (streamOptions) => {
      const stream = create(streamOptions);
      if (signal) written.set(signal, stream);
      return stream;
    };
    done();
  });
  /** Some servers let a sign-in send only from its very address. Answers still come by their token; bounces no more. */
  let isPlainSender = false;

  async function send(mail: OutgoingEmail): Promise<EmailOutcome> {
    if (!ONE_ADDRESS.test(mail.to)) return { kind: 'rejected', reason: 'the address is not a valid one' };
    const signal = AbortSignal.timeout(limits.smtpSendMs);
    let response: string;
    try {
      response = await submit(mail, signal);
    } catch (error) {
      // The server can have all of it, the final dot too. It takes a mail over at that dot, not before.
      return outcomeOf(error as NodemailerError, written.get(signal)?.readableEnded === true);
    }
    // "2 bananas" is a yes to nodemailer.
    if (!/^2\d\d(?:[ -]|$)/.test(response)) throw noAnswer('EPROTOCOL');
    return { kind: 'accepted', providerId: queueIdOf(response) ?? mail.messageId };
  }

  async function submit(mail: OutgoingEmail, signal: AbortSignal): Promise<string> {
    const returnPath = (isPlainSender ? null : mail.returnPath) ?? sender.address;
    try {
      return await submitFrom(returnPath, mail, signal);
    } catch (error) {
      if (returnPath === sender.address || !isSenderRefusal(error as NodemailerError)) throw error;
      const response = await submitFrom(sender.address, mail, signal);
      isPlainSender = true;
      return response;
    }
  }

  async function submitFrom(returnPath: string, mail: OutgoingEmail, signal: AbortSignal): Promise<string> {
    const info = await transport.sendMail({
      // Given apart from the headers, so that no text of a header can add a recipient.
      envelope: { from: returnPath, to: [mail.to] },
      from: fromOf(mail, sender),
      to: { name: '', address: mail.to },
      ...(mail.replyTo === undefined ? {} : { replyTo: { name: '', address: mail.replyTo } }),
      subject: oneLine(mail.subject),
      messageId: mail.messageId,
      ...(mail.references?.length
        ? { inReplyTo: mail.references.at(-1) as string, references: mail.references }
        : {}),
      text: mail.text,
      html: letterOf(mail.text),
      attachments: (mail.attachments ?? []).map(attached),
      headers: headersOf(mail),
      signal,
    });
    return info.response ?? '';
  }

  return {
    send,
    mailbox: () => (settings.isRead ? sender.address : null),
    close: () => transport.close(),
  };
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

function headersOf({ id, kind, unsubscribeUrl }: OutgoingEmail): Record<string, string> {
  return {
    'X-Zeton-Message': id,
    // RFC 3834: nobody's absence notice answers this.
    ...(kind === 'system' ? { 'Auto-Submitted': 'auto-generated' } : {}),
    ...(unsubscribeUrl === undefined ? {} : { 'List-Unsubscribe': `<${unsubscribeUrl}>` }),
    // RFC 8058: by https only.
    ...(unsubscribeUrl?.startsWith('https:')
      ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
      : {}),
  };
}

function attached({ filename, contentType, content }: EmailAttachment) {
  return {
    filename: oneLine(filename).replace(/[\\/]/g, '_'),
    contentType,
    content: typeof content === 'function' ? content() : content,
    contentDisposition: 'attachment' as const,
  };
}

/** RFC 6376 5.4.1, with the one that RFC 8058 wants signed as well. */
const SIGNED_HEADERS = [
  'From',
  'Reply-To',
  'Subject',
  'Date',
  'Message-ID',
  'To',
  'MIME-Version',
  'Content-Type',
  'In-Reply-To',
  'References',
  'Auto-Submitted',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
].join(':');

function signing({ domain, selector, privateKey }: NonNullable<SmtpSettings['dkim']>) {
  return { domainName: domain, keySelector: selector, privateKey, headerFieldNames: SIGNED_HEADERS };
}

/** Our return path is not liked; nothing of the mail was sent. Postfix says so only at the recipient, naming the sender. */
function isSenderRefusal({ code, command, response = '', responseCode = 0 }: NodemailerError): boolean {
  if (code !== 'EENVELOPE' || responseCode < 550) return false;
  return command === 'MAIL FROM' || /\bsender\b/i.test(response);
}

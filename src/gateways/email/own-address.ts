import type { OutgoingEmail } from './gateway';

/**
 * The address that Zeton writes as, and is written to: that of MAIL_FROM, else the user of SMTP_URL where that is one.
 * Shape: { from: MAIL_FROM, smtpUrl: SMTP_URL, domain: the host people know this Zeton by } → address, in small letters
 */
export function ownAddress({
  from,
  smtpUrl,
  domain,
}: {
  from: string | null;
  smtpUrl: string | null;
  domain: string;
}): string {
  if (from !== null) return (/<([^<>]+)>$/.exec(from)?.[1] ?? from).trim().toLowerCase();
  const user = smtpUrl === null ? '' : decoded(new URL(smtpUrl).username);
  return (/^[^\s@<>]+@[^\s@<>]+$/.test(user) ? user : `support@${domain}`).toLowerCase();
}

/** Name null: each store writes in its own. */
export interface Sender {
  name: string | null;
  address: string;
}

/** As ownAddress(), spelled as in MAIL_FROM, with the name that stands there. */
export function senderOf(settings: Parameters<typeof ownAddress>[0]): Sender {
  const { from } = settings;
  if (from === null) return { name: null, address: ownAddress(settings) };
  // Not left to nodemailer: it reads `Help, Ltd <help@example.com>` as two senders.
  const parts = /^(.*)<([^<>]+)>$/.exec(from);
  if (!parts) return { name: '', address: from };
  return { name: (parts[1] ?? '').trim().replace(/^"(.*)"$/, '$1'), address: parts[2] ?? '' };
}

/** From whom the recipient reads that a mail is; '': by the address alone. */
export function fromOf(
  mail: Pick<OutgoingEmail, 'fromName' | 'store'>,
  sender: Sender,
): { name: string; address: string } {
  return { name: oneLine(mail.fromName ?? sender.name ?? mail.store.name), address: sender.address };
}

/** A line break in a header would start a new one. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that stands for itself
  }
}

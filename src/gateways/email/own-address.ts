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

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that stands for itself
  }
}

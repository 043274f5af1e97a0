/** A mail as programs write it. */
export function rawMail(
  mail: {
    from?: string;
    to?: string;
    subject?: string;
    messageId?: string | null;
    body?: string;
    /** Lines before the others, as servers on the way add them. */
    trace?: string[];
    lineEnd?: '\r\n' | '\n';
  } = {},
): Buffer {
  const { from = 'Ana <ana@example.com>', to = 'support@help.example.com', body = 'Ne dela.' } = mail;
  const { subject = 'Tiskalnik', messageId = '<1@example.com>', lineEnd = '\r\n' } = mail;
  const lines = [
    ...(mail.trace ?? []),
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    'Date: Sun, 22 Nov 2026 11:00:00 +0000',
    ...(messageId === null ? [] : [`Message-ID: ${messageId}`]),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    ...body.split('\n'),
    '',
  ];
  return Buffer.from(lines.join(lineEnd), 'utf8');
}

import { createTransport, type NodemailerError } from 'nodemailer';
import { smtpServer } from './smtp';

/**
 * Does the mail server answer, and accept our sign-in? Nothing is sent.
 * Shape:   { url: SMTP_URL, answerMs } → null, or what is wrong
 */
export async function probeSmtp({
  url,
  answerMs,
}: {
  url: string;
  answerMs: number;
}): Promise<string | null> {
  const transport = createTransport({
    ...smtpServer(url),
    connectionTimeout: answerMs,
    dnsTimeout: answerMs,
    greetingTimeout: answerMs,
    socketTimeout: answerMs,
  });
  try {
    await transport.verify();
    return null;
  } catch (error) {
    // The server's own words stay out: they can repeat the user's name.
    const { code, responseCode } = error as NodemailerError;
    const detail = [code, responseCode].filter((word) => /^\w+$/.test(String(word ?? ''))).join(' ');
    return code === 'EAUTH'
      ? `the mail server does not accept our sign-in (${detail})`
      : `the mail server does not answer as one (${detail || 'error'})`;
  } finally {
    transport.close();
  }
}

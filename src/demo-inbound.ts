import { createHmac, randomBytes } from 'node:crypto';

/** What a customer writes in the demo, as mail programs and Twilio send it. */

/** An answer, written on a telephone: with what it answers quoted below, and a signature. */
export function answerByMail(answer: {
  from: { name: string; address: string };
  /** The signed address at which Zeton wants answers. */
  to: string;
  subject: string;
  /** What is answered. */
  original: { name: string; text: string };
  words: string[];
}): string {
  const { from, original } = answer;
  const encoded = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
  const [mailbox = ''] = answer.to.replace(/^.*</, '').split('>');
  return [
    `From: ${encoded(from.name)} <${from.address}>`,
    `To: <${mailbox}>`,
    `Subject: ${encoded(`Re: ${answer.subject}`)}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${randomBytes(9).toString('hex')}@${from.address.split('@')[1]}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...answer.words,
    '',
    `${original.name} <${mailbox}> je v ned., 22. nov. 2026 ob 09:12 napisal:`,
    '',
    ...original.text.split('\n').map((line) => `> ${line}`.trimEnd()),
    '',
  ].join('\r\n');
}

/** Source: https://www.twilio.com/docs/messaging/guides/webhook-request */
export function smsFromTwilio(sms: { from: string; body: string; url: string; authToken: string }): {
  signature: string;
  body: string;
} {
  const form: Record<string, string> = {
    AccountSid: 'sandbox',
    ApiVersion: '2010-04-01',
    Body: sms.body,
    From: sms.from,
    MessageSid: `SM${randomBytes(16).toString('hex')}`,
    NumMedia: '0',
    NumSegments: '1',
    SmsStatus: 'received',
    To: '+38641555000',
  };
  const text = Object.keys(form)
    .sort()
    .reduce((sum, name) => sum + name + form[name], sms.url);
  return {
    signature: createHmac('sha1', sms.authToken).update(text, 'utf8').digest('base64'),
    body: new URLSearchParams(form).toString(),
  };
}

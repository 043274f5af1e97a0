import { outcomeOf, queueIdOf } from '../../../src/gateways/email/smtp-outcome';

type Refusal = Parameters<typeof outcomeOf>[0];

/** As nodemailer has it when the server said this at RCPT. */
function said(response: string, more: Partial<Refusal> = {}): Refusal {
  const error: Partial<Refusal> = {
    code: 'EENVELOPE',
    command: 'RCPT TO',
    response,
    responseCode: Number(response.slice(0, 3)),
    ...more,
  };
  return Object.assign(new Error('never shown: alice@example.com'), error) as Refusal;
}

describe('what a mail server said of a mail', () => {
  // RFC 5321 4.2.3, RFC 3463 3, RFC 7372, RFC 7504, RFC 7505, and the IANA list of enhanced status codes.
  it.each([
    ['550 5.1.1 <a@b> unknown', 'there is no such mailbox (550 5.1.1)', '5.1.1'],
    [
      '550-5.1.1 The email account\r\n550 5.1.1 does not exist',
      'there is no such mailbox (550 5.1.1)',
      '5.1.1',
    ],
    ['550 5.1.2 bad system', 'the domain of the address takes no mail (550 5.1.2)', '5.1.2'],
    ['501 5.1.3 bad syntax', 'the address is not a valid one (501 5.1.3)', '5.1.3'],
    ['550 5.1.4 ambiguous', 'the address belongs to more than one mailbox (550 5.1.4)', '5.1.4'],
    ['551 5.1.6 moved', 'the mailbox has moved elsewhere (551 5.1.6)', '5.1.6'],
    ['556 5.1.10 null MX', 'the domain of the address takes no mail (556 5.1.10)', '5.1.10'],
    ['550 5.1.11 no', 'the address is not a valid one (550 5.1.11)', '5.1.11'],
    ['550 5.2.0 no', 'the mailbox does not take it (550 5.2.0)', '5.2.0'],
    ['550 5.2.1 disabled', 'the mailbox is switched off (550 5.2.1)', '5.2.1'],
    ['552 5.2.2 quota', 'the mailbox is full (552 5.2.2)', '5.2.2'],
    ['552 5.2.3 too big', 'the mail is too large for the mailbox (552 5.2.3)', '5.2.3'],
    ['521 5.3.2 no', 'the mail server of the recipient takes no mail (521 5.3.2)', '5.3.2'],
    ['552 5.3.4 too big', 'the mail is larger than the mail server takes (552 5.3.4)', '5.3.4'],
    ['550 5.4.4 no route', 'the mail server finds no way to the recipient (550 5.4.4)', '5.4.4'],
    ['554 5.4.6 loop', 'the mail would go round in circles between mail servers (554 5.4.6)', '5.4.6'],
    [
      '550 5.7.1 policy',
      'the mail server refused it by its rules (sender, content or reputation) (550 5.7.1)',
      '5.7.1',
    ],
    ['550 5.7.23 spf', 'our mail server is not allowed to send for our domain (SPF) (550 5.7.23)', '5.7.23'],
    [
      '550 5.7.26 both',
      'the mail is neither signed nor sent by a server of our domain (DKIM, SPF) (550 5.7.26)',
      '5.7.26',
    ],
    ['550 no', 'the mailbox cannot be reached (550)', undefined],
    ['551 no', 'the mailbox has moved elsewhere (551)', undefined],
    ['552 no', 'the mailbox is full, or the mail too large (552)', undefined],
    ['553 no', 'the address is not a valid one (553)', undefined],
    ['556 no', 'the domain of the address takes no mail (556)', undefined],
    ['599 no', 'the mail server refused it (599)', undefined],
  ])('%s', (response, reason, status) => {
    expect(outcomeOf(said(response), false)).toEqual({
      kind: 'rejected',
      reason,
      ...(status === undefined ? {} : { status }),
    });
  });

  it('says of the recipient only what was said at the recipient', () => {
    const atData = said('550 5.1.1 not him', { code: 'EMESSAGE', command: 'DATA' });
    expect(outcomeOf(atData, true)).toEqual({
      kind: 'rejected',
      reason: 'there is no such mailbox (550 5.1.1)',
    });
    const sender = said('550 5.1.1 who are you', { command: 'MAIL FROM' });
    expect(outcomeOf(sender, false)).not.toHaveProperty('status');
  });

  it('takes no numbers out of the middle of a sentence', () => {
    expect(outcomeOf(said('550 your 5.1.1 is unknown'), false)).toEqual({
      kind: 'rejected',
      reason: 'the mailbox cannot be reached (550)',
    });
  });

  it.each([
    ['2.0.0 Ok: queued as 4FvK2t', '4FvK2t'],
    ['250 OK id=1tXyz-0001AB-2c', '1tXyz-0001AB-2c'],
    ['250 fine', null],
  ])('finds what the server calls the mail in %s', (response, id) => {
    expect(queueIdOf(response)).toBe(id);
  });
});

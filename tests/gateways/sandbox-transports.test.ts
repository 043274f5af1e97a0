import { makeSandboxEmail, ownAddress } from '../../src/gateways/email';
import type { EmailGateway } from '../../src/gateways/email/gateway';
import { makeSandboxSms } from '../../src/gateways/sms';
import type { SmsGateway } from '../../src/gateways/sms/gateway';

/** What has arrived, each message once, as app.ts keeps it in a table. */
function makeShelf() {
  const kept = new Map<string, { from: string; text: string }>();
  return {
    kept,
    record: async (message: { messageId: string; from: string; text: string }) => {
      if (!kept.has(message.messageId)) kept.set(message.messageId, message);
    },
    has: async (messageId: string) => kept.has(messageId),
  };
}

const store = { slug: 'default', name: 'Trgovina' };
const common = { id: 'm1', store, text: 'Živjo', kind: 'reply' as const, ticketId: 't1' };
const mail = { ...common, messageId: '<m1@localhost>', to: 'alice@example.com', subject: 'Printer' };
const sms = { ...common, to: '+38641555100' };

describe('the sandbox e-mail transport', () => {
  let shelf: ReturnType<typeof makeShelf>;
  let gateway: EmailGateway;
  beforeEach(() => {
    shelf = makeShelf();
    gateway = makeSandboxEmail({ from: null, domain: 'zeton.example', shelf });
  });

  it('takes a mail, and asked again the same one: it arrives once', async () => {
    const accepted = { kind: 'accepted', providerId: '<m1@localhost>' };
    expect(await gateway.send(mail)).toEqual(accepted);
    expect(await gateway.send(mail)).toEqual(accepted);
    expect(shelf.kept.size).toBe(1);
  });

  it('writes as by SMTP: from the address that customers write to, in the name of who writes, else of the shop', async () => {
    const domain = 'zeton.example';
    const fromOf = async (from: string | null, more: { fromName?: string } = {}) => {
      shelf.kept.clear();
      await makeSandboxEmail({ from, domain, shelf }).send({ ...mail, ...more });
      return shelf.kept.get('m1')?.from;
    };
    expect(ownAddress({ from: null, smtpUrl: null, domain })).toBe('support@zeton.example');
    expect(await fromOf(null)).toBe('Trgovina <support@zeton.example>');
    expect(await fromOf(null, { fromName: 'Bob, Trgovina' })).toBe('Bob, Trgovina <support@zeton.example>');
    expect(await fromOf('help@shop.example')).toBe('help@shop.example');
    expect(await fromOf('Help <help@shop.example>')).toBe('Help <help@shop.example>');
  });

  it('rejects mailboxes that start with "bounce", and takes those that only contain it', async () => {
    expect((await gateway.send({ ...mail, to: 'bounce@example.com' })).kind).toBe('rejected');
    expect(shelf.kept.size).toBe(0);
    expect((await gateway.send({ ...mail, to: 'no-bounce@bounce.example' })).kind).toBe('accepted');
  });

  it('throws when it cannot keep the mail, so that nobody believes it was sent', async () => {
    const broken = { record: () => Promise.reject(new Error('disk full')) };
    await expect(
      makeSandboxEmail({ from: null, domain: 'zeton.example', shelf: broken }).send(mail),
    ).rejects.toThrow('disk full');
  });
});

describe('the sandbox SMS transport', () => {
  let shelf: ReturnType<typeof makeShelf>;
  let gateway: SmsGateway;
  beforeEach(() => {
    shelf = makeShelf();
    gateway = makeSandboxSms({ from: null, shelf });
  });

  it('takes an SMS, and asked again the same one: it arrives once, under one provider id', async () => {
    const accepted = { kind: 'accepted', providerId: 'sandbox:m1' };
    expect(await gateway.send(sms)).toEqual(accepted);
    expect(await gateway.send(sms)).toEqual(accepted);
    expect([...shelf.kept.values()]).toEqual([expect.objectContaining({ from: 'Zeton', text: 'Živjo' })]);
  });

  it('can always tell whether it took a message', async () => {
    const question = { id: 'm1', to: sms.to, text: sms.text, since: '2026-11-21T22:00:00.000Z' };
    expect(await gateway.findSent?.(question)).toEqual({ kind: 'found', providerIds: [] });
    await gateway.send(sms);
    expect(await gateway.findSent?.(question)).toEqual({ kind: 'found', providerIds: ['sandbox:m1'] });
  });

  it.each([
    ['+38641550000', 'rejected'],
    ['+38641559999', 'temporary'],
    ['+38600009999', 'temporary'],
    ['+38699990001', 'accepted'],
  ])('answers %s: %s', async (to, kind) => {
    expect((await gateway.send({ ...sms, to })).kind).toBe(kind);
    expect(shelf.kept.size).toBe(kind === 'accepted' ? 1 : 0);
  });
});

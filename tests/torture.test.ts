import { describeEachEngine } from './support/databases';
import { endPrograms } from './support/process';
import type { Evidence } from './torture/evidence';
import { sha256 } from './torture/load';
import { type TortureReport, torture } from './torture/run';
import { type Finding, judge } from './torture/verdict';

const ROUNDS = 5;

describeEachEngine('a server that is killed at random moments', (engine) => {
  let report: TortureReport;
  // Another one each time, and told when something is found; `npm run torture -- --seed` takes it.
  const seed = Number(process.env.ZETON_TORTURE_SEED ?? Date.now() % 1_000_000);

  beforeAll(async () => {
    const { url } = await engine.freshDatabase();
    report = await torture({ databaseUrl: url, rounds: ROUNDS, seed });
  }, 600_000);
  afterAll(endPrograms);

  it('loses nothing, doubles nothing, and can prove its ledger', () => {
    expect({ seed, findings: report.findings }).toEqual({ seed, findings: [] });
  });

  it('was at work on everything when it was hit', () => {
    const last = report.rounds.at(-1);
    expect(last?.kills).toBeGreaterThanOrEqual(ROUNDS);
    expect(report.evidence.told.webhooks.acknowledged.length).toBeGreaterThan(10);
    expect(last?.replies).toBeGreaterThan(10);
    expect(last?.sessions).toBeGreaterThan(0);
    const channels = report.evidence.messages.filter(({ status }) => status === 'sent');
    expect(new Set(channels.map(({ channel }) => channel))).toEqual(new Set(['sms', 'email', 'note']));
  });

  describe('and whose books are falsified', () => {
    /** What is said of the evidence when this is done to a copy of it. */
    const said = (falsify: (evidence: Evidence) => void): Finding[] => {
      const copy = structuredClone(report.evidence);
      falsify(copy);
      return judge(copy);
    };
    const first = <T>(list: T[], is: (item: T) => boolean): T => {
      const found = list.find(is);
      if (!found) throw new Error('the torture has made no such thing');
      return found;
    };
    const sms = (evidence: Evidence) =>
      first(
        evidence.messages,
        ({ channel, body, status, provider_id }) =>
          channel === 'sms' && body.startsWith('Answer') && status === 'sent' && provider_id !== null,
      );
    const mail = (evidence: Evidence) =>
      first(
        evidence.messages,
        ({ channel, body, status }) => channel === 'email' && body.startsWith('Answer') && status === 'sent',
      );
    const holdOf = (evidence: Evidence, messageId: string) =>
      first(evidence.holds, ({ cause_id }) => cause_id === messageId);

    it.each<[string, Finding['kind'], RegExp, (evidence: Evidence) => void]>([
      [
        'a webhook that was acknowledged and not kept',
        'lost',
        /was answered 200 and is not in the inbox/,
        ({ told }) => told.webhooks.acknowledged.push({ id: null, sha256: sha256('never came') }),
      ],
      [
        'a delivery that was given up',
        'lost',
        /^Delivery \S+ was failed/,
        (evidence) => {
          first(evidence.deliveries, () => true).status = 'failed';
        },
      ],
      [
        'an order whose credits are too many',
        'doubled',
        /the newest state wants/,
        (evidence) => {
          const grant = first(evidence.grants, ({ wanted }) => Number(wanted) > 0);
          Object.assign(grant, { wanted: Number(grant.wanted) + 1, granted: Number(grant.granted) + 1 });
        },
      ],
      [
        'a second ticket',
        'doubled',
        /belongs to no order/,
        ({ tickets }) => tickets.push({ id: 'another', number: 999 }),
      ],
      [
        'a reply that was accepted and is gone',
        'lost',
        /its message does not exist/,
        (evidence) => {
          const { id } = mail(evidence);
          evidence.messages = evidence.messages.filter((message) => message.id !== id);
        },
      ],
      [
        'a key that has two answers',
        'doubled',
        /was answered in 2 different ways/,
        ({ told }) => {
          const { answers } = first(told.replies, (reply) => reply.answers[0]?.status === 201);
          answers.push({ status: 201, body: { id: 'another' } });
        },
      ],
      [
        'a reply that was written twice under one key',
        'doubled',
        /was accepted under 1 keys and written 2 times/,
        (evidence) => {
          const copied = first(evidence.messages, ({ channel }) => channel === 'note');
          evidence.messages.push({ ...copied, id: 'another' });
        },
      ],
      [
        'an SMS that reached the provider twice',
        'doubled',
        /reached the provider 2 times for 1 sent/,
        (evidence) => {
          const { to_address, body } = sms(evidence);
          const entry = { to: to_address ?? '', body, sid: 'SM2', arrives: true };
          evidence.providers.push({ what: 'sms kept', ...entry });
        },
      ],
      [
        'an SMS that was repeated without a look-up',
        'doubled',
        /was repeated without being looked up/,
        (evidence) => {
          const { to_address, body } = sms(evidence);
          const asked = { what: 'sms asked' as const, to: to_address ?? '', body, known: false };
          evidence.providers.push(asked, asked);
        },
      ],
      [
        'an SMS that counts as sent and never was',
        'lost',
        /counts as sent; the provider never got it/,
        (evidence) => {
          const { provider_id } = sms(evidence);
          evidence.providers = evidence.providers.filter(
            (entry) => entry.what !== 'sms kept' || entry.sid !== provider_id,
          );
        },
      ],
      [
        'a mail that was repeated under another Message-ID',
        'doubled',
        /no Message-ID of any message/,
        (evidence) => {
          const { to_address, body } = mail(evidence);
          const messageId = '<another@help.example.com>';
          evidence.providers.push({ what: 'mail kept', to: to_address ?? '', messageId, text: body });
        },
      ],
      [
        'a message that was charged twice',
        'doubled',
        /has 2 holds/,
        (evidence) => {
          evidence.holds.push({ ...holdOf(evidence, mail(evidence).id), id: 'another' });
        },
      ],
      [
        'a charge for a message that failed',
        'doubled',
        /is failed, and its credits are captured/,
        (evidence) => {
          mail(evidence).status = 'failed';
        },
      ],
      [
        'a message that was sent for nothing',
        'lost',
        /is sent, and its credits are released/,
        (evidence) => {
          holdOf(evidence, mail(evidence).id).status = 'released';
        },
      ],
      [
        'a video session that was charged twice',
        'doubled',
        /^Video session \S+ has 2 holds/,
        (evidence) => {
          const held = first(evidence.holds, ({ cause_kind }) => cause_kind === 'video_session');
          evidence.holds.push({ ...held, id: 'another' });
        },
      ],
      [
        'a message that never came to an end',
        'unverified',
        /is still sending/,
        (evidence) => {
          mail(evidence).status = 'sending';
        },
      ],
      [
        'a ledger that does not add up',
        'unverified',
        /^The ledger: Grant 7/,
        ({ ledgerProblems }) => ledgerProblems.push('Grant 7 differs from its entries.'),
      ],
    ])('is told of %s', (_name, kind, words, falsify) => {
      expect(said(falsify)).toContainEqual({ kind, what: expect.stringMatching(words) });
    });
  });
});

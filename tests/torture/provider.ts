import { Dice } from '../support/dice';
import { SmtpPeer, type SmtpPlan } from '../support/smtp-peer';
import { TwilioDouble, type TwilioPlan } from '../support/twilio-double';
import { writeEntry } from './journal';

/**
 * The mail server and the SMS provider as a process of their own: they live on when Zeton is killed, keep a journal of
 * what they were told, and are as bad as providers are: slow, cut off, refusing.
 * Usage: provider.ts JOURNAL SEED
 */
const [journal = '', seed = '1'] = process.argv.slice(2);
const dice = new Dice(Number(seed));

/** Nobody lives here, and that is so at every attempt. */
const isDead = (to: string) => to.includes('nobody') || to.endsWith('13');

const smsPlans = (): readonly (readonly [number, TwilioPlan])[] => [
  [70, 'accept'],
  [6, { slowMs: dice.whole(20, 300) }],
  // Shorter than Zeton waits before it looks up what was cut off.
  [8, { lateMs: dice.whole(50, 500) }],
  [6, 'keep, then drop'],
  [4, 'drop'],
  [2, 'keep, then never answer'],
  [4, { status: 429, code: 20429 }],
  [3, { status: 503, code: 20503 }],
  [2, { status: 500, keep: true }],
  [1, { status: 500 }],
];

const mailPlans = (): readonly (readonly [number, SmtpPlan])[] => [
  [73, 'accept'],
  [8, { slowMs: dice.whole(20, 300) }],
  [6, 'keep, then drop'],
  [5, 'drop before data'],
  [6, { code: 451, words: '4.7.1 Try again later' }],
  [1, { code: 452, words: '4.3.1 Not now', at: 'data' }],
  [1, 'never answer'],
];

async function serve(): Promise<void> {
  const smtp = await new SmtpPeer().listen();
  smtp.otherwise = (to) =>
    isDead(to) ? { code: 550, words: '5.1.1 No such mailbox' } : dice.weighed(mailPlans());
  smtp.tell = ({ to, messageId = '', text }) =>
    writeEntry(journal, { what: 'mail kept', to, messageId, text });

  const twilio = await new TwilioDouble().listen();
  twilio.otherwise = (to) => (isDead(to) ? { status: 400, code: 21610 } : dice.weighed(smsPlans()));
  // So that a look-up cannot tell, and a person has to.
  twilio.hidesBodies = (to) => to.endsWith('27');
  twilio.tell = (news) => {
    if (news.what === 'kept') {
      const { to, body, sid, status } = news.message;
      writeEntry(journal, { what: 'sms kept', to, body, sid, arrives: status !== 'failed' });
    } else if (news.what === 'looked up') {
      twilio.dropLooks = dice.happens(0.05);
      writeEntry(journal, { what: 'sms looked up', to: news.to });
    } else {
      const { to, body, plan } = news;
      // 500 and silence say nothing; the other refusals say that it was not taken.
      const known = typeof plan === 'object' && 'status' in plan ? plan.status !== 500 : false;
      writeEntry(journal, { what: 'sms asked', to, body, known });
    }
  };
  process.stdout.write(`providers: ${smtp.url} ${twilio.url}\n`);
}

// Whoever started it was killed: nothing stays behind.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 500);
void serve();

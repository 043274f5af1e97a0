import type { SendingChannel } from './domain/messages';
import { limits } from './platform/limits';
import { advanceVideoSessions } from './usecases/advance-video-sessions';
import { answerUnpaid } from './usecases/answer-unpaid';
import { closeSolvedTickets } from './usecases/close-solved-tickets';
import type { Context } from './usecases/context';
import { deliverMessages } from './usecases/deliver-messages';
import { expireCredits } from './usecases/expire-credits';
import { fetchSms } from './usecases/fetch-sms';
import { fetchSmsMedia } from './usecases/fetch-sms-media';
import { forgetOldMails } from './usecases/forget-old-mails';
import { forgetOldSignIns } from './usecases/forget-old-sign-ins';
import { runImports } from './usecases/import-orders';
import { processDeliveries } from './usecases/process-delivery';
import { readShops } from './usecases/read-shops';
import { receiveMails } from './usecases/receive-mail';
import { receiveSmses } from './usecases/receive-sms';
import { askSmsReports } from './usecases/settle-sms';
import { tellLowBalances } from './usecases/tell-low-balance';
import { warnOfExpiry } from './usecases/warn-of-expiry';
import { writeToShops } from './usecases/write-to-shops';

/**
 * Work that nobody asks for by HTTP. Every process polls: what is due is claimed by conditional update or done by verbs
 * that may be repeated, so it does not matter how many look at once. A slot of a cron job is run by one process; what it
 * left, should it die in it, the next slot does: so a job works off all that is due by then, not what is due since.
 */
export interface Job {
  name:
    | 'inbox'
    | 'mail.in'
    | 'mail.forget'
    | 'outbox.email'
    | 'outbox.sms'
    | 'mail.answers'
    | 'sms.in'
    | 'sms.fetch'
    | 'sms.media'
    | 'sms.answers'
    | 'sms.reports'
    | 'video'
    | 'credits.expire'
    | 'credits.warn'
    | 'credits.low'
    | 'tickets.close'
    | 'shops.read'
    | 'shops.sweep'
    | 'imports'
    | 'shop.writes'
    | 'sign-ins.forget';
  /** Poll: looks again that long after it found nothing, or when it is woken. Cron: at those times, in UTC. */
  every: { pollMs: number } | { cron: string };
  /** Of a cron job: every process also does it when it starts. */
  atStart?: boolean;
  /** One batch; says how many it handled. */
  run(ctx: Context): Promise<number>;
  /** What run() has begun and does not wait for; it has ended before the database is let go of. */
  underWay?(ctx: Context): Iterable<Promise<void>>;
}

const batch = { limit: limits.workerBatch };

export const jobs: readonly Job[] = [
  { name: 'inbox', every: { pollMs: limits.workerPollMs }, run: (ctx) => processDeliveries(ctx, batch) },
  { name: 'mail.in', every: { pollMs: limits.workerPollMs }, run: (ctx) => receiveMails(ctx, batch) },
  outbox('email'),
  outbox('sms'),
  { name: 'mail.answers', every: { cron: '* * * * *' }, run: (ctx) => answerUnpaid(ctx, 'mail') },
  { name: 'sms.in', every: { pollMs: limits.workerPollMs }, run: (ctx) => receiveSmses(ctx, batch) },
  { name: 'sms.fetch', every: { cron: '*/10 * * * *' }, atStart: true, run: fetchSms },
  {
    name: 'sms.media',
    every: { pollMs: limits.smsMediaPollMs },
    run: (ctx) => fetchSmsMedia(ctx, { limit: limits.smsMediaAtOnce }),
  },
  { name: 'sms.answers', every: { cron: '* * * * *' }, run: (ctx) => answerUnpaid(ctx, 'sms') },
  { name: 'sms.reports', every: { pollMs: limits.smsLatePollMs }, run: askSmsReports },
  {
    name: 'video',
    every: { pollMs: limits.videoTickSeconds * 1000 },
    run: (ctx) => advanceVideoSessions(ctx, batch),
  },
  // Spending looks at the clock by itself (DESIGN §3), so a minute late harms nobody.
  { name: 'credits.expire', every: { cron: '* * * * *' }, run: (ctx) => expireCredits(ctx, batch) },
  { name: 'credits.warn', every: { cron: '* * * * *' }, run: warnOfExpiry },
  { name: 'credits.low', every: { cron: '* * * * *' }, run: tellLowBalances },
  { name: 'tickets.close', every: { cron: '7 * * * *' }, run: (ctx) => closeSolvedTickets(ctx, batch) },
  {
    name: 'shops.read',
    every: { cron: '*/5 * * * *' },
    atStart: true,
    run: (ctx) => readShops(ctx, 'orders'),
    underWay: walks,
  },
  // Whose sweep is due once a day: one that failed is tried again within the hour.
  {
    name: 'shops.sweep',
    every: { cron: '23 * * * *' },
    run: (ctx) => readShops(ctx, 'sweep'),
    underWay: walks,
  },
  { name: 'imports', every: { pollMs: limits.importPollMs }, run: runImports, underWay: walks },
  { name: 'shop.writes', every: { pollMs: limits.shopWritePollMs }, run: writeToShops, underWay: walks },
  { name: 'sign-ins.forget', every: { cron: '17 * * * *' }, run: forgetOldSignIns },
  { name: 'mail.forget', every: { cron: '41 * * * *' }, run: forgetOldMails },
];

function walks(ctx: Context): Iterable<Promise<void>> {
  return ctx.walks.underWay;
}

/** A job for each channel: what hangs in one holds up no other. */
function outbox(channel: SendingChannel): Job {
  return {
    name: `outbox.${channel}`,
    every: { pollMs: limits.workerPollMs },
    run: async (ctx) => (await deliverMessages(ctx, { channel, ...batch })).taken,
    underWay: (ctx) => ctx.lanes[channel].underWay,
  };
}

export type JobName = Job['name'];

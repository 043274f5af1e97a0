import {
  countInPace,
  type ExpiryStep,
  expiryBounds,
  isWorthTelling,
  keepSwept,
  keepWarning,
  lastDayOf,
  lockPace,
  passStep,
  sweptDays,
} from '../domain/notices';
import { intlLocaleFor } from '../locales';
import { systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import { dayInWords, localTime } from '../platform/time-zone';
import { type Context, momentOf } from './context';
import { whenAwake } from './customer-word';
import {
  customersToWarn,
  type ExpiringGrant,
  grantsToWarnOf,
  type NoticeStore,
  storesWithNotices,
} from './notices.query';
import { recipientOf, ticketForNotice, writeNotice } from './write-notice';

type Span = { after: string; until: string; step: ExpiryStep };
type Outcome = 'done' | 'minute is full';

/**
 * Warn customers of what they bought and have not used, 30, 7 and 1 days before it expires, in the days of their store:
 * one message a customer, with all that has come to a step. Each store once a day, in waking hours, some a minute.
 *
 * Only the nearest step of a grant is told. So a down-time, however long, is followed by one warning at most.
 *
 * Shape:   → customers handled; 0 ends the round
 * Writes:  expiry_warnings, expiry_sweeps, notice_pace, messages, outbox
 * Repeat:  each (grant, expiry, step) is told once, by whichever process; a crash leaves it told and queued, or neither
 * Source:  DESIGN §3 "Expiry"
 */
export async function warnOfExpiry(ctx: Context): Promise<number> {
  const now = iso(ctx.clock.now());
  const swept = await sweptDays(ctx.db);
  let handled = 0;
  for (const store of await storesWithNotices(ctx.db)) {
    if (whenAwake(now, store) !== now) continue;
    const { day } = localTime(now, store.timeZone);
    if ((swept.get(store.id) ?? '') >= day) continue;
    const outcome = await warnCustomersOf(ctx, now, store);
    if (outcome === 'minute is full') return 0;
    handled += outcome.handled;
    if (outcome.complete) await keepSwept(ctx.db, store.id, day);
  }
  return handled;
}

/** One batch, the most urgent first. Complete: nobody is left for today. */
async function warnCustomersOf(
  ctx: Context,
  now: string,
  store: NoticeStore,
): Promise<'minute is full' | { handled: number; complete: boolean }> {
  const spans = spansOf(now, store.timeZone);
  let handled = 0;
  let failed = 0;
  for (const span of spans) {
    const customers = await customersToWarn(ctx.db, store.id, span, limits.noticeBatch);
    for (const customerId of customers) {
      try {
        const outcome = await warnCustomer(ctx, { customerId, store, spans });
        if (outcome === 'minute is full') return outcome;
        handled += 1;
      } catch (error) {
        // The rest goes on; this one is tried again in a minute.
        failed += 1;
        ctx.log.error({ err: error, customer_id: customerId }, 'a customer could not be warned of expiry');
      }
    }
    // Where all of them failed, the others' turn comes all the same.
    if (handled > 0) return { handled, complete: false };
  }
  return { handled, complete: failed === 0 };
}

function spansOf(now: string, zone: string): Span[] {
  const bounds = expiryBounds(now, zone);
  return [
    { step: 1, after: now, until: bounds[1] },
    { step: 7, after: bounds[1], until: bounds[7] },
    { step: 30, after: bounds[7], until: bounds[30] },
  ];
}

function warnCustomer(
  ctx: Context,
  { customerId, store, spans }: { customerId: string; store: NoticeStore; spans: Span[] },
): Promise<Outcome> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, systemActor);
    const sent = await lockPace(trx, moment.at);
    const due: (ExpiringGrant & { step: ExpiryStep })[] = [];
    for (const span of spans) {
      for (const grant of await grantsToWarnOf(trx, customerId, span))
        due.push({ ...grant, step: span.step });
    }
    const recipient = await recipientOf(trx, customerId);
    const worth = due.filter((grant) => isWorthTelling(grant, grant.step, store.timeZone));
    if (!recipient || worth.length === 0) {
      await passStep(trx, due, moment.at);
      return 'done';
    }
    if (sent >= limits.expiryWarningsPerMinute) return 'minute is full';
    const passed = await passStep(trx, due, moment.at);
    const told = worth.filter((grant) => passed.has(grant.id));
    const [first] = told;
    if (!first) return 'done';
    const { t } = recipient;
    const lines = linesOf(told, store.timeZone).map(({ day, meter, quantity }) => ({
      what: t(`greeting.bought.${meter}`, { count: quantity }),
      date: dayInWords(day, intlLocaleFor(recipient.customer.locale)),
    }));
    const values = { store: store.name, date: lines[0]?.date ?? '' };
    const messageId = await writeNotice(trx, moment, {
      ticketId: await ticketForNotice(trx, moment, recipient),
      recipient,
      store,
      messageKey: `expiry:${first.id}:${first.expiresAt}:${first.step}`,
      subject: t('notices.expiry.subject', values),
      paragraphs: [
        t('notices.expiry.lead', values),
        lines.map((line) => `  • ${t('notices.expiry.line', line)}`).join('\n'),
        t('notices.expiry.how'),
      ],
      sms: t('notices.expiry.sms', {
        ...values,
        list: lines.map((line) => t('notices.expiry.line', line)).join(', '),
      }),
    });
    if (messageId) {
      await keepWarning(trx, told, messageId);
      await countInPace(trx);
    }
    return 'done';
  });
}

/** What expires when, one line for each day and meter. */
function linesOf(
  grants: ExpiringGrant[],
  zone: string,
): { day: string; meter: ExpiringGrant['meter']; quantity: number }[] {
  const lines = new Map<string, { day: string; meter: ExpiringGrant['meter']; quantity: number }>();
  for (const { expiresAt, meter, available } of grants) {
    const day = lastDayOf(expiresAt, zone);
    const line = lines.get(`${day} ${meter}`);
    if (line) line.quantity += available;
    else lines.set(`${day} ${meter}`, { day, meter, quantity: available });
  }
  return [...lines.values()].sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
}

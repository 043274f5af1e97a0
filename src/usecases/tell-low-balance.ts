import {
  type Level,
  levelOf,
  lockBalance,
  METERS,
  type Meter,
  markLookedAt,
  pooledPieces,
  readStock,
  type StockGrant,
  stockOf,
  wereCreditsAdded,
  wereCreditsSpent,
} from '../domain/credits';
import {
  countInPace,
  type Episode,
  endEpisode,
  keepTold,
  lockPace,
  type News,
  newsOf,
  openEpisodes,
} from '../domain/notices';
import { intlLocaleFor } from '../locales';
import { systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { type Db, withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import { dayInWords, localTime } from '../platform/time-zone';
import { type Context, momentOf } from './context';
import { whenAwake } from './customer-word';
import { topUpUrl } from './messaging.query';
import { balancesToLookAt, lastUse, type NoticeStore, storesWithNotices } from './notices.query';
import { type Recipient, recipientOf, ticketForNotice, writeNotice } from './write-notice';

interface MeterLevel {
  meter: Meter;
  level: Level;
  /** Not spent yet: what is on hold may come back. */
  left: number;
  bought: number;
  /** What is available must be above this for the episode to be over. */
  mark: number;
}

interface MeterNews extends MeterLevel {
  news: News;
}

/**
 * Tell customers that a meter runs low, and that it is empty: each once in an episode, whatever sends and fails meanwhile.
 *
 * An episode of a meter begins when a look after some use finds it low or empty. It ends when credits were added since (a purchase,
 * goodwill, a longer validity) and what was available then stood above the mark again. Credits that a failed message gives
 * back end nothing, and credits on hold are not spent yet: so one that fails and is sent again does not tell twice.
 * A meter that pooled credits can still pay for is not low.
 *
 * In the night of a store its balances are not looked at: what changes then is looked at in the morning, as it is by then.
 *
 * No ledger write waits for this: it looks at the balances that changed since the last look, some hundred in five
 * statements, and opens a transaction only where there is something to tell.
 *
 * Shape:   → balances looked at; 0 ends the round
 * Writes:  credit_balances.notice_seq, notice_episodes, notice_pace, messages, outbox
 * Repeat:  harmless, also by several processes at once: the balance row and the episode's key decide
 * Source:  DESIGN §3 "Expiry"
 */
export async function tellLowBalances(ctx: Context): Promise<number> {
  const at = iso(ctx.clock.now());
  const asleep = (await storesWithNotices(ctx.db)).filter((store) => whenAwake(at, store) !== at);
  const changed = await balancesToLookAt(ctx.db, { limit: limits.balancesPerLook, asleep });
  const ids = changed.map((balance) => balance.customerId);
  const stock = await readStock(ctx.db, at, ids);
  const inEpisode = new Set((await openEpisodes(ctx.db, ids)).map((episode) => episode.customerId));
  const quiet = changed.filter(
    ({ customerId, store }) =>
      store === null ||
      (!inEpisode.has(customerId) &&
        levelsOf(stock.get(customerId) ?? [], at).every(({ level }) => level === 'enough')),
  );
  await markLookedAt(ctx.db, quiet);
  for (const balance of changed) {
    if (balance.store === null || quiet.includes(balance)) continue;
    try {
      const outcome = await tellCustomer(ctx, { ...balance, store: balance.store });
      if (outcome === 'minute is full') return 0;
    } catch (error) {
      // The rest goes on; this one is looked at again in a minute.
      ctx.log.error({ err: error, customer_id: balance.customerId }, 'a balance could not be looked at');
    }
  }
  // Fewer than asked for: what changes from now on is the next minute's.
  return changed.length < limits.balancesPerLook ? 0 : changed.length;
}

function levelsOf(grants: readonly StockGrant[], at: string): MeterLevel[] {
  return METERS.flatMap((meter) => {
    const stock = stockOf(grants, meter, at);
    if (stock.bought === 0) return [];
    const left = grants.reduce(
      (sum, grant) => (grant.meter === meter ? sum + grant.available + grant.held : sum),
      0,
    );
    const level = levelOf(left + pooledPieces(grants, meter, at), stock);
    return [{ meter, level, left, bought: stock.bought, mark: stock.mark ?? stock.piece - 1 }];
  });
}

async function look(
  db: Db,
  at: string,
  { customerId, noticeSeq }: { customerId: string; noticeSeq: number },
): Promise<{ ended: Episode[]; news: MeterNews[] }> {
  const levels = levelsOf((await readStock(db, at, [customerId])).get(customerId) ?? [], at);
  const ended: Episode[] = [];
  const open = new Map<string, Episode>();
  for (const episode of await openEpisodes(db, [customerId])) {
    const meter = episode.meter as Meter;
    const above = levels.find((known) => known.meter === meter)?.mark ?? 0;
    const added = await wereCreditsAdded(db, { customerId, meter, afterSeq: episode.entrySeq, above });
    if (added) ended.push(episode);
    else open.set(meter, episode);
  }
  const news = levels.flatMap((level) => {
    const told = newsOf(level.level, open.get(level.meter));
    return told === null ? [] : [{ ...level, news: told }];
  });
  // A refund, an expiry or a small gift can leave little as well, but nobody has used anything up by it.
  const isSpent = news.length > 0 && (await wereCreditsSpent(db, { customerId, afterSeq: noticeSeq }));
  return { ended, news: isSpent ? news : [] };
}

async function tellCustomer(
  ctx: Context,
  { customerId, noticeSeq, store }: { customerId: string; noticeSeq: number; store: NoticeStore },
): Promise<'done' | 'minute is full'> {
  const at = iso(ctx.clock.now());
  const ahead = await look(ctx.db, at, { customerId, noticeSeq });
  const recipient = ahead.news.length > 0 ? await recipientOf(ctx.db, customerId) : null;
  const [first] = ahead.news;
  const url = first ? await topUpUrl(ctx.db, store.id, first.meter) : null;
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, systemActor);
    if (recipient && (await lockPace(trx, moment.at)) >= limits.noticesPerMinute) return 'minute is full';
    const ticketId = recipient ? await ticketForNotice(trx, moment, recipient) : null;
    const { seq } = await lockBalance(trx, customerId);
    const now = await look(trx, moment.at, { customerId, noticeSeq });
    for (const episode of now.ended) await endEpisode(trx, episode, moment.at);
    if (now.news.length > 0 && recipient && ticketId) {
      const { paragraphs, subject, sms } = await wordsFor(trx, { recipient, store, news: now.news, url });
      const messageId = await writeNotice(trx, moment, {
        ticketId,
        recipient,
        store,
        messageKey: `balance:${customerId}:${seq}`,
        subject,
        paragraphs,
        sms,
      });
      if (messageId) {
        await countInPace(trx);
        for (const { meter, news } of now.news) {
          await keepTold(trx, { customerId, meter, entrySeq: seq, news, messageId, at: moment.at });
        }
      }
    }
    // News that came up since: the next look tells it.
    if (now.news.length === 0 || recipient || ahead.news.length > 0) {
      await markLookedAt(trx, [{ customerId, entrySeq: seq }]);
    }
    return 'done';
  });
}

/** What is left, and why: how much was bought, how much of it is used, and on what the last one went. */
async function wordsFor(
  db: Db,
  input: { recipient: Recipient; store: NoticeStore; news: MeterNews[]; url: string | null },
): Promise<{ subject: string; paragraphs: string[]; sms: string }> {
  const { recipient, store, news, url } = input;
  const { t, customer } = recipient;
  const lines: string[] = [];
  for (const { meter, left, bought } of news) {
    const what = t(`greeting.bought.${meter}`, { count: bought });
    const state =
      left === 0
        ? t('notices.balance.all_used', { count: bought, what })
        : t('notices.balance.left', { count: left, what });
    const last = await lastUse(db, { customerId: customer.id, meter });
    const why = last && {
      date: dayInWords(localTime(last.at, store.timeZone).day, intlLocaleFor(customer.locale)),
      number: last.ticket.number,
      subject: last.ticket.subject,
    };
    lines.push(why ? `${state} ${t('notices.balance.last', why)}` : state);
  }
  const isEmpty = news.every((one) => one.news === 'empty');
  const values = { store: store.name };
  const link = url === null ? t('notices.balance.no_link') : t('notices.balance.link', { url });
  return {
    subject: t(isEmpty ? 'notices.balance.subject_empty' : 'notices.balance.subject_low', values),
    paragraphs: [
      t(isEmpty ? 'notices.balance.lead_empty' : 'notices.balance.lead_low', values),
      lines.map((line) => `  • ${line}`).join('\n'),
      link,
    ],
    sms: t('notices.balance.sms', {
      ...values,
      state: news.map(({ meter, left }) => t(`greeting.bought.${meter}`, { count: left })).join(', '),
      link: url ?? '',
    }).trim(),
  };
}

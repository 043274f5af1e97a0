import { keepReceivedSms, readOfLine, saveReadUntil, unknownSids } from '../domain/sms';
import type { ReceivedSms, ReceivedSmsList } from '../gateways/sms';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { limits } from '../platform/limits';
import { type Context, momentOf } from './context';

/**
 * Fetch the SMS that the provider could not bring: it tries once or twice, and never again. From the moment on at which
 * Zeton first looked; what came before that is nobody's business here.
 * Shape:   → how many were new
 * Errors:  those of the database; what the provider does not tell now is looked for again
 * Writes:  inbound_sms, sms_lines
 * Repeat:  harmless: one row a sid, by whichever way it came
 * Source:  DESIGN §2.1, §4
 */
export async function fetchSms(ctx: Context): Promise<number> {
  const { received } = ctx.gateways.sms;
  if (!received) return 0;
  const { line } = received;
  const now = ctx.clock.now();
  const { since, readUntil } = await readOfLine(ctx.db, { line, now: iso(now) });
  const again = addSeconds(new Date(readUntil), -limits.smsFetchOverlapSeconds).getTime();
  // What came just now is perhaps still being brought.
  const end = addSeconds(now, -limits.smsFetchGraceSeconds);
  let from = new Date(Math.max(again, Date.parse(since)));
  let count = 0;
  let isWhole = true;
  // A day at a time: after a long stop the list is long.
  while (from < end) {
    const until = new Date(Math.min(addSeconds(from, 86_400).getTime(), end.getTime()));
    const listed = await asked(ctx, received.list({ from: iso(from), until: iso(until) }));
    if (listed === null) break;
    const kept = await keepUnknown(ctx, received, listed);
    count += kept.count;
    isWhole &&= kept.isWhole;
    if (isWhole) await saveReadUntil(ctx.db, { line, at: iso(until) });
    from = until;
  }
  if (count > 0) {
    ctx.log.warn({ count }, 'SMS were fetched that the provider could not bring');
    ctx.wake('sms.in');
  }
  return count;
}

async function keepUnknown(
  ctx: Context,
  received: ReceivedSmsList,
  listed: ReceivedSms[],
): Promise<{ count: number; isWhole: boolean }> {
  const sids = listed.map(({ sid }) => sid);
  const unknown = new Set(await unknownSids(ctx.db, sids));
  const late = iso(addSeconds(ctx.clock.now(), -limits.smsFetchPicturesSeconds));
  let count = 0;
  for (const sms of listed.filter(({ sid }) => unknown.has(sid))) {
    const found = sms.hasMedia ? await asked(ctx, received.mediaUrls(sms.sid)) : [];
    // Without its pictures at last, rather than never; and nothing else waits for it.
    if (found === null && sms.receivedAt > late) continue;
    const { fresh } = await keepReceivedSms(ctx.db, momentOf(ctx, systemActor), {
      ...sms,
      mediaUrls: found ?? [],
    });
    if (fresh) count += 1;
    unknown.delete(sms.sid);
  }
  return { count, isWhole: unknown.size === 0 };
}

/** Null: the provider could not be asked. */
async function asked<T>(ctx: Context, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    ctx.log.warn({ err: error }, 'the SMS provider could not be asked for what came in');
    return null;
  }
}

import { keepReceivedSms, readOfLine, saveReadUntil, unknownSids } from '../domain/sms';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { limits } from '../platform/limits';
import { type Context, momentOf } from './context';

/**
 * Fetch the SMS that the provider could not bring: it tries once or twice, and never again. From the moment on at which
 * Zeton first looked; what came before that is nobody's business here.
 * Shape:   → how many were new
 * Errors:  none: what cannot be had now is looked for again
 * Writes:  inbound_sms, sms_lines
 * Repeat:  harmless: one row a sid, by whichever way it came
 * Source:  DESIGN §2.1, §4
 */
export async function fetchSms(ctx: Context): Promise<number> {
  const { received } = ctx.gateways.sms;
  if (!received) return 0;
  const now = ctx.clock.now();
  const { since, readUntil } = await readOfLine(ctx.db, { line: received.line, now: iso(now) });
  const again = addSeconds(new Date(readUntil), -limits.smsFetchOverlapSeconds);
  try {
    const listed = await received.list(iso(new Date(Math.max(again.getTime(), Date.parse(since)))));
    const unknown = new Set(
      await unknownSids(
        ctx.db,
        listed.map(({ sid }) => sid),
      ),
    );
    for (const sms of listed.filter(({ sid }) => unknown.has(sid))) {
      const mediaUrls = sms.hasMedia ? await received.mediaUrls(sms.sid) : [];
      await keepReceivedSms(ctx.db, momentOf(ctx, systemActor), { ...sms, mediaUrls });
    }
    await saveReadUntil(ctx.db, { line: received.line, at: iso(now) });
    if (unknown.size > 0) {
      ctx.log.warn({ count: unknown.size }, 'SMS were fetched that the provider could not bring');
      ctx.wake('sms.in');
    }
    return unknown.size;
  } catch (error) {
    ctx.log.warn({ err: error }, 'the SMS provider could not be asked for what came in');
    return 0;
  }
}

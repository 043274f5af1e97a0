import { claimMedia, type Media, saveMedia } from '../domain/sms';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { backoffSeconds, limits } from '../platform/limits';
import type { Context } from './context';

/**
 * Fetch the pictures that came with SMS, from the provider only.
 * Shape:   { limit } → how many were tried
 * Writes:  sms_media
 * Repeat:  harmless; what cannot be had now is tried again with back-off, then given up with its reason
 */
export async function fetchSmsMedia(ctx: Context, { limit }: { limit: number }): Promise<number> {
  const now = ctx.clock.now();
  const until = iso(addSeconds(now, limits.leaseSeconds));
  const claimed = await withTransaction(ctx.db, (trx) => claimMedia(trx, { now: iso(now), until, limit }));
  await Promise.all(claimed.map((media) => fetchOne(ctx, media)));
  return claimed.length;
}

async function fetchOne(ctx: Context, { id, url, attempts }: Media): Promise<void> {
  const { fetchMedia } = ctx.gateways.sms;
  try {
    const fetched = fetchMedia
      ? await fetchMedia(url)
      : { kind: 'refused' as const, reason: 'no SMS provider is configured' };
    const status = fetched.kind === 'media' ? ('stored' as const) : ('refused' as const);
    await saveMedia(ctx.db, id, { ...fetched, status } as Parameters<typeof saveMedia>[2]);
  } catch (error) {
    ctx.log.warn({ err: error, sms_media_id: id }, 'a picture could not be fetched');
    const reason = 'the SMS provider did not give it';
    const nextAttemptAt = iso(addSeconds(ctx.clock.now(), backoffSeconds(attempts, ctx.chance())));
    await saveMedia(
      ctx.db,
      id,
      attempts >= limits.smsMediaAttempts
        ? { status: 'refused', reason }
        : { status: 'pending', nextAttemptAt, reason },
    );
  }
}

import { deleteOldRaws } from '../domain/inbound-mail';
import { addSeconds, iso } from '../platform/clock';
import { limits } from '../platform/limits';
import type { Context } from './context';

/**
 * Remove the raw form of mails that were read and finished long ago; what they said stays in their tickets. Those that
 * could not be read stay as well.
 * Shape:   → how many, of a batch
 */
export function forgetOldMails(ctx: Context): Promise<number> {
  const before = iso(addSeconds(ctx.clock.now(), -limits.rawMailKeptDays * 86_400));
  return deleteOldRaws(ctx.db, before, limits.rawMailBatch);
}

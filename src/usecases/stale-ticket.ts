import { newestMessage } from '../domain/messages';
import type { Trx } from '../platform/db';
import { Refusal } from '../platform/refusal';

/** Somebody wrote, solved or closed since: what the writer has not seen comes with the refusal. */
export async function staleTicket(trx: Trx, ticketId: string, version: number): Promise<Refusal> {
  const newest = await newestMessage(trx, ticketId);
  return new Refusal('stale-ticket', 'The ticket has changed since you read it. See what is new first.', {
    version,
    newest_message: newest && {
      id: newest.id,
      author_name: newest.authorName,
      channel: newest.channel,
      body: newest.body,
      created_at: newest.createdAt,
    },
  });
}

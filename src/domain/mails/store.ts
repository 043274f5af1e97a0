import type { Db, Trx } from '../../platform/db';
import type { BounceDoubt, MatchedBy, SenderMark } from './rules';

type Row = Record<string, unknown>;

/** What a message that came by mail has beside its text. */
export interface MessageMail {
  messageId: string;
  fromAddress: string;
  fromName: string;
  class: 'person' | 'auto-reply';
  matchedBy: MatchedBy;
  sender: SenderMark;
  quoted: string;
  signature: string;
  /** Sanitised. */
  html: string | null;
  remoteImages: number;
  limitsHit: string[];
}

export async function addMessageMail(trx: Trx, mail: MessageMail): Promise<void> {
  await trx('message_mails').insert({
    message_id: mail.messageId,
    from_address: mail.fromAddress,
    from_name: mail.fromName,
    class: mail.class,
    matched_by: mail.matchedBy,
    sender: mail.sender,
    quoted: mail.quoted,
    signature: mail.signature,
    html: mail.html,
    remote_images: mail.remoteImages,
    limits_hit: JSON.stringify(mail.limitsHit),
  });
}

export async function findMessageMail(db: Db, messageId: string): Promise<MessageMail | null> {
  const row = (await db('message_mails').where({ message_id: messageId }).first()) as Row | undefined;
  if (!row) return null;
  return {
    messageId: row.message_id as string,
    fromAddress: row.from_address as string,
    fromName: row.from_name as string,
    class: row.class as MessageMail['class'],
    matchedBy: row.matched_by as MatchedBy,
    sender: row.sender as SenderMark,
    quoted: row.quoted as string,
    signature: row.signature as string,
    html: row.html as string | null,
    remoteImages: Number(row.remote_images),
    limitsHit: JSON.parse(row.limits_hit as string) as string[],
  };
}

/** An agent has looked at somebody else's words. False: another was faster, or nothing was to be decided. */
export async function decideSender(
  trx: Trx,
  messageId: string,
  sender: 'accepted' | 'known',
): Promise<boolean> {
  return (
    (await trx('message_mails').where({ message_id: messageId, sender: 'different' }).update({ sender })) ===
    1
  );
}

export interface BouncedMessage {
  messageId: string;
  customerId: string;
  reason: string;
  state: 'settled' | 'review' | 'confirmed' | 'dismissed';
  doubt: BounceDoubt | null;
  at: string;
}

/** False: this message has come back before. */
export async function addBounce(trx: Trx, bounce: BouncedMessage): Promise<boolean> {
  const rows = (await trx('bounced_messages')
    .insert({
      message_id: bounce.messageId,
      customer_id: bounce.customerId,
      reason: bounce.reason,
      state: bounce.state,
      doubt: bounce.doubt,
      at: bounce.at,
    })
    .onConflict('message_id')
    .ignore()
    .returning('message_id')) as unknown[];
  return rows.length === 1;
}

export async function findBounce(db: Db, messageId: string): Promise<BouncedMessage | null> {
  const row = (await db('bounced_messages').where({ message_id: messageId }).first()) as Row | undefined;
  if (!row) return null;
  return {
    messageId: row.message_id as string,
    customerId: row.customer_id as string,
    reason: row.reason as string,
    state: row.state as BouncedMessage['state'],
    doubt: row.doubt as BounceDoubt | null,
    at: row.at as string,
  };
}

/** How many of a customer's messages came back after an instant, those that a person found not to have left out. */
export async function countBounces(db: Db, customerId: string, after: string): Promise<number> {
  const [row] = (await db('bounced_messages')
    .where({ customer_id: customerId })
    .where('at', '>', after)
    .whereNot({ state: 'dismissed' })
    .count({ n: '*' })) as Row[];
  return Number(row?.n ?? 0);
}

/** A person said whether it came back. False: it was said already, or nobody had to. */
export async function decideBounce(
  trx: Trx,
  input: { messageId: string; state: 'confirmed' | 'dismissed'; at: string },
): Promise<boolean> {
  const count = await trx('bounced_messages')
    .where({ message_id: input.messageId, state: 'review' })
    .update({ state: input.state, decided_at: input.at });
  return count === 1;
}

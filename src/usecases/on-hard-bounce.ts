import type { Message } from '../domain/messages';
import type { Trx } from '../platform/db';
import type { Moment } from '../platform/moment';

/** A mailbox is gone for good: suppressRecipient() of suppress-address.ts belongs here as soon as it is in this branch. */
export async function onHardBounce(
  _trx: Trx,
  _moment: Moment,
  _input: { message: Pick<Message, 'id' | 'to'>; storeId: string; reason: string },
): Promise<void> {}

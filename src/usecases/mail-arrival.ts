import type { ArrivalChanges } from '../domain/arrivals';
import type { PlannedAttachment } from '../domain/attachments';
import type { InboundMailRow } from '../domain/inbound-mail';
import type { InboundMail } from '../gateways/email';

/** A mail on its way in: as it was kept, and as it was read. */
export interface Arrival {
  row: Omit<InboundMailRow, 'raw'>;
  mail: InboundMail;
  /** Kept already, or ready to be kept with the message. */
  files: PlannedAttachment[];
}

/** What became of it. */
export type Ending = { status: 'done' | 'ignored' | 'failed' } & Pick<
  ArrivalChanges,
  'reason' | 'messageId' | 'storm' | 'answerAt'
>;

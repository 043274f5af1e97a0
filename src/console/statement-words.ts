import type { TextKey } from '../locales';
import type { StaffPage } from '../ui/page';
import type { StatementEntry } from './statement.query';
import { orderStatus } from './words';

export interface Told {
  text: TextKey;
  values?: Record<string, string>;
  /** Below the sentence: package, reason, who did it. */
  notes: string[];
}

/** One entry of the ledger, as one tells it to somebody who asks. */
export function toldOf(page: StaffPage, entry: StatementEntry): Told {
  return { ...sentenceOf(page, entry), notes: notesOf(page, entry) };
}

function sentenceOf(page: StaffPage, entry: StatementEntry): Pick<Told, 'text' | 'values'> {
  switch (entry.type) {
    case 'grant':
      if (entry.source === 'order') return { text: 'statement.bought_with' };
      return { text: entry.source === 'goodwill' ? 'statement.given_as' : 'statement.added_as' };
    case 'reinstate':
      return { text: 'statement.paid_again' };
    case 'hold':
    case 'capture':
    case 'release':
    case 'reverse':
      return { text: `statement.${entry.type}.${entry.work ?? 'request'}` };
    case 'expire':
      return { text: entry.order === null ? 'statement.expired_given' : 'statement.expired_order' };
    case 'unexpire':
      return { text: 'statement.unexpired' };
    case 'revoke':
      return revokeWords(page, entry);
    case 'correct':
      return { text: 'statement.taken_as' };
  }
}

/** Of an order in these states nothing is paid for any more. */
const VOID = ['cancelled', 'refunded', 'failed', 'trash', 'deleted'];

function revokeWords(page: StaffPage, entry: StatementEntry): Pick<Told, 'text' | 'values'> {
  // Given back by a message that failed, and taken by its order at once.
  if (entry.cause !== 'order') return { text: 'statement.covers' };
  const status = /^order .*: ([\w-]+)$/s.exec(entry.reason ?? '')?.[1] ?? '';
  if (!VOID.includes(status)) {
    return { text: entry.orderMoved ? 'statement.order_moved' : 'statement.order_took_part' };
  }
  return { text: 'statement.order_took', values: { status: orderStatus(page, status) } };
}

const REASONS = ['no-show', 'under-60-seconds', 'block-not-started', 'spam'] as const;

function notesOf(page: StaffPage, entry: StatementEntry): string[] {
  const { t } = page;
  const notes: string[] = [];
  const fromOrder = entry.cause === 'order';
  if (entry.type === 'hold') notes.push(sourceOf(page, entry));
  if (entry.package !== null && entry.type === 'grant') notes.push(entry.package);
  const known = REASONS.find((reason) => reason === entry.reason);
  if (known) notes.push(t(`statement.reason.${known}`));
  else if (entry.reason !== null && !fromOrder && entry.cause !== 'expiry' && entry.type !== 'revoke') {
    notes.push(t('statement.quote', { reason: entry.reason }));
  }
  const { kind, name } = entry.by;
  if (kind === 'staff' || kind === 'token') notes.push(t('statement.by', { name }));
  if (kind === 'customer') notes.push(t('statement.by_customer'));
  return notes;
}

function sourceOf({ t }: StaffPage, { source, order }: StatementEntry): string {
  if (source === 'order') return t('statement.from_order', { order: `#${order?.number ?? ''}` });
  return t(source === 'goodwill' ? 'statement.from_goodwill' : 'statement.from_correction');
}

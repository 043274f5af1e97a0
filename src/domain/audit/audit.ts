import type { Db } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { insertAudit } from './store';

/**
 * Write down who did what; call it in the transaction of the change.
 * Shape:   { action: 'thing.done', subject: { kind, id }, facts }: facts never hold a secret or a person's details
 * Writes:  audit_log (append; the database refuses changes)
 * Source:  DESIGN §8
 */
export async function recordAudit(
  db: Db,
  moment: Moment,
  entry: { action: string; subject: { kind: string; id: string }; facts?: Record<string, unknown> },
): Promise<void> {
  await insertAudit(db, {
    id: moment.ids.next(),
    at: moment.at,
    actor_kind: moment.actor.kind,
    actor_id: moment.actor.id,
    actor_name: moment.actor.name,
    action: entry.action,
    subject_kind: entry.subject.kind,
    subject_id: entry.subject.id,
    facts: JSON.stringify(entry.facts ?? {}),
  });
}

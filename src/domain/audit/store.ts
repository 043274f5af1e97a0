import type { Db } from '../../platform/db';

export interface AuditRow {
  id: string;
  at: string;
  actor_kind: string;
  actor_id: string;
  actor_name: string;
  action: string;
  subject_kind: string;
  subject_id: string;
  facts: string;
}

export async function insertAudit(db: Db, row: AuditRow): Promise<void> {
  await db('audit_log').insert(row);
}

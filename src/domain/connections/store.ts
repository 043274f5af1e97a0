import type { Db, Trx } from '../../platform/db';
import { isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';
import type { OwnWebhook } from './rules';

interface LinkRow {
  store_id: string;
  check_report: string | null;
  checked_at: string | null;
  checked_mark: string | null;
  webhooks_owner: string | null;
  webhooks_until: string | null;
  webhooks_at: string | null;
  webhooks_problem: string | null;
}

interface WebhookRow {
  store_id: string;
  woo_id: number | string;
  topic: string;
  secret_mark: string;
  made_at: string;
  pinged_at: string | null;
}

interface ApprovalRow {
  id: string;
  store_id: string;
  url: string;
  staff_id: string;
  staff_name: string;
  asked_at: string;
  expires_at: string;
  answered_at: string | null;
}

export interface Link {
  checkReport: string | null;
  checkedAt: string | null;
  /** With which address and keys. */
  checkedMark: string | null;
  /** When all webhooks were there. */
  webhooksAt: string | null;
  /** Why that could not be seen to, the last time. */
  webhooksProblem: string | null;
}

export async function findLink(db: Db, storeId: string): Promise<Link> {
  const row = await db<LinkRow>('store_links').where({ store_id: storeId }).first();
  return {
    checkReport: row?.check_report ?? null,
    checkedAt: row?.checked_at ?? null,
    checkedMark: row?.checked_mark ?? null,
    webhooksAt: row?.webhooks_at ?? null,
    webhooksProblem: row?.webhooks_problem ?? null,
  };
}

export async function saveCheck(
  db: Db,
  storeId: string,
  check: { report: string; at: string; mark: string },
): Promise<void> {
  const changes = { check_report: check.report, checked_at: check.at, checked_mark: check.mark };
  await db<LinkRow>('store_links')
    .insert({ store_id: storeId, ...changes })
    .onConflict('store_id')
    .merge(changes);
}

/** False: another one makes webhooks of this store. */
export async function leaseWebhooks(
  db: Db,
  input: { storeId: string; owner: string; now: string; until: string },
): Promise<boolean> {
  const changes = { webhooks_owner: input.owner, webhooks_until: input.until };
  const rows: unknown[] = await db('store_links')
    .insert({ store_id: input.storeId, ...changes })
    .onConflict('store_id')
    .merge(changes)
    .where(isLeaseOver('store_links.webhooks_until', { now: input.now, seconds: limits.renewedLeaseSeconds }))
    .returning('store_id');
  return rows.length > 0;
}

/** False: it was lost. */
export async function renewWebhooksLease(
  db: Db,
  input: { storeId: string; owner: string; until: string },
): Promise<boolean> {
  const count = await db('store_links')
    .where({ store_id: input.storeId, webhooks_owner: input.owner })
    .update({ webhooks_until: input.until });
  return count === 1;
}

/** Lets go, and notes how it ended. */
export async function endWebhooksLease(
  trx: Trx,
  input: { storeId: string; owner: string; at: string; problem: string | null },
): Promise<void> {
  const count = await trx('store_links')
    .where({ store_id: input.storeId, webhooks_owner: input.owner })
    .update({
      webhooks_owner: null,
      webhooks_until: null,
      webhooks_problem: input.problem,
      ...(input.problem === null ? { webhooks_at: input.at } : {}),
    });
  if (count === 1) await trx('store_pings').where({ store_id: input.storeId }).delete();
}

export async function isMakingWebhooks(db: Db, storeId: string, now: string): Promise<boolean> {
  const row: unknown = await db<LinkRow>('store_links')
    .where({ store_id: storeId })
    .where('webhooks_until', '>', now)
    .first('store_id');
  return row !== undefined;
}

export async function ownWebhooks(db: Db, storeId: string): Promise<OwnWebhook[]> {
  const rows: WebhookRow[] = await db<WebhookRow>('store_webhooks')
    .where({ store_id: storeId })
    .orderBy('woo_id');
  return rows.map((row) => ({
    wooId: Number(row.woo_id),
    topic: row.topic,
    secretMark: row.secret_mark,
    madeAt: row.made_at,
    pingedAt: row.pinged_at,
  }));
}

/** One of that number that was noted before is gone in the shop. */
export async function saveWebhook(
  trx: Trx,
  storeId: string,
  webhook: { wooId: number; topic: string; secretMark: string; madeAt: string },
): Promise<void> {
  // The ping writes as well: whoever comes second sees what the first one wrote.
  await trx('store_links').where({ store_id: storeId }).update({ store_id: storeId });
  const ping = (await trx('store_pings').where({ store_id: storeId, woo_id: webhook.wooId }).first('at')) as
    | { at: string }
    | undefined;
  const values = {
    topic: webhook.topic,
    secret_mark: webhook.secretMark,
    made_at: webhook.madeAt,
    pinged_at: ping?.at ?? null,
  };
  await trx('store_webhooks')
    .insert({ store_id: storeId, woo_id: webhook.wooId, ...values })
    .onConflict(['store_id', 'woo_id'])
    .merge(values);
}

export async function keepOnlyWebhooks(trx: Trx, storeId: string, wooIds: number[]): Promise<void> {
  await trx('store_webhooks').where({ store_id: storeId }).whereNotIn('woo_id', wooIds).delete();
}

export async function hasUnpinged(db: Db, storeId: string, wooId: number): Promise<boolean> {
  const row: unknown = await db('store_webhooks')
    .where({ store_id: storeId, woo_id: wooId, pinged_at: null })
    .first('woo_id');
  return row !== undefined;
}

/** To the webhook of that number, or kept for one that is being made. */
export async function savePing(
  trx: Trx,
  input: { storeId: string; wooId: number; at: string },
): Promise<void> {
  await trx('store_links').where({ store_id: input.storeId }).update({ store_id: input.storeId });
  const known = await trx('store_webhooks')
    .where({ store_id: input.storeId, woo_id: input.wooId })
    .update({ pinged_at: input.at });
  if (known > 0 || !(await isMakingWebhooks(trx, input.storeId, input.at))) return;
  const kept = (await trx('store_pings').where({ store_id: input.storeId }).count({ n: '*' }).first()) as {
    n: number | string;
  };
  if (Number(kept.n) >= limits.pingsKept) return;
  await trx('store_pings')
    .insert({ store_id: input.storeId, woo_id: input.wooId, at: input.at })
    .onConflict(['store_id', 'woo_id'])
    .ignore();
}

export interface Approval {
  id: string;
  storeId: string;
  url: string;
  staff: { id: string; name: string };
}

export async function insertApproval(
  trx: Trx,
  approval: Approval & { askedAt: string; expiresAt: string },
): Promise<void> {
  await trx<ApprovalRow>('store_approvals').where('expires_at', '<=', approval.askedAt).delete();
  await trx<ApprovalRow>('store_approvals').insert({
    id: approval.id,
    store_id: approval.storeId,
    url: approval.url,
    staff_id: approval.staff.id,
    staff_name: approval.staff.name,
    asked_at: approval.askedAt,
    expires_at: approval.expiresAt,
    answered_at: null,
  });
}

/** Null: it was never asked, was asked too long ago, or is answered. */
export async function consumeApproval(trx: Trx, id: string, at: string): Promise<Approval | null> {
  const [row] = (await trx('store_approvals')
    .where({ id, answered_at: null })
    .where('expires_at', '>', at)
    .update({ answered_at: at })
    .returning('*')) as ApprovalRow[];
  if (!row) return null;
  return {
    id: row.id,
    storeId: row.store_id,
    url: row.url,
    staff: { id: row.staff_id, name: row.staff_name },
  };
}

import { setTimeout as pause } from 'node:timers/promises';
import { findStore } from '../domain/stores';
import type { SyncKind } from '../domain/syncs';
import type { Actor } from '../platform/actor';
import { limits } from '../platform/limits';
import { assert, Refusal } from '../platform/refusal';
import type { Context } from './context';
import { seeToWebhooks } from './read-shops';
import { reconcileStore, type SyncReport } from './reconcile-store';
import { inBackground } from './walks';

/**
 * Read a shop now, because somebody asks for it, however lately it was read.
 * Shape:   store, kind, since? → SyncReport; null when it takes longer than somebody waits: it goes on, and its run tells
 * Errors:  not-found, store-without-keys, reconciliation-running (another one, all the time that was waited)
 */
export async function readShopNow(
  ctx: Context,
  actor: Actor,
  ask: { storeId: string; kind: SyncKind; since?: string | null; waitMs?: number },
): Promise<SyncReport | null> {
  const store = await findStore(ctx.db, ask.storeId);
  if (!store) throw new Refusal('not-found', 'There is no such store.');
  const waited = new AbortController();
  const timer = setTimeout(() => waited.abort(), ask.waitMs ?? limits.syncAnswerMs);
  try {
    for (;;) {
      const work = reconcileStore(ctx, actor, store, { kind: ask.kind, since: ask.since, seeToWebhooks });
      void inBackground(ctx.walks, work);
      const outcome = await Promise.race([work, ended(waited.signal)]);
      if (outcome === 'waited enough') return null;
      if (outcome !== null) return outcome;
      if (waited.signal.aborted || ctx.walks.stopping) {
        throw new Refusal(
          'reconciliation-running',
          'This store is being read already. Ask again in a while.',
        );
      }
      await pause(limits.syncBusyPauseMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

function ended(signal: AbortSignal): Promise<'waited enough'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('waited enough');
    signal.addEventListener('abort', () => resolve('waited enough'), { once: true });
  });
}

/** The same for a command, which waits to the end. */
export async function readShopToTheEnd(
  ctx: Context,
  actor: Actor,
  ask: { storeId: string; kind: SyncKind; since?: string | null },
): Promise<SyncReport> {
  // setTimeout() takes no more than this: 24 days.
  const report = await readShopNow(ctx, actor, { ...ask, waitMs: 2 ** 31 - 1 });
  assert(report, 'a walk that is waited for ends');
  return report;
}

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
  const patience = new AbortController();
  const over = pause(ask.waitMs ?? limits.syncAnswerMs, 'over' as const, { signal: patience.signal });
  let isOver = false;
  over.then(
    () => (isOver = true),
    () => undefined,
  );
  try {
    for (;;) {
      let begun = () => {};
      const beginning = new Promise<'begun'>((resolve) => {
        begun = () => resolve('begun');
      });
      const work = reconcileStore(ctx, actor, store, {
        kind: ask.kind,
        since: ask.since,
        seeToWebhooks,
        begun: () => begun(),
      });
      void inBackground(ctx.walks, work);
      if ((await Promise.race([work, beginning])) !== null) {
        const outcome = await Promise.race([work, over]);
        return outcome === 'over' ? null : outcome;
      }
      // Another one is at it.
      if (isOver || ctx.walks.stopping) {
        throw new Refusal(
          'reconciliation-running',
          'This store is being read already. Ask again in a while.',
        );
      }
      await pause(limits.syncBusyPauseMs);
    }
  } finally {
    patience.abort();
  }
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

import express, { type Request, type RequestHandler, type Response } from 'express';
import { type Arrival, storeDeliveries } from '../src/domain/inbox';
import type { Actor } from '../src/platform/actor';
import { isOutage, outageInWords } from '../src/platform/dialect';
import { gather } from '../src/platform/gather';
import { limits } from '../src/platform/limits';
import type { Moment } from '../src/platform/moment';
import { Refusal } from '../src/platform/refusal';
import { type Context, momentOf } from '../src/usecases/context';

/** What is different about each sender; the steps are the same for all. */
export interface Sender<Known> {
  /** Asked before the body is read: who it is from, and what to check it with. Refuses a stranger. */
  recognise(req: Request): Promise<Known>;
  /** Refuses what is not signed right. */
  verify(req: Request, known: Known, body: Buffer): Received | Ping;
}

/** Right, and nothing to keep in the inbox. */
export interface Ping {
  note(): Promise<void>;
}

export interface Received {
  actor: Actor;
  storeId: string;
  topic: string;
  headers: Record<string, string>;
}

/** The bytes as they came: a signature is over those, and what cannot be parsed is kept all the same. */
const readBytes = express.raw({ type: () => true, inflate: false, limit: limits.webhookBodyBytes });

/**
 * Verify the raw body → inbox row → 2xx, and nothing else: it is answered 200 only after its bytes are committed, and
 * nothing of it is looked at before. Those that come while a commit is running share the next one. Mount it before any body parser.
 * Errors: 503 unavailable when it could not be kept or too many wait to be, so that the sender knows; and what the sender's file refuses
 * Source: DESIGN §2.1
 */
export function receive<Known>(
  ctx: Context,
  sender: Sender<Known>,
  count: (what: 'stored' | 'ping') => void,
): RequestHandler {
  const store = gather({
    run: (arrivals: { moment: Moment; arrival: Arrival }[]) => storeDeliveries(ctx.db, arrivals),
    weigh: ({ arrival }) => arrival.body.length,
    itemsMax: limits.webhookBatch,
    weightMax: limits.webhookBatchBytes,
    waitingMax: limits.webhooksWaiting,
    waitingWeightMax: limits.webhooksWaitingBytes,
  });
  return async (req, res) => {
    const known = await orUnavailable(req, () => sender.recognise(req));
    const body = await bodyOf(req, res);
    const received = sender.verify(req, known, body);
    if ('note' in received) {
      await orUnavailable(req, received.note);
      count('ping');
      res.json({ status: 'ping' });
      return;
    }
    const { actor, ...delivery } = received;
    const stored = await orUnavailable(req, () =>
      store({ moment: momentOf(ctx, actor), arrival: { ...delivery, body } }),
    );
    count('stored');
    res.json({ status: 'stored', id: stored.id });
    ctx.wake('inbox');
  };
}

async function bodyOf(req: Request, res: Response): Promise<Buffer> {
  await new Promise<void>((resolve, reject) => {
    readBytes(req, res, (error?: unknown) => (error ? reject(error as Error) : resolve()));
  });
  // Without a body there is nothing that the reader could set.
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}

/** Whatever goes wrong in the database (or in opening a secret), the sender must not take it for stored. */
async function orUnavailable<T>(req: Request, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = isOutage(error) ? `: ${outageInWords(error)}` : '';
    req.log.error({ err: error }, `a webhook could not be stored${why}`);
    throw new Refusal('unavailable', 'It could not be stored.');
  }
}

import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { isOutage, outageInWords } from './dialect';
import { limits } from './limits';
import type { Log } from './log';
import { Refusal } from './refusal';

/** Every code that can be answered: its status and its title. The code is part of the contract, the words are not. */
const PROBLEMS: Record<string, { status: number; title: string }> = {
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'idempotency-key-required': { status: 400, title: 'An Idempotency-Key is needed' },
  unauthenticated: { status: 401, title: 'No valid token' },
  'invalid-signature': { status: 401, title: 'The signature does not match' },
  'store-without-secret': { status: 401, title: 'The store has no webhook secret' },
  'insufficient-credits': { status: 402, title: 'Not enough credits' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  'not-acceptable': { status: 406, title: 'Not available in that form' },
  'idempotency-conflict': { status: 409, title: 'The Idempotency-Key was used for another request' },
  'stale-ticket': { status: 409, title: 'The ticket has news' },
  'ticket-closed': { status: 409, title: 'The ticket is closed' },
  'invalid-transition': { status: 409, title: 'That change is not possible now' },
  'package-match-taken': { status: 409, title: 'Another active package matches the same' },
  'store-slug-taken': { status: 409, title: 'Another store has that slug' },
  'store-without-keys': { status: 409, title: 'The store cannot be read' },
  'reconciliation-running': { status: 409, title: 'The store is being read already' },
  'package-not-active': { status: 409, title: 'The package is off sale' },
  'import-running': { status: 409, title: 'An import is running already' },
  'coupon-limit': { status: 409, title: 'No more coupons this month' },
  'delivery-not-failed': { status: 409, title: 'The delivery does not need a retry' },
  'video-session-over': { status: 409, title: 'The video session is over' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'Unsupported media type' },
  'expectation-failed': { status: 417, title: 'That expectation cannot be met' },
  'invalid-request': { status: 422, title: 'The request is not valid' },
  'no-recipient': { status: 422, title: 'Nowhere to send it' },
  'recipient-opted-out': { status: 422, title: 'The recipient takes no SMS' },
  'message-too-long': { status: 422, title: 'The message is too long' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'internal-error': { status: 500, title: 'Something went wrong here' },
  unavailable: { status: 503, title: 'Not available now' },
};

export function isProblemCode(code: string): boolean {
  return Object.hasOwn(PROBLEMS, code);
}

/** All of them, for the pages that explain them. */
export function problemTypes(): { code: string; status: number; title: string }[] {
  return Object.entries(PROBLEMS).map(([code, problem]) => ({ code, ...problem }));
}

/** Status and RFC 9457 body of a refusal; also for answers that are put together elsewhere (OpenAPI examples). */
export function problemOf(refusal: Refusal): { status: number; body: Record<string, unknown> } {
  const problem = isProblemCode(refusal.code) ? PROBLEMS[refusal.code] : undefined;
  if (!problem) throw new Error(`platform/problem.ts knows no code ${refusal.code}`, { cause: refusal });
  return {
    status: problem.status,
    body: {
      ...refusal.facts,
      type: `/problems/${refusal.code}`,
      title: problem.title,
      status: problem.status,
      ...(refusal.detail ? { detail: refusal.detail } : {}),
    },
  };
}

function sendProblem(res: Response, refusal: Refusal): void {
  const { status, body } = problemOf(refusal);
  if (refusal.code === 'unauthenticated' && !res.hasHeader('WWW-Authenticate'))
    res.set('WWW-Authenticate', 'Bearer');
  if (status === 503) res.set('Retry-After', String(limits.retryAfterSeconds));
  if (status === 429 && typeof refusal.facts.retry_after_seconds === 'number') {
    res.set('Retry-After', String(refusal.facts.retry_after_seconds));
  }
  // The rest of an oversized body is not worth a connection.
  if (status === 413) res.set('Connection', 'close');
  res.status(status).type('application/problem+json').send(JSON.stringify(body));
}

export const unknownRoute: RequestHandler = () => {
  throw new Refusal('not-found', 'There is nothing at this address.');
};

/** Answers with a page whoever asked for one, and says whether it did. */
type AnswerWithPage = (req: Request, res: Response, refusal: Refusal, status: number) => Promise<boolean>;

/** The last handler: every error becomes an answer. Only what a person must act upon is logged at error. */
export function problemHandler(log: Log, answerWithPage?: AnswerWithPage): ErrorRequestHandler {
  const answer = async (req: Request, res: Response, refusal: Refusal) => {
    const { status } = problemOf(refusal);
    if (await answerWithPage?.(req, res, refusal, status)) return;
    sendProblem(res, refusal);
  };
  return async (error: unknown, req, res, _next) => {
    if (tooLate.has(res)) {
      (req.log ?? log).warn({ err: error }, 'failed after its time was over');
      return;
    }
    if (res.headersSent) {
      (req.log ?? log).error({ err: error }, 'failed in the middle of an answer');
      // Nobody must take the half for the whole. Express would do the same, and print the error as it is.
      res.destroy();
      return;
    }
    const known = asRefusal(error);
    if (known && isProblemCode(known.code)) {
      if (isOutage(error)) (req.log ?? log).error({ err: error }, outageInWords(error));
      await answer(req, res, known);
      return;
    }
    (req.log ?? log).error({ err: error }, 'request failed');
    const requestId = typeof req.id === 'string' ? { request_id: req.id } : {};
    await answer(req, res, new Refusal('internal-error', '', requestId));
  };
}

/** Answered by answerInTime() while their handler was still at work. */
const tooLate = new WeakSet<Response>();

/**
 * Nobody waits longer than `limits.answerMs`, whatever hangs. What the handler does may still come to its end: a
 * webhook is then kept twice, and a key gets the same answer again; neither harms.
 */
export function answerInTime(log: Log): RequestHandler {
  return (req, res, next) => {
    const timer = setInterval(() => {
      // Its sender is slow: for that there is a limit of its own (limits.requestMs).
      if (!req.complete || res.headersSent) return;
      clearInterval(timer);
      tooLate.add(res);
      (req.log ?? log).error('a request was not worked off in its time');
      sendProblem(res, new Refusal('unavailable', 'It took too long. Please try again.'));
    }, limits.answerMs);
    res.once('close', () => clearInterval(timer));
    next();
  };
}

function asRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (isOutage(error)) return new Refusal('unavailable', 'The database does not answer. Please try again.');
  return fromExpress(error);
}

/** What express and its body parsers throw: {type, status} of http-errors, or a URIError of the router. */
function fromExpress(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  const { type, status, limit } = error as { type?: unknown; status?: unknown; limit?: unknown };
  if (type === 'entity.parse.failed') return new Refusal('malformed-json', 'The body is not valid JSON.');
  if (status === 413) {
    const facts = typeof limit === 'number' ? { limit_bytes: limit } : {};
    return new Refusal('body-too-large', 'The body is larger than is accepted here.', facts);
  }
  if (status === 415) {
    return new Refusal('unsupported-media-type', 'This encoding of the body is not accepted here.');
  }
  if (status === 400) return new Refusal('malformed-request', 'The request cannot be read.');
  return null;
}

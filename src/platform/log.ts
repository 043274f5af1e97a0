import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Response } from 'express';
import pino, { type Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { Ids } from './ids';

export type Log = Logger;

/** Fields that never reach a log line, whoever passes them: secrets and what identifies a person. */
const REDACT = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'email',
  'phone',
  'body',
  'to',
  'text',
];

export function makeLog(level: string, destination?: pino.DestinationStream): Log {
  const options: pino.LoggerOptions = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACT.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    serializers: { err: describeError },
  };
  return destination ? pino(options, destination) : pino(options);
}

/**
 * What a log line says of an error. Knex puts the values of a failed query into the message, PostgreSQL the row into
 * `detail`: e-mail addresses and texts of customers. So: no other fields, and of a query only what the database said.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: withoutQuery(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => line.startsWith('    at '))
      .join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

const QUERY =
  /^\s*(select|insert|update|delete|with|create|alter|drop|begin|commit|rollback|savepoint|pragma)\b/i;

function withoutQuery(message: string): string {
  return QUERY.test(message) ? `query failed - ${message.slice(message.lastIndexOf(' - ') + 3)}` : message;
}

const REQUEST_ID = /^[\w-]{1,64}$/;
/** Asked every few seconds by whatever watches over the process. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * One line per request: method, route pattern, status, milliseconds. Never the path itself, the query or a header:
 * they can hold addresses, numbers and tokens. `req.log` carries the request id; `X-Request-Id` tells it to the caller.
 */
export function requestLog(log: Log, ids: Ids): RequestHandler {
  return pinoHttp<Request, Response>({
    logger: log,
    genReqId(req, res) {
      const given = req.headers['x-request-id'];
      const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : ids.next();
      res.setHeader('X-Request-Id', id);
      return id;
    },
    customAttributeKeys: { reqId: 'request_id' },
    quietReqLogger: true,
    quietResLogger: true,
    serializers: { req: () => undefined, res: () => undefined, err: describeError },
    wrapSerializers: false,
    customLogLevel: (req) => (PROBES.has(req.path) ? 'debug' : 'info'),
    customSuccessObject: (req, res, line: { responseTime: number }) => access(req, res, line.responseTime),
    // The error itself was logged where it was caught (problem.ts).
    customErrorObject: (req, res, _error, line: { responseTime: number }) =>
      access(req, res, line.responseTime),
    customSuccessMessage: (_req, res) => (res.writableEnded ? 'request' : 'request aborted'),
    customErrorMessage: (_req, res) => (res.writableEnded ? 'request' : 'request aborted'),
  });
}

function access(req: Request, res: Response, ms: number): object {
  return { method: req.method, route: routeOf(req), status: res.writableEnded ? res.statusCode : null, ms };
}

/**
 * The pattern that answered (`/api/v1/tickets/:id`), for logs and metrics: few values, no personal data.
 * Express keeps only the innermost part; the rest is the head of the path, which has no parameters.
 */
export function routeOf(req: Request): string {
  const pattern: unknown = (req.route as { path?: unknown } | undefined)?.path;
  if (typeof pattern !== 'string') return '(none)';
  const tail = pattern.split('/').filter(Boolean);
  // Some ask for `http://host/path`: who sends such would choose the pattern, and fill the memory with new ones.
  const address = req.originalUrl.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?]*/i, '');
  const path = (address.split('?')[0] ?? '').toLowerCase().split('/').filter(Boolean);
  return `/${[...path.slice(0, Math.max(0, path.length - tail.length)), ...tail].join('/')}`;
}

/** Calls `done` when the answer is out, or its receiver gone. */
export function onAnswered(
  res: Response,
  done: (answer: { status: number | null; seconds: number }) => void,
): void {
  const start = performance.now();
  res.once('close', () => {
    done({
      status: res.writableEnded ? res.statusCode : null,
      seconds: (performance.now() - start) / 1000,
    });
  });
}

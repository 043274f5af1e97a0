import { readdirSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import request from 'supertest';
import { uuidIds } from '../../src/platform/ids';
import { limits } from '../../src/platform/limits';
import { describeError, makeLog, requestLog } from '../../src/platform/log';
import {
  answerInTime,
  isProblemCode,
  problemHandler,
  problemOf,
  unknownRoute,
} from '../../src/platform/problem';
import { Refusal } from '../../src/platform/refusal';

const lines: string[] = [];
const log = makeLog('trace', { write: (line) => void lines.push(line) });
const errorLines = () => lines.map((line) => JSON.parse(line)).filter((line) => line.level >= 50);

function appThat(handle: RequestHandler) {
  const app = express();
  app.use(requestLog(log, uuidIds));
  app.post('/json', express.json({ limit: 100 }), (_req, res) => void res.json({}));
  app.get('/tickets/:id', handle);
  app.use(unknownRoute);
  app.use(problemHandler(log));
  return app;
}
const throwing = (error: unknown) =>
  appThat(() => {
    throw error;
  });
const ask = (error: unknown) => request(throwing(error)).get('/tickets/1');

describe('an error becomes a problem', () => {
  beforeEach(() => {
    lines.length = 0;
  });

  it('with the status, title and facts of its code', async () => {
    const answer = await ask(
      new Refusal('insufficient-credits', 'One is missing.', { missing: 1, available: 0 }),
    );
    expect(answer.status).toBe(402);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: '/problems/insufficient-credits',
      title: 'Not enough credits',
      status: 402,
      detail: 'One is missing.',
      missing: 1,
      available: 0,
    });
    expect(errorLines()).toEqual([]);
  });

  it('whose own members no fact can change', () => {
    const { body } = problemOf(new Refusal('forbidden', 'No.', { status: 200, type: 'x', title: 'y' }));
    expect(body).toEqual({ type: '/problems/forbidden', title: 'Not allowed', status: 403, detail: 'No.' });
  });

  it('that asks for a token when there was none', async () => {
    expect((await ask(new Refusal('unauthenticated', 'Who?'))).headers['www-authenticate']).toBe('Bearer');
  });

  it.each([
    'select * from `x` - Connection terminated unexpectedly',
    'Connection ended unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout expired',
    'update "x" set "y" = ? - Query read timeout',
  ])('that blames the database when its connection says "%s"', async (words) => {
    const { status, headers } = await ask(new Error(words));
    expect([status, headers['retry-after']]).toEqual([503, '5']);
  });

  it('that says when to come back', async () => {
    const answer = await ask(new Refusal('too-many-requests', 'Slower.', { retry_after_seconds: 7 }));
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '7']);
  });

  it.each([
    ['an unknown code', new Refusal('no-such-code', 'secret detail')],
    ['a code that every object has', new Refusal('constructor', 'secret detail')],
    ['a defect', new TypeError('secret detail')],
    ['something that is no error', 'secret detail'],
  ])('without a word about it: %s', async (_, error) => {
    const answer = await ask(error).set('X-Request-Id', 'req-1');
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      type: '/problems/internal-error',
      title: 'Something went wrong here',
      status: 500,
      request_id: 'req-1',
    });
    expect(errorLines()).toMatchObject([{ request_id: 'req-1', msg: 'request failed' }]);
  });

  it.each([
    ['KnexTimeoutError', undefined],
    ['Error', 'ECONNREFUSED'],
    ['Error', '57P01'],
    ['Error', '53300'],
    ['Error', 'SQLITE_BUSY'],
    ['Error', 'SQLITE_FULL'],
  ])('that may pass: %s %s', async (name, code) => {
    const answer = await ask(Object.assign(new Error('x'), { name }, code && { code }));
    expect(answer.status).toBe(503);
    expect(answer.body.type).toBe('/problems/unavailable');
    expect(errorLines()).toHaveLength(1);
  });

  it.each(['23505', '42P01', 'SQLITE_ERROR', 'SQLITE_CONSTRAINT'])('that will not pass: %s', async (code) => {
    expect((await ask(Object.assign(new Error('x'), { code }))).status).toBe(500);
  });

  it.each([
    ['{"a":', 400, 'malformed-json'],
    [JSON.stringify({ a: 'x'.repeat(200) }), 413, 'body-too-large'],
  ])('when a parser refuses %.20s', async (body, status, code) => {
    const answer = await request(throwing(null))
      .post('/json')
      .set('Content-Type', 'application/json')
      .send(body);
    expect([answer.status, answer.body.type]).toEqual([status, `/problems/${code}`]);
    expect(errorLines()).toEqual([]);
  });

  it('when an encoding is not known', async () => {
    const answer = await request(throwing(null))
      .post('/json')
      .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'zip' })
      .send('{}');
    expect([answer.status, answer.body.type]).toEqual([415, '/problems/unsupported-media-type']);
  });

  it('when there is nothing at the address', async () => {
    const answer = await request(throwing(null)).get('/nothing/here?a=b').expect(404);
    expect(answer.body.type).toBe('/problems/not-found');
    expect(JSON.parse(lines[0]!)).toMatchObject({ route: '(none)', status: 404 });
    expect(lines[0]).not.toContain('nothing/here');
  });

  it('when the answer has begun, by cutting it off', async () => {
    const app = appThat((_req, res) => {
      res.write('half of it');
      throw new Error('in the middle');
    });
    await expect(request(app).get('/tickets/1')).rejects.toThrow(/aborted|hang up/);
    expect(errorLines()).toHaveLength(1);
  });

  it('for every code that is thrown anywhere', () => {
    const thrown = new Set<string>();
    const root = join(__dirname, '..', '..');
    for (const folder of ['src', 'webhooks']) {
      for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (!/\.tsx?$/.test(file)) continue;
        const source = readFileSync(join(root, folder, file), 'utf8');
        for (const [, code] of source.matchAll(/new Refusal\(\s*'([^']+)'/g)) thrown.add(code!);
      }
    }
    expect(thrown.size).toBeGreaterThan(10);
    expect([...thrown].filter((code) => !isProblemCode(code))).toEqual([]);
  });
});

describe('the log of requests', () => {
  beforeEach(() => {
    lines.length = 0;
  });
  const quiet = appThat((_req, res) => void res.json({}));

  it('holds the pattern of the route, not the path, the query or a header', async () => {
    const answer = await request(quiet)
      .get('/tickets/ana@example.com?q=geslo')
      .set('Authorization', 'Bearer abc');
    const line = JSON.parse(lines[0]!);
    expect(Object.keys(line).sort()).toEqual([
      'level',
      'method',
      'ms',
      'msg',
      'request_id',
      'route',
      'status',
      'time',
    ]);
    expect(line).toMatchObject({ method: 'GET', route: '/tickets/:id', status: 200, msg: 'request' });
    expect(answer.headers['x-request-id']).toBe(line.request_id);
  });

  it('names the pattern alone when the address names a host: nobody fills the metrics with patterns of their own', async () => {
    const server = appThat((_req, res) => void res.json({})).listen(0);
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve, reject) => {
      const asked = httpRequest({ port, path: 'http://anything.example.com/tickets/1' }, (res) => {
        res.resume().once('end', resolve);
      });
      asked.once('error', reject).end();
    });
    await new Promise((resolve) => server.close(resolve));
    expect(JSON.parse(lines[0]!)).toMatchObject({ route: '/tickets/:id', status: 200 });
  });

  it.each(['has spaces', 'x'.repeat(65), '<script>', ''])('takes no request id like "%.10s"', async (id) => {
    const answer = await request(quiet).get('/tickets/1').set('X-Request-Id', id);
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('an error in the log', () => {
  it('has no values of a query: they are personal data', () => {
    const error = Object.assign(
      new Error(
        "insert into `customers` (`email`) values ('ana@example.com') - SQLITE_CONSTRAINT: UNIQUE failed",
      ),
      {
        code: 'SQLITE_CONSTRAINT',
        detail: 'Key (email)=(ana@example.com) already exists.',
        bindings: ['ana@example.com'],
      },
    );
    const outer = new Error('could not save', { cause: error });
    lines.length = 0;
    log.error({ err: outer }, 'failed');
    expect(lines[0]).not.toContain('ana@');
    expect(describeError(outer)).toMatchObject({
      message: 'could not save',
      cause: { message: 'query failed - SQLITE_CONSTRAINT: UNIQUE failed', code: 'SQLITE_CONSTRAINT' },
    });
    expect(describeError(outer)).toHaveProperty('stack', expect.stringContaining('problem.test.ts'));
  });

  it('and secrets by name, wherever they stand', () => {
    lines.length = 0;
    log.info(
      { token: 'hunter22', customer: { email: 'hunter22', phone: 'hunter22' }, secret: 'hunter22' },
      'x',
    );
    expect(lines[0]).not.toContain('hunter22');
  });
});

describe('a request that hangs', () => {
  // Only the clock of the limit: the server and its client need theirs.
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: [
        'setTimeout',
        'clearTimeout',
        'setImmediate',
        'clearImmediate',
        'nextTick',
        'queueMicrotask',
        'Date',
        'performance',
        'hrtime',
      ],
    });
    lines.length = 0;
  });
  let letGo: () => void = () => {};
  afterEach(() => {
    letGo(); // or a request that was never answered would keep the process
    jest.useRealTimers();
  });

  /** Its handler waits until the test lets it go on. */
  function hanging() {
    let goOn: () => void = () => {};
    let begun: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
      letGo = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let ended: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const app = express();
    app.use(answerInTime(log));
    app.get('/slow', async (_req, res) => {
      begun();
      await held;
      res.json({ late: true });
    });
    app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
      problemHandler(log)(error, req, res, next);
      ended();
    });
    return { app, goOn: () => goOn(), arrived, over };
  }

  it('is answered 503 when its time is over, and what comes after that harms nothing', async () => {
    const { app, goOn, arrived, over } = hanging();
    const answer = request(app)
      .get('/slow')
      .then((got) => got);
    await arrived;
    jest.advanceTimersByTime(limits.answerMs - 1);
    jest.advanceTimersByTime(1);
    const { status, headers } = await answer;
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    goOn();
    await over;
    expect(lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg])).toEqual([
      [50, 'a request was not worked off in its time'],
      [40, 'failed after its time was over'],
    ]);
  });

  it('is left alone before', async () => {
    const { app, goOn, arrived } = hanging();
    const answer = request(app)
      .get('/slow')
      .then((got) => got);
    await arrived;
    jest.advanceTimersByTime(limits.answerMs - 1);
    goOn();
    expect((await answer).body).toEqual({ late: true });
    jest.advanceTimersByTime(limits.answerMs);
    expect(lines).toEqual([]);
  });
});

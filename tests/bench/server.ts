import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import express, { type Express, type Request } from 'express';
import { v7 } from 'uuid';
import { buildApp } from '../../src/app';
import { readConfig } from '../../src/config';
import { listen } from '../../src/platform/http-server';
import { limits } from '../../src/platform/limits';
import { openBare } from './bare';

/** What the bench tells the process that it forks; the answer is { port }. */
export type ServerTask = (
  | { kind: 'app'; env: Record<string, string>; jobs?: boolean | undefined }
  | { kind: 'floor'; url: string; storeId: string; webhookSecret: string; token: string }
) & {
  /** Where to leave what V8 saw of the work, without that of starting. */
  profiles?: string | undefined;
};

process.once('message', (task: ServerTask) => {
  void start(task);
});
// The bench has ended, however it did.
process.once('disconnect', () => process.exit(0));

async function start(task: ServerTask): Promise<void> {
  const http = task.kind === 'app' ? await realApp(task.env, task.jobs) : await floorApp(task);
  const { port } = await listen(http, { port: 0, host: '127.0.0.1' });
  process.send?.({ port });
  if (task.profiles !== undefined) profileInto(join(task.profiles, `${task.kind}.cpuprofile`));
}

function profileInto(path: string): void {
  const profiler = new Session();
  profiler.connect();
  profiler.post('Profiler.enable');
  profiler.post('Profiler.start');
  process.prependOnceListener('disconnect', () => {
    profiler.post('Profiler.stop', (_error, { profile }) => writeFileSync(path, JSON.stringify(profile)));
  });
}

/** The whole app with its log; mostly without its jobs, which would work off what is being sent. */
async function realApp(env: Record<string, string>, jobs = false): Promise<Express> {
  const app = buildApp(readConfig(env));
  await app.prepare();
  if (jobs) app.start();
  return app.http;
}

/** The least that does the same: Express, the check of who it is, and one statement (for a ticket two) by the driver. */
async function floorApp(task: Extract<ServerTask, { kind: 'floor' }>): Promise<Express> {
  const bare = await openBare(task.url);
  const http = express();
  http.disable('x-powered-by');

  http.post(
    '/webhook',
    express.raw({ type: () => true, limit: limits.webhookBodyBytes }),
    async (req, res) => {
      const body = req.body as Buffer;
      const right = createHmac('sha256', task.webhookSecret).update(body).digest();
      const given = Buffer.from(String(req.headers['x-wc-webhook-signature']), 'base64');
      if (right.length !== given.length || !timingSafeEqual(right, given)) return void res.sendStatus(401);
      const headers = Object.entries(req.headers).filter(
        ([name]) => /^x-wc-|^content-type$/.test(name) && name !== 'x-wc-webhook-signature',
      );
      const now = new Date().toISOString();
      const id = v7();
      await bare.query(
        `INSERT INTO deliveries (id, store_id, topic, headers, body, received_at, status, attempts, next_attempt_at,
        lease_owner, lease_until, woo_id, reason, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          ...[
            id,
            task.storeId,
            req.headers['x-wc-webhook-topic'],
            JSON.stringify(Object.fromEntries(headers)),
          ],
          ...[body, now, 'pending', 0, now, null, null, null, null, null],
        ],
        false,
      );
      res.json({ status: 'stored', id });
    },
  );

  const sha256 = (text: string) => createHash('sha256').update(text).digest();
  const known = sha256(task.token);
  const mayRead = (req: Request) =>
    timingSafeEqual(sha256(String(req.headers.authorization).replace(/^Bearer /, '')), known);

  http.get('/credits/:id', async (req, res) => {
    if (!mayRead(req)) return void res.sendStatus(401);
    const sql = 'SELECT * FROM credit_balances WHERE customer_id = $1';
    const [balance] = (await bare.query(sql, [req.params.id], true)).rows;
    if (!balance) return void res.sendStatus(404);
    res.json(balance);
  });

  http.get('/tickets/:id', async (req, res) => {
    if (!mayRead(req)) return void res.sendStatus(401);
    const [ticket] = (await bare.query('SELECT * FROM tickets WHERE id = $1', [req.params.id], true)).rows;
    if (!ticket) return void res.sendStatus(404);
    const sql = 'SELECT * FROM messages WHERE ticket_id = $1 ORDER BY id DESC LIMIT 50';
    const { rows: messages } = await bare.query(sql, [req.params.id], true);
    res.json({ ticket, messages });
  });
  return http;
}

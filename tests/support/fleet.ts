import { v7 } from 'uuid';
import type { Json } from './api';
import { TEST_ENV, TOKEN } from './app';
import { type Program, runProgram } from './process';
import { signed } from './recordings';
import { orderJson } from './shop';
import { until } from './until';

const OVERRIDES = require.resolve('./server-overrides.ts');
/** Longer than any limit of Zeton: who waits as long as this waits for ever. */
const HANGS_MS = 45_000;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

/** `npm start` as a process of its own, and its clients. */
export class Server {
  private constructor(
    readonly program: Program,
    readonly address: string,
  ) {}

  static async start(url: string, env: Record<string, string> = {}): Promise<Server> {
    const settings = { ...TEST_ENV, DATABASE_URL: url, PORT: '0', ...env };
    const program = runProgram('src/main.ts', settings, [], { preload: [OVERRIDES] });
    const [, port] = await program.shows(/Zeton listens on http:\/\/127\.0\.0\.1:(\d+) /);
    return new Server(program, `http://127.0.0.1:${port}`);
  }

  async call(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await fetch(this.address + path, {
      method,
      headers,
      body: body ?? null,
      signal: AbortSignal.timeout(HANGS_MS),
    });
    const text = await answer.text();
    const json = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: json ? JSON.parse(text) : text };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', `/api/v1/${path}`, undefined, { Authorization: `Bearer ${TOKEN}` });
  }

  post(path: string, body: object, key: string = v7()): Promise<Answer> {
    return this.call('POST', `/api/v1/${path}`, JSON.stringify(body), {
      Authorization: `Bearer ${TOKEN}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
    });
  }

  /** What WooCommerce says of an order. */
  announce(order: Parameters<typeof orderJson>[0], topic = 'order.updated'): Promise<Answer> {
    const body = topic === 'order.deleted' ? JSON.stringify({ id: order.id }) : orderJson(order);
    return this.call('POST', '/webhooks/woocommerce/default', body, signed(body, { topic }));
  }

  /** An order, announced and applied. */
  async buy(
    order: Parameters<typeof orderJson>[0],
  ): Promise<{ customerId: string; ticketId: string; version: number }> {
    const announced = await this.announce({ email: `buyer-${order.id}@example.com`, ...order });
    if (announced.status !== 200) throw new Error(`the webhook was answered ${announced.status}`);
    const applied = await until(`order ${order.id} is applied`, async () => {
      const found = await this.get(`orders?store=default&woo_id=${order.id}`);
      return found.body.data?.find((one: { ticket_id: unknown }) => one.ticket_id);
    });
    const ticket = await this.get(`tickets/${applied.ticket_id}`);
    return {
      customerId: applied.customer_id,
      ticketId: applied.ticket_id,
      version: ticket.body.version,
    };
  }

  reply(ticketId: string, reply: object, key?: string): Promise<Answer> {
    return this.post(
      `tickets/${ticketId}/messages`,
      { channel: 'sms', body: 'Izklopite ga.', ...reply },
      key,
    );
  }

  async ready(): Promise<boolean> {
    return (await this.call('GET', '/readyz')).status === 200;
  }

  sell(sku: string, grants: Record<string, number>, more: object = {}): Promise<Answer> {
    return this.post('packages', {
      store: 'default',
      name: sku,
      match: { sku },
      grants: Object.entries(grants).map(([meter, quantity]) => ({ meter, quantity })),
      ...more,
    });
  }
}

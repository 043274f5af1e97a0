import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endPrograms, type Program, runProgram } from './support/process';

interface Order {
  customer_id: string;
  lines: { meters: object }[];
}

/** One run of the real program serves all that is asked of it here: it starts a server and tells a whole story. */
describe('npm run demo', () => {
  let folder: string;
  let port: number;
  let demo: Program;
  let token: string;

  const start = () => runProgram('src/demo.ts', { PORT: String(port) }, [], { cwd: folder });
  const api = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await answer.json()) as T;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zeton-demo-'));
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    port = (probe.address() as { port: number }).port;
    await new Promise((resolve) => probe.close(resolve));
    demo = start();
    token = (await demo.shows(/token (\S+)[\s\S]*Ctrl\+C/))[1] as string;
  }, 60_000);

  afterAll(async () => {
    await endPrograms();
    rmSync(folder, { recursive: true, force: true });
  });

  test('prints order → ticket → counters, and the counters by API are the same', async () => {
    const row = (order: string) =>
      demo
        .stdout()
        .split('\n')
        .find((line) => line.startsWith(`  ${order} `));
    expect(row('31')).toMatch(/processing +#\d+ +sms 10 · email 20 +sms 9 · email 19$/);
    expect(row('21')).toMatch(/video 3 +sms 30 · email 60 · video 2 \(\+1 on hold\)$/);
    expect(row('23')).toMatch(/cancelled +none: not paid/);
    expect(row('1043')).toMatch(/sms 10 · email 20 +sms 10 · email 20$/); // its SMS failed: given back
    const [order] = (await api<{ data: Order[] }>('/orders?number=31')).data;
    const { meters } = await api<{ meters: object }>(`/customers/${order?.customer_id}/credits`);
    expect(meters).toMatchObject({ sms: { available: 9, used: 1 }, email: { available: 19, used: 1 } });
    const [refunded] = (await api<{ data: Order[] }>('/orders?number=25')).data;
    expect(refunded?.lines[0]?.meters).toMatchObject({ sms: { wanted: 0, shortfall: 1 } });
  });

  test('shows a mail and an SMS of a customer in the ticket that they answer', async () => {
    expect(demo.stdout()).toMatch(/ 1042 .+ by e-mail .+ and by SMS/);
    const [order] = (await api<{ data: { ticket_id: string }[] }>('/orders?number=1042')).data;
    const { messages } = await api<{ messages: { direction: string; channel: string; body: string }[] }>(
      `/tickets/${order?.ticket_id}`,
    );
    const said = messages.filter(({ direction }) => direction === 'in');
    expect(said).toMatchObject([
      { channel: 'order_note' },
      // What she quoted and her signature are folded.
      { channel: 'email', body: expect.stringMatching(/^Pozdravljeni,\n\nlučka utripa, .* drugo\.$/) },
      { channel: 'sms', body: 'Dela! Najlepša hvala 👍' },
    ]);
  });

  test('signs its owner in with what it printed', async () => {
    const [, email, password] = /Sign in +(\S+) +(\S+)/.exec(demo.stdout()) ?? [];
    const base = `http://127.0.0.1:${port}`;
    const form = await fetch(`${base}/sign-in`);
    const csrf = /name="_csrf" value="([^"]+)"/.exec(await form.text())?.[1] ?? '';
    const cookie = form.headers
      .getSetCookie()
      .map((set) => set.split(';')[0])
      .join('; ');
    const entered = await fetch(`${base}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie },
      body: new URLSearchParams({ _csrf: csrf, email: email ?? '', password: password ?? '' }),
    });
    expect(entered.status).toBe(303);
  });

  test('refuses a port in use in one line, stops on SIGTERM, and runs again', async () => {
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toBe(`Port ${port} is in use: stop that program, or set PORT.\n`);
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toBe(0);
    demo = start();
    await demo.shows(/Ctrl\+C/);
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toBe(0);
  }, 60_000);
});

import { connect } from 'node:net';
import express from 'express';
import { type HttpServer, listen } from '../../src/platform/http-server';

/** Sends these bytes, and gives all that comes back until the server closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = '';
    socket.on('data', (data: Buffer) => {
      answer += data.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

describe('a request that no route is asked about', () => {
  let server: HttpServer;
  beforeAll(async () => {
    const app = express();
    app.get('/', (_req, res) => void res.set('Connection', 'close').send('here'));
    server = await listen(app, { port: 0, host: '127.0.0.1' });
  });
  afterAll(() => server.stop());

  test.each([
    [
      'headers that are too long',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
    ['what is no HTTP', 'Dober dan\r\n\r\n', 400, 'malformed-request'],
    [
      'a length that is none',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      400,
      'malformed-request',
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'malformed-request'],
    [
      'an expectation that nobody knows',
      'GET / HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n',
      417,
      'expectation-failed',
    ],
  ])('is answered with a problem: %s', async (_what, text, status, code) => {
    const answer = await exchange(server.port, text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toContain('Content-Type: application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ type: `/problems/${code}`, status });
    expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
  });

  test('an old client needs no Host', async () => {
    expect(await exchange(server.port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 [\s\S]*here$/);
  });
});

import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import type { TestApp } from './app';

/** One request as a real WooCommerce sent it; see /fixtures/woocommerce/README.md of the project's shared folder. */
export interface Recording {
  scenario: string;
  /** 01-order.updated: the order of arrival within the scenario. */
  name: string;
  topic: string;
  headers: Record<string, string>;
  body: string;
  secret: string;
}

const FOLDER = join(__dirname, '..', 'fixtures', 'woocommerce', 'webhooks');
/** Belong to the connection, not to what was sent. */
const OF_THE_CONNECTION = new Set(['host', 'connection', 'content-length', 'accept-encoding']);

interface RecordedFile {
  topic: string;
  request: { headers: [string, string][]; body: string };
  secret: string;
}

/** All of them, or those of some scenarios, by scenario and in order of arrival. */
export function loadRecordings(...scenarios: string[]): Recording[] {
  const all = readdirSync(FOLDER).sort();
  const unknown = scenarios.filter((scenario) => !all.includes(scenario));
  if (unknown.length > 0) throw new Error(`no recordings of ${unknown.join(', ')}`);
  return all
    .filter((scenario) => scenarios.length === 0 || scenarios.includes(scenario))
    .flatMap((scenario) =>
      readdirSync(join(FOLDER, scenario))
        .sort()
        .map((file) => {
          const text = readFileSync(join(FOLDER, scenario, file), 'utf8');
          const recorded = JSON.parse(text) as RecordedFile;
          return {
            scenario,
            name: file.replace(/\.json$/, ''),
            topic: recorded.topic,
            headers: Object.fromEntries(
              recorded.request.headers.filter(([name]) => !OF_THE_CONNECTION.has(name.toLowerCase())),
            ),
            body: recorded.request.body,
            secret: recorded.secret,
          };
        }),
    );
}

/** Sends a recording as the shop did, byte for byte. */
export function post(app: Pick<TestApp, 'http'>, recording: Recording, store = 'default'): request.Test {
  return postRaw(app, recording.body, recording.headers, store);
}

/** Sends anything as a webhook. */
export function postRaw(
  app: Pick<TestApp, 'http'>,
  body: string | Buffer,
  headers: Record<string, string>,
  store = 'default',
): request.Test {
  return request(app.http)
    .post(`/webhooks/woocommerce/${store}`)
    .set(headers)
    .serialize((sent: unknown) => sent as string)
    .send(body);
}

/** A webhook of our own, signed as a shop does it. */
export function signed(
  body: string | Buffer,
  { topic = 'order.updated', secret = 'wc-webhook-secret-fixture' } = {},
): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'X-WC-Webhook-Topic': topic,
    'X-WC-Webhook-Signature': createHmac('sha256', secret).update(body).digest('base64'),
  };
}

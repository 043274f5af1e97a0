import { createHmac } from 'node:crypto';

/** The headers of a delivery, as the shop signs it. */
export function signWebhook(topic: string, body: Buffer, secret: string): [string, string][] {
  return [
    ['Content-Type', 'application/json'],
    ['X-WC-Webhook-Topic', topic],
    ['X-WC-Webhook-Signature', createHmac('sha256', secret).update(body).digest('base64')],
  ];
}

import type { validateRequest } from 'twilio/lib/webhooks/webhooks';

/**
 * Is it signed with our Twilio account's token? Compared in constant time, by Twilio's own rules: the address as it was
 * given to Twilio, with or without its port, and the sorted fields of the form.
 * Shape:   { authToken, signature, url, body: application/x-www-form-urlencoded } → boolean
 * Source:  https://www.twilio.com/docs/usage/security#validating-requests
 */
export function isSignedByTwilio(input: {
  authToken: string;
  signature: string;
  url: string;
  body: Buffer;
}): boolean {
  // Here, as the SDK in twilio.ts: only who uses Twilio should load it.
  const sdk = require('twilio/lib/webhooks/webhooks') as { validateRequest: typeof validateRequest };
  const params = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of new URLSearchParams(input.body.toString('utf8'))) {
    const known = params[name];
    params[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return sdk.validateRequest(input.authToken, input.signature, input.url, params);
}

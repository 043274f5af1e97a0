/**
 * What Twilio's own OpenAPI description says of its message resource: names, types and patterns of
 * `api.v2010.account.message`, the enums beside it, and the form fields of `CreateMessage`.
 * Source: github.com/twilio/twilio-oai, spec/json/twilio_api_v2010.json, commit 496e1df3c4f33a27379b4b6a6d03d81a7544ee74
 *         (the form fields: the same description as it stands in the SDK, twilio 6.2)
 */

const sid = (prefix: string) => new RegExp(`^${prefix}[0-9a-fA-F]{32}$`);
const RFC_2822 = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}$/;

const MESSAGE_STATUSES = [
  'queued',
  'sending',
  'sent',
  'failed',
  'delivered',
  'undelivered',
  'receiving',
  'received',
  'accepted',
  'scheduled',
  'read',
  'partially_delivered',
  'canceled',
] as const;

const DIRECTIONS = ['inbound', 'outbound-api', 'outbound-call', 'outbound-reply'];

/** All of them may be null, and there are no others. */
const MESSAGE: Record<string, (value: unknown) => boolean> = {
  body: isText,
  num_segments: (value) => isText(value) && /^\d+$/.test(value),
  direction: (value) => DIRECTIONS.includes(value as string),
  from: isText,
  to: isText,
  date_updated: (value) => isText(value) && RFC_2822.test(value),
  price: (value) => isText(value) && /^-?\d+(\.\d+)?$/.test(value),
  error_message: isText,
  uri: isText,
  account_sid: (value) => isText(value) && sid('AC').test(value),
  num_media: (value) => isText(value) && /^\d+$/.test(value),
  status: (value) => MESSAGE_STATUSES.includes(value as 'sent'),
  messaging_service_sid: (value) => isText(value) && sid('MG').test(value),
  sid: (value) => isText(value) && sid('(SM|MM)').test(value),
  date_sent: (value) => isText(value) && RFC_2822.test(value),
  date_created: (value) => isText(value) && RFC_2822.test(value),
  error_code: (value) => Number.isInteger(value),
  price_unit: (value) => isText(value) && /^[a-z]{3}$/i.test(value),
  api_version: isText,
  subresource_uris: (value) => typeof value === 'object' && !Array.isArray(value),
};

const LIST = [
  'end',
  'first_page_uri',
  'messages',
  'next_page_uri',
  'page',
  'page_size',
  'previous_page_uri',
  'start',
  'uri',
];

/** Fields that `CreateMessage` takes. `To` is required. */
const CREATE: Record<string, RegExp> = {
  To: /^\S/,
  From: /^\S/,
  MessagingServiceSid: sid('MG'),
  Body: /^.{1,1600}$/su,
  StatusCallback: /^https?:\/\/[^\s_/]+(\/|$)/,
};

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Where a message differs from the description. */
export function unlikeMessage(message: object): string[] {
  const given = Object.entries(message);
  return [
    ...Object.keys(MESSAGE)
      .filter((name) => !(name in message))
      .map((name) => `${name} is missing`),
    ...given.filter(([name]) => !(name in MESSAGE)).map(([name]) => `${name} is not described`),
    ...given
      .filter(([name, value]) => value !== null && MESSAGE[name]?.(value) === false)
      .map(([name, value]) => `${name} cannot be ${JSON.stringify(value)}`),
  ];
}

export function unlikeList(list: Record<string, unknown>): string[] {
  const names = Object.keys(list);
  return [
    ...LIST.filter((name) => !names.includes(name)).map((name) => `${name} is missing`),
    ...names.filter((name) => !LIST.includes(name)).map((name) => `${name} is not described`),
    ...(list.messages as object[]).flatMap(unlikeMessage),
  ];
}

/** What Twilio would not take; [] when all is right. */
export function unlikeCreate(form: Record<string, string>): string[] {
  return [
    ...('To' in form ? [] : ['To is missing']),
    ...('From' in form || 'MessagingServiceSid' in form ? [] : ['From is missing']),
    ...Object.entries(form)
      .filter(([name, value]) => !CREATE[name]?.test(value))
      .map(([name, value]) => `${name} cannot be ${JSON.stringify(value)}`),
  ];
}

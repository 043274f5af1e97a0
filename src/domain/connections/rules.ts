/** What Zeton wants to hear of from a shop. */
export const WEBHOOK_TOPICS = [
  'order.created',
  'order.updated',
  'order.deleted',
  'order.restored',
  'product.updated',
  'product.deleted',
  'customer.updated',
] as const;
export type WebhookTopic = (typeof WEBHOOK_TOPICS)[number];

/** As its admin sees it in the shop's list. */
export function webhookName(topic: string, slug: string): string {
  return `Zeton: ${topic} (${slug})`;
}

/** One that the shop has, whoever made it. */
export interface FoundWebhook {
  id: number;
  name: string;
  status: 'active' | 'paused' | 'disabled';
  topic: string;
  deliveryUrl: string;
}

/** One that Zeton made, as it was noted down. */
export interface OwnWebhook {
  wooId: number;
  topic: string;
  secretMark: string;
  madeAt: string;
  pingedAt: string | null;
}

export type WebhookFlaw =
  | 'missing'
  | 'disabled'
  | 'paused'
  | 'wrong-address'
  | 'wrong-topic'
  | 'wrong-secret'
  | 'duplicate';

export interface WebhookPlan {
  good: number[];
  /** Why there is none that is good. */
  make: { topic: WebhookTopic; why: WebhookFlaw }[];
  remove: { id: number; topic: string; why: WebhookFlaw }[];
}

/**
 * Which webhooks to make and which to take away, so that there is one good one for each topic. One is ours when it
 * sends to our address, or when we noted it down and it still has our name; those of others are left alone.
 */
export function planWebhooks(input: {
  slug: string;
  address: string;
  secretMark: string;
  found: FoundWebhook[];
  own: OwnWebhook[];
}): WebhookPlan {
  const plan: WebhookPlan = { good: [], make: [], remove: [] };
  const noted = new Map(input.own.map((own) => [own.wooId, own]));
  const address = addressOf(input.address);
  const good = new Map<string, number>();
  const flaws = new Map<string, WebhookFlaw>();
  for (const hook of [...input.found].sort((a, b) => a.id - b.id)) {
    const own = noted.get(hook.id);
    const isHere = addressOf(hook.deliveryUrl) === address;
    const isNamed = own !== undefined && hook.name === webhookName(own.topic, input.slug);
    const isWanted = (WEBHOOK_TOPICS as readonly string[]).includes(hook.topic);
    // Somebody may have other topics sent here by hand; they are answered, and harm nobody.
    if (!(isNamed || (isHere && isWanted))) continue;
    const flaw = flawOf(hook, own, isHere, input.secretMark);
    const topic = own?.topic ?? hook.topic;
    if (flaw === null && !good.has(hook.topic)) {
      good.set(hook.topic, hook.id);
      plan.good.push(hook.id);
      continue;
    }
    flaws.set(topic, flaw ?? 'duplicate');
    plan.remove.push({ id: hook.id, topic: hook.topic, why: flaw ?? 'duplicate' });
  }
  for (const topic of WEBHOOK_TOPICS) {
    if (!good.has(topic)) plan.make.push({ topic, why: flaws.get(topic) ?? 'missing' });
  }
  return plan;
}

function flawOf(
  hook: FoundWebhook,
  own: OwnWebhook | undefined,
  isHere: boolean,
  secretMark: string,
): WebhookFlaw | null {
  if (hook.status !== 'active') return hook.status;
  if (!isHere) return 'wrong-address';
  // No one can read a webhook's secret, so what we did not make may sign with anything.
  if (own?.secretMark !== secretMark) return 'wrong-secret';
  return own.topic === hook.topic ? null : 'wrong-topic';
}

function addressOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : url;
}

/** An address that only this machine reaches: a shop elsewhere cannot send anything there. */
export function isLocalAddress(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname.endsWith('.localhost') || /^(127\.|\[::1\])/.test(hostname);
}

import { createHash } from 'node:crypto';
import type { Dice } from '../support/dice';
import { signed } from '../support/recordings';
import type { Answer, Client } from './client';
import { PACKAGES, Shop, type Webhook } from './shop';

export type Channel = 'sms' | 'email' | 'note';

/** A request with its Idempotency-Key, and every answer that its client got; the last ones are repeats. */
export interface Reply {
  key: string;
  ticketId: string;
  body: { channel: Channel; body: string };
  answers: Answer[];
}

export interface Session {
  id: string;
  /** Event ids that were answered 200. */
  events: string[];
  ended: boolean;
}

/** What the clients were told: Zeton has to stand by it. */
export interface Told {
  webhooks: { sent: number; acknowledged: { id: string | null; sha256: string }[] };
  replies: Reply[];
  sessions: Map<string, Session>;
  /** Uncertain messages that a person has settled: was it sent? */
  settled: Map<string, boolean>;
}

function nothingTold(): Told {
  return { webhooks: { sent: 0, acknowledged: [] }, replies: [], sessions: new Map(), settled: new Map() };
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

type Action =
  | { kind: 'webhook'; webhook: Webhook }
  | { kind: 'reply'; wooId: number; key: string; channel: Channel; text: string; way: Way }
  | { kind: 'video'; wooId: number; key: string; ends: boolean }
  | { kind: 'hang up'; key: string };

/** How the agent's program sends: once; twice at the same time; or it loses its line after some milliseconds. */
type Way = 'once' | 'twice' | { cutAfterMs: number };

const NEW_ORDERS = 5;
const REPLIES = 26;
const SESSIONS = 3;
const LANES = 8;
const RECENT_ORDERS = 20;

/** Everything that a shop and its agents do in one round after another; the seed decides all of it, Zeton nothing. */
export class Load {
  readonly told = nothingTold();
  readonly shop = new Shop();
  /** Tickets of the orders that are known to have one. */
  tickets = new Map<number, string>();
  private running: string[] = [];

  constructor(private readonly client: Client) {}

  async sellPackages(): Promise<void> {
    for (const [sku, grants] of Object.entries(PACKAGES)) {
      const { status } = await this.client.api('packages', {
        store: 'default',
        name: sku,
        match: { sku },
        grants: Object.entries(grants).map(([meter, quantity]) => ({ meter, quantity })),
      });
      if (status !== 201) throw new Error(`a package was answered ${status}`);
    }
  }

  plan(round: number, dice: Dice): Action[] {
    const known = this.shop.wooIds.slice(-RECENT_ORDERS);
    const actions: Action[] = [];
    if (known.length > 0) {
      actions.push(...this.planReplies(round, dice, known));
      for (const key of this.running) actions.push({ kind: 'hang up', key });
      this.running = [];
      for (let i = 0; i < SESSIONS; i++) {
        const key = `video-${round}-${i}`;
        const ends = dice.happens(0.4);
        if (!ends) this.running.push(key);
        actions.push({ kind: 'video', wooId: dice.pick(known), key, ends });
      }
    }
    const others = dice.shuffled(actions);
    // Webhooks keep the order that the shop gave them, spread over the rest.
    for (const webhook of this.shop.round(dice, NEW_ORDERS)) {
      others.splice(dice.whole(0, others.length), 0, { kind: 'webhook', webhook });
    }
    return others;
  }

  private planReplies(round: number, dice: Dice, known: number[]): Action[] {
    return Array.from({ length: REPLIES }, (_, index) => {
      const number = `${String(round).padStart(4, '0')}-${String(index).padStart(2, '0')}`;
      const channel = dice.weighed([
        [45, 'sms'],
        [42, 'email'],
        [13, 'note'],
      ] as const);
      const way = dice.weighed<Way>([
        [75, 'once'],
        [13, 'twice'],
        [12, { cutAfterMs: dice.whole(1, 25) }],
      ]);
      // Now and then the same words to the same person: then a look-up cannot tell one SMS from the other.
      const text = dice.happens(0.06) ? 'Please switch it off and on again.' : `Answer ${number}`;
      return { kind: 'reply', wooId: dice.pick(known), key: `reply-${number}`, channel, text, way };
    });
  }

  /** Does all of it, some at a time; `before` is called with the number of actions that were begun. */
  async carryOut(actions: readonly Action[], before: (begun: number) => void): Promise<void> {
    let begun = 0;
    const lane = async () => {
      for (;;) {
        const action = actions[begun];
        if (!action) return;
        before(begun);
        begun += 1;
        await this.act(action);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  private act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'webhook':
        return this.send(action.webhook);
      case 'reply':
        return this.reply(action);
      case 'video':
        return this.talk(action);
      case 'hang up':
        return this.hangUp(action.key);
    }
  }

  /** As WooCommerce does it: once, whatever comes of it. */
  private async send({ topic, body }: Webhook): Promise<void> {
    this.told.webhooks.sent += 1;
    const answer = await this.client.ask({
      method: 'POST',
      path: '/webhooks/woocommerce/default',
      body,
      headers: signed(body, { topic }),
    });
    if (answer?.status !== 200) return;
    this.told.webhooks.acknowledged.push({ id: answer.body?.id ?? null, sha256: sha256(body) });
  }

  private async reply({ wooId, key, channel, text, way }: Extract<Action, { kind: 'reply' }>): Promise<void> {
    const ticketId = this.tickets.get(wooId);
    if (ticketId === undefined) return;
    const reply: Reply = { key, ticketId, body: { channel, body: text }, answers: [] };
    this.told.replies.push(reply);
    const cutAfterMs = typeof way === 'object' ? way.cutAfterMs : undefined;
    const attempts = way === 'twice' ? 2 : 1;
    await Promise.all(Array.from({ length: attempts }, () => this.repeat(reply, cutAfterMs)));
  }

  /** The same request under the same key. */
  async repeat(reply: Reply, cutAfterMs?: number): Promise<void> {
    const path = `tickets/${reply.ticketId}/messages`;
    reply.answers.push(await this.client.api(path, reply.body, reply.key, cutAfterMs));
  }

  private async talk({ wooId, key, ends }: Extract<Action, { kind: 'video' }>): Promise<void> {
    const ticketId = this.tickets.get(wooId);
    if (ticketId === undefined) return;
    const made = await this.client.api(`tickets/${ticketId}/video-sessions`, {}, key);
    // 200: the ticket has a running one, which is somebody else's to end.
    if (made.status !== 201) return;
    const session: Session = { id: made.body.id, events: [], ended: false };
    this.told.sessions.set(key, session);
    for (const type of ['joined', 'connected'] as const) {
      for (const participant of ['agent', 'customer'] as const) {
        const event_id = `${type}-${participant}`;
        const path = `video-sessions/${session.id}/events`;
        const { status } = await this.client.api(path, { event_id, type, participant });
        if (status === 200) session.events.push(event_id);
      }
    }
    if (ends) await this.hangUp(key);
  }

  private async hangUp(key: string): Promise<void> {
    const session = this.told.sessions.get(key);
    if (!session) return;
    const { status } = await this.client.api(`video-sessions/${session.id}/end`, {});
    session.ended = status === 200;
  }
}

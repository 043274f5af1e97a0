import type { Dice } from '../support/dice';
import type { Agenda } from './agenda';
import type { Answer, Zeton } from './zeton';

export interface Draw {
  grant_id: string;
  credits: number;
}

/** A reply that Zeton accepted, and what it said it would cost. */
export interface AcceptedReply {
  messageId: string;
  at: string;
  channel: 'sms' | 'email';
  draws: Draw[];
}

/** A video session as it went, by the instants at which Zeton took the events. */
export interface Session {
  id: string;
  connectedMs: number;
  /** Since when both are connected. */
  runsSince: number | null;
  lastEventAt: number;
  /** Once it is over, as Zeton answered. */
  end: {
    state: string;
    unit: string | null;
    blockMinutes: number | null;
    quantity: number;
    draws: Draw[];
  } | null;
}

export interface Gift {
  customerId: string;
  meter: string;
  quantity: number;
}

/** What agents did, and what Zeton accepted of it. The oracle believes nothing else about what was spent. */
export class Agents {
  readonly replies: AcceptedReply[] = [];
  readonly sessions: Session[] = [];
  readonly gifts: Gift[] = [];
  refused = 0;

  constructor(
    private readonly zeton: Zeton,
    private readonly agenda: Agenda,
    private readonly dice: Dice,
    private readonly now: () => number,
  ) {}

  /** An agent takes a ticket, rather a young one, and spends credits on it. */
  async act(): Promise<void> {
    if (!this.zeton.app) return;
    const { dice } = this;
    const tickets = (await this.zeton
      .db('tickets')
      .orderBy('number', 'desc')
      .limit(dice.happens(0.7) ? 12 : 1000)
      .select('id', 'customer_id')) as { id: string; customer_id: string }[];
    if (tickets.length === 0) return;
    const ticket = dice.pick(tickets);
    await dice.weighed<() => Promise<void>>([
      [45, () => this.reply(ticket.id, 'sms')],
      [35, () => this.reply(ticket.id, 'email')],
      [14, () => this.startVideo(ticket.id)],
      [4, () => this.give(ticket.customer_id)],
      [2, () => this.replyFree(ticket.id)],
    ])();
  }

  private async reply(ticketId: string, channel: 'sms' | 'email'): Promise<void> {
    const body = this.dice.weighed([
      [60, 'Turn it off and on again.'],
      [20, 'Izklopite ga in počakajte.'],
      [20, 'Počakajte še malo. '.repeat(8)],
    ] as const);
    const answer = await this.zeton.api('POST', `/tickets/${ticketId}/messages`, { channel, body });
    if (this.isRefused(answer)) return;
    const draws = answer.body.charge.grants as Draw[];
    this.replies.push({ messageId: answer.body.id, at: new Date(this.now()).toISOString(), channel, draws });
  }

  private async replyFree(ticketId: string): Promise<void> {
    const free = { reason: 'Our mistake' };
    const answer = await this.zeton.api('POST', `/tickets/${ticketId}/messages`, {
      channel: 'email',
      body: 'Sorry.',
      free,
    });
    if (!this.isRefused(answer) && answer.body.charge !== null) throw new Error('a free reply was charged');
  }

  private isRefused({ status, body }: Answer): boolean {
    if (status === 201) return false;
    // Nothing left, or no address: of a customer who gave none.
    if (status !== 402 && !(status === 422 && body.type === '/problems/no-recipient')) {
      throw new Error(`a reply was answered ${status}: ${JSON.stringify(body)}`);
    }
    this.refused += 1;
    return true;
  }

  private async give(customerId: string): Promise<void> {
    const gift = { meter: this.dice.pick(['sms', 'email', 'video', 'any']), quantity: this.dice.whole(1, 3) };
    const given = { ...gift, kind: 'goodwill', reason: 'For your patience' };
    await this.zeton.must('POST', `/customers/${customerId}/adjustments`, given);
    this.gifts.push({ customerId, ...gift });
  }

  // Video

  private async startVideo(ticketId: string): Promise<void> {
    const { dice, agenda } = this;
    const { id } = await this.zeton.must('POST', `/tickets/${ticketId}/video-sessions`);
    if (this.sessions.some((session) => session.id === id)) return; // somebody is in that room
    const session: Session = { id, connectedMs: 0, runsSince: null, lastEventAt: this.now(), end: null };
    this.sessions.push(session);
    if (dice.happens(0.1)) return this.later(dice.whole(60, 600), () => this.end(session));
    for (const type of ['joined', 'connected'] as const) {
      for (const who of ['agent', 'customer'] as const) await this.event(session, type, who);
    }
    const length = dice.weighed([
      [15, dice.whole(5, 70)],
      [60, dice.whole(60, 1500)],
      [25, dice.whole(1500, 4000)],
    ]);
    if (dice.happens(0.25)) {
      const broken = dice.whole(1, length);
      this.later(broken, () => this.event(session, 'left', 'customer'));
      this.later(broken + dice.whole(1, 100), () => this.event(session, 'connected', 'customer'));
      this.later(length + 200, () => this.end(session));
    } else this.later(length, () => this.end(session));
    agenda.add(
      this.now() + dice.whole(1, length) * 1000,
      async () => void (await this.zeton.runJob('video')),
    );
  }

  private later(seconds: number, work: () => Promise<void>): void {
    this.agenda.add(this.now() + seconds * 1000, work);
  }

  /** Lost while Zeton is down: the room has nobody to tell. */
  private async event(
    session: Session,
    type: 'joined' | 'connected' | 'left',
    participant: string,
  ): Promise<void> {
    if (!this.zeton.app || session.end) return;
    const event_id = `${type}-${participant}-${this.now()}`;
    const path = `/video-sessions/${session.id}/events`;
    const { state, participants } = await this.zeton.must('POST', path, { event_id, type, participant });
    this.measure(session);
    session.lastEventAt = this.now();
    const runs =
      state === 'active' && Object.values(participants).every((presence) => presence === 'connected');
    session.runsSince = runs ? this.now() : null;
  }

  /** A room that says nothing for four hours is believed no longer (limits.videoSilenceMinutes). */
  private measure(session: Session): void {
    if (session.runsSince === null) return;
    const until = Math.min(this.now(), session.lastEventAt + 240 * 60_000);
    session.connectedMs += until - session.runsSince;
    session.runsSince = null;
  }

  private async end(session: Session): Promise<void> {
    if (session.end) return;
    if (!this.zeton.app) return this.later(600, () => this.end(session));
    const over = await this.zeton.must('POST', `/video-sessions/${session.id}/end`);
    this.measure(session);
    const { unit, block_minutes: blockMinutes, quantity, grants } = over.charge;
    session.end = { state: over.state, unit, blockMinutes, quantity, draws: grants };
  }

  async endAll(): Promise<void> {
    for (const session of this.sessions) await this.end(session);
  }
}

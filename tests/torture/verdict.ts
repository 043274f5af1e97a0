import { limits } from '../../src/platform/limits';
import type { Evidence } from './evidence';
import { type Reply, sha256 } from './load';
import { FASTER } from './pace';
import { wantedOf } from './shop';

export type Kind = 'lost' | 'doubled' | 'unverified';

export interface Finding {
  kind: Kind;
  /** One sentence. */
  what: string;
}

type Say = (kind: Kind, what: string) => void;

/** Judges what is in the database by what clients and providers were told. To be asked when all is quiet. */
export function judge(evidence: Evidence): Finding[] {
  const findings: Finding[] = [];
  const say: Say = (kind, what) => findings.push({ kind, what });
  judgeInbox(evidence, say);
  judgeOrders(evidence, say);
  judgeReplies(evidence, say);
  judgeSms(evidence, say);
  judgeMails(evidence, say);
  judgeCharges(evidence, say);
  judgeSettled(evidence, say);
  judgeSessions(evidence, say);
  for (const problem of evidence.ledgerProblems) say('unverified', `The ledger: ${problem}`);
  for (const trouble of evidence.troubles) say('unverified', trouble);
  return findings;
}

function judgeInbox({ told, deliveries }: Evidence, say: Say): void {
  const byId = new Map(deliveries.map((row) => [row.id, row]));
  const copies = new Map<string, number>();
  for (const { body } of deliveries) copies.set(sha256(body), (copies.get(sha256(body)) ?? 0) + 1);
  for (const { id, sha256: hash } of told.webhooks.acknowledged) {
    const found = id === null ? undefined : byId.get(id);
    // Each acknowledged copy needs a row of its own; the same delivery may have been acknowledged several times.
    const left = copies.get(hash) ?? 0;
    copies.set(hash, left - 1);
    if (left < 1 || (id !== null && !found)) {
      say('lost', `Webhook ${id ?? hash} was answered 200 and is not in the inbox.`);
    } else if (found && sha256(found.body) !== hash) {
      say('lost', `Webhook ${id} is kept with other bytes than were sent.`);
    }
  }
  for (const { id, status, reason } of deliveries) {
    if (status === 'pending') say('unverified', `Delivery ${id} was not worked off in time.`);
    else if (status !== 'done') say('lost', `Delivery ${id} was ${status}: ${reason ?? 'no reason'}.`);
  }
}

function judgeOrders({ deliveries, orders, tickets, grants }: Evidence, say: Say): void {
  const bodies = new Map<number, string[]>();
  for (const { body } of deliveries) {
    const { id } = JSON.parse(body) as { id: number };
    bodies.set(id, [...(bodies.get(id) ?? []), body]);
  }
  const byWooId = new Map(orders.map((order) => [Number(order.woo_id), order]));
  const byKey = new Map(grants.map((grant) => [grant.grant_key, grant]));
  const served = new Map<string, number>();
  for (const [wooId, states] of bodies) {
    const order = byWooId.get(wooId);
    const { everPaid, wanted } = wantedOf(wooId, states);
    if (!order) say('lost', `Order ${wooId} is in the inbox and was never applied.`);
    if (everPaid && order?.ticket_id === null) say('lost', `Order ${wooId} was paid and has no ticket.`);
    if (order?.ticket_id) served.set(order.ticket_id, (served.get(order.ticket_id) ?? 0) + 1);
    for (const key of wanted.keys()) {
      if (!byKey.has(key)) say('lost', `${key}: ${wanted.get(key)} credits are wanted, none were granted.`);
    }
    for (const grant of grants) {
      if (grant.grant_key.startsWith(`woo:default:${wooId}:`))
        judgeGrant(grant, wanted.get(grant.grant_key) ?? 0, say);
    }
  }
  for (const { id } of tickets) {
    if (!served.has(id)) say('doubled', `Ticket ${id} belongs to no order: some order has opened two.`);
  }
  for (const [id, count] of served) {
    if (count > 1) say('doubled', `Ticket ${id} serves ${count} orders that each should have their own.`);
  }
}

function judgeGrant(grant: Evidence['grants'][number], expected: number, say: Say): void {
  const { grant_key: key } = grant;
  const wanted = Number(grant.wanted);
  const net = Number(grant.granted) - Number(grant.order_revoked);
  if (wanted !== expected || net < expected) {
    const kind = Math.min(wanted, net) < expected ? 'lost' : 'doubled';
    say(kind, `${key}: the newest state wants ${expected}, Zeton wants ${wanted} and has given ${net}.`);
  } else if (net > expected && Number(grant.available) > 0) {
    say('doubled', `${key}: ${net} were given where ${expected} are wanted, and some can still be spent.`);
  }
}

const isOk = ({ status }: { status: number }) => status >= 200 && status < 300;

/** What was answered 201 exists, once, and the same key has one answer; what was refused does not exist. */
function judgeReplies({ told, messages }: Evidence, say: Say): void {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const accepted = new Map<string, number>();
  const place = ({ ticketId, body }: Reply) => `${ticketId} ${body.channel} ${body.body}`;
  for (const reply of told.replies) {
    const { key, body } = reply;
    const good = reply.answers.filter(isOk);
    const [first] = good;
    if (!first) continue;
    accepted.set(place(reply), (accepted.get(place(reply)) ?? 0) + 1);
    const message = byId.get(first.body.id);
    if (!message) say('lost', `${key} was answered ${first.status}, and its message does not exist.`);
    else if (message.body !== body.body || message.channel !== body.channel) {
      say('lost', `The message of ${key} is not what was written.`);
    } else if (message.hold_id !== (first.body.charge?.hold_id ?? null)) {
      say('unverified', `The message of ${key} has another hold than its answer named.`);
    }
    const answers = new Set(good.map((answer) => JSON.stringify(answer)));
    if (answers.size > 1) say('doubled', `${key} was answered in ${answers.size} different ways.`);
    if (good.length < reply.answers.length) {
      const refused = reply.answers.filter((answer) => !isOk(answer)).map(({ status }) => status);
      // Both of two at once may be refused first; a key that once had its answer has it for good.
      const later = reply.answers.slice(reply.answers.findIndex(isOk)).some((answer) => !isOk(answer));
      if (later) say('lost', `${key} was answered ${first.status}, and then ${refused.join(', ')}.`);
    }
  }
  const written = new Map<string, number>();
  for (const { ticket_id, channel, body, kind } of messages) {
    if (kind !== 'reply' && kind !== 'note') continue;
    const where = `${ticket_id} ${channel} ${body}`;
    written.set(where, (written.get(where) ?? 0) + 1);
  }
  for (const [where, count] of written) {
    const keys = accepted.get(where) ?? 0;
    if (count > keys)
      say('doubled', `"${where}" was accepted under ${keys} keys and written ${count} times.`);
  }
}

const TAKEN = ['sent', 'delivered'];

function judgeSms({ told, messages, providers }: Evidence, say: Say): void {
  const groups = new Map<string, Evidence['messages']>();
  const pair = (to: string | null, body: string) => `${to} "${body}"`;
  for (const message of messages) {
    if (message.channel !== 'sms' || message.direction !== 'out') continue;
    const key = pair(message.to_address, message.body);
    groups.set(key, [...(groups.get(key) ?? []), message]);
  }
  const kept = new Map<string, string[]>();
  /** Asked for once already, with nobody knowing what came of it, and not looked up since. */
  const open = new Map<string, string>();
  for (const entry of providers) {
    if (entry.what === 'sms looked up') {
      for (const [key, to] of open) if (to === entry.to) open.delete(key);
    }
    if (entry.what === 'sms kept' && entry.arrives) {
      const key = pair(entry.to, entry.body);
      kept.set(key, [...(kept.get(key) ?? []), entry.sid]);
    }
    if (entry.what !== 'sms asked') continue;
    const key = pair(entry.to, entry.body);
    // Of two messages with the same words the second is no repeat.
    if (open.has(key) && groups.get(key)?.length === 1) {
      say('doubled', `SMS ${key} was repeated without being looked up.`);
    }
    if (!entry.known) open.set(key, entry.to);
  }
  const owners = new Map<string, number>();
  for (const [key, group] of groups) {
    const sids = kept.get(key) ?? [];
    const taken = group.filter(({ status }) => TAKEN.includes(status));
    const unsure = group.filter(({ status }) => status === 'uncertain').length;
    for (const { id, provider_id } of taken) {
      // A person said so, who has no number of the provider's for it.
      if (told.settled.get(id)) continue;
      if (!sids.includes(provider_id ?? ''))
        say('lost', `SMS ${id} counts as sent; the provider never got it.`);
      owners.set(provider_id ?? '', (owners.get(provider_id ?? '') ?? 0) + 1);
    }
    if (sids.length > taken.length + unsure) {
      say(
        'doubled',
        `SMS ${key} reached the provider ${sids.length} times for ${taken.length + unsure} sent.`,
      );
    }
  }
  for (const [sid, count] of owners) {
    if (count > 1) say('doubled', `${count} messages are charged for the one SMS ${sid}.`);
  }
  for (const key of kept.keys()) {
    if (!groups.has(key)) say('doubled', `The provider was given an SMS that nobody wrote: ${key}.`);
  }
}

function judgeMails({ messages, providers }: Evidence, say: Say): void {
  const kept = mailsKept(providers);
  const known = new Set<string>();
  for (const { id, kind, channel, direction, status } of messages) {
    if (channel !== 'email' || direction !== 'out') continue;
    known.add(id);
    const times = kept.get(id) ?? 0;
    if (TAKEN.includes(status) && times === 0) {
      say('lost', `E-mail ${id} (${kind}) counts as sent; the mail server never got it.`);
    }
    if (status === 'failed' && times > 0) {
      say('unverified', `E-mail ${id} counts as failed, and the mail server has it.`);
    }
  }
  for (const messageId of kept.keys()) {
    if (!known.has(messageId)) {
      say(
        'doubled',
        `The mail server has ${messageId}: no Message-ID of any message, so nobody sees a repeat.`,
      );
    }
  }
}

/** How often each mail was taken, by the message's id, which is the first part of its Message-ID. */
export function mailsKept(providers: Evidence['providers']): Map<string, number> {
  const kept = new Map<string, number>();
  for (const entry of providers) {
    if (entry.what !== 'mail kept') continue;
    const id = /^<(.*)@help\.example\.com>$/.exec(entry.messageId)?.[1] ?? entry.messageId;
    kept.set(id, (kept.get(id) ?? 0) + 1);
  }
  return kept;
}

const HOLD_WHEN: Record<string, string[]> = {
  sent: ['captured'],
  delivered: ['captured'],
  failed: ['released', 'reversed'],
  uncertain: ['held'],
};

/** Each reply has one hold, which is where the message's outcome puts it; everything else has none. */
function judgeCharges({ messages, holds }: Evidence, say: Say): void {
  const byMessage = new Map<string, Evidence['holds']>();
  for (const hold of holds) {
    if (hold.cause_kind !== 'message') continue;
    byMessage.set(hold.cause_id, [...(byMessage.get(hold.cause_id) ?? []), hold]);
  }
  for (const { id, kind, channel, status, free_reason } of messages) {
    const own = byMessage.get(id) ?? [];
    byMessage.delete(id);
    const costs = kind === 'reply' && channel !== 'note' && free_reason === null;
    if (!costs && own.length > 0) say('doubled', `Message ${id} is free and was charged.`);
    if (!costs) continue;
    const [hold] = own;
    if (!hold || own.length > 1) {
      say(hold ? 'doubled' : 'unverified', `Message ${id} has ${own.length} holds.`);
      continue;
    }
    const right = HOLD_WHEN[status];
    const captured = Number(hold.captured_quantity);
    if (!right) say('unverified', `Message ${id} is still ${status}.`);
    else if (!right.includes(hold.status)) {
      const charged = hold.status === 'captured' ? 'doubled' : 'lost';
      say(charged, `Message ${id} is ${status}, and its credits are ${hold.status}.`);
    } else if (hold.status === 'captured' && captured !== Number(hold.quantity)) {
      say('unverified', `Of message ${id} only ${captured} of ${hold.quantity} units were charged.`);
    }
  }
  for (const [id] of byMessage)
    say('doubled', `Credits are set aside for message ${id}, which does not exist.`);
}

function judgeSettled({ told, messages }: Evidence, say: Say): void {
  for (const { id, status } of messages) {
    const sent = told.settled.get(id);
    if (sent !== undefined && status !== (sent ? 'sent' : 'failed')) {
      say('lost', `A person said that message ${id} was ${sent ? '' : 'not '}sent, and it is ${status}.`);
    }
  }
}

const FREE_SECONDS = limits.videoFreeSeconds / FASTER;

function judgeSessions({ told, sessions, sessionEvents, holds }: Evidence, say: Say): void {
  const byId = new Map(sessions.map((session) => [session.id, session]));
  const events = new Set(sessionEvents.map(({ session_id, event_id }) => `${session_id} ${event_id}`));
  for (const { id, events: answered, ended } of told.sessions.values()) {
    const session = byId.get(id);
    if (!session) say('lost', `Video session ${id} was answered 201 and does not exist.`);
    for (const event of answered) {
      if (!events.has(`${id} ${event}`)) say('lost', `Event ${event} of video session ${id} is gone.`);
    }
    if (session && ended && ['waiting', 'active'].includes(session.state)) {
      say('lost', `Video session ${id} was ended, and goes on.`);
    }
  }
  for (const { id, state, connected_ms } of sessions) {
    const own = holds.filter((hold) => hold.cause_kind === 'video_session' && hold.cause_id === id);
    if (own.length > 1) say('doubled', `Video session ${id} has ${own.length} holds.`);
    const charged = own.filter((hold) => hold.status === 'captured').length;
    const isRunning = state === 'waiting' || state === 'active';
    const due = !isRunning && Math.floor(Number(connected_ms) / 1000) >= FREE_SECONDS ? 1 : 0;
    if (charged !== due) {
      const much = charged > due ? 'doubled' : 'lost';
      say(
        much,
        `Video session ${id} (${state}, ${connected_ms} ms) was charged ${charged} times, not ${due}.`,
      );
    }
    if (!isRunning && own.some((hold) => hold.status === 'held')) {
      say('lost', `Video session ${id} is over, and still has credits set aside.`);
    }
  }
}

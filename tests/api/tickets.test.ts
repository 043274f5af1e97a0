import { v7 } from 'uuid';
import { verifyLedger } from '../../src/domain/credits';
import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { describeEachEngine } from '../support/databases';

describeEachEngine('the API: tickets', (engine) => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await makeApiWorld(engine);
  });

  it('shows an agent all that is known of a ticket', async () => {
    const { order, ticketId, customerId } = await buy(world, { note: 'Pozdravljeni 😀' });
    const sent = await world.api
      .post(`tickets/${ticketId}/messages`, { channel: 'email', body: 'Kako vam lahko pomagam?', version: 1 })
      .expect(201);
    const ticket = await world.api.get(`tickets/${ticketId}`).expect(200);
    expect(ticket.body).toMatchObject({
      id: ticketId,
      number: expect.any(Number),
      store: 'default',
      customer_id: customerId,
      status: 'pending',
      version: sent.body.ticket_version,
      origin: 'order',
      unpaid: false,
      customer: { id: customerId, name: 'Alice Kupec', phone: '+38641555100', locale: 'sl' },
      credits: { sms: 10, email: 19, video: 3, request: 0, any: 0 },
      orders: [order],
      messages_next_cursor: null,
    });
    const words = ticket.body.messages.filter((message: { kind: string }) => message.kind !== 'system');
    expect(words).toMatchObject([
      { kind: 'customer', channel: 'order_note', body: 'Pozdravljeni 😀' },
      { kind: 'reply', charge: sent.body.charge },
    ]);
    expect(ticket.body.events[0]).toMatchObject({ type: 'ticket.opened', by: { kind: expect.any(String) } });
  });

  it('finds tickets by each of the filters', async () => {
    const first = await buy(world);
    const second = await buy(world);
    await world.api
      .patch(`tickets/${second.ticketId}`, { assignee: 'bob', subject: 'Škripajoč tiskalnik' })
      .expect(200);
    const found = async (query: string) => {
      const list = await world.api.get(`tickets?${query}`).expect(200);
      return list.body.data.map((ticket: { id: string }) => ticket.id);
    };
    expect(await found('store=default&limit=2')).toEqual([second.ticketId, first.ticketId]);
    expect(await found(`customer_id=${first.customerId}`)).toEqual([first.ticketId]);
    expect(await found(`order_number=${second.order.number}`)).toEqual([second.ticketId]);
    expect(await found(`order_number=${second.order.number}&store=other`)).toEqual([]);
    expect(await found('assignee=bob')).toEqual([second.ticketId]);
    expect(await found('status=new&limit=2')).toEqual([second.ticketId, first.ticketId]);
    expect(await found('status=on_hold')).toEqual([]);
    expect(await found(`q=${encodeURIComponent('škripajoč TISK')}`)).toEqual([second.ticketId]);
    const { number } = (await world.api.get(`tickets/${first.ticketId}`)).body;
    expect(await found(`q=%23${number}`)).toEqual([first.ticketId]);
    expect(await found(`q=buyer-${first.wooId}`)).toEqual([first.ticketId]);
    await world.api.get('tickets?status=lost').expect(422);
    const ticket = (await world.api.get('tickets?assignee=bob')).body.data[0];
    const detail = (await world.api.get(`tickets/${second.ticketId}`)).body;
    expect(detail).toMatchObject(ticket);
  });

  it('opens a ticket for an agent without a key, and draws nothing', async () => {
    const { customerId } = await buy(world);
    const opened = await world.api
      .post(
        'tickets',
        { store: 'default', customer_id: customerId, subject: 'Call', opened_by: 'agent', body: 'Rang.' },
        null,
      )
      .expect(201);
    expect(opened.body).toMatchObject({ origin: 'agent', status: 'new', charge: null, credits: { sms: 10 } });
    const detail = await world.api.get(`tickets/${opened.body.id}`).expect(200);
    expect(detail.body.messages).toMatchObject([{ channel: 'note', body: 'Rang.', direction: 'internal' }]);
  });

  it('draws a request once for a ticket that the customer opens, and wants a key for it', async () => {
    await world.api
      .post('packages', {
        store: 'default',
        name: 'Requests',
        match: { sku: 'REQ' },
        grants: [{ meter: 'request', quantity: 1 }],
      })
      .expect(201);
    const { customerId } = await buy(world, { lines: [{ id: 1, sku: 'REQ' }] });
    const body = { store: 'default', customer_id: customerId, subject: 'Pomoč', body: 'Ne dela.' };
    const refused = await world.api.post('tickets', body, null).expect(400);
    expect(refused.body.type).toBe('/problems/idempotency-key-required');
    const opened = await world.api.post('tickets', body, 'open-1').expect(201);
    expect(opened.body).toMatchObject({
      origin: 'customer',
      unpaid: false,
      charge: { meter: 'request', quantity: 1, unit: 'request', grants: [{ meter: 'request', credits: 1 }] },
      credits: { request: 0 },
    });
    const again = await world.api.post('tickets', body, 'open-1').expect(201);
    expect(again.body).toEqual(opened.body);
    const unpaid = await world.api.post('tickets', body, null).expect(201);
    expect(unpaid.body).toMatchObject({ unpaid: true, charge: null });
    expect((await world.api.get(`tickets?customer_id=${customerId}`)).body.data).toHaveLength(3);
  });

  it('refuses tickets of nobody, about nothing', async () => {
    const { customerId, ticketId } = await buy(world);
    const good = { store: 'default', customer_id: customerId, subject: 'Help' };
    await world.api.post('tickets', { ...good, store: 'none' }).expect(404);
    for (const [wrong, path] of [
      [{ customer_id: v7() }, 'customer_id'],
      [{ customer_id: 'me' }, 'customer_id'],
      [{ store: 'other' }, 'customer_id'],
      [{ subject: '' }, 'subject'],
      [{ subject: 'x'.repeat(501) }, 'subject'],
      [{ body: ' ' }, 'body'],
      [{ opened_by: 'nobody' }, 'opened_by'],
      [{ follow_up_of: v7() }, 'follow_up_of'],
      [{ follow_up_of: ticketId }, 'follow_up_of'],
    ] as const) {
      const refused = await world.api.post('tickets', { ...good, ...wrong }).expect(422);
      expect(refused.body.errors[0].path).toBe(path);
    }
  });

  it('follows up on a solved ticket', async () => {
    const { customerId, ticketId } = await buy(world);
    await world.api.patch(`tickets/${ticketId}`, { status: 'solved' }).expect(200);
    const follow = await world.api
      .post('tickets', {
        store: 'default',
        customer_id: customerId,
        subject: 'Again',
        follow_up_of: ticketId,
      })
      .expect(201);
    expect(follow.body).toMatchObject({ follow_up_of: ticketId, family_id: ticketId, unpaid: false });
  });

  it('changes a ticket, and refuses what was decided unseen or cannot be', async () => {
    const { ticketId } = await buy(world);
    const path = `tickets/${ticketId}`;
    const changed = await world.api
      .patch(path, { assignee: 'Bob', tags: ['printer', 'printer', 'vip'], subject: 'Tiskalnik', version: 1 })
      .expect(200);
    expect(changed.body).toMatchObject({ assignee: 'Bob', tags: ['printer', 'vip'], version: 1 });
    const solved = await world.api.patch(path, { status: 'solved' }).expect(200);
    expect(solved.body).toMatchObject({ status: 'solved', version: 2 });
    const stale = await world.api.patch(path, { status: 'open', version: 1 }).expect(409);
    expect(stale.body).toMatchObject({ type: '/problems/stale-ticket', version: 2 });
    await world.api.patch(path, { status: 'closed' }).expect(200);
    const final = await world.api.patch(path, { status: 'open' }).expect(409);
    expect(final.body).toMatchObject({ type: '/problems/invalid-transition', from: 'closed', to: 'open' });
    expect((await world.api.patch(path, { assignee: null }).expect(200)).body.assignee).toBeNull();
    for (const wrong of [
      { status: 'gone' },
      { version: 0 },
      { tags: 'vip' },
      { tags: [''] },
      { id: 'x' },
      { spam: 1 },
    ]) {
      await world.api.patch(path, wrong).expect(422);
    }
  });

  it('pages the messages of a long ticket backwards', async () => {
    const { ticketId } = await buy(world);
    await world.api
      .post(`tickets/${ticketId}/messages`, { channel: 'note', body: 'Note 1' }, null)
      .expect(201);
    const [note] = await world.app.db('messages').where({ ticket_id: ticketId, kind: 'note' });
    for (let i = 2; i <= 205; i++) {
      await world.app.db('messages').insert({ ...note, id: v7(), body: `Note ${i}` });
    }
    const ticket = (await world.api.get(`tickets/${ticketId}`).expect(200)).body;
    expect(ticket.messages).toHaveLength(200);
    expect(ticket.messages.at(-1).body).toBe('Note 205');
    const older = await world.api
      .get(`tickets/${ticketId}/messages?cursor=${ticket.messages_next_cursor}`)
      .expect(200);
    const bodies = older.body.data.map((message: { body: string }) => message.body);
    expect(bodies.slice(0, 5)).toEqual(['Note 5', 'Note 4', 'Note 3', 'Note 2', 'Note 1']);
    expect(older.body.next_cursor).toBeNull();
  });
});

describeEachEngine('the API: spending', (engine) => {
  let world: ApiWorld;
  let ticketId: string;
  let customerId: string;
  beforeAll(async () => {
    world = await makeApiWorld(engine, { poolMax: 10 });
  });
  beforeEach(async () => {
    ({ ticketId, customerId } = await buy(world));
  });
  afterEach(async () => {
    await world.app.drain();
    expect((await verifyLedger(world.app.db)).problems).toEqual([]);
  });
  const reply = (body: object, key: string | null = v7()) =>
    world.api.post(`tickets/${ticketId}/messages`, body, key);
  const credits = async (meter: string) =>
    (await world.api.get(`customers/${customerId}/credits`).expect(200)).body.meters[meter];
  const sms = { channel: 'sms', body: 'Pozdrav' };
  /** Leaves so many credits of the meter. */
  const leave = async (meter: string, left: number) => {
    const { available } = await credits(meter);
    const change = { meter, quantity: left - available, reason: 'test', kind: 'correction' };
    if (change.quantity !== 0)
      await world.api.post(`customers/${customerId}/adjustments`, change).expect(201);
  };

  it('quotes, replies, sends, and shows what became of it', async () => {
    const quote = await world.api
      .post(`tickets/${ticketId}/quotes`, { channel: 'sms', body: 'č'.repeat(71) })
      .expect(200);
    expect(quote.body).toMatchObject({
      channel: 'sms',
      payable: true,
      meter: 'sms',
      unit: 'message',
      quantity: 1,
      credits: 1,
      segments: 2,
      encoding: 'UCS-2',
      missing: 0,
      top_up_url: null,
      credits_now: { sms: 10 },
      credits_after: { sms: 9 },
    });
    expect(quote.body.grants).toEqual([{ grant_id: expect.any(String), meter: 'sms', credits: 1 }]);
    expect(await credits('sms')).toMatchObject({ available: 10, held: 0 });

    const sent = await reply({ ...sms, version: 1 }).expect(201);
    expect(sent.body).toEqual({
      id: expect.any(String),
      status: 'queued',
      charge: {
        meter: 'sms',
        quantity: 1,
        unit: 'message',
        hold_id: expect.any(String),
        grants: quote.body.grants,
      },
      credits: { sms: 9, email: 20, video: 3, request: 0, any: 0 },
      ticket_version: 2,
    });
    expect(await credits('sms')).toMatchObject({ available: 9, held: 1, used: 0 });
    await world.app.drain();
    const message = await world.api.get(`messages/${sent.body.id}`).expect(200);
    expect(message.body).toMatchObject({
      id: sent.body.id,
      ticket_id: ticketId,
      channel: 'sms',
      kind: 'reply',
      direction: 'out',
      author: { kind: 'token', name: 'environment' },
      to: '+38641555100',
      body: 'Pozdrav',
      status: 'sent',
      attempts: 1,
      charge: sent.body.charge,
      given_back: null,
    });
    expect(await credits('sms')).toMatchObject({ available: 9, held: 0, used: 1 });
    const sandbox = await world.api.get('sandbox/messages').expect(200);
    expect(sandbox.body.data[0]).toEqual({
      id: expect.any(String),
      channel: 'sms',
      to: '+38641555100',
      from: expect.any(String),
      subject: null,
      reply_to: null,
      text: 'Pozdrav',
      ticket_id: ticketId,
      message_id: sent.body.id,
      kind: 'reply',
      at: world.app.clock.now().toISOString(),
    });
  });

  it('charges nothing for a message that failed', async () => {
    world.app.gateways.sms.answerOnce({ kind: 'rejected', reason: 'no such number' } as never);
    const sent = await reply(sms).expect(201);
    await world.app.drain();
    const message = (await world.api.get(`messages/${sent.body.id}`).expect(200)).body;
    expect(message).toMatchObject({ status: 'failed', charge: null, given_back: sent.body.charge });
    expect(await credits('sms')).toMatchObject({ available: 10, held: 0, used: 0 });
  });

  it('wants a key where something is spent, and only there', async () => {
    const refused = await reply(sms, null).expect(400);
    expect(refused.body.type).toBe('/problems/idempotency-key-required');
    expect((await reply({ channel: 'note', body: 'Internal' }, null).expect(201)).body.charge).toBeNull();
    const free = await reply({ ...sms, free: { reason: 'Our mistake' } }, null).expect(201);
    expect(free.body.charge).toBeNull();
    expect((await world.api.get(`messages/${free.body.id}`)).body.free).toEqual({ reason: 'Our mistake' });
    for (const key of ['with space', 'ž', 'x'.repeat(256)]) {
      const path = `/api/v1/tickets/${ticketId}/messages`;
      // Only what Node itself lets into a header gets here.
      const odd = world.api.call('post', path, sms, {
        'Idempotency-Key': encodeURI(key) === key ? key : key.replace('ž', '\u00ff'),
      });
      expect((await odd.expect(422)).body.errors[0].path).toBe('Idempotency-Key');
    }
    expect((await reply(sms, '').expect(400)).body.type).toBe('/problems/idempotency-key-required');
    await reply(sms, 'x'.repeat(255)).expect(201);
  });

  it.each([
    [{}, 'channel'],
    [{ channel: 'fax', body: 'x' }, 'channel'],
    [{ channel: 'sms' }, 'body'],
    [{ channel: 'sms', body: '' }, 'body'],
    [{ channel: 'sms', body: 7 }, 'body'],
    [{ channel: 'email', body: 'x'.repeat(100_001) }, 'body'],
    [{ ...sms, subject: 'Hi' }, 'subject'],
    [{ ...sms, version: 1.5 }, 'version'],
    [{ ...sms, version: '1' }, 'version'],
    [{ ...sms, free: {} }, 'free.reason'],
    [{ ...sms, free: { reason: ' ' } }, 'free.reason'],
    [{ ...sms, free: true }, 'free'],
    [{ ...sms, attachments: [{ name: 'a.png' }] }, 'attachments.0.filename'],
    [{ ...sms, attachments: [{ filename: 'a.txt', content_base64: 'YQ==' }] }, 'attachments'],
    [{ ...sms, meter: 'email' }, 'meter'],
  ])('refuses %j', async (body, path) => {
    const refused = await reply(body).expect(422);
    expect(refused.body.errors[0].path).toBe(path);
    expect(await credits('sms')).toMatchObject({ available: 10, held: 0 });
    expect(await world.app.db('outbox').where({ ticket_id: ticketId })).toEqual([]);
  });

  it('takes an empty list of attachments, Greek and emoji', async () => {
    const body = 'Καλημέρα, πώς είστε; 😀';
    await reply({ channel: 'email', subject: 'Γεια', body, attachments: [] }).expect(201);
    await world.app.drain();
    const [mail] = (await world.api.get('sandbox/messages')).body.data;
    expect(mail.text).toContain(body);
    expect((await reply({ channel: 'sms', body: '😀'.repeat(400) }).expect(422)).body.type).toBe(
      '/problems/message-too-long',
    );
  });

  it('refuses a reply that has not seen the newest message, and holds nothing', async () => {
    await reply({ channel: 'note', body: 'Careful, VIP', version: 1 }, null).expect(201);
    const stale = await reply({ ...sms, version: 1 }).expect(409);
    expect(stale.body).toMatchObject({
      type: '/problems/stale-ticket',
      version: 2,
      newest_message: { body: 'Careful, VIP', channel: 'note' },
    });
    expect(await credits('sms')).toMatchObject({ available: 10, held: 0 });
    await reply({ ...sms, version: 2 }).expect(201);
  });

  it('checks the key before the version, and the version before the credits', async () => {
    await leave('sms', 1);
    const first = await reply({ ...sms, version: 1 }, 'k').expect(201);
    expect((await reply({ ...sms, version: 1 }, 'k').expect(201)).body).toEqual(first.body);
    await reply({ ...sms, version: 1 }, 'k2').expect(409);
    await reply({ ...sms, version: 2 }, 'k2').expect(402);
  });

  it('makes of twenty posts with one key one message and one charge', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => reply(sms, 'one-key')));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await world.app.db('messages').where({ ticket_id: ticketId, kind: 'reply' })).toHaveLength(1);
    expect(await credits('sms')).toMatchObject({ available: 9, held: 1 });
  });

  it('sells the last credit once to fifty replies at a time', async () => {
    await leave('sms', 1);
    const answers = await Promise.all(Array.from({ length: 50 }, () => reply(sms)));
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([201, ...Array(49).fill(402)]);
    expect(await credits('sms')).toMatchObject({ available: 0, held: 1 });
  });

  it('remembers no refusal: after a top-up the same key succeeds', async () => {
    await leave('sms', 0);
    const refused = await reply(sms, 'retry-me').expect(402);
    expect(refused.body).toMatchObject({
      type: '/problems/insufficient-credits',
      meter: 'sms',
      missing: 1,
      available: 0,
    });
    expect(refused.body).toHaveProperty('top_up_url');
    expect(await world.app.db('idempotency_keys').where({ idempotency_key: 'retry-me' })).toEqual([]);
    await leave('sms', 1);
    await reply(sms, 'retry-me').expect(201);
    expect(await credits('sms')).toMatchObject({ available: 0, held: 1 });
  });

  it('keeps keys apart by token, and refuses another request under a key', async () => {
    await reply(sms, 'mine').expect(201);
    const conflict = await reply({ ...sms, body: 'Other words' }, 'mine').expect(409);
    expect(conflict.body.type).toBe('/problems/idempotency-conflict');
    const elsewhere = await buy(world);
    await world.api.post(`tickets/${elsewhere.ticketId}/messages`, sms, 'mine').expect(409);
    const other = await world.api.withToken(['messages:write']);
    await other.post(`tickets/${ticketId}/messages`, sms, 'mine').expect(201);
    const reordered = `{ "body": "Pozdrav",\n "channel": "sms" }`;
    const again = await world.api.post(`tickets/${ticketId}/messages`, reordered, 'mine').expect(201);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await credits('sms')).toMatchObject({ available: 8 });
  });

  it('has nowhere to send to, or a ticket that is closed', async () => {
    await world.app.db('customers').where({ id: customerId }).update({ phone_e164: null });
    expect((await reply(sms).expect(422)).body.type).toBe('/problems/no-recipient');
    await world.api.patch(`tickets/${ticketId}`, { status: 'closed' }).expect(200);
    expect((await reply({ channel: 'email', body: 'x' }).expect(409)).body.type).toBe(
      '/problems/ticket-closed',
    );
    const video = await world.api.post(`tickets/${ticketId}/video-sessions`).expect(409);
    expect(video.body.type).toBe('/problems/ticket-closed');
  });

  it('meters a video session by what the room reports', async () => {
    const opened = await world.api.post(`tickets/${ticketId}/video-sessions`).expect(201);
    expect(opened.body).toMatchObject({
      ticket_id: ticketId,
      state: 'waiting',
      connected_seconds: 0,
      warning: null,
      charge: { meter: 'video', unit: null, quantity: 0, hold_ids: [], grants: [] },
      started_at: null,
      ended_at: null,
      reason: null,
    });
    expect(opened.body.join_urls.agent).toMatch(/^https:\/\/help\.example\.com\//);
    expect(opened.body.join_urls.agent).not.toBe(opened.body.join_urls.customer);
    const again = await world.api.post(`tickets/${ticketId}/video-sessions`).expect(200);
    expect(again.body.id).toBe(opened.body.id);
    const path = `video-sessions/${opened.body.id}`;
    let event = 0;
    const report = (type: string, participant: string, event_id = `e${++event}`) =>
      world.api.post(`${path}/events`, { event_id, type, participant }, null).expect(200);
    await report('joined', 'agent');
    const active = await report('joined', 'customer');
    expect(active.body).toMatchObject({ state: 'active', charge: { unit: 'session', quantity: 1 } });
    expect(active.body.charge.hold_ids).toHaveLength(1);
    expect(active.body.charge.grants).toMatchObject([{ meter: 'video', credits: 1 }]);
    await report('connected', 'agent');
    await report('connected', 'customer');
    world.app.clock.advance({ seconds: 90 });
    expect((await world.api.get(path).expect(200)).body.connected_seconds).toBe(90);
    const ended = await world.api.post(`${path}/end`, undefined, null).expect(200);
    expect(ended.body).toMatchObject({ state: 'ended', connected_seconds: 90, charge: { quantity: 1 } });
    expect(await credits('video')).toMatchObject({ available: 2, used: 1, held: 0 });
    expect((await world.api.post(`${path}/end`, { reason: 'again' }, null).expect(200)).body).toEqual(
      ended.body,
    );
    expect((await report('left', 'customer')).body).toEqual(ended.body);
    for (const wrong of [
      { event_id: 'e', type: 'flew', participant: 'agent' },
      { event_id: 'e', type: 'left', participant: 'mallory' },
      { event_id: '', type: 'left', participant: 'agent' },
      { event_id: 'x'.repeat(201), type: 'left', participant: 'agent' },
      { type: 'left', participant: 'agent' },
    ]) {
      await world.api.post(`${path}/events`, wrong).expect(422);
    }
  });

  it('charges nothing for a video session to which nobody came, and answers a start once for each key', async () => {
    const opened = await world.api.post(`tickets/${ticketId}/video-sessions`, {}, 'start').expect(201);
    const ended = await world.api.post(`video-sessions/${opened.body.id}/end`, {}).expect(200);
    expect(ended.body).toMatchObject({ state: 'no_show', charge: { quantity: 0, hold_ids: [] } });
    const replayed = await world.api.post(`tickets/${ticketId}/video-sessions`, {}, 'start').expect(201);
    expect(replayed.body).toEqual(opened.body);
    expect(await credits('video')).toMatchObject({ available: 3, held: 0, used: 0 });
  });
});

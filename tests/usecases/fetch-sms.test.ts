import { limits } from '../../src/platform/limits';
import { describeEachEngine } from '../support/databases';
import { SmsDesk } from '../support/sms-desk';

const JPEG = Buffer.from('ffd8ffe000104a46494600', 'hex');

describeEachEngine('SMS that the provider could not bring', (engine) => {
  let desk: SmsDesk;
  beforeEach(async () => {
    desk = await SmsDesk.open(engine);
  });
  afterEach(async () => {
    expect(desk.twilio.unlike).toEqual([]);
    await desk.close();
  });

  const look = () => desk.app.runJob('sms.fetch');
  /** When what it could not bring is no longer on its way. */
  const lookLater = () => {
    desk.app.clock.advance(limits.smsFetchGraceSeconds);
    return look();
  };
  const readUntil = async () => (await desk.app.db('sms_lines').first())?.read_until as string;

  test('are fetched from its list, once, in their order, with their pictures; what it brought is not doubled', async () => {
    const ana = await desk.somebody({ credits: 1 });
    const ticket = await desk.ticket(ana);
    await look();
    desk.app.clock.advance(60);
    await desk.gets({ from: ana.number, body: 'Brought', sid: `SM${'1'.repeat(32)}` });
    desk.twilio.cannotBring({ from: ana.number, body: 'Brought', sid: `SM${'1'.repeat(32)}` });
    desk.twilio.cannotBring({ from: ana.number, body: 'Zeton was down. Živjo! 100 % & +' });
    desk.twilio.cannotBring({ from: ana.number, body: '', media: [desk.twilio.addPicture(JPEG)] });
    // Our own, and what came to somebody else's number.
    await desk.send(ticket);
    desk.twilio.cannotBring({ from: ana.number, body: 'Not ours', to: '+38641999999' });
    desk.twilio.cannotBring({ from: ana.number, body: 'Not whole yet' }).status = 'receiving';
    desk.app.clock.advance(600);
    expect(await lookLater()).toBe(2);
    expect(await lookLater()).toBe(0);
    await desk.takeIn();
    expect(await desk.words(ticket)).toEqual([
      ['customer', 'Brought'],
      ['reply', 'Pridemo danes.'],
      ['customer', 'Zeton was down. Živjo! 100 % & +'],
      ['customer', '(1 picture)'],
    ]);
    await desk.app.runJob('sms.media');
    expect(await desk.app.db('sms_media')).toMatchObject([{ status: 'stored', content: JPEG }]);
  });

  test('of before the first look are left alone: they were written to whoever had the number then', async () => {
    const ana = await desk.somebody();
    desk.twilio.cannotBring({ from: ana.number, body: 'Years ago' });
    desk.app.clock.advance(60);
    for (let looks = 0; looks < 3; looks++) {
      expect(await look()).toBe(0);
      desk.app.clock.advance(limits.smsFetchOverlapSeconds / 3);
    }
    expect(await desk.inbound(ana.number)).toEqual([]);
  });

  test('are looked for again from where it ended, while the provider cannot be asked', async () => {
    const ana = await desk.somebody({ credits: 1 });
    await look();
    const first = await readUntil();
    desk.twilio.cannotBring({ from: ana.number, body: 'Kdaj pridete?' });
    desk.twilio.dropLooks = true;
    for (let days = 0; days < 3; days++) {
      desk.app.clock.advance({ days: 1 });
      expect(await look()).toBe(0);
    }
    expect(await readUntil()).toBe(first);
    expect(desk.app.logs()).toContain('could not be asked for what came in');
    expect(desk.app.logs()).not.toContain(ana.number);
    desk.twilio.dropLooks = false;
    expect(await lookLater()).toBe(1);
    expect(await readUntil()).not.toBe(first);
  });

  test('are not fetched while they are perhaps on their way: what is brought is signed, and says more', async () => {
    const ana = await desk.somebody({ credits: 1 });
    await look();
    desk.app.clock.advance(600);
    desk.twilio.cannotBring({ from: ana.number, body: 'ODJAVA', sid: `SM${'2'.repeat(32)}` });
    expect(await look()).toBe(0);
    const more = { OptOutType: 'STOP' };
    await desk.gets({ from: ana.number, body: 'ODJAVA', sid: `SM${'2'.repeat(32)}`, more });
    expect(await lookLater()).toBe(0);
    expect(await desk.app.db('sms_opt_outs')).toHaveLength(1);
  });

  test('have the time at which they were written, and are no storm', async () => {
    const ana = await desk.somebody({ credits: 1 });
    await desk.ticket(ana);
    await look();
    const wrote: string[] = [];
    for (let n = 0; n < limits.smsPerSenderHour + 2; n++) {
      desk.app.clock.advance(4 * 3600);
      desk.twilio.cannotBring({ from: ana.number, body: `word ${n}` });
      wrote.push(desk.app.clock.now().toISOString());
    }
    expect(await lookLater()).toBe(wrote.length);
    await desk.takeIn();
    const inbound = await desk.inbound(ana.number);
    expect(inbound.map(({ received_at }) => received_at)).toEqual(wrote);
    expect(inbound.filter(({ storm, status }) => storm === 1 || status !== 'done')).toEqual([]);
  });

  test('are no storm because of what came since', async () => {
    const ana = await desk.somebody({ credits: 1 });
    await desk.ticket(ana);
    await look();
    desk.app.clock.advance(60);
    desk.twilio.cannotBring({ from: ana.number, body: 'early' });
    desk.app.clock.advance(7200);
    for (let n = 0; n < limits.smsPerSenderHour; n++) await desk.gets({ from: ana.number, body: `${n}` });
    await lookLater();
    await desk.takeIn();
    expect((await desk.inbound(ana.number)).map(({ storm }) => storm)).toEqual(
      Array.from({ length: limits.smsPerSenderHour + 1 }, () => 0),
    );
  });

  test.each([
    { fetched: 'START', brought: 'STOP', optOuts: 1 },
    { fetched: 'STOP', brought: 'START', optOuts: 0 },
    { fetched: 'STOP', brought: 'Hvala', optOuts: 1 },
  ])(
    'say $fetched before what was brought: $brought is the last word',
    async ({ fetched, brought, optOuts }) => {
      const ana = await desk.somebody({ credits: 1 });
      await desk.ticket(ana);
      await look();
      desk.app.clock.advance(60);
      desk.twilio.cannotBring({ from: ana.number, body: fetched });
      desk.app.clock.advance(60);
      await desk.gets({ from: ana.number, body: brought });
      expect(await lookLater()).toBe(1);
      await desk.takeIn();
      expect(await desk.app.db('sms_opt_outs')).toHaveLength(optOuts);
    },
  );

  test('wait for their pictures alone, and for a day only', async () => {
    const [ana, bor, eva] = [await desk.somebody(), await desk.somebody(), await desk.somebody()];
    await look();
    const start = await readUntil();
    desk.app.clock.advance(60);
    const media = [desk.twilio.addPicture(JPEG)];
    const gone = desk.twilio.cannotBring({ from: bor.number, body: 'Gone', media });
    const later = desk.twilio.cannotBring({ from: ana.number, body: 'Later', media });
    desk.twilio.brokenAlbums = new Map([
      [gone.sid, 404],
      [later.sid, 503],
    ]);
    desk.twilio.cannotBring({ from: eva.number, body: 'None' });
    const texts = async () => (await desk.app.db('inbound_sms').orderBy('id')).length;
    expect(await lookLater()).toBe(2);
    expect(await readUntil()).toBe(start);
    desk.app.clock.advance(limits.smsFetchPicturesSeconds / 2);
    expect([await look(), await texts()]).toEqual([0, 2]);
    desk.app.clock.advance(limits.smsFetchPicturesSeconds / 2);
    expect([await look(), await texts()]).toEqual([1, 3]);
    expect(await readUntil()).not.toBe(start);
  });

  test('are those of all numbers of our messaging service, and of no other', async () => {
    await desk.close();
    const service = `MG${'5'.repeat(32)}`;
    desk = await SmsDesk.open(engine, { TWILIO_FROM: '', TWILIO_MESSAGING_SERVICE_SID: service });
    const ana = await desk.somebody({ credits: 1 });
    await look();
    desk.app.clock.advance(60);
    const one = desk.twilio.cannotBring({ from: ana.number, body: 'Ours', to: '+38641777777' });
    one.messaging_service_sid = service;
    desk.twilio.cannotBring({ from: ana.number, body: 'Not ours', to: '+38641888888' });
    expect(await lookLater()).toBe(1);
    expect(await desk.inbound(ana.number)).toMatchObject([{ sid: one.sid }]);
  });

  test('are not asked for where our sender is a name, which nobody can answer', async () => {
    await desk.close();
    desk = await SmsDesk.open(engine, { TWILIO_FROM: 'Trgovina' });
    expect(await look()).toBe(0);
    expect(desk.twilio.looks).toBe(0);
  });
});

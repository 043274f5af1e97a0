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
    desk.app.clock.advance(600);
    expect(await look()).toBe(2);
    expect(await look()).toBe(0);
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
    expect(await look()).toBe(1);
    expect(await readUntil()).not.toBe(first);
  });

  test('are those of all numbers of our messaging service, and of no other', async () => {
    await desk.close();
    const service = `MG${'5'.repeat(32)}`;
    desk = await SmsDesk.open(engine, { TWILIO_FROM: '', TWILIO_MESSAGING_SERVICE_SID: service });
    const ana = await desk.somebody({ credits: 1 });
    await look();
    const one = desk.twilio.cannotBring({ from: ana.number, body: 'Ours', to: '+38641777777' });
    one.messaging_service_sid = service;
    desk.twilio.cannotBring({ from: ana.number, body: 'Not ours', to: '+38641888888' });
    expect(await look()).toBe(1);
    expect(await desk.inbound(ana.number)).toMatchObject([{ sid: one.sid }]);
  });

  test('are not asked for where our sender is a name, which nobody can answer', async () => {
    await desk.close();
    desk = await SmsDesk.open(engine, { TWILIO_FROM: 'Trgovina' });
    expect(await look()).toBe(0);
    expect(desk.twilio.looks).toBe(0);
  });
});

import type { Knex } from 'knex';
import { createTransport } from 'nodemailer';
import { withTransaction } from '../../src/platform/db';
import { describeEachEngine } from '../support/databases';
import { Server } from '../support/fleet';
import { ImapServer } from '../support/imap-server';
import { rawMail } from '../support/mails';
import { endPrograms } from '../support/process';
import { until } from '../support/until';

const TOKEN = 'inbound-mail-token-of-the-tests';
const numbered = (n: number) => rawMail({ messageId: `<${n}@example.com>`, subject: `Mail ${n}` });

describeEachEngine('A process that fetches mail and is killed', (engine) => {
  let imap: ImapServer;
  let db: Knex;
  let url: string;

  beforeEach(async () => {
    ({ db, url } = await engine.freshDatabase({ poolMax: 2 }));
    imap = await ImapServer.start();
  });
  afterEach(async () => {
    await endPrograms();
    await imap.stop();
  });

  const start = () =>
    Server.start(url, {
      IMAP_URL: imap.url(),
      INBOUND_MAIL_TOKEN: TOKEN,
      INBOUND_SMTP_PORT: '0',
      MAIL_FROM: 'support@help.example.com',
    });
  const kill = async ({ program }: Server) => {
    program.child.kill('SIGKILL');
    await program.ended;
    // As if the seconds had gone by that the dead one still holds the mailbox.
    await db('mailboxes').update({ lease_until: '2000-01-01T00:00:00.000Z' });
  };
  const kept = async () => {
    const rows = await db('inbound_mail_raws').orderBy('mail_id').pluck('content');
    return rows.map((raw: Buffer) => /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1]);
  };
  const fetches = () => imap.commands.filter((command) => command === 'UID FETCH').length;
  const isEmpty = () => imap.folder().messages.length === 0;
  const idles = () => until('it idles', () => imap.commands.at(-1) === 'IDLE');

  it('loses none and keeps none twice, wherever it was; and three ways at once bring one mail', async () => {
    let server = await start();
    await idles();

    // Between fetching and the commit: nothing can be written meanwhile.
    await withTransaction(db, async (trx) => {
      if (engine.name === 'postgres') await trx.raw('LOCK TABLE inbound_mails IN ACCESS EXCLUSIVE MODE');
      const before = fetches();
      imap.deliver(numbered(1));
      imap.deliver(numbered(2));
      // The list, and then the first mail itself.
      await until('the mail is fetched', () => fetches() >= before + 2);
      server.program.child.kill('SIGKILL');
      await server.program.ended;
    });
    await kill(server);
    expect(await kept()).toEqual([]);
    expect(imap.subjects()).toEqual(['Mail 1', 'Mail 2']);

    // Between the commit and moving it.
    let isAsked = false;
    let answers = false;
    imap.before('UID MOVE', () => {
      isAsked = true;
      return answers;
    });
    imap.deliver(numbered(3));
    server = await start();
    await until('it wants to move the first', () => isAsked);
    await kill(server);
    answers = true;
    expect(await kept()).toEqual(['Mail 1']);
    expect(imap.subjects()).toEqual(['Mail 1', 'Mail 2', 'Mail 3']);

    server = await start();
    await until('all is moved', isEmpty);
    await idles();
    expect(await kept()).toEqual(['Mail 1', 'Mail 2', 'Mail 3']);

    const [, port] = await server.program.shows(/It takes mail by SMTP on port (\d+)/);
    const smtp = createTransport({ host: '127.0.0.1', port: Number(port), ignoreTLS: true });
    const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'message/rfc822' };
    const envelope = { from: 'ana@example.com', to: ['support@help.example.com'] };
    imap.deliver(numbered(4));
    const [, answer] = await Promise.all([
      smtp.sendMail({ envelope, raw: numbered(4) }),
      server.call('POST', '/webhooks/email', numbered(4).toString(), headers),
      until('it is moved', isEmpty),
    ]);
    expect(answer.status).toBe(200);
    expect(await kept()).toEqual(['Mail 1', 'Mail 2', 'Mail 3', 'Mail 4']);

    // It idles, and ends all the same.
    server.program.child.kill('SIGTERM');
    expect(await server.program.ended).toBe(0);
    expect(await db('mailboxes').first('owner')).toEqual({ owner: null });
  }, 120_000);
});

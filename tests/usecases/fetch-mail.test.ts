import type { Knex } from 'knex';
import { takeMailbox } from '../../src/domain/mailboxes';
import { type MailboxGateway, makeImapGateway } from '../../src/gateways/email';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { makeLog } from '../../src/platform/log';
import { readMailboxUrl } from '../../src/platform/mailbox-url';
import { type Context, momentOf } from '../../src/usecases/context';
import { fetchMail } from '../../src/usecases/fetch-mail';
import { keepMail } from '../../src/usecases/keep-mail';
import { makeContext, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { ImapServer, PASSWORD } from '../support/imap-server';
import { rawMail } from '../support/mails';
import { until } from '../support/until';

const numbered = (n: number) => rawMail({ messageId: `<${n}@example.com>`, subject: `Mail ${n}` });

describeEachEngine('Mail that is fetched by IMAP', (engine) => {
  let db: Knex;
  let ctx: Context & { clock: SetClock };
  let server: ImapServer;
  let lines: string[];
  let readers: { end: AbortController; done: Promise<void> }[];

  beforeEach(async () => {
    ({ db } = await engine.freshDatabase());
    lines = [];
    readers = [];
    ctx = makeContext(db);
    ctx.log = makeLog('trace', { write: (line) => void lines.push(line) });
    // The shortest pause after a failure.
    ctx.chance = () => 0;
  });
  afterEach(async () => {
    await stop();
    await server.stop();
  });

  const gateway = (path = '', more: Partial<Record<keyof typeof limits, number>> = {}): MailboxGateway => {
    const address = readMailboxUrl(server.url(path));
    if ('wrong' in address) throw new Error(address.wrong);
    return makeImapGateway(address, { ...limits, ...more });
  };
  const read = (mailbox: MailboxGateway = gateway(), as: Context = ctx) => {
    const end = new AbortController();
    readers.push({ end, done: fetchMail({ ...as, gateways: { ...as.gateways, mailbox } }, end.signal) });
  };
  const stop = async () => {
    for (const { end } of readers) end.abort();
    await Promise.all(readers.splice(0).map(({ done }) => done));
  };
  const kept = async () => {
    const rows = await db('inbound_mail_raws').orderBy('mail_id').pluck('content');
    return rows.map((raw: Buffer) => /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1]);
  };
  const isEmpty = () => server.folder().messages.length === 0;
  const emptied = () => until('the folder is empty', isEmpty);

  it('is kept as it is, and then moved to a folder that is made for it', async () => {
    server = await ImapServer.start();
    const odd = Buffer.concat([numbered(1), Buffer.from([0xe8, 0xff, 0x80, 13, 10])]);
    server.deliver(odd);
    server.deliver(numbered(2));
    read();
    await emptied();
    expect(await kept()).toEqual(['Mail 1', 'Mail 2']);
    expect(server.subjects('Processed')).toEqual(['Mail 1', 'Mail 2']);
    const [raw] = await db('inbound_mail_raws').orderBy('mail_id').pluck('content');
    expect(raw.equals(odd)).toBe(true);
    expect(await db('inbound_mails').first()).toMatchObject({
      way: 'imap',
      envelope_from: null,
      envelope_to: '["support@help.example.com"]',
      status: 'pending',
    });
    await until('that is noted', () => db('mailboxes').whereNull('problem').whereNotNull('read_at').first());
  });

  it('is fetched when the server tells of it (IDLE), over the same connection', async () => {
    server = await ImapServer.start();
    read();
    await until('it idles', () => server.commands.includes('IDLE'));
    for (const n of [1, 2, 3]) {
      server.deliver(numbered(n));
      await until(`mail ${n} is kept`, async () => (await kept()).length === n && isEmpty());
    }
    expect(server.connections).toBe(1);
  });

  it('is asked for where the server has no IDLE, and copied and removed where it has no MOVE', async () => {
    server = await ImapServer.start({ without: ['IDLE', 'MOVE'] });
    read(gateway('', { imapPollMs: 20 }));
    await until('it was read', () => db('mailboxes').whereNotNull('read_at').first());
    server.deliver(numbered(1));
    await emptied();
    expect(server.subjects('Processed')).toEqual(['Mail 1']);
    expect(server.commands).toContain('UID COPY');
    expect(server.commands).not.toContain('IDLE');
  });

  it('comes from several folders, goes where IMAP_URL says, and keeps to the namespace of the server', async () => {
    server = await ImapServer.start({ namespace: 'INBOX.', folders: ['Sales', 'Zeton'] });
    server.deliver(numbered(1));
    server.deliver(numbered(2), 'INBOX.Sales');
    read(gateway('INBOX,Sales?processed=Zeton'));
    await until('both are moved', () => server.subjects('INBOX.Zeton').length === 2);
    expect((await kept()).sort()).toEqual(['Mail 1', 'Mail 2']);
    // Not a second folder beside the one that was there.
    expect(server.has('Zeton')).toBe(false);
  });

  it('is kept once when the connection breaks off between keeping and moving it', async () => {
    server = await ImapServer.start();
    server.deliver(numbered(1));
    server.deliver(numbered(2));
    let breaks = 1;
    server.before('UID MOVE', () => {
      if (breaks-- <= 0) return true;
      server.cut();
      return false;
    });
    read();
    await emptied();
    expect(await kept()).toEqual(['Mail 1', 'Mail 2']);
    expect(server.connections).toBe(2);
    expect(lines.join('')).toMatch(
      /the mailbox cannot be read: the connection to the mail server .* broke off/,
    );
    // That is over.
    await until('the problem is gone', () =>
      db('mailboxes').whereNull('problem').whereNotNull('read_at').first(),
    );
  });

  it('is kept once when all its numbers change (UIDVALIDITY), and by whichever other way it came', async () => {
    server = await ImapServer.start();
    for (const n of [1, 2, 3]) server.deliver(numbered(n));
    read();
    await Promise.all([keepMail(ctx, { way: 'http', raw: numbered(2) }), emptied()]);
    await stop();
    const folder = server.folder();
    folder.uidvalidity = 77;
    folder.uidnext = 1;
    for (const n of [3, 2, 1, 4]) server.deliver(numbered(n));
    read();
    await emptied();
    expect((await kept()).sort()).toEqual(['Mail 1', 'Mail 2', 'Mail 3', 'Mail 4']);
  });

  it('under the number that another one had (UIDVALIDITY) is not taken for that one, and not lost', async () => {
    server = await ImapServer.start({ without: ['IDLE'] });
    const folder = server.folder();
    const renumber = (mails: number[]) => {
      folder.messages.length = 0;
      folder.uidvalidity += 1;
      folder.uidnext = 1;
      for (const n of mails) server.deliver(numbered(n));
    };
    server.deliver(numbered(1));
    let moves = 0;
    server.before('UID MOVE', () => {
      moves += 1;
      if (moves > 1) return true;
      // Mail 1 is kept, and not moved yet.
      server.cut();
      renumber([2, 1]);
      return false;
    });
    let gone = false;
    read(changed((real) => ({ read: (uid: number) => (gone ? Promise.resolve(null) : real.read(uid)) })));
    await emptied();
    expect(await kept()).toEqual(['Mail 1', 'Mail 2']);
    gone = true;
    server.deliver(numbered(3));
    await until('it is left there', () => folder.messages[0]?.flags.includes('\\Flagged'));
    await stop();
    renumber([4, 5, 6, 7]);
    read();
    await emptied();
    expect(await kept()).toHaveLength(6);
  });

  it('stays in the mailbox while it cannot be kept', async () => {
    server = await ImapServer.start();
    server.deliver(numbered(1));
    await db.schema.renameTable('inbound_mail_raws', 'away');
    read();
    await until('it is told', () => lines.join('').includes('no mail is fetched'));
    expect(server.subjects()).toEqual(['Mail 1']);
    await db.schema.renameTable('away', 'inbound_mail_raws');
    await emptied();
    expect(await kept()).toEqual(['Mail 1']);
  });

  /** A real mailbox, of which one thing is different. */
  const changed = (
    change: (folder: Awaited<ReturnType<MailboxGateway['open']>>) => object,
  ): MailboxGateway => {
    const real = gateway('', { imapPollMs: 20 });
    return {
      ...real,
      async open(name) {
        const folder = await real.open(name);
        return { ...folder, ...change(folder) };
      },
    };
  };

  it('leaves one that is too large where it is, flagged, and keeps a note of it that is made once', async () => {
    server = await ImapServer.start({ without: ['IDLE'] });
    const large = server.deliver(rawMail({ subject: 'Large', body: 'a\n'.repeat(1000) }));
    server.deliver(numbered(2));
    let heads = 0;
    const mailbox = changed((folder) => ({
      list: async () =>
        (await folder.list()).map((mail) =>
          mail.uid === large ? { ...mail, sizeBytes: limits.mailBytes + 1 } : mail,
        ),
      readHead: (uid: number) => {
        heads += 1;
        return folder.readHead(uid);
      },
    }));
    read(mailbox);
    await until('the other is moved', () => server.has('Processed') && server.subjects().length === 1);
    await stop();
    read(mailbox);
    server.deliver(numbered(3));
    await until(
      'it was read again',
      async () => (await kept()).length === 3 && server.subjects().length === 1,
    );
    await stop();
    expect(await kept()).toEqual(['Large', 'Mail 2', 'Mail 3']);
    const [raw] = await db('inbound_mail_raws').orderBy('mail_id').pluck('content');
    expect(raw.toString()).toMatch(
      /\r\n\r\n\(This mail is larger than Zeton takes: 26 MB of at most 25 MB\. .*\)\r\n$/,
    );
    expect(await db('inbound_mails').first('size_bytes')).toEqual({ size_bytes: limits.mailBytes + 1 });
    expect(server.folder().messages.map(({ flags }) => flags)).toEqual([['\\Flagged']]);
    expect(heads).toBe(1);
  });

  it('is not cheated by a server that sends more than it announced', async () => {
    server = await ImapServer.start();
    server.deliver(rawMail({ subject: 'Large', body: 'a\n'.repeat(2000) }));
    server.deliver(numbered(2));
    read(gateway('', { mailBytes: 3000, mailHeaderBytes: 400 }));
    await until('the other is moved', () => server.has('Processed') && server.subjects().length === 1);
    expect(await kept()).toEqual(['Large', 'Mail 2']);
    expect(lines.join('')).toContain('sends more than it announced');
  });

  it('passes over one that the server does not give, after some tries', async () => {
    server = await ImapServer.start({ without: ['IDLE'] });
    const broken = server.deliver(numbered(1));
    server.deliver(numbered(2));
    let tries = 0;
    read(
      changed((folder) => ({
        read: (uid: number) => {
          if (uid !== broken) return folder.read(uid);
          tries += 1;
          return Promise.resolve(null);
        },
      })),
    );
    await until('it is flagged', () => server.folder().messages[0]?.flags.includes('\\Flagged'));
    expect(tries).toBe(limits.mailboxReadAttempts);
    expect(await kept()).toEqual(['Mail 2']);
    expect(lines.join('')).toContain('a mail cannot be fetched, and stays in the mailbox');
  });

  it('that cannot be moved away is read once, and moved as soon as it can be', async () => {
    server = await ImapServer.start({ without: ['IDLE'] });
    server.deliver(numbered(1));
    let reads = 0;
    let moves = 0;
    read(
      changed((folder) => ({
        read: (uid: number) => {
          reads += 1;
          return folder.read(uid);
        },
        putAway: (uid: number) => {
          moves += 1;
          return moves > 3 ? folder.putAway(uid) : Promise.resolve(false);
        },
      })),
    );
    await emptied();
    expect([reads, await kept()]).toEqual([1, ['Mail 1']]);
    expect(lines.join('')).toContain('could not be moved out of the mailbox');
  });

  it('is fetched by one process at a time', async () => {
    server = await ImapServer.start();
    const second = makeContext(db);
    for (let n = 1; n <= 20; n++) server.deliver(numbered(n));
    read();
    await until('the first holds it', () => db('mailboxes').whereNotNull('owner').first());
    read(gateway(), second);
    await emptied();
    expect(await kept()).toHaveLength(20);
    expect(server.connections).toBe(1);
    const name = gateway().name('INBOX');
    const take = (as: Context) =>
      withTransaction(db, (trx) => takeMailbox(trx, momentOf(as, systemActor), { name, owner: 'other' }));
    expect(await take(second)).toBeNull();
    // What a process held that died is another's some seconds later.
    second.clock.advance(limits.mailboxLeaseSeconds + 1);
    expect(await take(second)).toMatchObject({ name });
  });

  it('waits with plain words, and without a secret in them, when the sign-in is refused', async () => {
    server = await ImapServer.start();
    const address = readMailboxUrl(server.url('', 'wr0ng-secret'));
    if ('wrong' in address) throw new Error(address.wrong);
    read(makeImapGateway(address));
    await until('it is told', () => lines.join('').includes('cannot be read'));
    const log = lines.join('');
    expect(log).toContain('does not accept our user and password');
    expect(log).not.toMatch(new RegExp(`wr0ng-secret|${PASSWORD}`));
    expect(await db('mailboxes').first()).toMatchObject({
      problem: expect.stringContaining('does not accept our user and password'),
      problem_since: expect.any(String),
      owner: null,
    });
  });

  it('of hundreds that wait is taken in their order, and the log says how far it is', async () => {
    server = await ImapServer.start();
    const all = Array.from({ length: 500 }, (_, i) => i + 1);
    for (const n of all) server.deliver(numbered(n));
    read();
    await emptied();
    expect(await kept()).toEqual(all.map((n) => `Mail ${n}`));
    expect(lines.some((line) => /"fetched":300,"waiting":200,.*mails are being fetched/.test(line))).toBe(
      true,
    );
  });
});

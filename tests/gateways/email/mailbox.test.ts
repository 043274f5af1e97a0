import { makeImapGateway, probeMailbox } from '../../../src/gateways/email';
import { readMailboxUrl } from '../../../src/platform/mailbox-url';
import { ImapServer } from '../../support/imap-server';

describe('IMAP_URL', () => {
  it('names a server, its folders, and where to move what was seen to', () => {
    expect(readMailboxUrl('imaps://ana%40x.si:p%3Aw@mail.example.com')).toEqual({
      host: 'mail.example.com',
      port: 993,
      secure: true,
      plain: false,
      user: 'ana@x.si',
      password: 'p:w',
      folders: ['INBOX'],
      processed: 'Processed',
    });
    expect(
      readMailboxUrl('imap://u:p@mail.example.com:144/INBOX,Prodaja%20A?processed=Za%C4%8Det'),
    ).toMatchObject({
      port: 144,
      secure: false,
      plain: false,
      folders: ['INBOX', 'Prodaja A'],
      processed: 'Začet',
    });
    expect(readMailboxUrl('imap://u:p@127.0.0.1')).toMatchObject({ port: 143, plain: true });
    expect(readMailboxUrl('imap://u:p@mail.lan?ignoreTLS=true')).toMatchObject({ plain: true });
    expect(readMailboxUrl('imap://u:p@mail.lan:993?ignoreTLS=true')).toMatchObject({
      secure: true,
      plain: false,
    });
  });

  it.each([
    ['imaps://mail.example.com', 'holds no user and password'],
    ['imaps://user@mail.example.com', 'holds no user and password'],
    ['imaps://u:hunter22@mail.example.com?tls=no', 'has something after the folder'],
    ['imaps://u:hunter22@mail.example.com#x', 'has something after the folder'],
    ['imaps://u:hunter22@mail.example.com?processed=', 'names no folder'],
    ['imaps://u:hunter22@mail.example.com/Inbox?processed=INBOX', 'names one folder both'],
  ])('is refused when it is wrong: %s', (url, words) => {
    const read = readMailboxUrl(url);
    expect(read).toEqual({ wrong: expect.stringContaining(words) });
    expect(JSON.stringify(read)).not.toContain('hunter22');
  });
});

describe('A mailbox that cannot be read', () => {
  let server: ImapServer;
  beforeAll(async () => {
    server = await ImapServer.start();
  });
  afterAll(() => server.stop());

  const address = (url: string) => {
    const read = readMailboxUrl(url);
    if ('wrong' in read) throw new Error(read.wrong);
    return read;
  };
  const selects = () => server.commands.filter((command) => command === 'SELECT').length;
  const probe = (url: string) => probeMailbox(address(url), 5_000);

  it('is told from one that can, in plain words', async () => {
    expect(await probe(server.url())).toBeNull();
    expect(await probe(server.url('', 'wrong'))).toMatch(/does not accept our user and password$/);
    expect(await probe(server.url('Nowhere'))).toBe('the mailbox has no folder Nowhere, or does not open it');
    expect(await probe(server.url().replace(/:\d+\//, ':1/'))).toMatch(/cannot be reached \(ECONNREFUSED\)$/);
    expect(await probe(server.url().replace('imap:', 'imaps:'))).toMatch(
      /over TLS|not one to trust|broke off/,
    );
  });

  it('is none that would be spoken to in the clear', async () => {
    const elsewhere = { ...address(server.url()), plain: false };
    const before = { connections: server.connections, selects: selects() };
    await expect(makeImapGateway(elsewhere).open('INBOX')).rejects.toMatchObject({
      words: expect.stringContaining('offers no encryption'),
      passing: false,
    });
    expect({ connections: server.connections, selects: selects() }).toEqual({
      connections: before.connections + 1,
      selects: before.selects,
    });
  });
});

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Knex } from 'knex';
import {
  type AttachmentItem,
  addAttachments,
  attachmentsOf,
  contentDisposition,
  planAttachments,
  readAttachment,
} from '../../src/domain/attachments';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { type FileStore, makeFileStore } from '../../src/platform/file-store';
import { limits } from '../../src/platform/limits';
import { sha256Hex } from '../../src/platform/secrets';
import { momentOf } from '../../src/usecases/context';
import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { describeEachEngine } from '../support/databases';

const file = (content: Buffer, filename = 'račun.pdf'): AttachmentItem => ({
  filename,
  contentType: 'application/pdf',
  size: content.length,
  contentId: null,
  inline: false,
  content,
});

async function bytesOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

describeEachEngine('Files of messages', (engine) => {
  let world: ApiWorld;
  let db: Knex;
  let folder: string;
  let files: FileStore;
  let messageId: string;

  beforeEach(async () => {
    world = await makeApiWorld(engine);
    ({ db } = world.app);
    folder = await mkdtemp(join(tmpdir(), 'zeton-files-'));
    files = makeFileStore(join(folder, 'attachments'));
    const { ticketId } = await buy(world, { id: 1, lines: [{ id: 1, sku: 'SUP', quantity: 1 }] });
    const sent = await world.api
      .post(`tickets/${ticketId}/messages`, { channel: 'note', body: 'Glej.' })
      .expect(201);
    messageId = sent.body.id;
  });
  afterEach(() => rm(folder, { recursive: true }));

  const add = async (items: AttachmentItem[], where: FileStore | null) => {
    const planned = await planAttachments(where, items);
    const moment = momentOf(world.app.ctx, systemActor);
    await withTransaction(db, (trx) => addAttachments(trx, moment, { messageId, items: planned }));
    return attachmentsOf(db, [messageId]);
  };
  // Larger than the pieces in which the database gives it.
  const large = Buffer.alloc(limits.attachmentPieceBytes * 2 + 7, 'zeton ');

  it.each(['disk', 'database'] as const)(
    'come back from the %s as they came, in their order',
    async (where) => {
      const store = where === 'disk' ? files : null;
      const items = [
        file(large),
        file(Buffer.from([0, 255, 1]), 'b.bin'),
        file(Buffer.alloc(0), 'nothing.txt'),
      ];
      const rows = await add(items, store);
      expect(rows.map(({ filename, sizeBytes, position }) => [filename, sizeBytes, position])).toEqual([
        ['račun.pdf', large.length, 0],
        ['b.bin', 3, 1],
        ['nothing.txt', 0, 2],
      ]);
      for (const [index, { id }] of rows.entries()) {
        const found = await readAttachment(db, store, id);
        expect(found && (await bytesOf(found.stream)).equals(items[index]?.content as Buffer)).toBe(true);
      }
      // A repeat, as of a transaction that was run again, adds nothing.
      expect(await add(items, store)).toEqual(rows);
    },
  );

  it('lie on the disk once for each content, for this user only, and never half written', async () => {
    await add([file(large), file(large, 'copy.pdf')], files);
    const name = sha256Hex(large);
    const inside = join(folder, 'attachments', name.slice(0, 2));
    expect(await readdir(inside)).toEqual([name]);
    expect((await readFile(join(inside, name))).equals(large)).toBe(true);
    const modes = [
      await stat(join(inside, name)),
      await stat(inside),
      await stat(join(folder, 'attachments')),
    ];
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['600', '700', '700']);
    await expect(files.put('../../etc/passwd', large)).rejects.toThrow('not a SHA-256');
  });

  it('that nobody knows are not there', async () => {
    expect(await readAttachment(db, files, 'nope')).toBeNull();
    expect(await attachmentsOf(db, [])).toEqual([]);
  });
});

describe('What a saved file is called', () => {
  it('is told to old browsers and new ones, and ends no header', () => {
    expect(contentDisposition('račun "1".pdf')).toBe(
      `attachment; filename="ra_un _1_.pdf"; filename*=UTF-8''ra%C4%8Dun%20%221%22.pdf`,
    );
    expect(contentDisposition("a\r\nSet-Cookie: x'()*.txt")).toBe(
      `attachment; filename="a__Set-Cookie: x'()*.txt"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x%27%28%29%2A.txt`,
    );
  });
});

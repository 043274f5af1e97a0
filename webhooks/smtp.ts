import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { isOutage, outageInWords } from '../src/platform/dialect';
import { limits as defaults } from '../src/platform/limits';
import type { Context } from '../src/usecases/context';
import { keepMail } from '../src/usecases/keep-mail';
import { storeOfAddress } from '../src/usecases/mail-addresses';

export interface MailListener {
  port: number;
  /** Takes no new connection; what is being received may end, for a while. */
  stop(): Promise<void>;
}

type Limits = Pick<
  { [Limit in keyof typeof defaults]: number },
  | 'mailBytes'
  | 'inboundSmtpClients'
  | 'inboundSmtpRecipients'
  | 'inboundSmtpSilenceMs'
  | 'inboundSmtpSessionMs'
  | 'inboundSmtpBytesAtOnce'
  | 'inboundSmtpCloseMs'
>;

/**
 * A mail server that takes mail for this Zeton and for nobody else: no relaying, no sign-in. Said to be taken (250) only
 * after it is committed.
 * Shape:   { port: 0 is any, host } → MailListener
 * Errors:  EADDRINUSE, EACCES … of node. To clients: 550 not one of ours · 552 too large · 451 not now · 452 too many
 * Source:  RFC 5321; DESIGN §4
 */
export async function listenForMail(
  ctx: Context,
  { port, host }: { port: number; host: string },
  limits: Limits = defaults,
): Promise<MailListener> {
  let receiving = 0;

  const server: SMTPServer = new SMTPServer({
    name: new URL(ctx.publicUrl).hostname,
    banner: 'Zeton',
    size: limits.mailBytes,
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    maxClients: limits.inboundSmtpClients,
    maxRecipients: limits.inboundSmtpRecipients,
    socketTimeout: limits.inboundSmtpSilenceMs,
    closeTimeout: limits.inboundSmtpCloseMs,
    onRcptTo: ({ address }, _session, done) => {
      storeOfAddress(ctx, address).then(
        (storeId) => done(storeId === null ? reply(550, '5.1.1 No such mailbox here') : null),
        (error: unknown) => done(notNow(ctx, error)),
      );
    },
    onData: (stream, session, done) => {
      take(stream, session).then(
        (id) => done(null, `2.0.0 Ok: kept as ${id}`),
        (error: unknown) => done(error instanceof Reply ? error : notNow(ctx, error)),
      );
    },
  });

  async function take(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<string> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let tooMuch = false;
    try {
      // Read to its end in any case: the client hears nothing before.
      for await (const piece of stream as AsyncIterable<Buffer>) {
        if (tooMuch || stream.sizeExceeded) continue;
        pieces.push(piece);
        bytes += piece.length;
        receiving += piece.length;
        tooMuch = receiving > limits.inboundSmtpBytesAtOnce && bytes < receiving;
      }
      if (stream.sizeExceeded) throw reply(552, '5.3.4 The mail is too large');
      if (tooMuch) throw reply(452, '4.3.1 Too much is being received, come again later');
      const { mailFrom, rcptTo } = envelope;
      const { id } = await keepMail(ctx, {
        way: 'smtp',
        raw: Buffer.concat(pieces),
        envelopeFrom: mailFrom === false ? '' : mailFrom.address,
        envelopeTo: rcptTo.map(({ address }) => address),
      });
      return id;
    } finally {
      receiving -= bytes;
    }
  }

  // Broken connections of others are no event here.
  server.on('error', (error) => ctx.log.debug({ err: error }, 'an SMTP connection broke off'));
  // A client that sends a byte a minute never falls silent.
  server.server.on('connection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), limits.inboundSmtpSessionMs);
    socket.once('close', () => clearTimeout(timer));
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, host, () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What the client is answered; smtp-server reads the code of an error. */
class Reply extends Error {
  constructor(
    readonly responseCode: number,
    words: string,
  ) {
    super(words);
  }
}

function reply(code: number, words: string): Reply {
  return new Reply(code, words);
}

/** Mail servers keep a mail for days, and come again. */
function notNow(ctx: Context, error: unknown): Reply {
  const why = isOutage(error) ? `: ${outageInWords(error)}` : '';
  ctx.log.error({ err: error }, `a mail could not be kept${why}`);
  return reply(451, '4.3.0 It could not be kept, come again later');
}

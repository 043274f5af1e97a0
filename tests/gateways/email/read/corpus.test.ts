import { readMail } from '../../../../src/gateways/email';
import { makeVault } from '../../../../src/platform/secrets';
import { readBounceToken, readReplyToken, readSubjectTag } from '../../../../src/usecases/reply-address';
import { CORPUS_SECRET, corpus, OWN_DOMAINS } from './corpus';

const vault = makeVault(CORPUS_SECRET);
const mails = corpus();

describe('the corpus of mails as programs make them', () => {
  it('has mails of all kinds', () => {
    expect(mails.length).toBeGreaterThanOrEqual(60);
    expect(new Set(mails.map(({ expected }) => expected.class))).toEqual(
      new Set(['person', 'auto-reply', 'bounce', 'delayed', 'list', 'own', 'unreadable']),
    );
  });

  it.each(mails.map((mail) => [mail.name, mail] as const))(
    '%s is read as expected',
    async (_, { raw, expected }) => {
      const mail = await readMail(raw, { ownDomains: OWN_DOMAINS });
      const addresses = [...mail.to, ...mail.cc]
        .flatMap(({ address }) => address ?? [])
        .concat(mail.deliveredTo);
      const found: Record<keyof typeof expected, unknown> = {
        class: mail.class,
        text: mail.text,
        visibleText: mail.visibleText,
        visibleHas: mail.visibleText,
        quotedText: mail.quotedText,
        quotedHas: mail.quotedText,
        signatureHas: mail.signature,
        subject: mail.subject,
        subjectHas: mail.subject,
        subjectTag: readSubjectTag(mail.subject),
        fromName: mail.from.name,
        fromAddress: mail.from.address,
        otherFrom: mail.otherFrom.map(({ address }) => address),
        messageId: mail.messageId,
        date: mail.date,
        returnPath: mail.returnPath,
        inReplyTo: mail.inReplyTo,
        referencesCount: mail.references.length,
        ticketId: addresses.map((address) => readReplyToken(vault, address)?.ticketId).find(Boolean) ?? null,
        bounceMessageId:
          addresses.map((address) => readBounceToken(vault, address)?.messageId).find(Boolean) ?? null,
        charset: mail.charset,
        attachments: mail.attachments.map(({ filename, contentType, inline }) => [
          filename,
          contentType,
          inline,
        ]),
        remoteImages: mail.remoteImages,
        htmlHas: mail.html,
        htmlLacks: mail.html,
        bounce: mail.bounce && {
          recipients: mail.bounce.recipients.map(({ diagnostic: _, ...recipient }) => recipient),
          originalMessageId: mail.bounce.originalMessageId,
          permanent: mail.bounce.permanent,
        },
        reasonHas: mail.reasons.join('; '),
        mayAutoAnswer: mail.mayAutoAnswer,
      };
      for (const [key, value] of Object.entries(expected)) {
        const actual = { [key]: found[key as keyof typeof expected] };
        if (/Has$/.test(key))
          for (const part of [value].flat()) expect(actual).toEqual({ [key]: expect.stringContaining(part) });
        else if (/Lacks$/.test(key))
          for (const part of [value].flat())
            expect(actual).toEqual({ [key]: expect.not.stringContaining(part) });
        else expect(actual).toEqual({ [key]: value });
      }
      if (expected.signatureHas === undefined) expect(mail.signature).toBe('');
    },
  );
});

export { probeSmtp } from './probe';
export type { InboundAttachment, InboundMail } from './read/inbound-mail';
export { type ReadingOptions, readMail } from './read/read-mail';
export { makeSandboxEmail } from './sandbox';
export { makeSmtpGateway, smtpServer } from './smtp';

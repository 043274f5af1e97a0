export { makeImapGateway, probeMailbox } from './imap';
export { type MailboxGateway, MailboxProblem, MailboxTooLarge, type MailFolder } from './mailbox';
export { ownAddress } from './own-address';
export { probeSmtp } from './probe';
export { fileOf } from './read/attachments';
export type { Bounce, InboundMail } from './read/inbound-mail';
export { readMail } from './read/read-mail';
export { makeSandboxEmail } from './sandbox';
export { makeSmtpGateway, smtpServer } from './smtp';

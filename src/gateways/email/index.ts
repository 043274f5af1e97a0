export { makeImapGateway, probeMailbox } from './imap';
export { type MailboxGateway, MailboxProblem, MailboxTooLarge, type MailFolder } from './mailbox';
export { type MailboxAddress, mailboxName, readMailboxUrl } from './mailbox-url';
export { ownAddress } from './own-address';
export { probeSmtp } from './probe';
export type { Bounce, InboundMail } from './read/inbound-mail';
export { readMail } from './read/read-mail';
export { makeSandboxEmail } from './sandbox';
export { makeSmtpGateway, smtpServer } from './smtp';

export { makeSandboxEmail } from './sandbox';
export { makeSmtpGateway, smtpServer } from './smtp';

export { probeSmtp } from './probe';
export { makeSandboxEmail } from './sandbox';
export { makeSmtpGateway, smtpServer } from './smtp';

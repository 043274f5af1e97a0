export { probeTwilio } from './probe';
export { makeSandboxSms } from './sandbox';
export { makeTwilioGateway } from './twilio';

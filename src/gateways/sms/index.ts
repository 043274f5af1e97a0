export { makeSandboxSms } from './sandbox';
export { makeTwilioGateway } from './twilio';

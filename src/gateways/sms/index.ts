export type { ReceivedSms, ReceivedSmsList } from './gateway';
export { probeTwilio } from './probe';
export { makeSandboxSms } from './sandbox';
export { isSignedByTwilio } from './signature';
export { makeTwilioGateway } from './twilio';

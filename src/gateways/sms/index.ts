export { makeSandboxSms } from './sandbox';

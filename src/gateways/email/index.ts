export { makeSandboxEmail } from './sandbox';

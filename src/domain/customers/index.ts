export { customerOfBuyer } from './customers';
export { localeOf, normaliseEmail, phoneToE164 } from './rules';
export { type Customer, findCustomer, setNoticesStopped } from './store';

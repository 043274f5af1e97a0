export { customerOfBuyer, customerOfPhone } from './customers';
export { localeOf, normaliseEmail, phoneToE164 } from './rules';
export { type Customer, findByOnlyPhone, findByPhone, findCustomer } from './store';

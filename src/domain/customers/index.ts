export { customerOfBuyer, refreshAccount } from './customers';
export { readCustomerBody } from './payload';
export { localeOf, normaliseEmail, phoneToE164 } from './rules';
export { type Customer, findCustomer } from './store';

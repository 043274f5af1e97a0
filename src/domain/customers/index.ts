export { customerOfBuyer, customerOfPhone, refreshAccount } from './customers';
export { readCustomerBody } from './payload';
export { localeOf, normaliseEmail, phoneToE164 } from './rules';
export { type Customer, findByOnlyPhone, findByPhone, findCustomer } from './store';

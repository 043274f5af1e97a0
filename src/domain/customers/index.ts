export { customerOfBuyer } from './customers';
export { type Details, type Identity, localeOf, normaliseEmail, phoneToE164 } from './rules';
export { type Customer, findCustomer } from './store';

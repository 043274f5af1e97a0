export { customerOfBuyer, customerOfEmail, customerOfPhone, refreshAccount } from './customers';
export { readCustomerBody } from './payload';
export { localeOf, normaliseEmail, phoneToE164 } from './rules';
export {
  type Customer,
  findAllByEmail,
  findByOnlyPhone,
  findByPhone,
  findCustomer,
  setNoticesStopped,
} from './store';

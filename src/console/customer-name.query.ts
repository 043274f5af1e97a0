/** `customer_name` of a query that has `customers`, as nameOf() says it; '': nothing is known to call them by. */
export const CUSTOMER_NAME = `COALESCE(NULLIF(TRIM(customers.name), ''), customers.phone_e164,
  NULLIF(customers.phone, ''), customers.email, '') AS customer_name`;

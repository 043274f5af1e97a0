export { WooProblem } from './problem';
export { makeWooGateway } from './shop';
export { makeWooCommerce } from './shops';

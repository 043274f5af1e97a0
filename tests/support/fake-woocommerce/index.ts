export { type FakeOptions, FakeWooCommerce } from './server';

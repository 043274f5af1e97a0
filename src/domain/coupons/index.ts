export { changeCouponCode, couponMade, giveCoupon } from './coupons';
export { COUPON_KINDS, type CouponKind, largestAmountMinor } from './rules';
export { type Coupon, findCoupon } from './store';

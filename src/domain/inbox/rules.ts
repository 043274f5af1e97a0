/** pending (also while in work) → done | ignored | failed; failed and ignored can be tried again by hand. */
export type DeliveryStatus = 'pending' | 'done' | 'ignored' | 'failed';

export interface Delivery {
  id: string;
  storeId: string;
  /** As the sender named it, unsigned; '' where it did not. */
  topic: string;
  /** Lower-case names; only those that say what it is, never the signature. */
  headers: Record<string, string>;
  /** The signed bytes, exactly. */
  body: Buffer;
  receivedAt: string;
  status: DeliveryStatus;
  attempts: number;
  /** Of the order it is about, once known. */
  wooId: number | null;
  reason: string | null;
}

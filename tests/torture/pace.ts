/** The tortured server's times are divided by this; see preload.ts. */
export const FASTER = 20;

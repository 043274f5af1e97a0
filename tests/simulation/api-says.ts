import type { Evidence } from './evidence';
import type { Difference, Judge } from './judge';
import type { Zeton } from './zeton';

/** What the API says of orders and customers must be what the database was found to hold, and the oracle agreed to. */
export async function apiDifferences(zeton: Zeton, evidence: Evidence, judge: Judge): Promise<Difference[]> {
  const found: Difference[] = [];
  const said = new Map<string, Record<string, { wanted: number; net: number; shortfall: number }>>();
  for (let cursor = ''; ; ) {
    const page = await zeton.must('GET', `/orders?limit=200${cursor}`);
    for (const order of page.data) for (const line of order.lines) said.set(line.id, line.meters);
    if (page.next_cursor === null) break;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  for (const line of evidence.lines) {
    const order = evidence.orders.find(({ id }) => id === line.orderId);
    const own = evidence.grants.filter(({ orderLineId }) => orderLineId === line.id);
    for (const [meter, is] of Object.entries(said.get(line.id) ?? {})) {
      const grants = own.filter((grant) => grant.meter === meter);
      const sum = (of: (grant: (typeof own)[number]) => number) =>
        grants.reduce((n, grant) => n + of(grant), 0);
      const should = {
        wanted: sum((grant) => grant.wanted ?? 0),
        net: sum((grant) => grant.granted - grant.orderRevoked),
        shortfall: sum((grant) => judge.shortfallOf(grant)),
      };
      for (const name of ['wanted', 'net', 'shortfall'] as const) {
        if (is[name] === should[name]) continue;
        const what = `API: line ${line.wooLineId} ${meter} ${name} is ${is[name]} instead of ${should[name]}`;
        found.push({ store: order?.store ?? '', wooId: order?.wooId ?? null, what });
      }
    }
    if (!said.has(line.id)) found.push({ store: '', wooId: null, what: `API: line ${line.id} is missing` });
  }
  for (const [customerId, balance] of evidence.balances) {
    const { meters } = await zeton.must('GET', `/customers/${customerId}/credits`);
    for (const [meter, amounts] of Object.entries(meters as Record<string, Record<string, number>>)) {
      for (const [name, value] of Object.entries(amounts)) {
        if (value === balance[`${meter}_${name}`]) continue;
        found.push({
          store: '',
          wooId: null,
          what: `API: customer ${customerId} ${meter} ${name} is ${value}`,
        });
      }
    }
  }
  return found;
}
